"""The Python SDK 2 as a client of a gateway with the fixtures of the conformance suite, in both eras."""

import asyncio
import sys

from mcp import Client


async def play(url, mode, version):
    steps = []

    async def progress(done, total, message):
        steps.append(done)

    async with Client(url, mode=mode) as client:
        assert client.protocol_version == version, client.protocol_version
        tools = (await client.list_tools()).tools
        assert "test_sampling" in [tool.name for tool in tools]
        result = await client.call_tool("test_simple_text", {})
        assert "simple text" in result.content[0].text
        await client.call_tool("test_tool_with_progress", {}, progress_callback=progress)
        assert steps == [0, 50, 100], steps
        resource = await client.read_resource("test://static-text")
        assert "static text" in resource.contents[0].text
        prompt = await client.get_prompt("test_simple_prompt")
        assert "simple prompt" in prompt.messages[0].content.text


async def main(url):
    await play(url, "auto", "2026-07-28")
    await play(url, "legacy", "2025-11-25")


asyncio.run(main(sys.argv[1]))
