//! Servers in Go, C# and Java, which a run of all jobs calls.

use mcp_session_pool::config::Lifecycle;
use serde_json::json;

use super::{
    kinds::{LONG, LONG_MODERN, LONG_SESSIONLESS, LONG_STREAMING},
    packages::{ARCADEDB, AZURE, GRAFANA, KUBERNETES, MCP_TIME},
    row::{Call, Job, Row, Source},
};

/// Without a cluster: its answers are errors with the name of what it was called for.
const OF_KUBERNETES: &[Call] = &[Call::Named {
    tool: "pods_get",
    arguments: |message| json!({ "name": message, "namespace": "default" }),
}];

const STATELESS_KUBERNETES: &[&str] = &[
    "--port",
    "{port}",
    "--bind-address",
    "127.0.0.1",
    "--kubeconfig",
    "{scripts}/kubeconfig.yaml",
    "--stateless",
];

/// A link is made without a Grafana.
const OF_GRAFANA: &[Call] = &[Call::Named {
    tool: "generate_deeplink",
    arguments: |message| json!({ "resourceType": "dashboard", "dashboardUid": message }),
}];

pub(super) const ROWS: &[Row] = &[
    // The SDK of Go, 1.8.0.
    Row {
        server: "kubernetes",
        source: Source::Package(
            &KUBERNETES,
            &[
                "--port",
                "{port}",
                "--bind-address",
                "127.0.0.1",
                "--kubeconfig",
                "{scripts}/kubeconfig.yaml",
            ],
        ),
        calls: OF_KUBERNETES,
        ..LONG
    },
    Row {
        server: "kubernetes",
        mode: "legacy stateless",
        source: Source::Package(&KUBERNETES, STATELESS_KUBERNETES),
        lifecycle: Lifecycle::Legacy,
        calls: OF_KUBERNETES,
        ..LONG_SESSIONLESS
    },
    Row {
        server: "kubernetes",
        mode: "modern",
        source: Source::Package(&KUBERNETES, STATELESS_KUBERNETES),
        calls: OF_KUBERNETES,
        ..LONG_MODERN
    },
    // The SDK of Go, 1.8.0.
    Row {
        server: "grafana",
        source: Source::Package(&GRAFANA, &["sse"]),
        calls: OF_GRAFANA,
        ..LONG_STREAMING
    },
    Row {
        server: "grafana",
        mode: "legacy stateless",
        source: Source::Package(&GRAFANA, &["streamable-http"]),
        lifecycle: Lifecycle::Legacy,
        calls: OF_GRAFANA,
        ..LONG_SESSIONLESS
    },
    Row {
        server: "grafana",
        mode: "modern",
        source: Source::Package(&GRAFANA, &["streamable-http"]),
        calls: OF_GRAFANA,
        ..LONG_MODERN
    },
    // mcp-go 0.33.
    Row {
        server: "mcp-time",
        source: Source::Package(
            &MCP_TIME,
            &["-t", "stream", "--address", "http://127.0.0.1:{port}/mcp"],
        ),
        revision: "2025-03-26",
        calls: &[Call::Named {
            tool: "relative_time",
            arguments: |message| json!({ "text": message }),
        }],
        // It takes every id that has the form of one, so that no session is opened after a crash.
        more_jobs: &[Job::Plain, Job::Listening],
        ..LONG
    },
    // The SDK of C#.
    Row {
        server: "azure",
        source: Source::Package(
            &AZURE,
            &[
                "server",
                "start",
                "--transport",
                "http",
                "--namespace",
                "bicepschema",
                "--mode",
                "all",
                "--dangerously-disable-http-incoming-auth",
                "--outgoing-auth-strategy",
                "UseHostingEnvironmentIdentity",
            ],
        ),
        path: "/",
        calls: &[Call::Named {
            tool: "bicepschema_get",
            arguments: |message| json!({ "resource-type": message }),
        }],
        ..LONG
    },
    // An implementation of its own, in Java.
    Row {
        server: "arcadedb",
        source: Source::Package(&ARCADEDB, &[]),
        path: "/api/v1/mcp",
        revision: "2025-03-26",
        calls: &[Call::Named {
            tool: "query",
            // It has none, and its answer names the one that was called for.
            arguments: |message| json!({ "database": message, "language": "sql", "query": "SELECT 1" }),
        }],
        // `root:interop-password`, as arcadedb.py has it.
        authorization: Some("Basic cm9vdDppbnRlcm9wLXBhc3N3b3Jk"),
        ..LONG_SESSIONLESS
    },
];
