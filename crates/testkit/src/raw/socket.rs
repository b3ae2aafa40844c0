//! A connection of a raw server, in the clear or over TLS.

use std::{
    fmt, io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, ReadBuf, ReadHalf, WriteHalf, split},
    net::TcpStream,
};

/// A connection, in which bytes go both ways.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// What a server does on a connection before HTTP.
pub(crate) trait Handshake: fmt::Debug + Send + Sync {
    /// Makes the connection that carries HTTP. An error ends the connection.
    fn accept(&self, socket: Socket) -> BoxFuture<'static, io::Result<Box<dyn Duplex>>>;
}

/// The half of a connection that is read.
pub(super) type Reader = BufReader<ReadHalf<Box<dyn Duplex>>>;

/// The half of a connection that is written.
pub(super) struct Writer {
    half: WriteHalf<Box<dyn Duplex>>,
    resets: Arc<AtomicBool>,
}

/// A TCP connection that may be reset at its end.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    resets: Arc<AtomicBool>,
}

/// Opens a connection, after its handshake.
pub(super) async fn open(
    stream: TcpStream,
    handshake: Option<&dyn Handshake>,
) -> io::Result<(Reader, Writer)> {
    let resets = Arc::new(AtomicBool::new(false));
    let socket = Socket {
        stream,
        resets: Arc::clone(&resets),
    };
    let duplex: Box<dyn Duplex> = match handshake {
        Some(handshake) => handshake.accept(socket).await?,
        None => Box::new(socket),
    };
    let (reader, half) = split(duplex);
    Ok((BufReader::new(reader), Writer { half, resets }))
}

impl Writer {
    /// Writes all bytes.
    ///
    /// # Errors
    /// When the connection has ended.
    pub(super) async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.half.write_all(bytes).await?;
        // TLS keeps what it encrypts until then.
        self.half.flush().await
    }

    /// Has the connection reset once both halves are dropped, without an orderly end before.
    pub(super) fn reset(self) {
        self.resets.store(true, Ordering::SeqCst);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.resets.load(Ordering::SeqCst) {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
