"""The number of sessions that the SDK keeps open in this process, for `GET /sessions`."""

import gc

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.requests import Request
from starlette.responses import PlainTextResponse


async def sessions(_: Request) -> PlainTextResponse:
    """Answers with the number of open sessions."""
    managers = [one for one in gc.get_objects() if isinstance(one, StreamableHTTPSessionManager)]
    transports = [one for manager in managers for one in manager._server_instances.values()]
    return PlainTextResponse(str(sum(not one.is_terminated for one in transports)))
