//! The streams of sessions over HTTP+SSE.

use std::{
    collections::BTreeMap,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    io::AsyncReadExt,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::sleep,
};

use super::socket::{Reader, Writer};

/// What happens on a stream.
#[derive(Clone, Debug)]
pub(super) enum OnStream {
    /// These bytes are sent.
    Bytes(Vec<u8>),
    /// These bytes are sent, with a pause between two.
    Slowly(Vec<u8>, Duration),
    /// These bytes are sent after a pause, in which others may be.
    Late(Vec<u8>, Duration),
    /// It is closed.
    Close,
    /// It is reset.
    Reset,
}

/// The open streams, by session.
#[derive(Default)]
pub(super) struct Streams(Mutex<BTreeMap<String, Stream>>);

/// An open stream.
struct Stream {
    connection: usize,
    sender: UnboundedSender<OnStream>,
}

impl Streams {
    /// The stream of this session from now on.
    pub(super) fn open(&self, session: &str, connection: usize) -> UnboundedReceiver<OnStream> {
        let (sender, receiver) = unbounded_channel();
        let stream = Stream { connection, sender };
        self.lock().insert(session.to_owned(), stream);
        receiver
    }

    /// Forgets the stream on this connection.
    pub(super) fn forget(&self, connection: usize) {
        let mut streams = self.lock();
        streams.retain(|_, stream| stream.connection != connection);
    }

    /// Lets this happen on the stream of a session, if it is open.
    pub(super) fn push(&self, session: &str, what: OnStream) {
        let sender = self.lock().get(session).map(|it| it.sender.clone());
        let Some(stream) = sender else { return };
        let OnStream::Late(bytes, pause) = what else {
            let _ = stream.send(what);
            return;
        };
        tokio::spawn(async move {
            sleep(pause).await;
            // Its client may have gone meanwhile.
            let _ = stream.send(OnStream::Bytes(bytes));
        });
    }

    /// The number of streams that clients read.
    pub(super) fn count(&self) -> usize {
        let mut streams = self.lock();
        streams.retain(|_, stream| !stream.sender.is_closed());
        streams.len()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Stream>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a stream until it ends or its client closes it.
pub(super) async fn run(
    mut stream: UnboundedReceiver<OnStream>,
    mut reader: Reader,
    mut writer: Writer,
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
            Some(OnStream::Slowly(bytes, between))
                if write_slowly(&mut writer, &bytes, between).await.is_ok() => {}
            Some(OnStream::Reset) => return writer.reset(),
            _ => return,
        }
    }
}

/// Writes byte by byte, with a pause between two.
pub(super) async fn write_slowly(
    writer: &mut Writer,
    bytes: &[u8],
    between: Duration,
) -> io::Result<()> {
    for byte in bytes {
        writer.write_all(&[*byte]).await?;
        sleep(between).await;
    }
    Ok(())
}
