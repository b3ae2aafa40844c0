//! The relay.

use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

use mcp_pool_core::Endpoint;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::sync::CancellationToken;

use super::{carry::carry, cuts::Cuts, mode::Mode};
use crate::accepting::next_connection;

/// A relay of TCP connections between clients and a server: it cuts connections at random, and pauses.
///
/// It knows nothing of HTTP but the word that a request for a stream begins with. It runs on a thread
/// of its own, and stops when dropped.
pub struct Relay {
    shared: Arc<Shared>,
    endpoint: Endpoint,
    mode: watch::Sender<Mode>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    accepted: AtomicU64,
    open: AtomicUsize,
    cut: AtomicUsize,
}

/// An open connection; counted until it is dropped.
struct Open(Arc<Shared>);

impl Relay {
    /// Starts a relay in front of a server, on a free port of the loopback interface.
    ///
    /// # Panics
    /// When no port is free, or the endpoint is not on the loopback interface.
    #[must_use]
    pub fn before(endpoint: &Endpoint) -> Self {
        let upstream = SocketAddr::new(
            endpoint.host().parse().expect("a loopback address"),
            endpoint.port(),
        );
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        listener
            .set_nonblocking(true)
            .expect("a non-blocking listener");
        let (shared, stop) = (Arc::<Shared>::default(), CancellationToken::new());
        let (mode, modes) = watch::channel(Mode {
            runs: true,
            cuts: None,
        });
        let (serving, stopped) = (Arc::clone(&shared), stop.clone());
        let thread = thread::spawn(move || serve(listener, upstream, &serving, &modes, &stopped));
        Self {
            shared,
            endpoint: moved(endpoint, address),
            mode,
            stop,
            thread: Some(thread),
        }
    }

    /// The endpoint of the server, through the relay.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }

    /// Cuts the connections that begin from now on.
    pub fn cut(&self, cuts: Cuts) {
        self.mode.send_modify(|mode| mode.cuts = Some(cuts));
    }

    /// Cuts no connection from now on.
    pub fn spare(&self) {
        self.mode.send_modify(|mode| mode.cuts = None);
    }

    /// Accepts and reads nothing from now on, as a process that is stopped.
    pub fn pause(&self) {
        self.mode.send_modify(|mode| mode.runs = false);
    }

    /// Ends the pause.
    pub fn resume(&self) {
        self.mode.send_modify(|mode| mode.runs = true);
    }

    /// The number of connections that were accepted so far.
    #[must_use]
    pub fn connections_accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// The number of connections that were cut so far.
    #[must_use]
    pub fn connections_cut(&self) -> usize {
        self.shared.cut.load(Ordering::SeqCst)
    }

    /// The number of open connections.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl Open {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.open.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(shared))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The same endpoint at another address.
fn moved(endpoint: &Endpoint, address: SocketAddr) -> Endpoint {
    let mut url = endpoint.url().clone();
    url.set_port(Some(address.port()))
        .expect("a url with a host has a port");
    let moved = Endpoint::new(url.as_str(), endpoint.transport().clone());
    moved
        .expect("a loopback address makes a valid url")
        .with_lifecycle(endpoint.lifecycle())
}

fn serve(
    listener: std::net::TcpListener,
    upstream: SocketAddr,
    shared: &Arc<Shared>,
    modes: &watch::Receiver<Mode>,
    stop: &CancellationToken,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime for the relay");
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener).expect("a listening socket");
        tokio::select! {
            () = stop.cancelled() => {}
            () = accept(&listener, upstream, shared, modes) => {}
        }
    });
}

/// Accepts connections while the relay runs.
async fn accept(
    listener: &TcpListener,
    upstream: SocketAddr,
    shared: &Arc<Shared>,
    modes: &watch::Receiver<Mode>,
) {
    let mut mode = modes.clone();
    loop {
        if mode.wait_for(|mode| mode.runs).await.is_err() {
            return;
        }
        let client = tokio::select! {
            client = next_connection(listener) => client,
            _ = mode.changed() => continue,
        };
        let number = shared.accepted.fetch_add(1, Ordering::SeqCst);
        let cut = modes.borrow().cuts.and_then(|cuts| cuts.of(number));
        let (open, modes) = (Open::new(shared), modes.clone());
        tokio::spawn(async move {
            if let Ok(server) = TcpStream::connect(upstream).await {
                let is_cut = carry(client, server, cut, modes).await;
                open.0.cut.fetch_add(usize::from(is_cut), Ordering::SeqCst);
            }
            drop(open);
        });
    }
}
