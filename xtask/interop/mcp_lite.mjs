// A small server of mcp-lite: mcp_lite.mjs sessions|stateless, with its port in PORT.
import { serve } from '@hono/node-server';
import { InMemorySessionAdapter, McpServer, StreamableHttpTransport } from 'mcp-lite';

const server = new McpServer({ name: 'mcp-lite', version: '1.0.0' });
server.tool('echo', {
    inputSchema: { type: 'object', properties: { message: { type: 'string' } }, required: ['message'] },
    handler: ({ message }) => ({ content: [{ type: 'text', text: message }] }),
});

/** Sessions in memory, counted. */
class Sessions extends InMemorySessionAdapter {
    open = new Set();

    async create(id, meta) {
        this.open.add(id);
        return super.create(id, meta);
    }

    async delete(id) {
        this.open.delete(id);
        return super.delete(id);
    }
}

const sessions = new Sessions({ maxEventBufferSize: 1024 });
const options = process.argv[2] === 'sessions' ? { sessionAdapter: sessions } : {};
const answer = new StreamableHttpTransport(options).bind(server);
serve({
    hostname: '127.0.0.1',
    port: Number(process.env.PORT),
    fetch: request =>
        new URL(request.url).pathname === '/sessions' ? new Response(String(sessions.open.size)) : answer(request),
});
