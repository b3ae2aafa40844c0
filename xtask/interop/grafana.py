"""mcp-grafana, a program in Go, without a Grafana: grafana.py PORT sse|streamable-http"""

import sys

from mcp_grafana import main

port, transport = sys.argv[1:]
# The proxy in front of it has another port, which the server would refuse as a host.
sys.argv = ["mcp-grafana", "-t", transport, "--address", f"127.0.0.1:{port}", "--allowed-hosts", "*"]
main()
