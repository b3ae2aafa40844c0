//! Does one operation so many times, while valgrind counts: `cargo xtask gates` runs it.

mod crowd;
mod rows;
mod still;

use std::{env, process::ExitCode};

use rows::Rig;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [row, times] = arguments.as_slice() else {
        eprintln!("gates: a row and a number are wanted");
        return ExitCode::FAILURE;
    };
    let Ok(times) = times.parse() else {
        eprintln!("gates: `{times}` is no number");
        return ExitCode::FAILURE;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    match runtime.block_on(async { Rig::new().await.run(row, times).await }) {
        true => ExitCode::SUCCESS,
        false => {
            eprintln!("gates: there is no row `{row}`");
            ExitCode::FAILURE
        }
    }
}
