//! `cargo xtask prometheus`: the metrics, as a real Prometheus reads them.
//!
//! `promtool` checks and tests the rules of the alerts. Then a pool of this process has calls to a server
//! that is there and to one that is not; a Prometheus scrapes its metrics, and is queried for every name
//! that the rules use.

mod rules;
mod scraped;
mod server;

use xshell::Shell;

use crate::Result;

/// Checks the rules, then scrapes. Needs `prometheus` and `promtool`.
pub(crate) fn run(sh: &Shell) -> Result {
    rules::check(sh)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let report = runtime.block_on(scraped::check())?;
    println!("{report}");
    Ok(())
}
