//! The command line of the Inspector as a client of a gateway with the fixtures of the conformance suite. Each command is a
//! session of its own.

use xshell::{Shell, cmd};

use super::{
    install::{Start, start},
    rows::INSPECTOR,
};
use crate::Result;

/// Runs each method, and checks that the answer has its fixture.
///
/// # Errors
/// When a command fails, or an answer lacks its fixture.
pub(super) fn play(sh: &Shell, url: &str) -> Result {
    let Start { program, script } = start(&INSPECTOR);
    let script = script.as_slice();
    for (method, arguments, expected) in METHODS {
        let command = cmd!(
            sh,
            "{program} {script...} --cli {url} --transport http --method {method} {arguments...}"
        );
        let answer = command.quiet().read()?;
        if !answer.contains(expected) {
            return Err(format!("{method}: no `{expected}` in the answer").into());
        }
    }
    Ok(())
}

/// A method, its further arguments, and a part of the answer.
const METHODS: [(&str, &[&str], &str); 5] = [
    ("tools/list", &[], "test_simple_text"),
    (
        "tools/call",
        &["--tool-name", "test_simple_text"],
        "This is a simple text response",
    ),
    ("resources/list", &[], "test://static-text"),
    ("prompts/list", &[], "test_simple_prompt"),
    (
        "prompts/get",
        &["--prompt-name", "test_simple_prompt"],
        "simple prompt",
    ),
];
