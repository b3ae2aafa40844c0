//! The registered commands by name.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use http::HeaderMap;
use mcp_pool_core::{Endpoint, error::CredentialError, extend::Era};
use tokio::sync::Semaphore;

use super::{command::StdioCommand, credential::Credential, environment::Environment};
use crate::{
    error::{CommandError, StdioError},
    start::{BackOff, permits},
};

/// The registered commands by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registry(BTreeMap<Arc<str>, Arc<Registered>>);

/// One registered command, and what is known of its children.
pub(crate) struct Registered {
    pub(crate) name: Arc<str>,
    command: StdioCommand,
    /// One permit for each process that may run.
    pub(crate) processes: Arc<Semaphore>,
    pub(crate) back_off: BackOff,
    era: AtomicU8,
}

impl Registry {
    /// Adds a command.
    ///
    /// # Errors
    /// The name is not valid or is taken, or the command is not complete.
    pub(crate) fn add(&mut self, name: &str, command: StdioCommand) -> Result<(), CommandError> {
        if !is_valid(name) {
            return Err(CommandError::Name);
        }
        if self.0.contains_key(name) {
            let command = name.to_owned();
            return Err(CommandError::Registered { command });
        }
        check(name, &command)?;
        let registered = Registered::new(name.into(), command);
        self.0
            .insert(Arc::clone(&registered.name), Arc::new(registered));
        Ok(())
    }

    /// The command that an endpoint names.
    ///
    /// # Errors
    /// The endpoint has more than a name, or there is no such command.
    pub(crate) fn of(&self, endpoint: &Endpoint) -> Result<Arc<Registered>, StdioError> {
        let url = endpoint.url();
        if !url.cannot_be_a_base() || url.query().is_some() {
            return Err(StdioError::MalformedEndpoint);
        }
        let found = self.0.get(url.path()).cloned();
        found.ok_or_else(|| StdioError::UnknownCommand {
            command: shown(url.path()),
        })
    }
}

impl Registered {
    fn new(name: Arc<str>, command: StdioCommand) -> Self {
        Self {
            name,
            processes: permits(command.max_processes),
            command,
            back_off: BackOff::default(),
            era: AtomicU8::new(UNKNOWN),
        }
    }

    /// The credential that a child needs of a caller with these headers.
    pub(crate) fn credential(&self, headers: &HeaderMap) -> Result<Credential, CredentialError> {
        let command = &self.command;
        Credential::of(
            &command.credentials,
            command.are_credentials_optional,
            headers,
        )
    }

    /// The environment of a child for a caller with this credential.
    pub(crate) fn environment(&self, credential: &Credential) -> Environment {
        Environment::new(&self.command, credential)
    }

    /// True where a child serves only callers with the credential that it was started with.
    pub(crate) fn binds_child(&self) -> bool {
        !self.command.keeps_child && !self.command.credentials.is_empty()
    }

    /// How many processes of the command may run.
    pub(crate) fn max_processes(&self) -> usize {
        self.command.max_processes
    }

    /// The program as a command of the operating system, without an environment.
    pub(crate) fn program(&self) -> std::process::Command {
        let mut program = std::process::Command::new(&self.command.program);
        program.args(&self.command.args).env_clear();
        if let Some(directory) = &self.command.directory {
            program.current_dir(directory);
        }
        program
    }

    /// The era of the server, once a child has shown it.
    pub(crate) fn era(&self) -> Option<Era> {
        match self.era.load(Ordering::Relaxed) {
            LEGACY => Some(Era::Legacy),
            STATELESS => Some(Era::Stateless),
            _ => None,
        }
    }

    /// Notes the era that a child has shown; `None` where a child has denied the known one.
    pub(crate) fn note_era(&self, era: Option<Era>) {
        let era = match era {
            Some(Era::Legacy) => LEGACY,
            Some(Era::Stateless) => STATELESS,
            _ => UNKNOWN,
        };
        self.era.store(era, Ordering::Relaxed);
    }
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.command.fmt(f)
    }
}

fn is_valid(name: &str) -> bool {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=MAX_NAME).contains(&name.len()) && name.chars().all(is_of_name)
}

fn check(name: &str, command: &StdioCommand) -> Result<(), CommandError> {
    let named = || name.to_owned();
    if command.program.is_empty() {
        return Err(CommandError::NoProgram { command: named() });
    }
    let mut seen = BTreeSet::new();
    for variable in command.names() {
        if variable.is_empty() || variable.contains(['=', '\0']) {
            return Err(CommandError::Variable { command: named() });
        }
        if !seen.insert(variable) {
            return Err(CommandError::VariableSetTwice {
                command: named(),
                variable: variable.to_owned(),
            });
        }
    }
    Ok(())
}

/// A name that is not registered, as an error may show it.
fn shown(name: &str) -> String {
    let shown = name.chars().take(MAX_NAME);
    shown.flat_map(char::escape_default).collect()
}

const MAX_NAME: usize = 64;
const UNKNOWN: u8 = 0;
const LEGACY: u8 = 1;
const STATELESS: u8 = 2;

#[cfg(test)]
mod tests {
    use http::header;
    use mcp_pool_core::TransportKind;

    use super::*;

    fn endpoint(url: &str) -> Endpoint {
        Endpoint::new(url, TransportKind::new("stdio")).expect("a url")
    }

    fn registry() -> Registry {
        let mut registry = Registry::default();
        let added = registry.add("memory", StdioCommand::new("p"));
        added.expect("a command");
        registry
    }

    #[test]
    fn an_endpoint_names_its_command_and_nothing_else() {
        let registry = registry();
        let found = registry.of(&endpoint("stdio:memory"));
        assert_eq!(&*found.expect("it is registered").name, "memory");
        for url in ["stdio:memory?a=sekret", "stdio://memory", "stdio:/memory"] {
            let error = registry.of(&endpoint(url)).expect_err("more than a name");
            assert_eq!(error, StdioError::MalformedEndpoint, "{url}");
        }
        for name in ["Memory", "other", "memory/.."] {
            let error = registry.of(&endpoint(&format!("stdio:{name}")));
            let command = name.to_owned();
            assert_eq!(
                error.expect_err("no such command"),
                StdioError::UnknownCommand { command }
            );
        }
    }

    #[test]
    fn a_command_that_is_not_complete_is_refused() {
        let mut registry = registry();
        let program = || StdioCommand::new("p");
        for (name, command, expected) in [
            ("", program(), "name is 1 to 64"),
            ("a b", program(), "name is 1 to 64"),
            (&*"a".repeat(65), program(), "name is 1 to 64"),
            ("memory", program(), "already"),
            ("a", StdioCommand::new(""), "no name"),
            ("a", program().env("", "x"), "valid name"),
            ("a", program().env_from("A=B"), "valid name"),
            ("a", program().env("A", "x").bearer_env("A"), "twice"),
            (
                "a",
                program()
                    .credential_env(header::COOKIE, "B")
                    .bearer_env("B"),
                "twice",
            ),
        ] {
            let error = registry.add(name, command).expect_err("not complete");
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
