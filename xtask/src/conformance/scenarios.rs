//! The scenarios, and those of them that are expected to fail.

/// The scenarios of one version of the tool for one set of requirements.
pub(super) struct Suite {
    pub(super) name: &'static str,
    /// The name under which the tool is installed.
    pub(super) package: &'static str,
    /// The set of requirements, where the tool has any.
    requirements: Option<&'static str>,
}

/// A scenario that is expected to fail, and why.
pub(super) struct Expected {
    pub(super) suite: &'static str,
    pub(super) scenario: &'static str,
    pub(super) reason: &'static str,
}

/// Every suite that is played.
pub(super) const SUITES: &[Suite] = &[
    Suite {
        name: "0.1.16, up to 2025-11-25",
        package: "conformance-released",
        requirements: None,
    },
    Suite {
        name: "0.2.0-alpha.12, 2025-11-25",
        package: "conformance-next",
        requirements: Some("2025-11-25"),
    },
    Suite {
        name: "0.2.0-alpha.12, 2026-07-28",
        package: "conformance-next",
        requirements: Some("2026-07-28"),
    },
];

/// The scenarios that fail, each with its reason.
///
/// A listed scenario that passes fails the run, so the list cannot outlive its reasons.
pub(super) const EXPECTED: &[Expected] = &[];

impl Suite {
    pub(super) fn list_options(&self) -> Vec<&'static str> {
        let set = self.requirements;
        set.map_or_else(Vec::new, |set| vec!["--requirements", set])
    }

    /// A scenario is played at the revision of the requirements that list it. Those of extensions belong
    /// to no revision, so that the tool would skip them (`--force`).
    pub(super) fn play_options(&self) -> Vec<&'static str> {
        let set = self.requirements;
        set.map_or_else(Vec::new, |set| vec!["--spec-version", set, "--force"])
    }

    /// The scenarios for clients in the listing of the tool.
    ///
    /// Those under the heading for clients, and those marked `[client]` further down.
    pub(super) fn scenarios(&self, listing: &str) -> Vec<String> {
        let mut is_client = false;
        let mut names = Vec::new();
        for line in listing.lines() {
            let Some(entry) = line.trim().strip_prefix("- ") else {
                if line.trim_end().ends_with(':') {
                    is_client = line.starts_with("Client scenarios");
                }
                continue;
            };
            let (name, mark) = entry.split_once(' ').unwrap_or((entry, ""));
            if is_client || mark.contains("[client]") {
                names.push(name.to_owned());
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_scenarios_of_clients_are_read() {
        let listing = "\
Required for 2026-07-28 (3 scenarios):

Server scenarios (test against a server):
  - server-stateless

Client scenarios (test against a client):
  - tools_call [2025-06-18,2025-11-25]
  - request-metadata

Run and reported, but never scored:
  extension (2):
    - auth/dpop [client]
    - tasks-lifecycle [server]
";
        let names = SUITES[0].scenarios(listing);
        assert_eq!(names, ["tools_call", "request-metadata", "auth/dpop"]);
    }

    #[test]
    fn every_expected_failure_belongs_to_a_suite_and_has_a_reason() {
        for expected in EXPECTED {
            assert!(SUITES.iter().any(|suite| suite.name == expected.suite));
            assert!(!expected.reason.is_empty(), "{}", expected.scenario);
        }
    }
}
