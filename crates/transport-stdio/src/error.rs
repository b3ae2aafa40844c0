//! Errors of commands and of their children.

use std::{io, process::ExitStatus, time::Duration};

use mcp_pool_core::error::{ConnectError, Evidence, FaultKind, Retry};

/// Why no session was opened: the source of a [`ConnectError`].
///
/// It names the command and shows none of its arguments, variables or output.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StdioError {
    /// The child closed its input or output before the handshake was complete, and ran on.
    #[error("the child of `{command}` closed a pipe while it started")]
    ClosedPipe {
        /// The name of the command.
        command: String,
    },
    /// The child ended before the handshake was complete.
    #[error("the child of `{command}` ended while it started: {status}")]
    Ended {
        /// The name of the command.
        command: String,
        /// How the child ended.
        status: ExitStatus,
    },
    /// The endpoint has more than the name of a command: a host, a query.
    #[error("an endpoint over stdio is `stdio:` and the name of a command")]
    MalformedEndpoint,
    /// The program of the command does not start.
    #[error("the program of `{command}` does not start: {kind}")]
    NotStarted {
        /// The name of the command.
        command: String,
        /// The error of the operating system.
        kind: io::ErrorKind,
    },
    /// Children of the command failed to start, and the pause before the next start is not over.
    #[error("no start of `{command}` for {wait:?}: {cause}")]
    Paused {
        /// The name of the command.
        command: String,
        /// The rest of the pause.
        wait: Duration,
        /// How the last start failed.
        cause: Box<Self>,
    },
    /// A limit of processes is reached.
    #[error("no start of `{command}`: {limit} processes run already")]
    TooManyProcesses {
        /// The name of the command.
        command: String,
        /// The limit, of the command or of the connector.
        limit: usize,
    },
    /// No command has the name of the endpoint.
    #[error("no command is registered as `{command}`")]
    UnknownCommand {
        /// The name.
        command: String,
    },
}

impl StdioError {
    fn evidence(&self) -> Evidence {
        match self {
            Self::NotStarted {
                kind:
                    io::ErrorKind::InvalidInput
                    | io::ErrorKind::NotADirectory
                    | io::ErrorKind::NotFound
                    | io::ErrorKind::PermissionDenied,
                ..
            } => Evidence::Absent,
            _ => Evidence::None,
        }
    }
}

impl From<StdioError> for ConnectError {
    /// The circuit of the endpoint counts a program that is not there, or is none, and nothing else:
    /// children that end while they start have pauses of their own, a limit is no failure, and what
    /// this system lacks is no fault of an endpoint.
    fn from(error: StdioError) -> Self {
        let (kind, retry) = match &error {
            StdioError::MalformedEndpoint | StdioError::UnknownCommand { .. } => {
                (FaultKind::NotFound, Retry::Never)
            }
            StdioError::ClosedPipe { .. } | StdioError::Ended { .. } => {
                (FaultKind::Unreachable, Retry::Later(None))
            }
            StdioError::NotStarted { .. } => (FaultKind::Unreachable, Retry::Later(None)),
            StdioError::Paused { wait, .. } => (FaultKind::Unreachable, Retry::Later(Some(*wait))),
            StdioError::TooManyProcesses { .. } => (FaultKind::Other, Retry::Later(None)),
        };
        let evidence = error.evidence();
        let error = Self::new(kind).with_retry(retry).with_source(error);
        error.with_evidence(evidence)
    }
}

/// Why a command cannot be registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The program has no name.
    #[error("the program of `{command}` has no name")]
    NoProgram {
        /// The name of the command.
        command: String,
    },
    /// A name is 1 to 64 letters, digits, hyphens, underscores or dots.
    #[error("a command's name is 1 to 64 letters, digits, hyphens, underscores and dots")]
    Name,
    /// Another command has the name.
    #[error("a command is registered as `{command}` already")]
    Registered {
        /// The name.
        command: String,
    },
    /// The variable has no name, or one that holds `=` or a zero byte.
    #[error("`{command}` has a variable without a valid name")]
    Variable {
        /// The name of the command.
        command: String,
    },
    /// Two settings of the command set the same variable.
    #[error("`{command}` sets the variable `{variable}` twice")]
    VariableSetTwice {
        /// The name of the command.
        command: String,
        /// The name of the variable.
        variable: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended() -> StdioError {
        StdioError::Ended {
            command: "c".to_owned(),
            status: ExitStatus::default(),
        }
    }

    #[test]
    fn the_circuit_counts_a_program_that_is_not_there_and_nothing_else() {
        let command = || "c".to_owned();
        for (error, label, evidence) in [
            (ended(), "unreachable", Evidence::None),
            (StdioError::MalformedEndpoint, "not_found", Evidence::None),
            (
                StdioError::NotStarted {
                    command: command(),
                    kind: io::ErrorKind::NotFound,
                },
                "unreachable",
                Evidence::Absent,
            ),
            (
                StdioError::NotStarted {
                    command: command(),
                    kind: io::ErrorKind::OutOfMemory,
                },
                "unreachable",
                Evidence::None,
            ),
            (
                StdioError::TooManyProcesses {
                    command: command(),
                    limit: 3,
                },
                "other",
                Evidence::None,
            ),
            (
                StdioError::UnknownCommand { command: command() },
                "not_found",
                Evidence::None,
            ),
        ] {
            let error = ConnectError::from(error);
            assert_eq!(error.label(), label);
            assert_eq!(error.evidence(), evidence, "{error:?}");
        }
    }

    #[test]
    fn a_pause_names_its_rest_and_how_the_last_start_failed() {
        let wait = Duration::from_millis(300);
        let paused = StdioError::Paused {
            command: "c".to_owned(),
            wait,
            cause: Box::new(ended()),
        };
        assert!(paused.to_string().contains("exit status: 0"), "{paused}");
        let error = ConnectError::from(paused);
        assert_eq!(error.retry(), Retry::Later(Some(wait)));
    }
}
