//! Clients of other projects, through a gateway: `mcp-pool-proxy` before the fixtures of the
//! conformance suite.

use xshell::{Shell, cmd};

use super::{
    inspector,
    install::{Missing, install, python, script},
    rows::{INSPECTOR, PYTHON_1, PYTHON_2, Package},
};
use crate::{Result, programs::Gateway};

/// A client: the package, and how it is played.
struct Client {
    package: &'static Package,
    play: Play,
}

/// How a client is played, with the address of a gateway.
enum Play {
    /// By a script for Python.
    Script(&'static str),
    /// By the commands of this function.
    Commands(fn(&Shell, &str) -> Result),
}

/// Runs each client. Fails when one does.
pub(super) fn run(sh: &Shell, skip_missing: bool) -> Result {
    let gateway = Gateway::start(sh, "legacy")?;
    for Client { package, play } in CLIENTS {
        let name = format!("{} {} as a client", package.name, package.version);
        match install(sh, package) {
            Ok(()) => {}
            Err(error) if skip_missing && error.is::<Missing>() => {
                eprintln!("{name}: left out, {error}");
                continue;
            }
            Err(error) => return Err(error),
        }
        let url = gateway.url();
        match play {
            Play::Script(file) => {
                let (python, script) = (python(package), script(file));
                cmd!(sh, "{python} {script} {url}").quiet().run()?;
            }
            Play::Commands(play) => play(sh, url)?,
        }
        println!("== {name}: ok");
    }
    Ok(())
}

const CLIENTS: &[Client] = &[
    Client {
        package: &PYTHON_1,
        play: Play::Script("client1.py"),
    },
    Client {
        package: &PYTHON_2,
        play: Play::Script("client2.py"),
    },
    Client {
        package: &INSPECTOR,
        play: Play::Commands(inspector::play),
    },
];
