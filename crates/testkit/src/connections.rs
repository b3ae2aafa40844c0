//! The open connections of a server.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::io::InspectReader;

/// The number of open connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connections(Arc<AtomicUsize>);

/// One open connection; ends when it is dropped.
struct Open(Connections);

/// What a connection holds until it is closed.
type Held = Box<dyn FnMut(&[u8]) + Send>;

/// A listener that counts its connections.
pub(crate) struct CountingListener {
    listener: TcpListener,
    connections: Connections,
}

impl Connections {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn open(&self) -> Open {
        self.0.fetch_add(1, Ordering::SeqCst);
        Open(self.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl CountingListener {
    pub(crate) fn new(listener: TcpListener, connections: Connections) -> Self {
        Self {
            listener,
            connections,
        }
    }
}

impl Listener for CountingListener {
    type Io = InspectReader<TcpStream, Held>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // Without it each answer in two writes waits 40 ms for the client's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let open = self.connections.open();
        // The closure holds the count for as long as the connection lives.
        let held: Held = Box::new(move |_| {
            let _ = &open;
        });
        (InspectReader::new(stream, held), address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
