//! The wire: real sessions over the loopback interface, pooled and on rmcp's own client.
//!
//! Both sides have HTTP clients of the same settings, and both keep their connections. The server
//! runs on one thread, whose CPU time is subtracted. What needs a process of its own is measured in
//! one, with the server in this one.

#[cfg(feature = "count-allocations")]
mod bytes;
mod calls;
mod count;
mod figures;
mod form;
mod idle;
mod life;
mod lines;
mod once;
mod server;
mod sides;

use std::time::Duration;

use mcp_session_pool::StreamableHttpConnector;
use tokio::runtime::Runtime;

#[cfg(feature = "count-allocations")]
pub(super) use self::bytes::idle_bytes;
use self::{calls::Calls, form::Form, server::Server, sides::http};
pub(crate) use self::{
    count::{CallOptions, call},
    idle::{IdleOptions, idle},
};
pub(super) use self::{
    figures::{OnceFigures, Parts, WireFigures, WireRatios},
    lines::wire_lines,
    once::{OnceEffort, memory_of, once},
};
use crate::Result;

/// A server, and both sides of each form of its answers.
pub(super) struct Wire {
    server: Server,
    connector: StreamableHttpConnector,
    http: reqwest::Client,
    forms: Vec<Calls>,
}

impl Wire {
    pub(super) async fn new() -> Result<Self> {
        let server = Server::start()?;
        let connector = StreamableHttpConnector::from_builder(http(IDLE_TIME))?;
        let http = http(IDLE_TIME).build()?;
        let mut forms = Vec::new();
        for form in Form::ALL {
            forms.push(Calls::new(&server, form, &connector, &http).await?);
        }
        // The crowd calls the first form only.
        forms[0].warm().await;
        Ok(Self {
            server,
            connector,
            http,
            forms,
        })
    }

    /// Times calls one after the other.
    pub(super) fn calls(&self, runtime: &Runtime, calls: u32, figures: &mut WireFigures) {
        for form in &self.forms {
            form.time(runtime, calls, figures);
        }
    }

    /// What a call consists of, on each side.
    pub(super) fn parts(&self, runtime: &Runtime, calls: u32) -> [Parts; 2] {
        self.forms[0].parts(&self.server, runtime, calls)
    }

    /// Measures the CPU time of the calls of 64 callers.
    pub(super) fn crowd(&self, runtime: &Runtime, turns: u32, figures: &mut WireFigures) {
        self.forms[0].crowd(&self.server, runtime, turns, figures);
    }

    /// Measures the CPU time of opening and closing.
    pub(super) fn life(
        &self,
        runtime: &Runtime,
        sessions: usize,
        figures: &mut WireFigures,
    ) -> Result {
        let (connector, http) = (&self.connector, &self.http);
        life::life(&self.server, runtime, connector, http, sessions, figures)
    }
}

/// Longer than any bench.
const IDLE_TIME: Duration = Duration::from_secs(86_400);
