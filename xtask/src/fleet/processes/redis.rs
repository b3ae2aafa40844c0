//! The Redis of the fleet.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::{net::TcpStream, time::sleep};

use crate::Result;

/// A Redis server on a free port, without persistence. It ends with this value.
pub(in crate::fleet) struct Redis {
    child: Child,
    port: u16,
}

impl Redis {
    /// Starts a server.
    ///
    /// # Errors
    /// There is no `redis-server`, or it does not listen.
    pub(in crate::fleet) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        drop(listener);
        let redis = Self {
            child: spawn(port)?,
            port,
        };
        redis.ready().await?;
        Ok(redis)
    }

    pub(in crate::fleet) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Stops and continues the server without its knowledge.
    pub(in crate::fleet) fn signal(&self, name: &str) -> Result {
        super::replica::signal(self.child.id(), name)
    }

    /// Kills the server.
    pub(in crate::fleet) fn kill(&mut self) -> Result {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts an empty server in the place of one that was killed.
    pub(in crate::fleet) async fn start_again(&mut self) -> Result {
        self.child = spawn(self.port)?;
        self.ready().await
    }

    /// Runs a command, as a stranger with access to the server may do.
    ///
    /// # Errors
    /// There is no `redis-cli`, or the server refuses the command.
    pub(in crate::fleet) fn run(&self, command: &[&str]) -> Result<String> {
        let output = Command::new("redis-cli")
            .args(["-e", "-p", &self.port.to_string()])
            .args(command)
            .output()?;
        match output.status.success() {
            true => Ok(String::from_utf8(output.stdout)?.trim().to_owned()),
            false => Err(String::from_utf8_lossy(&output.stderr).into()),
        }
    }

    async fn ready(&self) -> Result {
        for _ in 0..250 {
            if TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                return Ok(());
            }
            sleep(Duration::from_millis(20)).await;
        }
        Err("redis-server does not listen".into())
    }
}

fn spawn(port: u16) -> Result<Child> {
    let port = port.to_string();
    let server = Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &port])
        .args(["--save", "", "--appendonly", "no"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn();
    let missing = "redis-server does not start; install it with `apt-get install redis-server`";
    server.map_err(|error| format!("{missing}: {error}").into())
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
