"""A small server of the Python SDK 1.x: python1.py PORT sse|streamable-http [stateless] [json]"""

import sys
from weakref import WeakKeyDictionary

from mcp.server.fastmcp import Context, FastMCP
from sessions import sessions

port, transport, *options = sys.argv[1:]
server = FastMCP(
    "python-1",
    host="127.0.0.1",
    port=int(port),
    stateless_http="stateless" in options,
    json_response="json" in options,
)
server.custom_route("/sessions", methods=["GET"])(sessions)
counts: WeakKeyDictionary = WeakKeyDictionary()


@server.tool()
def echo(message: str) -> str:
    """Returns its message."""
    return message


@server.tool()
def increment(ctx: Context) -> str:
    """Adds one to the session's count."""
    counts[ctx.session] = counts.get(ctx.session, 0) + 1
    return str(counts[ctx.session])


server.run(transport=transport)
