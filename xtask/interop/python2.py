"""A small server of the Python SDK 2.x: python2.py PORT sse|streamable-http [stateless] [json]"""

import sys
from collections import Counter

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from sessions import sessions

port, transport, *options = sys.argv[1:]
server = MCPServer("python-2")
server.custom_route("/sessions", methods=["GET"])(sessions)
counts: Counter = Counter()


@server.tool()
def echo(message: str) -> str:
    """Returns its message."""
    return message


@server.tool()
def increment(ctx: Context) -> str:
    """Adds one to the session's count."""
    request = ctx.request_context.request
    session = request.headers.get("mcp-session-id") or request.query_params.get("session_id")
    counts[session] += 1
    return str(counts[session])


where = {"host": "127.0.0.1", "port": int(port)}
if transport != "sse":
    where["stateless_http"] = "stateless" in options
    where["json_response"] = "json" in options
server.run(transport, **where)
