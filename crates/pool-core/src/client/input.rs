//! Calls whose server may request input before it answers.

use std::time::Duration;

use futures::future::try_join_all;
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CallToolResponse, CallToolResult, ClientRequest,
    DEFAULT_MRTR_MAX_ROUNDS, GetPromptRequest, GetPromptRequestParams, GetPromptResponse,
    GetPromptResult, InputRequiredResult, InputResponses, ReadResourceRequest,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, ServerResult,
};
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    call::{Call, target},
    input_responder::InputResponder,
    pooled_client::PooledClient,
};
use crate::{
    error::{CallError, InputError},
    types::Era,
};

/// The final answer to a request whose server may have requested input.
pub(super) struct GoneThrough<T> {
    pub(super) answer: T,
    /// How often the request was sent, repetitions aside.
    pub(super) rounds: usize,
    /// The era of the server.
    pub(super) era: Option<Era>,
}

/// A request whose server may request input.
pub(super) trait Asking {
    const METHOD: &'static str;
    type Answer;

    fn request(self) -> ClientRequest;
    /// The final answer, if that is what it is.
    fn answer(result: ServerResult) -> Option<Self::Answer>;
    /// Adds what goes along with the next attempt: the input, and the server's own note, untouched.
    fn go_on_with(
        request: &mut ClientRequest,
        input: Option<InputResponses>,
        state: Option<String>,
    );
}

macro_rules! asking {
    ($wire:literal: $Request:ident($Params:ident) -> $Answer:ident, $answer:expr) => {
        impl Asking for $Params {
            const METHOD: &'static str = $wire;
            type Answer = $Answer;

            fn request(self) -> ClientRequest {
                ClientRequest::$Request($Request::new(self))
            }

            fn answer(result: ServerResult) -> Option<$Answer> {
                $answer(result)
            }

            fn go_on_with(
                request: &mut ClientRequest,
                input: Option<InputResponses>,
                state: Option<String>,
            ) {
                if let ClientRequest::$Request(request) = request {
                    request.params.input_responses = input;
                    request.params.request_state = state;
                }
            }
        }
    };
}

asking!("tools/call": CallToolRequest(CallToolRequestParams) -> CallToolResult, tool_result);
asking!("prompts/get": GetPromptRequest(GetPromptRequestParams) -> GetPromptResult, |result| {
    match result {
        ServerResult::GetPromptResult(result) => Some(result),
        _ => None,
    }
});
asking!("resources/read": ReadResourceRequest(ReadResourceRequestParams) -> ReadResourceResult, |result| {
    match result {
        ServerResult::ReadResourceResult(result) => Some(result),
        _ => None,
    }
});

fn tool_result(result: ServerResult) -> Option<CallToolResult> {
    match result {
        ServerResult::CallToolResult(result) => Some(result),
        // A result that leaves out even the empty content.
        ServerResult::EmptyResult(_) => Some(CallToolResult::default()),
        _ => None,
    }
}

impl PooledClient {
    /// `tools/call`. When the server requests input first (revision 2026-07-28), the caller's
    /// [handlers](crate::extend::HandlerFactory) give it and the call goes on, within its timeout.
    ///
    /// # Errors
    /// As [`request`](Self::request); [`CallError::Input`] when the server requested input and
    /// there was none; [`CallError::UnexpectedResult`] when it started a task, which
    /// [`call_tool_once`](Self::call_tool_once) returns.
    ///
    /// # Cancel safety
    /// As [`request`](Self::request).
    pub async fn call_tool(
        &self,
        params: CallToolRequestParams,
    ) -> Result<CallToolResult, CallError> {
        Ok(self.go_through(params).await?.answer)
    }

    /// `tools/call`, whatever the server makes of it: a result, a question for input, or a task.
    ///
    /// # Errors
    /// As [`request`](Self::request), and [`CallError::UnexpectedResult`] when the server answered
    /// with none of the three.
    ///
    /// # Cancel safety
    /// As [`request`](Self::request).
    pub async fn call_tool_once(
        &self,
        params: CallToolRequestParams,
    ) -> Result<CallToolResponse, CallError> {
        match self.request(params.request()).await? {
            ServerResult::InputRequiredResult(asked) => Ok(CallToolResponse::InputRequired(asked)),
            ServerResult::CreateTaskResult(task) => Ok(CallToolResponse::Task(task)),
            result => final_answer::<CallToolRequestParams>(result).map(CallToolResponse::Complete),
        }
    }

