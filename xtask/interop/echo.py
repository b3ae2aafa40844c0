"""A server that echoes, in a thread of a gateway's own process, so that it ends with the gateway."""

import socket
import threading

import uvicorn

try:
    from mcp.server import MCPServer
except ImportError:
    from mcp.server.fastmcp import FastMCP as MCPServer

server = MCPServer("echo")


@server.tool()
def echo(message: str) -> str:
    """Returns its message."""
    return message


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def start() -> str:
    """Starts the server, and returns its URL."""
    port = free_port()
    config = uvicorn.Config(server.streamable_http_app(), host="127.0.0.1", port=port)
    threading.Thread(target=uvicorn.Server(config).run, daemon=True).start()
    return f"http://127.0.0.1:{port}/mcp"
