//! The public form of a command.

use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

use http::HeaderName;

use super::credential::{CredentialVariable, bearer};

/// A program that the connector starts, once for each session.
///
/// The child has the variables that the command names and no other of this process: also `PATH` and
/// `HOME` only if they are named. Nothing of a command comes from a caller, except for the values of
/// the credentials that it names.
///
/// ```
/// use mcp_pool_transport_stdio::StdioCommand;
///
/// let command = StdioCommand::new("npx")
///     .args(["-y", "@modelcontextprotocol/server-github"])
///     .env_from("PATH")
///     .env_from("HOME")
///     .env("LOG_LEVEL", "warn")
///     // The token of each caller, from its header `Authorization: Bearer …`.
///     .bearer_env("GITHUB_PERSONAL_ACCESS_TOKEN");
/// # assert!(!format!("{command:?}").contains("warn"));
/// ```
#[derive(Clone)]
pub struct StdioCommand {
    pub(super) program: OsString,
    pub(super) args: Vec<OsString>,
    pub(super) directory: Option<PathBuf>,
    pub(super) variables: Vec<(String, OsString)>,
    pub(super) inherited: Vec<String>,
    pub(super) credentials: Vec<CredentialVariable>,
    pub(super) are_credentials_optional: bool,
    pub(super) keeps_child: bool,
    pub(super) max_processes: usize,
}

impl StdioCommand {
    /// A command without arguments and variables.
    ///
    /// A program without a path is looked up in the command's own `PATH`, if it has one, and in the
    /// default one of the system otherwise.
    #[must_use]
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            directory: None,
            variables: Vec::new(),
            inherited: Vec::new(),
            credentials: Vec::new(),
            are_credentials_optional: false,
            keeps_child: false,
            max_processes: DEFAULT_MAX_PROCESSES,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets the working directory. Default: that of this process.
    #[must_use]
    pub fn current_dir(mut self, directory: impl AsRef<Path>) -> Self {
        self.directory = Some(directory.as_ref().to_owned());
        self
    }

    /// Sets a variable of each child.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Passes on a variable of this process, as it is when a child starts. One that is not set is
    /// not set for the child.
    #[must_use]
    pub fn env_from(mut self, name: impl Into<String>) -> Self {
        self.inherited.push(name.into());
        self
    }

    /// Sets a variable to the value of a header of the caller that a child is started for.
    ///
    /// A request without the header is refused, with a fault of kind `Credentials`.
    #[must_use]
    pub fn credential_env(mut self, header: HeaderName, variable: impl Into<String>) -> Self {
        self.credentials.push(CredentialVariable {
            header,
            variable: variable.into(),
            is_bearer: false,
        });
        self
    }

    /// Sets a variable to the token of the caller's header `Authorization: Bearer`.
    ///
    /// A request without such a token is refused, with a fault of kind `Credentials`.
    #[must_use]
    pub fn bearer_env(mut self, variable: impl Into<String>) -> Self {
        self.credentials.push(bearer(variable.into()));
        self
    }

    /// Starts a child without the variable where a caller has no such header.
    #[must_use]
    pub fn with_optional_credentials(mut self) -> Self {
        self.are_credentials_optional = true;
        self
    }

    /// Keeps a child whose caller comes with another credential than the one it was started with.
    ///
    /// Default: the session ends, and the call goes to a new child with the new credential. Only
    /// for pools whose keys have one user each, and for credentials that outlive a session: an
    /// identity extractor, whose users have tokens that rotate.
    #[must_use]
    pub fn with_kept_child(mut self) -> Self {
        self.keeps_child = true;
        self
    }

    /// Limits the processes of the command. Default: 64.
    #[must_use]
    pub fn with_max_processes(mut self, processes: usize) -> Self {
        self.max_processes = processes;
        self
    }

    /// The names of all variables.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let own = self.variables.iter().map(|(name, _)| name.as_str());
        let inherited = self.inherited.iter().map(String::as_str);
        let credentials = self.credentials.iter().map(|it| it.variable.as_str());
        own.chain(inherited).chain(credentials)
    }
}

impl fmt::Debug for StdioCommand {
    /// Shows the program and the names of variables. Arguments and values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StdioCommand")
            .field("program", &self.program)
            .field("args", &self.args.len())
            .field("variables", &self.names().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

const DEFAULT_MAX_PROCESSES: usize = 64;
