//! The servers: their sources, their arguments and their expected behaviour.
//!
//! A new server is a new row.

use mcp_pool_testkit::server::{CounterServer, Modes};
use mcp_session_pool::{TransportKind, config::Lifecycle};

/// A server in one of its modes.
pub(super) struct Row {
    /// The server.
    pub(super) server: &'static str,
    /// The mode, where the transport is not enough to name it.
    pub(super) mode: &'static str,
    pub(super) source: Source,
    pub(super) transport: TransportKind,
    pub(super) path: &'static str,
    pub(super) keeps: Keeps,
    /// The era that the pool assumes.
    pub(super) lifecycle: Lifecycle,
    /// The revision that is negotiated with it.
    pub(super) revision: &'static str,
    /// The calls that users make of it, in turn.
    pub(super) calls: &'static [Call],
}

/// A call of a tool. The answer shows which session executed it.
#[derive(Clone, Copy)]
pub(super) enum Call {
    /// `echo` returns its message.
    Echo,
    /// `increment` returns the number of its calls in the session.
    ///
    /// Without sessions, it counts the calls of the bearer token.
    Increment,
}

/// The source of a server.
pub(super) enum Source {
    /// A package. The program gets these arguments after those of the package.
    Package(&'static Package, &'static [&'static str]),
    /// rmcp's server, in this process.
    Embedded(fn() -> CounterServer),
}

/// A package at a pinned version.
pub(super) struct Package {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    pub(super) registry: Registry,
    /// A file of the package for npm, a script of this repository for PyPI.
    pub(super) program: &'static str,
}

/// The registry of a package, which decides the tools that install and run it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Registry {
    Npm,
    PyPi,
}

/// How the server recognises a session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeps {
    /// By an id in a header of each request.
    Ids,
    /// By the event stream of its answers.
    Streams,
    /// Not at all: the server keeps no sessions.
    Nothing,
}

impl Row {
    /// The name for the command line.
    pub(super) fn name(&self) -> String {
        let words = [self.server, self.transport.as_str(), self.mode];
        words.join(" ").trim_end().to_owned()
    }

    /// The first request of each session.
    pub(super) fn opens_with(&self) -> &'static str {
        match self.is_modern() {
            true => "server/discover",
            false => "initialize",
        }
    }

    /// The number of sessions that a user's calls need.
    ///
    /// The second one follows after the server was killed.
    pub(super) fn halves(&self) -> usize {
        match self.keeps {
            Keeps::Ids | Keeps::Streams => 2,
            Keeps::Nothing => 1,
        }
    }

    pub(super) fn is_modern(&self) -> bool {
        self.revision == MODERN.revision
    }

    pub(super) fn package(&self) -> Option<&'static Package> {
        match self.source {
            Source::Package(package, _) => Some(package),
            Source::Embedded(_) => None,
        }
    }
}

const EVERYTHING: Package = Package {
    name: "@modelcontextprotocol/server-everything",
    version: "2026.8.31",
    registry: Registry::Npm,
    program: "dist/index.js",
};
const PYTHON_1: Package = Package {
    name: "mcp",
    version: "1.30.0",
    registry: Registry::PyPi,
    program: "python1.py",
};
const PYTHON_2: Package = Package {
    name: "mcp",
    version: "2.3.0",
    registry: Registry::PyPi,
    program: "python2.py",
};

/// A server over Streamable HTTP that keeps sessions and counts.
///
/// The others differ from it.
const USUAL: Row = Row {
    server: "",
    mode: "",
    source: Source::Embedded(CounterServer::start),
    transport: TransportKind::STREAMABLE_HTTP,
    path: "/mcp",
    keeps: Keeps::Ids,
    lifecycle: Lifecycle::Auto,
    revision: "2025-11-25",
    calls: &[Call::Echo, Call::Increment],
};

/// A server over HTTP+SSE that counts.
const STREAMING: Row = Row {
    transport: TransportKind::SSE,
    path: "/sse",
    keeps: Keeps::Streams,
    ..USUAL
};

/// A server without sessions, for which the pool assumes nothing.
const SESSIONLESS: Row = Row {
    mode: "stateless",
    keeps: Keeps::Nothing,
    calls: &[Call::Echo],
    ..USUAL
};

/// A server of the revision without sessions.
const MODERN: Row = Row {
    revision: "2026-07-28",
    ..SESSIONLESS
};

pub(super) const ROWS: &[Row] = &[
    Row {
        server: "everything",
        source: Source::Package(&EVERYTHING, &["sse"]),
        calls: &[Call::Echo],
        ..STREAMING
    },
    Row {
        server: "everything",
        source: Source::Package(&EVERYTHING, &["streamableHttp"]),
        calls: &[Call::Echo],
        ..USUAL
    },
    Row {
        server: "python-1",
        source: Source::Package(&PYTHON_1, &["sse"]),
        ..STREAMING
    },
    Row {
        server: "python-1",
        source: Source::Package(&PYTHON_1, &["streamable-http"]),
        ..USUAL
    },
    Row {
        server: "python-1",
        source: Source::Package(&PYTHON_1, &["streamable-http", "stateless"]),
        ..SESSIONLESS
    },
    Row {
        server: "python-1",
        mode: "stateless json",
        source: Source::Package(&PYTHON_1, &["streamable-http", "stateless", "json"]),
        ..SESSIONLESS
    },
    Row {
        server: "python-2",
        source: Source::Package(&PYTHON_2, &["sse"]),
        ..STREAMING
    },
    Row {
        server: "python-2",
        mode: "legacy",
        source: Source::Package(&PYTHON_2, &["streamable-http"]),
        lifecycle: Lifecycle::Legacy,
        ..USUAL
    },
    Row {
        server: "python-2",
        mode: "legacy stateless",
        source: Source::Package(&PYTHON_2, &["streamable-http", "stateless"]),
        lifecycle: Lifecycle::Legacy,
        ..SESSIONLESS
    },
    Row {
        server: "python-2",
        mode: "modern",
        source: Source::Package(&PYTHON_2, &["streamable-http"]),
        ..MODERN
    },
    Row {
        server: "python-2",
        mode: "modern stateless json",
        source: Source::Package(&PYTHON_2, &["streamable-http", "stateless", "json"]),
        ..MODERN
    },
    Row {
        server: "rmcp",
        source: Source::Embedded(|| CounterServer::start_as(Modes::default().over_sse())),
        path: "/mcp",
        calls: &[Call::Increment],
        ..STREAMING
    },
    Row {
        server: "rmcp",
        calls: &[Call::Increment],
        ..USUAL
    },
    Row {
        server: "rmcp",
        mode: "stateless json",
        source: Source::Embedded(|| {
            CounterServer::start_as(Modes::default().without_sessions().with_json())
        }),
        calls: &[Call::Increment],
        ..SESSIONLESS
    },
    Row {
        server: "rmcp",
        mode: "of both eras",
        source: Source::Embedded(|| CounterServer::start_as(Modes::default().of_both_eras())),
        calls: &[Call::Increment],
        ..MODERN
    },
    Row {
        server: "rmcp",
        mode: "modern only",
        source: Source::Embedded(|| CounterServer::start_as(Modes::default().stateless_only())),
        calls: &[Call::Increment],
        ..MODERN
    },
];
