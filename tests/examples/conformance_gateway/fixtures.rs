//! A server with everything that the suite plays with.
#![expect(
    deprecated,
    reason = "the revisions with sessions log, sample and subscribe"
)]

use mcp_session_pool::rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, CancelTaskParams,
        ClientCapabilities, ClientResult, CompleteRequestParams, CompleteResult,
        CreateMessageRequestParams, ElicitRequest, GetPromptRequestParams, GetPromptResponse,
        GetTaskParams, GetTaskResult, ListPromptsResult, ListResourceTemplatesResult,
        ListResourcesResult, ListToolsResult, LoggingMessageNotificationParam,
        PaginatedRequestParams, ProgressNotificationParam, ReadResourceRequestParams,
        ReadResourceResponse, SamplingMessage, ServerCapabilities, ServerConfig, ServerRequest,
        SetLevelRequestParams, SubscribeRequestParams, SubscriptionFilter,
        UnsubscribeRequestParams, UpdateTaskParams,
    },
    service::{RequestContext, SubscriptionContext},
    task_manager::TaskManager,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use tokio::sync::broadcast;

use crate::{
    asking::{self, Attempt, Round},
    contents,
    jobs::Job,
    schemas,
};

/// A server with everything that the suite plays with.
#[derive(Clone)]
pub(crate) struct Fixtures {
    changes: broadcast::Sender<Changed>,
    tasks: TaskManager,
}

/// A list that has changed.
#[derive(Clone, Copy)]
enum Changed {
    Prompts,
    Tools,
}

impl Default for Fixtures {
    fn default() -> Self {
        Self {
            changes: broadcast::Sender::new(16),
            tasks: TaskManager::new(),
        }
    }
}

type Context = RequestContext<RoleServer>;

