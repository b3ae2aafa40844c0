//! The commands, in groups.

/// Some commands for one purpose.
struct Group {
    purpose: &'static str,
    commands: &'static [[&'static str; 2]],
}

/// Every command with what it does, in groups.
pub(crate) fn list() -> String {
    let mut list =
        String::from("cargo xtask <command>; `cargo xtask <command> --help` has its options\n");
    for group in GROUPS {
        list += &format!("\n{}\n", group.purpose);
        for [name, what] in group.commands {
            list += &format!("  {name:<13}{what}\n");
        }
    }
    list
}

pub(crate) fn is_known(name: &str) -> bool {
    let mut commands = GROUPS.iter().flat_map(|group| group.commands);
    commands.any(|[known, _]| *known == name)
}

const GROUPS: &[Group] = &[
    Group {
        purpose: "See it",
        commands: &[[
            "demo",
            "fifty users on real sessions; with --serve it goes on, with the live page",
        ]],
    },
    Group {
        purpose: "Check a change",
        commands: &[
            ["ci", "every check that a change must pass"],
            ["test", "the tests, and the examples of the docs"],
            [
                "tidy",
                "the rules of this repository that no other tool knows",
            ],
            [
                "dependencies",
                "licences, features, least versions, the compiler's version and the API",
            ],
            ["full", "the checks of ci, and those that take longer"],
        ],
    },
    Group {
        purpose: "Meet the software of others",
        commands: &[
            [
                "conformance",
                "the protocol's own scenarios, for clients and for servers",
            ],
            [
                "interop",
                "servers of other projects; with --clients the clients of others",
            ],
            ["page", "the live page in headless Chromium"],
            [
                "prometheus",
                "the alerts, and the metrics in a real Prometheus",
            ],
        ],
    },
    Group {
        purpose: "Break it",
        commands: &[
            [
                "faults",
                "servers that fail in every way: outcomes against executions",
            ],
            [
                "fleet",
                "replicas that are killed and stopped, and their Redis",
            ],
            [
                "outage",
                "a server that is killed again and again under fifty callers",
            ],
            [
                "fuzz",
                "what comes from servers and callers, mutated, against a property of each reader",
            ],
            [
                "overload",
                "crowds that wait, and servers that stop or flood",
            ],
            ["simulate", "worlds on simulated time against an oracle"],
            ["soak", "faults at random, with servers that are killed"],
        ],
    },
    Group {
        purpose: "Measure it",
        commands: &[
            ["bench", "the pool beside other pools and rmcp's own client"],
            ["gates", "the instructions of acquires beside a baseline"],
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_command_is_in_the_list_once() {
        let list = list();
        for group in GROUPS {
            for [name, _] in group.commands {
                let lines = list
                    .lines()
                    .filter(|line| line.trim_start().starts_with(&format!("{name} ")));
                assert_eq!(lines.count(), 1, "{name}");
                assert!(is_known(name));
            }
        }
        assert!(!is_known("demo-inner") && !is_known(""));
    }
}
