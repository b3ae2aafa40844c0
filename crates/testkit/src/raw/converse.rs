//! One connection of a raw server.

use std::sync::{Arc, atomic::Ordering};

use tokio::{net::TcpStream, time::sleep};

use super::{
    http::{Parts, read},
    reply::{End, Reply},
    request::RawRequest,
    shared::Shared,
    socket::{Reader, Writer, open},
    streams::{run, write_slowly},
};

/// Serves one connection until it ends or is cut.
pub(super) async fn converse(stream: TcpStream, shared: Arc<Shared>) {
    let connection = shared.connections.fetch_add(1, Ordering::SeqCst);
    // Without it each answer in two writes waits for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let conversation = serve(stream, connection, &shared);
    let forget = || shared.streams.forget(connection);
    shared.line.run(conversation, forget).await;
}

async fn serve(stream: TcpStream, connection: usize, shared: &Shared) {
    let opened = open(stream, shared.handshake.as_deref()).await;
    let Ok((mut reader, mut writer)) = opened else {
        return;
    };
    let mut place = 0;
    while let Ok(Some(parts)) = read(&mut reader).await {
        let request = request(parts, connection, place);
        place += 1;
        shared.seen().add(&request);
        let reply = (shared.script)(&request);
        match answer(reply, connection, reader, writer, shared).await {
            Some((back, forth)) => (reader, writer) = (back, forth),
            None => return,
        }
    }
}

fn request(parts: Parts, connection: usize, place: usize) -> RawRequest {
    RawRequest {
        http_method: parts.method,
        target: parts.target,
        headers: parts.headers,
        message: serde_json::from_slice(&parts.body).unwrap_or_default(),
        connection,
        place,
    }
}

/// Does what a reply demands. Returns the connection if it is kept.
async fn answer(
    reply: Reply,
    connection: usize,
    reader: Reader,
    mut writer: Writer,
    shared: &Shared,
) -> Option<(Reader, Writer)> {
    sleep(reply.pause).await;
    // A client may send its first message as soon as the first bytes are there.
    let stream = match &reply.end {
        End::Stream(session) => Some(shared.streams.open(session, connection)),
        _ => None,
    };
    let written = match reply.between {
        None => writer.write_all(&reply.bytes).await,
        Some(between) => write_slowly(&mut writer, &reply.bytes, between).await,
    };
    written.ok()?;
    for (session, what) in reply.on_streams {
        shared.streams.push(&session, what);
    }
    if let Some(stream) = stream {
        run(stream, reader, writer).await;
        return None;
    }
    match reply.end {
        End::Keep => return Some((reader, writer)),
        End::Close | End::Stream(_) => {}
        End::Hang => std::future::pending().await,
        End::Reset => writer.reset(),
    }
    None
}
