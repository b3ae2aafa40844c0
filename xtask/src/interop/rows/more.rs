//! Bridges, frameworks and other versions of the SDKs, which a run of all jobs calls.

use mcp_session_pool::config::Lifecycle;

use super::{
    kinds::{LONG, LONG_MODERN, LONG_SESSIONLESS, LONG_STREAMING, STREAMING},
    packages::{
        DJANGO_MCP_SERVER, FASTAPI_MCP, FASTMCP_2, FASTMCP_3, FASTMCP_4, MCP_LITE, MCP_PROXY,
        PLAYWRIGHT, PYTHON_1_20, PYTHON_1_25, SUPERGATEWAY, TYPESCRIPT_2,
    },
    row::{Call, Job, Keeps, Row, Source},
};

/// A bridge that writes every answer to every client.
const BROADCASTING: Row = Row {
    server: "supergateway",
    source: Source::Package(
        &SUPERGATEWAY,
        &[
            "--stdio",
            "{server}",
            "--port",
            "{port}",
            "--logLevel",
            "none",
        ],
    ),
    calls: &[Call::Echo],
    jobs: &[Job::Crowd],
    more_jobs: LONG.more_jobs,
    ..STREAMING
};

/// A server that answers each request with 307, where its URL has a slash at the end.
const WITH_SLASH: Row = Row {
    path: "/mcp/",
    mode: "slash",
    redirects: true,
    ..FASTMCP
};

const FASTMCP: Row = Row {
    server: "fastmcp-2",
    source: Source::Package(&FASTMCP_2, &[]),
    tells: true,
    ..LONG
};

pub(super) const ROWS: &[Row] = &[
    BROADCASTING,
    Row {
        server: "supergateway",
        source: Source::Package(
            &SUPERGATEWAY,
            &[
                "--stdio",
                "{server}",
                "--port",
                "{port}",
                "--logLevel",
                "none",
                "--outputTransport",
                "streamableHttp",
                "--stateful",
            ],
        ),
        calls: &[Call::Echo],
        ..LONG
    },
    FASTMCP,
    WITH_SLASH,
    Row {
        server: "fastmcp-3",
        source: Source::Package(&FASTMCP_3, &[]),
        ..FASTMCP
    },
    Row {
        server: "fastmcp-3",
        source: Source::Package(&FASTMCP_3, &[]),
        ..WITH_SLASH
    },
    Row {
        server: "fastmcp-4",
        mode: "legacy",
        source: Source::Package(&FASTMCP_4, &[]),
        lifecycle: Lifecycle::Legacy,
        ..FASTMCP
    },
    Row {
        server: "fastmcp-4",
        mode: "legacy slash",
        source: Source::Package(&FASTMCP_4, &[]),
        lifecycle: Lifecycle::Legacy,
        ..WITH_SLASH
    },
    Row {
        server: "fastmcp-4",
        mode: "modern",
        source: Source::Package(&FASTMCP_4, &[]),
        calls: &[Call::Echo],
        tells: true,
        ..LONG_MODERN
    },
    Row {
        server: "fastmcp-4",
        mode: "modern slash",
        source: Source::Package(&FASTMCP_4, &[]),
        path: "/mcp/",
        redirects: true,
        calls: &[Call::Echo],
        tells: true,
        ..LONG_MODERN
    },
    Row {
        server: "python-1.20",
        source: Source::Package(&PYTHON_1_20, &["streamable-http"]),
        revision: "2025-06-18",
        tells: true,
        ..LONG
    },
    Row {
        server: "python-1.25",
        source: Source::Package(&PYTHON_1_25, &["streamable-http"]),
        tells: true,
        ..LONG
    },
    Row {
        server: "fastapi-mcp",
        source: Source::Package(&FASTAPI_MCP, &[]),
        calls: &[Call::Echo],
        tells: true,
        // It answers its first requests with 500 when several come at the same time.
        more_jobs: &[Job::Plain, Job::Listening],
        ..LONG
    },
    Row {
        server: "django-mcp-server",
        source: Source::Package(&DJANGO_MCP_SERVER, &[]),
        calls: &[Call::Echo],
        tells: true,
        ..LONG
    },
    Row {
        server: "django-mcp-server",
        source: Source::Package(&DJANGO_MCP_SERVER, &["stateless"]),
        tells: true,
        ..LONG_SESSIONLESS
    },
    Row {
        server: "mcp-proxy",
        source: Source::Package(&MCP_PROXY, &["{server}"]),
        calls: &[Call::Echo],
        ..LONG
    },
    Row {
        server: "mcp-proxy",
        source: Source::Package(&MCP_PROXY, &["{server}"]),
        calls: &[Call::Echo],
        ..LONG_STREAMING
    },
    Row {
        server: "playwright",
        source: Source::Package(
            &PLAYWRIGHT,
            &["--port", "{port}", "--allowed-hosts", "*", "--headless"],
        ),
        calls: &[Call::List("browser_navigate")],
        more_jobs: &[Job::Plain, Job::Listening],
        ..LONG
    },
    Row {
        server: "typescript-2",
        mode: "legacy",
        source: Source::Package(&TYPESCRIPT_2, &["sessions"]),
        calls: &[Call::Echo],
        tells: true,
        ..LONG
    },
    Row {
        server: "typescript-2",
        mode: "modern",
        source: Source::Package(&TYPESCRIPT_2, &["modern"]),
        calls: &[Call::Echo],
        ..LONG_MODERN
    },
    Row {
        server: "mcp-lite",
        source: Source::Package(&MCP_LITE, &["sessions"]),
        revision: "2025-03-26",
        calls: &[Call::Echo],
        tells: true,
        // It serves the sessions of before a crash further, so that none is opened after it.
        more_jobs: &[Job::Plain, Job::Listening],
        ..LONG
    },
    Row {
        server: "mcp-lite",
        source: Source::Package(&MCP_LITE, &["stateless"]),
        revision: "2025-03-26",
        keeps: Keeps::Nothing,
        ..LONG_SESSIONLESS
    },
];
