//! Clients of other projects, through a gateway: `mcp-pool-proxy` before the fixtures of the
//! conformance suite.

use xshell::{Shell, cmd};

use super::{
    install::{Missing, install, python, script},
    rows::{PYTHON_1, PYTHON_2, Package},
};
use crate::{Result, examples::Gateway};

/// A client: the package, and the script that plays it.
struct Client {
    package: &'static Package,
    script: &'static str,
}

/// Runs each client. Fails when one does.
pub(super) fn run(sh: &Shell, skip_missing: bool) -> Result {
    let gateway = Gateway::start(sh, "legacy")?;
    for Client {
        package,
        script: file,
    } in CLIENTS
    {
        let name = format!("{} {} as a client", package.name, package.version);
        match install(sh, package) {
            Ok(()) => {}
            Err(error) if skip_missing && error.is::<Missing>() => {
                eprintln!("{name}: left out, {error}");
                continue;
            }
            Err(error) => return Err(error),
        }
        let (python, script) = (python(package), script(file));
        let url = gateway.url();
        cmd!(sh, "{python} {script} {url}").quiet().run()?;
        println!("== {name}: ok");
    }
    Ok(())
}

const CLIENTS: &[Client] = &[
    Client {
        package: &PYTHON_1,
        script: "client1.py",
    },
    Client {
        package: &PYTHON_2,
        script: "client2.py",
    },
];
