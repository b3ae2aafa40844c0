"""LiteLLM as a gateway, in front of a server that echoes: lite_llm.py PORT TOKEN"""

import asyncio
import json
import os
import sys
import tempfile

import echo
import httpx
import uvicorn

port, token = sys.argv[1:]
# It keeps files where it runs.
os.chdir(tempfile.mkdtemp())
settings = {
    "mcp_servers": {"inner": {"url": echo.start(), "transport": "http", "allow_all_keys": True}},
    "general_settings": {"master_key": token},
    "litellm_settings": {"telemetry": False},
}
with open("config.yaml", "w", encoding="utf-8") as file:
    # JSON is YAML.
    json.dump(settings, file)
os.environ["CONFIG_FILE_PATH"] = os.path.abspath("config.yaml")
# Nothing is fetched.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"


def listener(port: int, **options) -> uvicorn.Server:
    """A server of the gateway at a port."""
    return uvicorn.Server(uvicorn.Config("litellm.proxy.proxy_server:app", host="127.0.0.1", port=port, **options))


async def main() -> None:
    """Makes a request at a port of its own, and serves the users after that: with the first request the
    gateway imports its server and builds all of its routes, for half a minute on a busy machine."""
    inner = echo.free_port()
    first = listener(inner)
    serving = asyncio.create_task(first.serve())
    while not first.started:
        await asyncio.sleep(0.05)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{inner}", timeout=600) as client:
        headers = {"authorization": f"Bearer {token}", "accept": "application/json, text/event-stream"}
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        answer = await client.post("/mcp", json=ping, headers=headers)
        answer.raise_for_status()
    await listener(int(port), lifespan="off").serve()
    await serving


asyncio.run(main())
