"""mcp-proxy in front of a server over stdio: bridge.py PORT COMMAND"""

import shlex
import sys

from mcp_proxy.__main__ import main

port, command = sys.argv[1:]
sys.argv = ["mcp-proxy", "--host", "127.0.0.1", "--port", port, "--", *shlex.split(command)]
main()
