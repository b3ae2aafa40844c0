"""A FastAPI application whose endpoint is a tool, by fastapi-mcp: fastapi_app.py PORT"""

import sys

import uvicorn
from fastapi import FastAPI
from fastapi_mcp import FastApiMCP
from sessions import sessions

app = FastAPI(title="fastapi-mcp")
app.add_route("/sessions", sessions)


@app.get("/echo", operation_id="echo")
def echo(message: str) -> str:
    """Returns its message."""
    return message


FastApiMCP(app).mount_http()
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]))
