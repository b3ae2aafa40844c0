"""LiteLLM as a gateway, in front of a server that echoes: litellm_gateway.py PORT"""

import os
import sys
import tempfile
from pathlib import Path

import echo

port = sys.argv[1]
config = Path(tempfile.mkdtemp()) / "config.yaml"
config.write_text(
    f"""\
mcp_servers:
  inner:
    url: {echo.start()}
    transport: http
    allow_all_keys: true
litellm_settings:
  telemetry: false
"""
)
os.environ["LITELLM_MASTER_KEY"] = "sk-interop-0123456789abcdef0123456789abcdef"
# Nothing is fetched.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

from litellm import run_server  # noqa: E402

run_server(["--config", str(config), "--host", "127.0.0.1", "--port", port])
