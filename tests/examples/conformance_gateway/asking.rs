//! Tools and prompts that request input before they answer (revision 2026-07-28, patterns/mrtr).

use mcp_session_pool::rmcp::{
    ErrorData,
    model::{ClientCapabilities, InputRequests, InputRequiredResult, InputResponses},
};
use serde_json::{Value, json};

/// What a request for input comes to.
pub(crate) enum Round {
    /// The server needs this first.
    Ask(InputRequiredResult),
    /// The server has what it needs: the text of its answer.
    Done(String),
}

/// One attempt of a client.
pub(crate) struct Attempt<'a> {
    pub(crate) responses: Option<&'a InputResponses>,
    pub(crate) state: Option<&'a str>,
    pub(crate) declared: &'a ClientCapabilities,
}

/// What a tool that requests input does with an attempt; `None` for any other tool.
pub(crate) fn of_tool(name: &str, attempt: &Attempt<'_>) -> Option<Result<Round, ErrorData>> {
    Some(match name {
        "test_input_required_result_elicitation"
        | "test_streaming_elicitation"
        | "test_tool_with_task" => attempt.for_all(&["user_name"], None),
        "test_input_required_result_sampling" => attempt.for_all(&["capital_question"], None),
        "test_input_required_result_list_roots" => attempt.for_all(&["client_roots"], None),
        "test_input_required_result_request_state" => attempt.for_all(&["confirm"], Some("state")),
        "test_input_required_result_tampered_state" => {
            attempt.for_all(&["confirm"], Some("sealed"))
        }
        "test_input_required_result_multiple_inputs" => {
            let all = ["user_name", "capital_question", "client_roots"];
            attempt.for_all(&all, Some("several"))
        }
        "test_input_required_result_multi_round" => attempt.in_two_rounds(),
        "test_input_required_result_capabilities" => attempt.for_declared(),
        _ => return None,
    })
}

/// What the prompt that requests input does with an attempt; `None` for any other prompt.
pub(crate) fn of_prompt(name: &str, attempt: &Attempt<'_>) -> Option<Result<Round, ErrorData>> {
    let is_it = name == "test_input_required_result_prompt";
    is_it.then(|| attempt.for_all(&["user_context"], None))
}

impl Attempt<'_> {
    /// Asks until there is an answer to each of these, with a state that has to come back as it is.
    fn for_all(&self, names: &[&str], state: Option<&str>) -> Result<Round, ErrorData> {
        if self.responses.is_some() && self.state != state {
            return Err(ErrorData::invalid_params("another state", None));
        }
        match names.iter().all(|name| self.has(name)) {
            true => Ok(Round::Done("state-ok, Hello".to_owned())),
            false => ask(names, state),
        }
    }

    fn in_two_rounds(&self) -> Result<Round, ErrorData> {
        match self.state {
            None => ask(&["step1"], Some("round-1")),
            Some("round-1") if self.has("step1") => ask(&["step2"], Some("round-2")),
            Some("round-2") if self.has("step2") => Ok(Round::Done("done".to_owned())),
            Some(_) => Err(ErrorData::invalid_params("another state", None)),
        }
    }

    /// Asks for no more than the client can give.
    fn for_declared(&self) -> Result<Round, ErrorData> {
        let able = [
            ("user_name", self.declared.elicitation.is_some()),
            ("capital_question", self.declared.sampling.is_some()),
            ("client_roots", self.declared.roots.is_some()),
        ];
        let names: Vec<_> = able.iter().filter(|(_, able)| *able).collect();
        let names: Vec<_> = names.into_iter().map(|(name, _)| *name).collect();
        self.for_all(&names, None)
    }

    /// Whether there is an answer with this name that is one.
    fn has(&self, name: &str) -> bool {
        let response = self.responses.and_then(|responses| responses.get(name));
        response.is_some_and(Value::is_object)
    }
}

fn ask(names: &[&str], state: Option<&str>) -> Result<Round, ErrorData> {
    let requests: serde_json::Map<_, _> = names
        .iter()
        .map(|name| ((*name).to_owned(), request(name)))
        .collect();
    let requests: InputRequests = serde_json::from_value(Value::Object(requests))
        .map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    let state = state.map(str::to_owned);
    Ok(Round::Ask(InputRequiredResult::new(Some(requests), state)))
}

/// What a request for the input of this name is.
pub(crate) fn request(name: &str) -> Value {
    match name {
        "client_roots" => json!({ "method": "roots/list", "params": {} }),
        "capital_question" => {
            let text = json!({ "type": "text", "text": "What is the capital of France?" });
            let messages = json!([{ "role": "user", "content": text }]);
            let params = json!({ "messages": messages, "maxTokens": 100 });
            json!({ "method": "sampling/createMessage", "params": params })
        }
        _ => {
            let kind = if name == "confirm" {
                "boolean"
            } else {
                "string"
            };
            let schema = json!({ "type": "object", "properties": { "value": { "type": kind } } });
            let params = json!({ "message": "What is it?", "requestedSchema": schema });
            json!({ "method": "elicitation/create", "params": params })
        }
    }
}
