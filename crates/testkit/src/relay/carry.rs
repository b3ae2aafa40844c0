//! One connection of a relay.

use std::{future::pending, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    time::sleep,
};

use super::{
    cuts::{Cut, Place},
    mode::Mode,
};

/// One direction of a connection.
struct Way {
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    mode: watch::Receiver<Mode>,
}

/// Why a direction ended.
enum End {
    /// The connection is to be cut.
    Cut,
    /// A side has ended it.
    Over,
}

/// Carries the bytes of both sides until one side ends the connection, or the cut is reached. Returns
/// whether it was cut.
pub(super) async fn carry(
    client: TcpStream,
    server: TcpStream,
    cut: Option<Cut>,
    mode: watch::Receiver<Mode>,
) -> bool {
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let (is_spared, spared) = watch::channel(false);
    let mut up = Way {
        from: from_client,
        to: to_server,
        mode: mode.clone(),
    };
    let mut down = Way {
        from: from_server,
        to: to_client,
        mode,
    };
    let end = tokio::select! {
        end = up.run_up(cut, &is_spared) => end,
        end = down.run_down(cut, &spared) => end,
    };
    let is_cut = matches!(end, End::Cut);
    if is_cut && cut.is_some_and(|cut| cut.is_reset) {
        let _ = down.to.as_ref().set_zero_linger();
        // Dropped, it would end the connection in order first.
        down.to.forget();
    }
    is_cut
}

impl Way {
    /// Carries what the client sends.
    async fn run_up(&mut self, cut: Option<Cut>, is_spared: &watch::Sender<bool>) -> End {
        let mut left = match cut.map(|cut| cut.place) {
            Some(Place::InRequest(bytes)) => Some(bytes as usize),
            _ => None,
        };
        loop {
            let Some(mut bytes) = self.read().await else {
                return End::Over;
            };
            if cut.is_some_and(|cut| cut.spares_streams) && bytes.starts_with(b"GET ") {
                is_spared.send_replace(true);
                left = None;
            }
            left = left.filter(|_| self.is_cutting());
            let ends = left.is_some_and(|left| bytes.len() >= left);
            if let Some(left) = &mut left {
                bytes.truncate(*left);
                *left -= bytes.len();
            }
            if self.to.write_all(&bytes).await.is_err() {
                return End::Over;
            }
            if ends {
                return End::Cut;
            }
        }
    }

    /// Carries what the server sends.
    async fn run_down(&mut self, cut: Option<Cut>, spared: &watch::Receiver<bool>) -> End {
        let (mut sent, mut writes) = (0, 0);
        loop {
            let Some(mut bytes) = self.read().await else {
                // The client may have something to send still.
                let _ = self.to.shutdown().await;
                return pending().await;
            };
            writes += 1;
            let is_cut = self.is_cutting() && !*spared.borrow();
            let place = cut.map(|cut| cut.place).filter(|_| is_cut);
            let limit = match place {
                Some(Place::InResponse(limit)) => limit as usize,
                _ => usize::MAX,
            };
            bytes.truncate(limit.saturating_sub(sent));
            sent += bytes.len();
            if self.to.write_all(&bytes).await.is_err() {
                return End::Over;
            }
            if sent >= limit {
                return End::Cut;
            }
            if place == Some(Place::Between(writes)) {
                // The client has kept the connection for its next request by then.
                sleep(Duration::from_millis(2)).await;
                return End::Cut;
            }
        }
    }

    fn is_cutting(&self) -> bool {
        self.mode.borrow().cuts.is_some()
    }

    /// The next bytes, once the relay runs; `None`: the side has ended.
    async fn read(&mut self) -> Option<Vec<u8>> {
        let mut bytes = vec![0; 16 * 1024];
        loop {
            self.mode.wait_for(|mode| mode.runs).await.ok()?;
            tokio::select! {
                read = self.from.read(&mut bytes) => {
                    let length = read.ok().filter(|length| *length > 0)?;
                    bytes.truncate(length);
                    return Some(bytes);
                }
                _ = self.mode.changed() => {}
            }
        }
    }
}
