//! What a server does with its connections as a whole.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use socket2::SockRef;
use tokio::{sync::watch, time::sleep};

/// How a server takes connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepts {
    /// At once.
    Now,
    /// Not yet: they are open for the client, and nothing reads them.
    Later,
    /// Not at all: the port is closed.
    Never,
}

/// How connections are taken, and what happened to those that are open.
#[derive(Clone, Copy, Debug)]
struct Mode {
    accepts: Accepts,
    /// How often all connections were cut.
    cuts: usize,
    /// How often all connections fell silent.
    silences: usize,
    /// True while the whole server stands still.
    stands_still: bool,
}

/// What a server does with its connections as a whole. A clone controls the same server.
#[derive(Clone, Debug)]
pub(crate) struct Line(Arc<watch::Sender<Mode>>);

impl Default for Line {
    fn default() -> Self {
        let mode = Mode {
            accepts: Accepts::Now,
            cuts: 0,
            silences: 0,
            stands_still: false,
        };
        Self(Arc::new(watch::channel(mode).0))
    }
}

impl Line {
    pub(crate) fn set(&self, accepts: Accepts) {
        self.0.send_modify(|mode| mode.accepts = accepts);
    }

    /// Takes connections so for a time, and at once afterwards. Needs a runtime.
    pub(crate) fn set_for(&self, accepts: Accepts, length: Duration) {
        self.set(accepts);
        let line = self.clone();
        tokio::spawn(async move {
            sleep(length).await;
            line.set(Accepts::Now);
        });
    }

    /// Has the whole server stand still for a time, as a process that is stopped. Needs a runtime.
    pub(crate) fn stop_for(&self, length: Duration) {
        self.0.send_modify(|mode| mode.stands_still = true);
        let line = self.clone();
        tokio::spawn(async move {
            sleep(length).await;
            line.go_on();
        });
    }

    /// Ends a standstill.
    pub(crate) fn go_on(&self) {
        self.0.send_modify(|mode| mode.stands_still = false);
    }

    /// Closes every connection that is open.
    pub(crate) fn cut_all(&self) {
        self.0.send_modify(|mode| mode.cuts += 1);
    }

    /// Neither reads nor answers any connection that is open, and keeps it open.
    pub(crate) fn silence_all(&self) {
        self.0.send_modify(|mode| mode.silences += 1);
    }

    /// How connections are taken now. A server that stands still leaves them to the kernel.
    pub(super) fn accepts(&self) -> Accepts {
        accepts(&self.0.borrow())
    }

    /// Waits until the server takes connections in another way than this.
    pub(super) async fn change_from(&self, accepts: Accepts) {
        let mut modes = self.0.subscribe();
        // The sender lives as long as `self`.
        let _ = modes.wait_for(|mode| self::accepts(mode) != accepts).await;
    }

    /// Runs a conversation on a connection until it ends or the connection is cut. It stands still while
    /// the server does, and once the connection is silent.
    pub(super) async fn run(&self, conversation: impl Future<Output = ()>, on_silence: impl Fn()) {
        let mut modes = self.0.subscribe();
        let (cuts, silences) = {
            let mode = modes.borrow();
            (mode.cuts, mode.silences)
        };
        let mut conversation = std::pin::pin!(conversation);
        loop {
            let (is_silent, stands_still) = {
                let mode = modes.borrow_and_update();
                (mode.silences != silences, mode.stands_still)
            };
            if is_silent {
                on_silence();
            }
            tokio::select! {
                biased;
                _ = modes.changed() => {}
                () = &mut conversation, if !is_silent && !stands_still => return,
            }
            if modes.borrow().cuts != cuts {
                return;
            }
        }
    }
}

fn accepts(mode: &Mode) -> Accepts {
    match (mode.accepts, mode.stands_still) {
        (Accepts::Now, true) => Accepts::Later,
        (accepts, _) => accepts,
    }
}

/// Binds a port without blocking.
///
/// # Errors
/// When the port is taken.
pub(super) fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    SockRef::from(&listener).listen(LONGEST_QUEUE)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// How many connections wait to be accepted. The standard library's 128 are full where a crowd calls a
/// server that is stopped for seconds, and the system then drops what the others send, farewells too.
const LONGEST_QUEUE: i32 = 4_096;

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn a_crowd_can_connect_to_a_server_that_stands_still() {
        let listener = bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let connections = (0..400).map(|_| {
            let connected = TcpStream::connect_timeout(&address, Duration::from_secs(10));
            connected.unwrap()
        });
        assert_eq!(connections.collect::<Vec<_>>().len(), 400);
    }
}
