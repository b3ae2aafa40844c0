//! A server over stdio in a few lines of shell.

use mcp_session_pool::{
    AcquireRequest, PooledClient, Principal, StdioCommand, StdioConnector, error::CallError,
    rmcp::model::CallToolRequestParams,
};

use crate::common::headers;

/// Shows its token on both outputs, and answers each call of a tool with it; the tool `end` ends it.
const SERVER: &str = r#"
echo "the token is $API_TOKEN"
echo "the token is $API_TOKEN" >&2
while read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\("[^"]*"\).*/\1/p')
  case "$line" in
    *'"end"'*) exit 3 ;;
    *'"initialize"'*) result='{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"shell","version":"1"}}' ;;
    *'"tools/call"'*) result='{"content":[{"type":"text","text":"'$API_TOKEN'"}]}' ;;
    *'"ping"'*) result='{}' ;;
    *) test -z "$id" || printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"none"}}\n' "$id"
       continue ;;
  esac
  printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$result"
done
"#;

/// The command of the server.
pub(crate) fn command() -> StdioCommand {
    let shell = StdioCommand::new("/bin/sh").args(["-c", SERVER]);
    shell.env("PATH", "/bin:/usr/bin").bearer_env("API_TOKEN")
}

/// A connector with the server as `shell`.
pub(crate) fn connector() -> StdioConnector {
    let connector = StdioConnector::new().with_command("shell", command());
    connector.expect("a command")
}

/// The request of a user with this token.
pub(crate) fn request(user: &str, token: &str) -> AcquireRequest {
    let endpoint = StdioConnector::endpoint("shell").expect("an endpoint");
    let authorization = format!("Bearer {token}");
    let request = AcquireRequest::new(endpoint, Principal::user(user));
    request.with_headers(headers(&[("authorization", &authorization)]))
}

/// Calls a tool and returns its text.
pub(crate) async fn answer(client: &PooledClient, tool: &'static str) -> Result<String, CallError> {
    let result = client.call_tool(CallToolRequestParams::new(tool)).await?;
    let content = result.content.first().and_then(|content| content.as_text());
    Ok(content.map(|text| text.text.clone()).unwrap_or_default())
}
