//! A Redis server for tests.

use std::{
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use mcp_pool_core::extend::ReplicaId;
use mcp_pool_redis::RedisDirectory;

/// A server of its own on a free port, without persistence. It ends with this value, and with the
/// process of the test.
pub(crate) struct Server {
    shell: Child,
    pid: String,
    port: u16,
}

/// Starts the server in a folder of its own, and ends it once the standard input is closed. A replica
/// writes a file there, which another server would read.
const SCRIPT: &str = r#"cd "$(mktemp -d)" || exit
redis-server "$@" >/dev/null 2>&1 & echo $!
cat >/dev/null; kill -9 $!; rm -r "$PWD""#;

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A server with more arguments.
    pub(crate) async fn start_with(more: &[&str]) -> Self {
        let plain = ["--save", "", "--appendonly", "no"];
        Self::start_as(&[], &[&plain, more].concat()).await
    }

    /// A server with a configuration that it writes to.
    pub(crate) async fn start_from(file: &str, more: &[&str]) -> Self {
        Self::start_as(&[file], more).await
    }

    async fn start_as(first: &[&str], more: &[&str]) -> Self {
        // Another process may have taken the free port meanwhile.
        for _ in 0..5 {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let port = listener.local_addr().expect("an address").port();
            drop(listener);
            let mut server = Self::spawn(port, first, more);
            if server.answers().await {
                return server;
            }
            server.end();
        }
        panic!("redis-server does not start: install it with `apt-get install redis-server`");
    }

    fn spawn(port: u16, first: &[&str], more: &[&str]) -> Self {
        let port_text = port.to_string();
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "sh"])
            .args(first)
            .args(["--bind", "127.0.0.1", "--port", &port_text])
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut pid = String::new();
        let output = shell.stdout.as_mut().expect("piped");
        BufReader::new(output.by_ref())
            .read_line(&mut pid)
            .expect("a line");
        let pid = pid.trim().to_owned();
        Self { shell, pid, port }
    }

    async fn answers(&self) -> bool {
        let client = redis::Client::open(self.url()).expect("a valid URL");
        for _ in 0..600 {
            let connection = client.get_multiplexed_async_connection().await;
            if let Ok(mut connection) = connection {
                let ping = redis::cmd("PING");
                let answer = ping.query_async::<redis::Value>(&mut connection);
                if answer.await.is_ok() {
                    return true;
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// A directory in this server.
    pub(crate) fn directory(&self) -> RedisDirectory {
        RedisDirectory::new(&self.url()).expect("a valid URL")
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Sends a signal, such as `STOP`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.pid]).status();
        assert!(sent.expect("kill").success(), "no such process");
    }

    /// Kills the server, and starts an empty one in its place.
    pub(crate) async fn replace(&mut self) {
        // A connection of another process may have the port for a moment.
        for _ in 0..5 {
            self.end();
            *self = Self::spawn(self.port, &[], &["--save", "", "--appendonly", "no"]);
            if self.answers().await {
                return;
            }
        }
        panic!("no server on the same port");
    }

    /// Runs a command in the server.
    pub(crate) async fn run(&self, command: &[&str]) -> redis::Value {
        let client = redis::Client::open(self.url()).expect("a valid URL");
        let connection = client.get_multiplexed_async_connection().await;
        let mut command_line = redis::cmd(command[0]);
        command_line.arg(&command[1..]);
        let mut connection = connection.expect("a connection");
        command_line
            .query_async(&mut connection)
            .await
            .expect("an answer")
    }

    pub(crate) fn end(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// A directory with keys of its own in a server that all tests share.
pub(crate) async fn directory() -> RedisDirectory {
    static SERVER: OnceLock<Server> = OnceLock::new();
    static STARTING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _starting = STARTING.lock().await;
    if SERVER.get().is_none() {
        let _ = SERVER.set(Server::start().await);
    }
    let server = SERVER.get().expect("set above");
    let prefix = format!("{}:", ReplicaId::random().to_hex());
    server.directory().with_prefix(prefix)
}
