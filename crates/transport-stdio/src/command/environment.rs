//! The environment of one child.

use std::{ffi::OsString, fmt};

use super::{command::StdioCommand, credential::Credential};

/// The variables of one child, credentials included.
pub(crate) struct Environment {
    variables: Vec<(String, OsString)>,
    secrets: Vec<Vec<u8>>,
}

impl Environment {
    /// The environment of a child of `command` for a caller with this credential.
    pub(super) fn new(command: &StdioCommand, credential: &Credential) -> Self {
        let mut environment = Self {
            variables: Vec::new(),
            secrets: Vec::new(),
        };
        for (name, value) in &command.variables {
            environment.add(name, value.clone());
        }
        let needed = NEEDED.iter().copied().filter(|it| !names(command, it));
        for name in command.inherited.iter().map(String::as_str).chain(needed) {
            if let Some(value) = std::env::var_os(name) {
                environment.add(name, value);
            }
        }
        for (name, value) in credential.variables() {
            environment.variables.push((name.to_owned(), value.into()));
            environment.note_credential(value);
        }
        environment
    }

    /// The variables and their values.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&str, &OsString)> {
        self.variables
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// The values that no log may show: those of all variables that are not known to be public.
    pub(crate) fn into_secrets(self) -> Vec<Vec<u8>> {
        self.secrets
    }

    fn add(&mut self, name: &str, value: OsString) {
        if !PUBLIC.contains(&name.to_ascii_uppercase().as_str()) {
            // A value of several lines appears in several lines of a log.
            let lines = value.as_encoded_bytes().split(|byte| *byte == b'\n');
            let lines = lines.map(<[u8]>::trim_ascii);
            let long = lines.filter(|line| line.len() >= SHORTEST_SECRET);
            self.secrets.extend(long.map(<[u8]>::to_vec));
        }
        self.variables.push((name.to_owned(), value));
    }

    /// Notes a credential, and its part after the scheme, which programs show without it.
    fn note_credential(&mut self, value: &str) {
        let parts = [Some(value), value.split_once(' ').map(|(_, rest)| rest)];
        let parts = parts.into_iter().flatten().map(str::trim);
        let parts = parts.filter(|part| !part.is_empty());
        self.secrets
            .extend(parts.map(|part| part.as_bytes().to_vec()));
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

fn names(command: &StdioCommand, name: &str) -> bool {
    command
        .names()
        .any(|named| named.eq_ignore_ascii_case(name))
}

/// What a process needs to start at all.
#[cfg(windows)]
const NEEDED: [&str; 1] = ["SystemRoot"];
#[cfg(not(windows))]
const NEEDED: [&str; 0] = [];

/// Shorter values are in every other word of a log.
const SHORTEST_SECRET: usize = 6;

/// Variables whose values are no secrets, in capitals.
const PUBLIC: [&str; 15] = [
    "HOME",
    "LANG",
    "LC_ALL",
    "LOGNAME",
    "NODE_ENV",
    "PATH",
    "PWD",
    "SHELL",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "TMPDIR",
    "TZ",
    "USER",
    "USERPROFILE",
];

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header};

    use super::*;
    use crate::command::credential::bearer;

    fn environment(command: &StdioCommand, authorization: &'static str) -> Environment {
        let value = HeaderValue::from_static(authorization);
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value)]);
        let credential = Credential::of(&command.credentials, false, &headers);
        Environment::new(command, &credential.expect("a credential"))
    }

    fn value<'e>(environment: &'e Environment, name: &str) -> Option<&'e str> {
        let mut all = environment.variables();
        all.find(|(it, _)| *it == name)
            .and_then(|(_, value)| value.to_str())
    }

    #[test]
    fn a_child_has_the_named_variables_and_no_other() {
        let command = StdioCommand::new("p")
            .env("A", "1")
            .env_from("PATH")
            .env_from("SURELY_NOT_SET")
            .bearer_env("TOKEN");
        let environment = environment(&command, "Bearer abc");
        assert_eq!(value(&environment, "A"), Some("1"));
        assert_eq!(value(&environment, "TOKEN"), Some("abc"));
        assert_eq!(
            value(&environment, "PATH"),
            std::env::var("PATH").ok().as_deref()
        );
        assert_eq!(environment.variables().count(), 3 + NEEDED.len());
    }

    #[test]
    fn the_secrets_are_all_values_that_are_not_known_to_be_public() {
        let mut command = StdioCommand::new("p")
            .env("API_KEY", "line-one\nline-two")
            .env("HOME", "a-folder-of-a-user")
            .env("LEVEL", "warn");
        command.credentials = vec![bearer("TOKEN".to_owned())];
        let command = command.credential_env(header::AUTHORIZATION, "WHOLE");
        let secrets = environment(&command, "Bearer abc").into_secrets();
        let secrets: Vec<_> = secrets
            .iter()
            .map(|it| String::from_utf8_lossy(it))
            .collect();
        assert_eq!(
            secrets,
            ["line-one", "line-two", "abc", "Bearer abc", "abc"]
        );
    }
}
