//! The writer of a session's lines.

use std::{io, sync::Arc};

use mcp_pool_core::extend::encode_message;
use rmcp::model::{
    CancelledNotification, CancelledNotificationParam, ClientJsonRpcMessage, ClientNotification,
    JsonRpcMessage, RequestId,
};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::mpsc,
};

use super::link::{Link, Outgoing};

/// Writes the lines of a session, in their order.
pub(super) struct Writer<W> {
    pub(super) link: Arc<Link>,
    pub(super) lines: mpsc::Receiver<Outgoing>,
    pub(super) stdin: W,
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    /// Writes until the session ends, and then closes the standard input of the child.
    pub(super) async fn run(mut self) {
        let link = Arc::clone(&self.link);
        tokio::select! {
            biased;
            () = link.ended.cancelled() => {}
            // The child reads no more. What it has written is still read.
            _ = self.write() => link.ended.cancel(),
        }
    }

    async fn write(&mut self) -> io::Error {
        let link = Arc::clone(&self.link);
        loop {
            let written = tokio::select! {
                biased;
                () = link.cancellations.added.notified() => self.cancel().await,
                line = self.lines.recv() => match line {
                    Some(line) => self.line(line).await,
                    // The link itself holds a sender.
                    None => return io::ErrorKind::BrokenPipe.into(),
                },
            };
            if let Err(error) = written {
                return error;
            }
        }
    }

    async fn cancel(&mut self) -> io::Result<()> {
        for id in self.link.cancellations.take() {
            let text = encode_message(&cancelled(id))?;
            self.text(text).await?;
        }
        Ok(())
    }

    async fn line(&mut self, line: Outgoing) -> io::Result<()> {
        let Some(request) = line.request else {
            return self.text(line.text).await;
        };
        if !request.begin() {
            return Ok(());
        }
        let mut text = line.text;
        text.push(b'\n');
        // A child that has closed its input has seen nothing of the line.
        let first = match self.stdin.write(&text).await {
            Ok(first) => first,
            Err(error) => {
                request.undo();
                return Err(error);
            }
        };
        self.stdin.write_all(&text[first..]).await?;
        self.stdin.flush().await
    }

    async fn text(&mut self, mut text: Vec<u8>) -> io::Result<()> {
        text.push(b'\n');
        self.stdin.write_all(&text).await?;
        self.stdin.flush().await
    }
}

fn cancelled(id: RequestId) -> ClientJsonRpcMessage {
    let reason = Some("the caller is gone".to_owned());
    let params = CancelledNotificationParam::new(Some(id), reason);
    let notification = CancelledNotification::new(params);
    JsonRpcMessage::notification(ClientNotification::CancelledNotification(notification))
}
