//! The packages, each at its pinned version.

use super::package::{Package, Program, Registry};

/// Over stdio, it stands behind each bridge.
pub(in super::super) const EVERYTHING: Package = Package {
    name: "@modelcontextprotocol/server-everything",
    version: "2026.8.31",
    registry: Registry::Npm,
    beside: &[],
    program: Program::File("dist/index.js"),
};
pub(in super::super) const PYTHON_1: Package = Package {
    name: "mcp",
    version: "1.30.0",
    registry: Registry::PyPi,
    beside: &[],
    program: Program::Script("python1.py"),
};
pub(in super::super) const PYTHON_2: Package = Package {
    name: "mcp",
    version: "2.3.0",
    registry: Registry::PyPi,
    beside: &[],
    program: Program::Script("python2.py"),
};
/// A client.
pub(in super::super) const INSPECTOR: Package = Package {
    name: "@modelcontextprotocol/inspector",
    version: "2.12.0",
    registry: Registry::Npm,
    beside: &[],
    program: Program::File("clients/launcher/build/index.js"),
};
/// It writes every answer to every client. With the SDK that they install today, the versions before
/// it end at a second client.
pub(super) const SUPERGATEWAY: Package = Package {
    name: "supergateway",
    version: "4.0.0",
    registry: Registry::Npm,
    beside: &[],
    program: Program::File("dist/index.js"),
};
pub(super) const MCP_PROXY: Package = Package {
    name: "mcp-proxy",
    version: "0.13.0",
    registry: Registry::PyPi,
    beside: &[],
    program: Program::Script("bridge.py"),
};
pub(super) const FASTMCP_2: Package = Package {
    name: "fastmcp",
    version: "2.14.7",
    registry: Registry::PyPi,
    beside: &[],
    program: Program::Script("fast_mcp.py"),
};
pub(super) const FASTMCP_3: Package = Package {
    version: "3.4.11",
    ..FASTMCP_2
};
pub(super) const FASTMCP_4: Package = Package {
    version: "4.2.3",
    ..FASTMCP_2
};
pub(super) const PYTHON_1_20: Package = Package {
    version: "1.20.0",
    // It uses an internal function that later versions do not have.
    beside: &["pydantic==2.12.5"],
    ..PYTHON_1
};
pub(super) const PYTHON_1_25: Package = Package {
    version: "1.25.0",
    ..PYTHON_1
};
/// It does not work with the SDK 2.x, which its requirements allow.
pub(super) const FASTAPI_MCP: Package = Package {
    name: "fastapi-mcp",
    version: "0.4.0",
    registry: Registry::PyPi,
    beside: &["mcp==1.30.0"],
    program: Program::Script("fastapi_app.py"),
};
/// It does not work with the SDK 2.x, which its requirements allow.
pub(super) const DJANGO_MCP_SERVER: Package = Package {
    name: "django-mcp-server",
    version: "0.5.7",
    registry: Registry::PyPi,
    beside: &["mcp==1.30.0"],
    program: Program::Script("django_app.py"),
};
pub(super) const PLAYWRIGHT: Package = Package {
    name: "@playwright/mcp",
    version: "0.0.83",
    registry: Registry::Npm,
    beside: &[],
    program: Program::File("cli.js"),
};
pub(super) const TYPESCRIPT_2: Package = Package {
    name: "@modelcontextprotocol/server",
    version: "2.4.0",
    registry: Registry::Npm,
    beside: &["@modelcontextprotocol/node@2.1.2", "zod@4.6.7"],
    program: Program::Script("typescript2.mjs"),
};
pub(in super::super) const KUBERNETES: Package = Package {
    name: "kubernetes-mcp-server-linux-amd64",
    version: "0.0.67",
    registry: Registry::Npm,
    beside: &[],
    program: Program::Binary("bin/kubernetes-mcp-server-linux-amd64"),
};
pub(super) const GRAFANA: Package = Package {
    name: "mcp-grafana",
    version: "2.1.1",
    registry: Registry::PyPi,
    beside: &[],
    program: Program::Script("grafana.py"),
};
pub(super) const MCP_TIME: Package = Package {
    name: "mcp-time-linux-x64",
    version: "0.4.0",
    registry: Registry::Npm,
    beside: &[],
    program: Program::Binary("bin/mcp-time"),
};
pub(super) const AZURE: Package = Package {
    name: "@azure/mcp-linux-x64",
    version: "2.0.5",
    registry: Registry::Npm,
    beside: &[],
    program: Program::Binary("dist/azmcp"),
};
/// With its own Java.
pub(super) const ARCADEDB: Package = Package {
    name: "arcadedb-embedded",
    version: "26.10.2.post1",
    registry: Registry::PyPi,
    beside: &[],
    program: Program::Script("arcadedb.py"),
};
pub(super) const LITELLM: Package = Package {
    name: "litellm",
    version: "1.108.7",
    registry: Registry::PyPi,
    beside: &["litellm[proxy]==1.108.7"],
    program: Program::Script("lite_llm.py"),
};
pub(super) const CONTEXTFORGE: Package = Package {
    name: "mcp-contextforge-gateway",
    version: "1.0.7.post20260921",
    registry: Registry::PyPi,
    beside: &[],
    program: Program::Script("contextforge.py"),
};
pub(super) const MCP_LITE: Package = Package {
    name: "mcp-lite",
    version: "0.10.0",
    registry: Registry::Npm,
    beside: &["@hono/node-server@2.1.9"],
    program: Program::Script("mcp_lite.mjs"),
};
