//! Servers that violate HTTP+SSE.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, JoinHandle},
};

use mcp_pool_core::Endpoint;

/// A server over HTTP+SSE that violates the protocol on purpose.
///
/// It writes its bytes by hand, so that no library corrects what it sends. It stops when dropped.
#[derive(Debug)]
pub struct HostileSse {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// The violation of a [`HostileSse`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Mischief {
    /// Announces this address as the endpoint for messages.
    Announces(String),
    /// Announces this address as a second endpoint when the first call arrives.
    AnnouncesAgain(String),
    /// Answers the request for the stream with endless headers.
    EndlessHeaders,
    /// Announces its endpoint with an event of a gigabyte.
    EndlessAnnouncement,
    /// Answers the first call with an event of a gigabyte.
    EndlessEvent,
    /// Writes these bytes to the stream when the first call arrives, and ends it cleanly.
    Ends(&'static str),
    /// Writes these bytes to the stream when the first call arrives.
    Writes(&'static str),
    /// Sends a message before the endpoint is announced.
    SpeaksFirst,
    /// Redirects the request for the stream to this address.
    Redirects(String),
    /// Sends nothing after the endpoint is announced.
    StallsAfterEndpoint,
    /// Opens the stream and sends nothing.
    StallsBeforeEndpoint,
    /// Sends nothing after the first call.
    StallsInCall,
    /// Never responds to messages with calls.
    SwallowsCalls,
}

#[derive(Debug)]
struct Shared {
    mischief: Mischief,
    requests: Mutex<Vec<String>>,
    connections: Mutex<Vec<TcpStream>>,
    /// The sender from messages to the newest stream.
    inbox: Mutex<Option<Sender<serde_json::Value>>>,
    stopped: AtomicBool,
}

impl HostileSse {
    /// Starts a server on a free port of the loopback interface.
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    pub fn start(mischief: Mischief) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of the loopback interface");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            mischief,
            requests: Mutex::default(),
            connections: Mutex::default(),
            inbox: Mutex::default(),
            stopped: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        let thread = thread::spawn(move || accept(&listener, &serving));
        Self {
            address,
            shared,
            thread: Some(thread),
        }
    }

    /// The address of its stream as an endpoint.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        let url = format!("http://{}/sse", self.address);
        Endpoint::sse(&url).expect("a loopback address makes a valid url")
    }

    /// The host and port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The heads of all requests so far: method, path and headers.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        lock(&self.shared.requests).clone()
    }
}

impl Drop for HostileSse {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which blocks until a connection arrives.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        *lock(&self.shared.inbox) = None;
        for connection in lock(&self.shared.connections).drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for connection in listener.incoming() {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        let Ok(connection) = connection else { continue };
        let _ = connection.set_nodelay(true);
        let Ok(kept) = connection.try_clone() else {
            continue;
        };
        lock(&shared.connections).push(kept);
        let shared = Arc::clone(shared);
        thread::spawn(move || serve(connection, &shared));
    }
}

/// Serves one connection until either side closes it.
fn serve(connection: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    let mut writer = connection;
    loop {
        let (head, body) = read_request(&mut reader)?;
        let is_stream = head.starts_with("GET");
        lock(&shared.requests).push(head);
        if is_stream {
            return stream(&mut writer, shared);
        }
        let message: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let is_call = message["method"] == "tools/call";
        if let Some(inbox) = lock(&shared.inbox).as_ref() {
            let _ = inbox.send(message);
        }
        if is_call && matches!(shared.mischief, Mischief::SwallowsCalls) {
            return wait(&mut reader);
        }
        writer.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")?;
    }
}

fn stream(writer: &mut TcpStream, shared: &Shared) -> io::Result<()> {
    let (sender, inbox) = channel();
    *lock(&shared.inbox) = Some(sender);
    match &shared.mischief {
        Mischief::EndlessHeaders => {
            writer.write_all(b"HTTP/1.1 200 OK\r\n")?;
            for number in 0.. {
                write!(writer, "x-{number}: {number}\r\n")?;
            }
        }
        Mischief::Redirects(to) => {
            let length = "content-length: 0";
            return write!(
                writer,
                "HTTP/1.1 307 Temporary Redirect\r\nlocation: {to}\r\n{length}\r\n\r\n"
            );
        }
        _ => writer.write_all(STREAM_HEAD)?,
    }
    match &shared.mischief {
        Mischief::Announces(at) => event(writer, "endpoint", at)?,
        Mischief::EndlessAnnouncement => return endless(writer, "event: endpoint\ndata: /"),
        Mischief::SpeaksFirst => event(writer, "message", NOTIFICATION)?,
        Mischief::StallsBeforeEndpoint => return hold(&inbox),
        _ => {}
    }
    event(writer, "endpoint", "/messages?sessionId=hostile")?;
    if matches!(shared.mischief, Mischief::StallsAfterEndpoint) {
        return hold(&inbox);
    }
    converse(writer, &inbox, &shared.mischief)
}

/// Follows the protocol until the first call.
fn converse(
    writer: &mut TcpStream,
    inbox: &Receiver<serde_json::Value>,
    mischief: &Mischief,
) -> io::Result<()> {
    for message in inbox {
        match message["method"].as_str() {
            Some("initialize") => {
                let answer = serde_json::json!({
                    "jsonrpc": "2.0",
                    "id": message["id"],
                    "result": {
                        "protocolVersion": "2024-11-05",
                        "capabilities": { "tools": {} },
                        "serverInfo": { "name": "hostile", "version": "1" },
                    },
                });
                event(writer, "message", &answer.to_string())?;
            }
            Some("tools/call") => match mischief {
                Mischief::AnnouncesAgain(at) => event(writer, "endpoint", at)?,
                Mischief::EndlessEvent => return endless(writer, "event: message\ndata: "),
                Mischief::Ends(text) => {
                    chunk(writer, text.as_bytes())?;
                    return writer.write_all(b"0\r\n\r\n");
                }
                Mischief::Writes(text) => chunk(writer, text.as_bytes())?,
                _ => {}
            },
            _ => {}
        }
    }
    Ok(())
}

fn event(writer: &mut TcpStream, name: &str, data: &str) -> io::Result<()> {
    chunk(
        writer,
        format!("event: {name}\ndata: {data}\n\n").as_bytes(),
    )
}

/// Writes an event of a gigabyte.
fn endless(writer: &mut TcpStream, begin: &str) -> io::Result<()> {
    chunk(writer, begin.as_bytes())?;
    let part = vec![b'x'; 64 * 1024];
    for _ in 0..GIGABYTE / part.len() {
        chunk(writer, &part)?;
    }
    Ok(())
}

fn chunk(writer: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        // An empty chunk ends the body.
        return Ok(());
    }
    write!(writer, "{:x}\r\n", bytes.len())?;
    writer.write_all(bytes)?;
    writer.write_all(b"\r\n")
}

/// Keeps the stream open as long as the server lives, and sends nothing.
fn hold(inbox: &Receiver<serde_json::Value>) -> io::Result<()> {
    inbox.iter().for_each(drop);
    Ok(())
}

/// Sends nothing until the client closes the connection.
fn wait(reader: &mut impl Read) -> io::Result<()> {
    io::copy(reader, &mut io::sink()).map(drop)
}

fn read_request(reader: &mut impl BufRead) -> io::Result<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let length = head.lines().find_map(|header| {
        let (name, value) = header.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    Ok((head, body))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const STREAM_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
    transfer-encoding: chunked\r\n\r\n";
const NOTIFICATION: &str = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
const GIGABYTE: usize = 1024 * 1024 * 1024;
