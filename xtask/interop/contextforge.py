"""ContextForge as a gateway, in front of a server that echoes: contextforge.py PORT TOKEN [sessions]"""

import asyncio
import os
import sys
import tempfile

import echo
import httpx
import uvicorn

port, token, *options = sys.argv[1:]
os.environ.update(
    {
        "DATABASE_URL": f"sqlite:///{tempfile.mkdtemp()}/mcp.db",
        "CACHE_TYPE": "memory",
        "JWT_SECRET_KEY": "interop-secret-key-of-more-than-32-characters",
        "AUTH_ENCRYPTION_SECRET": "interop-secret-of-more-than-32-characters",
        "PLATFORM_ADMIN_EMAIL": "admin@example.com",
        # The token has no end.
        "REQUIRE_TOKEN_EXPIRATION": "false",
        "REQUIRE_JTI": "false",
        "RATE_LIMITING_ENABLED": "false",
        "SSRF_ALLOW_LOCALHOST": "true",
        "SSRF_ALLOW_PRIVATE_NETWORKS": "true",
        "USE_STATEFUL_SESSIONS": "true" if "sessions" in options else "false",
    }
)
# It keeps files where it runs.
os.chdir(tempfile.mkdtemp())


def listener(port: int, **options) -> uvicorn.Server:
    """A server of the gateway at a port."""
    return uvicorn.Server(uvicorn.Config("mcpgateway.main:app", host="127.0.0.1", port=port, **options))


async def main() -> None:
    """Registers the server at a port of its own, and serves the users after that."""
    inner = echo.free_port()
    first = listener(inner)
    serving = asyncio.create_task(first.serve())
    while not first.started:
        await asyncio.sleep(0.05)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{inner}", timeout=60) as client:
        gateway = {"name": "inner", "url": echo.start(), "transport": "STREAMABLEHTTP", "visibility": "public"}
        headers = {"authorization": f"Bearer {token}"}
        answer = await client.post("/gateways", json=gateway, headers=headers)
        answer.raise_for_status()
    await listener(int(port), lifespan="off").serve()
    await serving


asyncio.run(main())
