//! A server in a process of its own, which fails at random until it is healed.

use std::{
    io::{BufRead, Write},
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use mcp_pool_testkit::{Fault, FaultServer, When, Wire};
use mcp_session_pool::config::Lifecycle;

use super::random::Random;
use crate::Result;

/// Options of a server.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// What it speaks: one of [`KINDS`].
    #[arg(long)]
    kind: String,
    #[arg(long)]
    port: u16,
    /// The file of its executions.
    #[arg(long)]
    journal: PathBuf,
    /// The seed of its faults. Without it there are none.
    #[arg(long)]
    seed: Option<u64>,
}

/// The names of the transports and eras.
pub(super) const KINDS: [&str; 4] = ["events", "json", "sse", "stateless"];

/// Serves until the standard input ends. A line `heal` ends the faults; a line `arm` has the next call meet
/// with the fault that it names; a line `sessions` is answered by the number of open sessions.
pub(super) fn run(options: &Options) -> Result {
    let address = SocketAddr::from(([127, 0, 0, 1], options.port));
    let (wire, era) = spoken(&options.kind)?;
    let server = Arc::new(
        FaultServer::builder(wire, era)
            .at(address)
            .with_journal(&options.journal)?
            .start()?,
    );
    let is_healed = Arc::new(AtomicBool::new(false));
    let mut faults = options.seed.map(|seed| {
        let (failing, stop) = (Arc::clone(&server), Arc::clone(&is_healed));
        let random = Random::of(seed, u64::from(options.port));
        thread::spawn(move || fail_at_random(&failing, &stop, random))
    });
    println!("ready");
    std::io::stdout().flush()?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("arm", fault) => {
                server.arm(fault.parse()?, When::Nth("tools/call".to_owned(), 1));
                println!("armed");
            }
            ("heal", _) => {
                is_healed.store(true, Ordering::SeqCst);
                if let Some(faults) = faults.take() {
                    let _ = faults.join();
                }
                server.heal();
                println!("healed");
            }
            _ => println!("{}", server.open_sessions()),
        }
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn spoken(kind: &str) -> Result<(Wire, Lifecycle)> {
    Ok(match kind {
        "events" => (Wire::Events, Lifecycle::Legacy),
        "json" => (Wire::Json, Lifecycle::Legacy),
        "sse" => (Wire::Sse, Lifecycle::Legacy),
        "stateless" => (Wire::Json, Lifecycle::Stateless),
        other => return Err(format!("no server of the kind {other}").into()),
    })
}

fn fail_at_random(server: &FaultServer, stop: &AtomicBool, mut random: Random) {
    while !stop.load(Ordering::SeqCst) {
        let method = random.one_of(&METHODS);
        let nth = 1 + random.below(3);
        let fault = fault(&mut random);
        server.arm(fault, When::Nth(method.to_owned(), nth));
        thread::sleep(random.between(20, 300));
    }
}

fn fault(random: &mut Random) -> Fault {
    let down = random.between(10, 200);
    let faults = [
        Fault::Refuse(down),
        Fault::SlowAccept(down),
        Fault::Restart {
            down,
            keeps_sessions: true,
        },
        Fault::Restart {
            down,
            keeps_sessions: false,
        },
        Fault::SessionsForgotten,
        Fault::ClosedBefore,
        Fault::ResetBefore,
        Fault::Status(random.one_of(&[400, 401, 403, 404, 405, 409, 429, 500, 502, 503])),
        // None that also says that the session is unknown: where such a server forgets its sessions before
        // the pool has checked, nothing shows that it executed the call. `faults` has them alone.
        Fault::StatusAfter(random.one_of(&[429, 500, 502, 503, 504])),
        Fault::Slow(down),
        Fault::Late(Duration::from_millis(2_500)),
        Fault::HangAfterHeaders,
        Fault::ClosedInBody,
        Fault::ResetInBody,
        Fault::ResetAfterBody,
        Fault::ReplyLost,
        Fault::ByteAtATime(Duration::from_micros(50)),
        Fault::Oversized(256 * 1024),
        Fault::Garbage,
        Fault::WrongId,
        Fault::Duplicate,
        Fault::Stray,
        Fault::WrongContentType,
    ];
    random.one_of(&faults)
}

const METHODS: [&str; 8] = [
    "tools/call",
    "tools/call",
    "tools/call",
    "resources/read",
    "resources/read",
    "initialize",
    "server/discover",
    "ping",
];
