//! The servers of the SDKs, which every run calls.

use mcp_pool_testkit::server::{CounterServer, Modes};
use mcp_session_pool::config::Lifecycle;

use super::{
    kinds::{MODERN, SESSIONLESS, STREAMING, USUAL},
    packages::{EVERYTHING, PYTHON_1, PYTHON_2},
    row::{Call, Row, Source},
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
        tells: true,
        ..USUAL
    },
    Row {
        server: "python-1",
        source: Source::Package(&PYTHON_1, &["streamable-http", "stateless"]),
        tells: true,
        ..SESSIONLESS
    },
    Row {
        server: "python-1",
        mode: "stateless json",
        source: Source::Package(&PYTHON_1, &["streamable-http", "stateless", "json"]),
        tells: true,
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
        tells: true,
        lifecycle: Lifecycle::Legacy,
        ..USUAL
    },
    Row {
        server: "python-2",
        mode: "legacy stateless",
        source: Source::Package(&PYTHON_2, &["streamable-http", "stateless"]),
        tells: true,
        lifecycle: Lifecycle::Legacy,
        ..SESSIONLESS
    },
    Row {
        server: "python-2",
        mode: "modern",
        source: Source::Package(&PYTHON_2, &["streamable-http"]),
        tells: true,
        ..MODERN
    },
    Row {
        server: "python-2",
        mode: "modern stateless json",
        source: Source::Package(&PYTHON_2, &["streamable-http", "stateless", "json"]),
        tells: true,
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
