//! The life of the program.

use std::{
    fmt,
    io::{self, Write},
    net::SocketAddr,
    sync::Arc,
};

use mcp_pool_testkit::FaultServer;
use tokio::net::TcpListener;

use super::{
    control::router,
    ending::ending,
    ledger::ledger,
    options::{Era, Options, Spoken},
};

/// Why the program cannot serve.
#[derive(Debug)]
#[non_exhaustive]
pub enum ChaosError {
    /// A port cannot be used.
    Io(io::Error),
    /// HTTP+SSE is older than the era without sessions.
    NoSuchEra,
}

/// Serves until the program is to end, and prints the addresses first and the ledger last.
///
/// # Errors
/// When a port is taken, or when the transport has no such era.
///
/// # Cancel safety
/// Dropped before its end, it prints no ledger.
pub async fn run(options: &Options) -> Result<(), ChaosError> {
    if options.wire == Spoken::Sse && options.era == Era::Stateless {
        return Err(ChaosError::NoSuchEra);
    }
    let server = start(options)?;
    let address = SocketAddr::new(options.host, options.control_port);
    let listener = TcpListener::bind(address).await?;
    let control = listener.local_addr()?;
    print(&format!("{}\nhttp://{control}", server.endpoint().url()))?;
    let router = router(Arc::clone(&server), options.tls);
    tokio::select! {
        served = axum::serve(listener, router) => served?,
        () = ending(options.detached) => {}
    }
    Ok(print(&ledger(&server).to_string())?)
}

fn start(options: &Options) -> io::Result<Arc<FaultServer>> {
    let builder = FaultServer::builder(options.wire.into(), options.era.into())
        .at(SocketAddr::new(options.host, options.port));
    let server = match options.tls {
        true => builder.secure().start()?,
        false => builder.start()?,
    };
    for order in &options.faults {
        order.clone().arm(&server);
    }
    Ok(Arc::new(server))
}

fn print(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{text}")?;
    output.flush()
}

impl From<io::Error> for ChaosError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for ChaosError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot serve: {error}"),
            Self::NoSuchEra => f.write_str("HTTP+SSE has sessions in every era"),
        }
    }
}

impl std::error::Error for ChaosError {}
