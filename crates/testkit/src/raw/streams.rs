//! The streams of sessions over HTTP+SSE.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::tcp::{OwnedReadHalf, OwnedWriteHalf},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

/// What happens on a stream.
#[derive(Clone, Debug)]
pub(super) enum OnStream {
    /// These bytes are sent.
    Bytes(Vec<u8>),
    /// It is closed.
    Close,
    /// It is reset.
    Reset,
}

/// The open streams, by session.
#[derive(Default)]
pub(super) struct Streams(Mutex<BTreeMap<String, UnboundedSender<OnStream>>>);

impl Streams {
    /// The stream of this session from now on.
    pub(super) fn open(&self, session: &str) -> UnboundedReceiver<OnStream> {
        let (sender, receiver) = unbounded_channel();
        self.lock().insert(session.to_owned(), sender);
        receiver
    }

    /// Lets this happen on the stream of a session, if it is open.
    pub(super) fn push(&self, session: &str, what: OnStream) {
        if let Some(stream) = self.lock().get(session) {
            let _ = stream.send(what);
        }
    }

    /// The number of streams that clients read.
    pub(super) fn count(&self) -> usize {
        let mut streams = self.lock();
        streams.retain(|_, stream| !stream.is_closed());
        streams.len()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, UnboundedSender<OnStream>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a stream until it ends or its client closes it.
pub(super) async fn run(
    mut stream: UnboundedReceiver<OnStream>,
    mut reader: BufReader<OwnedReadHalf>,
    mut writer: OwnedWriteHalf,
) {
    let mut unread = [0; 64];
    loop {
        let next = tokio::select! {
            next = stream.recv() => next,
            // A client sends nothing on this connection: it has closed it.
            _ = reader.read(&mut unread) => None,
        };
        match next {
            Some(OnStream::Bytes(bytes)) if writer.write_all(&bytes).await.is_ok() => {}
            Some(OnStream::Reset) => return reset(writer),
            _ => return,
        }
    }
}

/// Has a connection reset when its other half is dropped, without an orderly end before.
pub(super) fn reset(writer: OwnedWriteHalf) {
    let _ = writer.as_ref().set_zero_linger();
    writer.forget();
}