    /// `prompts/get`, with input as in [`call_tool`](Self::call_tool).
    ///
    /// # Errors
    /// As [`call_tool`](Self::call_tool).
    ///
    /// # Cancel safety
    /// As [`request`](Self::request).
    pub async fn get_prompt(
        &self,
        params: GetPromptRequestParams,
    ) -> Result<GetPromptResult, CallError> {
        Ok(self.go_through(params).await?.answer)
    }

    /// `prompts/get`: the answer, or the server's request for input.
    ///
    /// # Errors
    /// As [`request`](Self::request), and [`CallError::UnexpectedResult`] when it did neither.
    ///
    /// # Cancel safety
    /// As [`request`](Self::request).
    pub async fn get_prompt_once(
        &self,
        params: GetPromptRequestParams,
    ) -> Result<GetPromptResponse, CallError> {
        match self.request(params.request()).await? {
            ServerResult::InputRequiredResult(asked) => Ok(GetPromptResponse::InputRequired(asked)),
            result => {
                final_answer::<GetPromptRequestParams>(result).map(GetPromptResponse::Complete)
            }
        }
    }

    /// `resources/read`: the answer, or the server's request for input.
    ///
    /// # Errors
    /// As [`request`](Self::request), and [`CallError::UnexpectedResult`] when it did neither.
    ///
    /// # Cancel safety
    /// As [`request`](Self::request).
    pub async fn read_resource_once(
        &self,
        params: ReadResourceRequestParams,
    ) -> Result<ReadResourceResponse, CallError> {
        match self.request(params.request()).await? {
            ServerResult::InputRequiredResult(asked) => {
                Ok(ReadResourceResponse::InputRequired(asked))
            }
            result => final_answer::<ReadResourceRequestParams>(result)
                .map(ReadResourceResponse::Complete),
        }
    }

    pub(super) async fn go_through<A: Asking>(
        &self,
        asking: A,
    ) -> Result<GoneThrough<A::Answer>, CallError> {
        let request = asking.request();
        let mut call = Call::begin(self, A::METHOD, target(&request));
        let result = call.go_through::<A>(&request).await;
        call.finish(&result);
        result
    }
}

impl Call<'_> {
    async fn go_through<A: Asking>(
        &mut self,
        first: &ClientRequest,
    ) -> Result<GoneThrough<A::Answer>, CallError> {
        let mut later: Option<ClientRequest> = None;
        let mut idle_rounds = 0;
        for round in 1..=DEFAULT_MRTR_MAX_ROUNDS {
            let request = later.as_ref().unwrap_or(first);
            let (result, responder) = self.run(request).await?;
            let ServerResult::InputRequiredResult(asked) = result else {
                return Ok(GoneThrough {
                    answer: final_answer::<A>(result)?,
                    rounds: round,
                    era: self.era,
                });
            };
            let deadline = self.deadline();
            let input = input(asked, responder, &mut idle_rounds, deadline);
            let (input, state) = Box::pin(self.trace.cover(input)).await?;
            let mut next = request.clone();
            A::go_on_with(&mut next, input, state);
            later = Some(next);
        }
        Err(InputError::TooManyRounds(DEFAULT_MRTR_MAX_ROUNDS).into())
    }
}

/// The input that the server requested, and the server's own state as it came.
async fn input(
    asked: InputRequiredResult,
    responder: Option<InputResponder>,
    idle_rounds: &mut u32,
    deadline: Instant,
) -> Result<(Option<InputResponses>, Option<String>), CallError> {
    let requests = asked.input_requests.unwrap_or_default();
    if requests.is_empty() {
        if asked.request_state.is_none() {
            return Err(CallError::UnexpectedResult);
        }
        // The server only requests another call.
        let pause = (FIRST_PAUSE * 2_u32.pow((*idle_rounds).min(8))).min(LONGEST_PAUSE);
        *idle_rounds += 1;
        timeout_at(deadline, sleep(pause))
            .await
            .map_err(|_| InputError::TimedOut)?;
        return Ok((None, asked.request_state));
    }
    *idle_rounds = 0;
    let responder = responder.ok_or(InputError::NotDeclared)?;
    let answers = requests
        .into_iter()
        .map(|(name, request)| responder.answer(name, request));
    let answers = timeout_at(deadline, try_join_all(answers))
        .await
        .map_err(|_| InputError::TimedOut)??;
    Ok((Some(answers.into_iter().collect()), asked.request_state))
}

fn final_answer<A: Asking>(result: ServerResult) -> Result<A::Answer, CallError> {
    A::answer(result).ok_or(CallError::UnexpectedResult)
}

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
