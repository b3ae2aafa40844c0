//! The server that tests start: `serve` with what it does wrong, `relay` to a server in the test,
//! `host` for children of its own, `sleep`.

mod host;
mod output;
mod relay;
mod serve;
mod tools;

use std::{thread::sleep, time::Duration};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("serve") => serve::run(&args[1..]),
        Some("relay") => relay::run(&args[1]),
        Some("host") => host::run(&args[1..]),
        Some("sleep") => forever(),
        other => panic!("no such mode: {other:?}"),
    }
}

/// Does nothing, for ever.
fn forever() -> ! {
    loop {
        sleep(Duration::from_secs(3_600));
    }
}
