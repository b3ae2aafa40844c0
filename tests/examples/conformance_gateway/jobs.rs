//! Tools whose calls become tasks (extension `io.modelcontextprotocol/tasks`).

use std::time::Duration;

use mcp_session_pool::rmcp::{
    ErrorData,
    model::{
        CallToolResponse, CallToolResult, ClientCapabilities, ContentBlock, CreateTaskResult,
        InputResponses,
    },
    task_manager::{TaskContext, TaskExit, TaskManager, TaskOptions},
};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::asking;

/// What a tool does as a task.
pub(crate) enum Job {
    /// Takes its time, unless it is cancelled.
    Compute(Duration),
    /// Ends with an error of the tool.
    Fail,
    /// Ends with an error of the protocol.
    Break,
    /// Requests each of these inputs, all at once.
    Request(&'static [&'static str]),
    /// Greets who the rounds before the task were about.
    Greet(String),
}

impl Job {
    /// The job of a tool; `None` for any other tool.
    pub(crate) fn of_tool(name: &str, arguments: &Value) -> Option<Self> {
        Some(match name {
            "slow_compute" => {
                let seconds = arguments["seconds"].as_u64().unwrap_or_default();
                Self::Compute(Duration::from_secs(seconds))
            }
            "failing_job" => Self::Fail,
            "protocol_error_job" => Self::Break,
            "confirm_delete" => Self::Request(&["confirm"]),
            "multi_input" => Self::Request(&["user_name", "confirm"]),
            _ => return None,
        })
    }

    /// The job of a tool that has gathered its input in rounds.
    pub(crate) fn after_rounds(responses: Option<&InputResponses>) -> Self {
        let name = responses.and_then(|responses| responses.get("user_name"));
        let name = name.and_then(|response| response["content"]["name"].as_str());
        Self::Greet(name.unwrap_or_default().to_owned())
    }

    /// Runs it as a task for a client that declares them, and to its end for any other one.
    ///
    /// # Errors
    /// It needs a task, and the client declares none.
    pub(crate) async fn run(
        self,
        tasks: &TaskManager,
        declared: &ClientCapabilities,
    ) -> Result<CallToolResponse, ErrorData> {
        if declared.supports_tasks() {
            let options = TaskOptions::new().with_poll_interval_ms(POLL_INTERVAL_MS);
            let task = tasks.spawn(options, |context| Box::pin(self.work(context)));
            return Ok(CreateTaskResult::new(task).into());
        }
        match self {
            Self::Compute(duration) => {
                sleep(duration).await;
                Ok(text("computed").into())
            }
            _ => {
                let needed = ClientCapabilities::builder().enable_tasks().build();
                Err(ErrorData::missing_required_client_capability(needed))
            }
        }
    }

    async fn work(self, context: TaskContext) -> Result<CallToolResult, TaskExit> {
        match self {
            Self::Compute(duration) => tokio::select! {
                () = sleep(duration) => Ok(text("computed")),
                () = context.cancelled() => Err(TaskExit::Cancelled),
            },
            Self::Fail => {
                sleep(Duration::from_secs(1)).await;
                Ok(CallToolResult::error(vec![ContentBlock::text(
                    "the job failed",
                )]))
            }
            Self::Break => Err(ErrorData::internal_error("the job broke", None).into()),
            Self::Request(names) => {
                let requests: Vec<_> = names.iter().map(|name| request(&context, name)).collect();
                let answers = futures::future::try_join_all(requests).await?;
                Ok(text(&json!(answers).to_string()))
            }
            Self::Greet(name) => Ok(text(&format!("Hello, {name}!"))),
        }
    }
}

async fn request(context: &TaskContext, name: &str) -> Result<Value, TaskExit> {
    let request = serde_json::from_value(asking::request(name))
        .map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    context.request_input(name, request).await
}

fn text(text: &str) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(text)])
}

const POLL_INTERVAL_MS: u64 = 100;
