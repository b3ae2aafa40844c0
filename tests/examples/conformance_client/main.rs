//! A client for the scenarios of `@modelcontextprotocol/conformance`.
//!
//! The suite passes the name of the scenario in the environment and the server's address as the
//! last argument. Every request goes through a pool.

mod authorization;

use std::{env, error::Error, time::Duration};

use mcp_session_pool::{
    AcquireRequest, Endpoint, PoolConfig, PooledClient, SessionPool, StreamableHttpConnector,
    extend::{ClientHandlerBox, HandlerFn, with_schema_defaults},
    rmcp::{
        ClientHandler, ErrorData, RoleClient,
        model::{
            CallToolRequestParams, ClientCapabilities, ElicitRequestParams, ElicitResult,
            ElicitationAction, GetPromptRequestParams, ReadResourceRequestParams, Tool,
        },
        service::RequestContext,
    },
};
use serde_json::{Map, Value, json};

use crate::authorization::{Authorization, user};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Result {
    let scenario = env::var("MCP_CONFORMANCE_SCENARIO").unwrap_or_default();
    let url = env::args().next_back().ok_or("no address")?;
    let handlers = HandlerFn::new("conformance", |_key: &_| ClientHandlerBox::new(Accepts))
        .declaring(ClientCapabilities::builder().enable_elicitation().build());
    let authorization = Authorization::of(&scenario)?;
    let mut builder = SessionPool::builder()
        .config(PoolConfig::default())
        .connector(StreamableHttpConnector::new()?)
        .handlers(handlers);
    if let Some(authorization) = &authorization {
        builder = builder.credentials(authorization.credentials());
    }
    let pool = builder.build()?;
    let endpoint = Endpoint::streamable_http(&url)?;
    let client = pool.client(AcquireRequest::new(endpoint, user())).await?;
    let result = match &authorization {
        Some(authorization) => authorization.play(&client).await,
        None => play(&scenario, &client).await,
    };
    pool.close(Duration::from_secs(5)).await;
    result
}

/// Runs a scenario.
async fn play(scenario: &str, client: &PooledClient) -> Result {
    let tools = client.list_all_tools().await?;
    match scenario {
        "tools_call" => call(client, "add_numbers", json!({ "a": 5, "b": 3 })).await,
        "elicitation-sep1034-client-defaults" => {
            call(client, "test_client_elicitation_defaults", json!({})).await
        }
        "sse-retry" => call(client, "test_reconnection", json!({})).await,
        "http-standard-headers" => everything(client, &tools).await,
        "http-custom-headers" => run_calls(client).await,
        "http-invalid-tool-headers" => each(client, &tools).await,
        "json-schema-2020-12-preservation" => echo(client, &tools).await,
        "sep-2322-client-request-state" => in_rounds(client).await,
        _ => Ok(()),
    }
}

async fn call(client: &PooledClient, tool: &str, arguments: Value) -> Result {
    let arguments = arguments.as_object().cloned().ok_or("no object")?;
    let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
    client.call_tool(params).await?;
    Ok(())
}

/// Calls every method that has a standard header of its own.
async fn everything(client: &PooledClient, tools: &[Tool]) -> Result {
    each(client, tools).await?;
    for resource in client.list_all_resources().await? {
        let params = ReadResourceRequestParams::new(resource.uri.clone());
        client.read_resource(params).await?;
    }
    for prompt in client.list_all_prompts().await? {
        client
            .get_prompt(GetPromptRequestParams::new(prompt.name.clone()))
            .await?;
    }
    Ok(())
}

/// Calls each tool once, with a string for each required argument.
async fn each(client: &PooledClient, tools: &[Tool]) -> Result {
    for tool in tools {
        let required = tool.input_schema.get("required").and_then(Value::as_array);
        let arguments: Map<String, Value> = required
            .into_iter()
            .flatten()
            .filter_map(|name| Some((name.as_str()?.to_owned(), json!("x"))))
            .collect();
        call(client, &tool.name, Value::Object(arguments)).await?;
    }
    Ok(())
}

/// Makes the calls of the scenario's context.
async fn run_calls(client: &PooledClient) -> Result {
    let context: Value = serde_json::from_str(&env::var("MCP_CONFORMANCE_CONTEXT")?)?;
    let calls = context["toolCalls"].as_array().ok_or("no calls")?;
    for planned in calls {
        let name = planned["name"].as_str().ok_or("no name")?;
        call(client, name, planned["arguments"].clone()).await?;
    }
    Ok(())
}

/// Sends a tool's schema back as an argument, so that the server can compare it.
async fn echo(client: &PooledClient, tools: &[Tool]) -> Result {
    let focal = tools.iter().find(|tool| tool.name != "json_schema_echo");
    let schema = focal.ok_or("no tool")?.input_schema.as_ref();
    call(client, "json_schema_echo", json!({ "schema": schema })).await
}

/// Calls for which the server requests input, concurrently with others.
async fn in_rounds(client: &PooledClient) -> Result {
    let tools = [
        "test_mrtr_echo_state",
        "test_mrtr_unrelated",
        "test_mrtr_no_state",
        "test_mrtr_no_result_type",
    ];
    futures::future::try_join_all(tools.map(|tool| call(client, tool, json!({})))).await?;
    call(client, "test_mrtr_unrelated", json!({})).await
}

/// Accepts every form unchanged.
struct Accepts;

impl ClientHandler for Accepts {
    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> std::result::Result<ElicitResult, ErrorData> {
        let ElicitRequestParams::FormElicitationParams {
            requested_schema, ..
        } = request
        else {
            return Ok(ElicitResult::new(ElicitationAction::Decline));
        };
        let accepted = ElicitResult::new(ElicitationAction::Accept);
        Ok(with_schema_defaults(accepted, &requested_schema))
    }
}
