//! `cargo xtask <command>`: starts the program that has the command.
//!
//! The programs behind it take minutes to build. This one takes a second, and cargo shows the rest.

mod cargo;
mod commands;
mod demo;
mod fuzz;
mod page;
mod simulate;
mod tool;

use std::process::ExitCode;

/// The result of a command. Its errors are only printed.
type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (name, rest) = match arguments.split_first() {
        None => ("help", &[][..]),
        Some((name, rest)) => (name.as_str(), rest),
    };
    let result = match name {
        "help" | "--help" | "-h" => {
            print!("{}", commands::list());
            Ok(())
        }
        "demo" => demo::run(rest),
        "fuzz" => fuzz::run(rest),
        "page" => page::run(),
        "simulate" => simulate::run(rest),
        name if commands::is_known(name) => cargo::run_as_tested("xtask", &arguments),
        name => Err(format!("no command is named {name}\n\n{}", commands::list()).into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
