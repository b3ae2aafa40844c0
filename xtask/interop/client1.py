"""The Python SDK 1 as a client of a gateway with the fixtures of the conformance suite."""

import asyncio
import sys

from mcp import ClientSession, types
from mcp.client.streamable_http import streamablehttp_client


async def sampling(context, params):
    text = types.TextContent(type="text", text="sampled")
    return types.CreateMessageResult(role="assistant", content=text, model="a model")


async def elicit(context, params):
    return types.ElicitResult(action="accept", content={"response": "typed"})


async def main(url):
    logs, steps, logged = [], [], asyncio.Event()

    async def log(params):
        logs.append(params.data)
        if len(logs) == 3:
            logged.set()

    async def progress(done, total, message):
        steps.append(done)

    handlers = {
        "sampling_callback": sampling,
        "elicitation_callback": elicit,
        "logging_callback": log,
    }
    async with streamablehttp_client(url) as (read, write, _):
        async with ClientSession(read, write, **handlers) as session:

            async def call(tool, arguments=None, **options):
                result = await session.call_tool(tool, arguments or {}, **options)
                assert not result.isError, result
                return result.content[0].text

            await session.initialize()
            tools = (await session.list_tools()).tools
            assert "test_sampling" in [tool.name for tool in tools]
            assert "simple text" in await call("test_simple_text")
            await call("test_tool_with_progress", progress_callback=progress)
            assert steps == [0, 50, 100], steps
            assert "sampled" in await call("test_sampling", {"prompt": "hello"})
            assert "typed" in await call("test_elicitation", {"message": "who?"})
            await call("test_tool_with_logging")
            await asyncio.wait_for(logged.wait(), 10)
            resource = await session.read_resource("test://static-text")
            assert "static text" in resource.contents[0].text
            prompt = await session.get_prompt("test_simple_prompt")
            assert "simple prompt" in prompt.messages[0].content.text
            await session.send_ping()


asyncio.run(main(sys.argv[1]))
