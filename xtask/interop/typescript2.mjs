// A small server of the TypeScript SDK 2.x: typescript2.mjs sessions|modern, with its port in PORT.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';

const transports = new Map();

/** A server for one session, or for one request of a client without sessions. */
function server() {
    const server = new McpServer({ name: 'typescript-2', version: '1.0.0' });
    server.registerTool('echo', { inputSchema: z.object({ message: z.string() }) }, ({ message }) => ({
        content: [{ type: 'text', text: message }],
    }));
    return server;
}

/** Serves the revisions with sessions, each by a transport of its own. */
async function withSessions(request, response) {
    const known = transports.get(request.headers['mcp-session-id']);
    if (known) return known.handleRequest(request, response);
    const transport = new NodeStreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: id => transports.set(id, transport),
        onsessionclosed: id => transports.delete(id),
    });
    await server().connect(transport);
    return transport.handleRequest(request, response);
}

const serve = process.argv[2] === 'modern' ? toNodeHandler(createMcpHandler(server)) : withSessions;
createServer((request, response) => {
    if (request.url === '/sessions') return response.end(String(transports.size));
    return serve(request, response);
}).listen(Number(process.env.PORT), '127.0.0.1');
