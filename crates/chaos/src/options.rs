//! The options of the program.

use std::{net::IpAddr, str::FromStr};

use clap::ValueEnum;
use mcp_pool_core::config::Lifecycle;
use mcp_pool_testkit::{Fault, FaultServer, OrderError, When, Wire};

/// The options of the program, for clap.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "mcp-chaos", version, about)]
#[non_exhaustive]
pub struct Options {
    /// What the server speaks.
    #[arg(long, value_enum, default_value_t = Spoken::Events)]
    pub(crate) wire: Spoken,
    /// Whether it has sessions; HTTP+SSE always has.
    #[arg(long, value_enum, default_value_t = Era::Sessions)]
    pub(crate) era: Era,
    /// The address to listen at.
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) host: IpAddr,
    /// The port of the server; 0 for a free one.
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// The port that controls it; 0 for a free one.
    #[arg(long, default_value_t = 0)]
    pub(crate) control_port: u16,
    /// Serves over TLS.
    #[arg(long)]
    pub(crate) tls: bool,
    /// Goes on when the standard input ends.
    #[arg(long)]
    pub(crate) detached: bool,
    /// A fault and the requests that it strikes, as `reply_lost@tools/call#2`. May be repeated.
    #[arg(long = "fault", value_name = "FAULT@REQUESTS")]
    pub(crate) faults: Vec<Order>,
}

/// What a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Spoken {
    /// Streamable HTTP with streams of events as answers.
    Events,
    /// Streamable HTTP with JSON as answers.
    Json,
    /// HTTP+SSE of revision 2024-11-05.
    Sse,
}

/// Whether a server has sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Era {
    /// A session for each `initialize`, up to revision 2025-11-25.
    Sessions,
    /// No sessions, revision 2026-07-28.
    Stateless,
}

/// A fault and the requests that it strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    fault: Fault,
    when: When,
}

impl Order {
    pub(crate) fn arm(self, server: &FaultServer) {
        server.arm(self.fault, self.when);
    }

    /// Reads an order from each line.
    ///
    /// # Errors
    /// When a line is no order.
    pub(crate) fn read_all(text: &str) -> Result<Vec<Self>, OrderError> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.map(Self::from_str).collect()
    }
}

impl FromStr for Order {
    type Err = OrderError;

    fn from_str(text: &str) -> Result<Self, OrderError> {
        let (fault, when) = text.split_once('@').unwrap_or((text, ""));
        Ok(Self {
            fault: fault.parse()?,
            when: when.parse()?,
        })
    }
}

impl From<Spoken> for Wire {
    fn from(spoken: Spoken) -> Self {
        match spoken {
            Spoken::Events => Self::Events,
            Spoken::Json => Self::Json,
            Spoken::Sse => Self::Sse,
        }
    }
}

impl From<Era> for Lifecycle {
    fn from(era: Era) -> Self {
        match era {
            Era::Sessions => Self::Legacy,
            Era::Stateless => Self::Stateless,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_fault_and_its_requests() {
        let orders = Order::read_all("reply_lost@tools/call#2\n\n  garbage@ping \n");
        assert_eq!(orders.map(|orders| orders.len()), Ok(2));
        for wrong in [
            "reply_lost",
            "reply_lost@",
            "@tools/call",
            "nothing@tools/call",
        ] {
            assert!(Order::read_all(wrong).is_err(), "{wrong}");
        }
    }
}