impl ServerHandler for Fixtures {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_completions()
            .enable_logging()
            .enable_prompts()
            .enable_prompts_list_changed()
            .enable_resources()
            .enable_resources_subscribe()
            .enable_tasks()
            .enable_tools()
            .enable_tool_list_changed()
            .build();
        ServerConfig::new(capabilities)
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = self.changes.subscribe();
        loop {
            let list = tokio::select! {
                () = context.cancelled() => return Ok(()),
                list = changes.recv() => list,
            };
            let sink = context.sink();
            let _ = match list {
                Ok(Changed::Prompts) => sink.notify_prompt_list_changed().await.ok(),
                Ok(Changed::Tools) => sink.notify_tool_list_changed().await.ok(),
                Err(_) => return Ok(()),
            };
        }
    }

    async fn list_tools(
        &self,
        _params: Option<PaginatedRequestParams>,
        _context: Context,
    ) -> Result<ListToolsResult, ErrorData> {
        let tool = |name| json!({ "name": name, "description": "A fixture", "inputSchema": { "type": "object" } });
        let mut tools = TOOLS.map(tool).to_vec();
        let mut keywords = tool("json_schema_2020_12_tool");
        keywords["inputSchema"] = schemas::with_all_keywords();
        tools.push(keywords);
        typed(kept(json!({ "tools": tools })))
    }

    async fn call_tool(
        &self,
        params: CallToolRequestParams,
        context: Context,
    ) -> Result<CallToolResponse, ErrorData> {
        let name = params.name.as_ref();
        let arguments = Value::Object(params.arguments.unwrap_or_default());
        let argument = |name: &str| arguments[name].as_str().unwrap_or_default().to_owned();
        let declared = context.client_capabilities().unwrap_or_default();
        let attempt = Attempt {
            responses: params.input_responses.as_ref(),
            state: params.request_state.as_deref(),
            declared: &declared,
        };
        if let Some(round) = asking::of_tool(name, &attempt) {
            return match round? {
                Round::Ask(request) => Ok(request.into()),
                Round::Done(_) if name == "test_tool_with_task" => {
                    let job = Job::after_rounds(attempt.responses);
                    job.run(&self.tasks, &declared).await
                }
                Round::Done(text) => result(json!([contents::text(&text)])),
            };
        }
        if let Some(job) = Job::of_tool(name, &arguments) {
            return job.run(&self.tasks, &declared).await;
        }
        if let Some(content) = contents::of_tool(name) {
            return result(content);
        }
        if let Some(form) = schemas::of_tool(name, &argument("message")) {
            return elicit(&context, form).await;
        }
        self.plain_tool(name, &arguments, &context).await
    }

    async fn get_task(
        &self,
        params: GetTaskParams,
        _context: Context,
    ) -> Result<GetTaskResult, ErrorData> {
        self.tasks.get_task(&params.task_id).map(GetTaskResult::new)
    }

    async fn update_task(
        &self,
        params: UpdateTaskParams,
        _context: Context,
    ) -> Result<(), ErrorData> {
        self.tasks
            .update_task(&params.task_id, params.input_responses)
    }

    async fn cancel_task(
        &self,
        params: CancelTaskParams,
        _context: Context,
    ) -> Result<(), ErrorData> {
        self.tasks.cancel_task(&params.task_id)
    }

    async fn list_resources(
        &self,
        _params: Option<PaginatedRequestParams>,
        _context: Context,
    ) -> Result<ListResourcesResult, ErrorData> {
        let resource = |name: &str| {
            let uri = format!("test://{name}");
            json!({ "uri": uri, "name": name, "description": "A fixture", "mimeType": "text/plain" })
        };
        let names = ["static-text", "static-binary", "watched-resource"];
        typed(kept(json!({ "resources": names.map(resource) })))
    }

    async fn list_resource_templates(
        &self,
        _params: Option<PaginatedRequestParams>,
        _context: Context,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let template = json!({ "uriTemplate": "test://template/{id}/data", "name": "template" });
        typed(kept(json!({ "resourceTemplates": [template] })))
    }

    async fn read_resource(
        &self,
        params: ReadResourceRequestParams,
        _context: Context,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let contents = contents::of_resource(&params.uri);
        let contents =
            contents.ok_or_else(|| ErrorData::resource_not_found("no such resource", None))?;
        typed(kept(json!({ "contents": contents }))).map(ReadResourceResponse::Complete)
    }

    async fn list_prompts(
        &self,
        _params: Option<PaginatedRequestParams>,
        _context: Context,
    ) -> Result<ListPromptsResult, ErrorData> {
        let argument = |name: &&str| json!({ "name": name, "required": true });
        let prompts: Vec<_> = PROMPTS
            .iter()
            .map(|(name, arguments)| {
                let arguments: Vec<_> = arguments.iter().map(argument).collect();
                json!({ "name": name, "description": "A fixture", "arguments": arguments })
            })
            .collect();
        typed(kept(json!({ "prompts": prompts })))
    }

    async fn get_prompt(
        &self,
        params: GetPromptRequestParams,
        context: Context,
    ) -> Result<GetPromptResponse, ErrorData> {
        let attempt = Attempt {
            responses: params.input_responses.as_ref(),
            state: params.request_state.as_deref(),
            declared: &context.client_capabilities().unwrap_or_default(),
        };
        if let Some(round) = asking::of_prompt(&params.name, &attempt) {
            return match round? {
                Round::Ask(request) => Ok(request.into()),
                Round::Done(text) => {
                    let message = json!({ "role": "user", "content": contents::text(&text) });
                    typed(json!({ "messages": [message] })).map(GetPromptResponse::Complete)
                }
            };
        }
        let arguments = Value::Object(params.arguments.unwrap_or_default());
        let messages = contents::of_prompt(&params.name, &arguments);
        let messages = messages.ok_or_else(|| ErrorData::invalid_params("no such prompt", None))?;
        typed(json!({ "messages": messages })).map(GetPromptResponse::Complete)
    }

    async fn complete(
        &self,
        _params: CompleteRequestParams,
        _context: Context,
    ) -> Result<CompleteResult, ErrorData> {
        typed(
            json!({ "completion": { "values": ["paris", "park"], "total": 2, "hasMore": false } }),
        )
    }

    async fn set_level(
        &self,
        _params: SetLevelRequestParams,
        _context: Context,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn subscribe(
        &self,
        _params: SubscribeRequestParams,
        _context: Context,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn unsubscribe(
        &self,
        _params: UnsubscribeRequestParams,
        _context: Context,
    ) -> Result<(), ErrorData> {
        Ok(())
    }
}

impl Fixtures {
    /// Calls a tool that needs more than its name, and neither input nor a task.
    async fn plain_tool(
        &self,
        name: &str,
        arguments: &Value,
        context: &Context,
    ) -> Result<CallToolResponse, ErrorData> {
        let argument = |name: &str| arguments[name].as_str().unwrap_or_default().to_owned();
        let declared = context.client_capabilities().unwrap_or_default();
        match name {
            "greet" => {
                let greeting = format!("Hello, {}!", argument("name"));
                result(json!([contents::text(&greeting)]))
            }
            "test_tool_with_logging" => log(context).await,
            "test_logging_tool" => {
                if context.meta.log_level().is_some() {
                    return log(context).await;
                }
                result(json!([contents::text("not logged")]))
            }
            "test_missing_capability" if declared.sampling.is_none() => {
                let sampling = ClientCapabilities::builder().enable_sampling().build();
                Err(ErrorData::missing_required_client_capability(sampling))
            }
            "test_trigger_prompt_change" => self.changed(Changed::Prompts),
            "test_trigger_tool_change" => self.changed(Changed::Tools),
            "test_tool_with_progress" => report(context).await,
            "test_sampling" => sample(context, argument("prompt")).await,
            "test_error_handling" => {
                let text = "This tool intentionally returns an error for testing";
                let failed: CallToolResult =
                    typed(json!({ "content": [contents::text(text)], "isError": true }))?;
                Ok(failed.into())
            }
            _ => Err(ErrorData::invalid_params("no such tool", None)),
        }
    }

    fn changed(&self, list: Changed) -> Result<CallToolResponse, ErrorData> {
        // Fails only where no client listens.
        let _ = self.changes.send(list);
        result(json!([contents::text("changed")]))
    }
}

/// A result with hints on how long it may be kept.
fn kept(mut result: Value) -> Value {
    result["ttlMs"] = json!(1_000);
    result["cacheScope"] = json!("private");
    result
}

async fn log(context: &Context) -> Result<CallToolResponse, ErrorData> {
    for step in ["started", "processing data", "completed"] {
        let message = json!({ "level": "info", "data": format!("Tool execution {step}") });
        let message: LoggingMessageNotificationParam = typed(message)?;
        // A client that is gone needs no log.
        let _ = context.peer.notify_logging_message(message).await;
    }
    result(json!([contents::text(
        "Tool with logging executed successfully"
    )]))
}

async fn report(context: &Context) -> Result<CallToolResponse, ErrorData> {
    let token = context.meta.get_progress_token();
    let token = token.ok_or_else(|| ErrorData::invalid_params("no progress token", None))?;
    for progress in [0.0, 50.0, 100.0] {
        let step = ProgressNotificationParam::new(token.clone(), progress).with_total(100.0);
        let _ = context.peer.notify_progress(step).await;
    }
    result(json!([contents::text("reported")]))
}

async fn sample(context: &Context, prompt: String) -> Result<CallToolResponse, ErrorData> {
    let messages = vec![SamplingMessage::user_text(prompt)];
    let answer = context
        .peer
        .create_message(CreateMessageRequestParams::new(messages, 100))
        .await;
    let answer = answer.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    let answer = serde_json::to_string(&answer).unwrap_or_default();
    result(json!([contents::text(&format!("LLM response: {answer}"))]))
}

async fn elicit(context: &Context, form: Value) -> Result<CallToolResponse, ErrorData> {
    let request = ServerRequest::ElicitRequest(ElicitRequest::new(typed(form)?));
    let answer = match context.peer.send_request(request).await {
        Ok(ClientResult::ElicitResult(answer)) => answer,
        Ok(_) => return Err(ErrorData::internal_error("another answer", None)),
        Err(error) => return Err(ErrorData::internal_error(error.to_string(), None)),
    };
    let answer: Value = serde_json::to_value(answer).unwrap_or_default();
    let (action, content) = (&answer["action"], &answer["content"]);
    let action = action.as_str().unwrap_or_default();
    result(json!([contents::text(&format!(
        "User response: action={action}, content={content}"
    ))]))
}

fn result(content: Value) -> Result<CallToolResponse, ErrorData> {
    typed::<CallToolResult>(json!({ "content": content })).map(CallToolResponse::Complete)
}

fn typed<T: DeserializeOwned>(value: Value) -> Result<T, ErrorData> {
    serde_json::from_value(value)
        .map_err(|error| ErrorData::internal_error(error.to_string(), None))
}

// Some scenarios call the first one, with no arguments.
const TOOLS: [&str; 32] = [
    "test_simple_text",
    "test_image_content",
    "test_audio_content",
    "test_embedded_resource",
    "test_multiple_content_types",
    "test_tool_with_logging",
    "test_tool_with_progress",
    "test_error_handling",
    "test_sampling",
    "test_elicitation",
    "test_elicitation_sep1034_defaults",
    "test_elicitation_sep1330_enums",
    "test_input_required_result_capabilities",
    "test_input_required_result_elicitation",
    "test_input_required_result_list_roots",
    "test_input_required_result_multi_round",
    "test_input_required_result_multiple_inputs",
    "test_input_required_result_request_state",
    "test_input_required_result_sampling",
    "test_input_required_result_tampered_state",
    "test_logging_tool",
    "test_missing_capability",
    "test_streaming_elicitation",
    "test_trigger_prompt_change",
    "test_trigger_tool_change",
    "confirm_delete",
    "failing_job",
    "greet",
    "multi_input",
    "protocol_error_job",
    "slow_compute",
    "test_tool_with_task",
];

const PROMPTS: [(&str, &[&str]); 5] = [
    ("test_input_required_result_prompt", &[]),
    ("test_simple_prompt", &[]),
    ("test_prompt_with_arguments", &["arg1", "arg2"]),
    ("test_prompt_with_embedded_resource", &["resourceUri"]),
    ("test_prompt_with_image", &[]),
];
