"""A small server of FastMCP 2 to 4: fast_mcp.py PORT [stateless] [json]"""

import sys
from collections import Counter

from fastmcp import FastMCP
from fastmcp.server.dependencies import get_http_request
from sessions import sessions

port, *options = sys.argv[1:]
server = FastMCP("fastmcp")
server.custom_route("/sessions", methods=["GET"])(sessions)
counts: Counter = Counter()


@server.tool
def echo(message: str) -> str:
    """Returns its message."""
    return message


@server.tool
def increment() -> str:
    """Adds one to the session's count."""
    session = get_http_request().headers.get("mcp-session-id")
    counts[session] += 1
    return str(counts[session])


server.run(
    transport="http",
    host="127.0.0.1",
    port=int(port),
    path="/mcp",
    show_banner=False,
    stateless_http="stateless" in options,
    json_response="json" in options,
)
