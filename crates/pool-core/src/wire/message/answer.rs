//! The answer to a request, as text until its type is needed.

use std::fmt;

use rmcp::{
    ErrorData,
    model::{
        CallToolResult, ClientRequest, CompleteResult, DiscoverResult, EmptyResult,
        GetPromptResult, InitializeResult, ListPromptsResult, ListResourceTemplatesResult,
        ListResourcesResult, ListToolsResult, ReadResourceResult, ServerResult,
    },
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{incoming::Incoming, repair::repaired};
use crate::error::names_lost_session;

/// The answer of a server to one request: its result or its error.
///
/// A transport that reads JSON itself keeps the result as text. Its typed form is made when it is
/// needed, and a gateway passes the text on with every field that it does not know.
pub struct Answer(Body);

enum Body {
    Error(ErrorData),
    Refusal(ErrorData),
    Raw(ResultKind, Box<RawValue>),
    Typed(Box<ServerResult>),
}

/// Which result a request has. Reading it as that one alone costs a fraction of trying all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResultKind(Kind);

macro_rules! kinds {
    ($($Request:ident => $Result:ident,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum Kind {
            Other,
            $($Result,)*
        }

        impl ResultKind {
            /// The kind of the result that answers this request.
            #[must_use]
            pub fn of(request: &ClientRequest) -> Self {
                Self(match request {
                    $(ClientRequest::$Request(_) => Kind::$Result,)*
                    _ => Kind::Other,
                })
            }

            fn read(self, text: &str) -> Option<ServerResult> {
                match self.0 {
                    $(Kind::$Result => read::<$Result>(text).map(ServerResult::$Result),)*
                    Kind::Other => None,
                }
            }

            /// Reads a result that is not of its type without what cannot be read.
            fn repair(self, text: &str) -> Option<Reading> {
                match self.0 {
                    $(Kind::$Result => {
                        let repaired = repaired::<$Result>(text)?;
                        Some(Reading {
                            result: ServerResult::$Result(repaired.value),
                            left_out: repaired.left_out,
                        })
                    })*
                    Kind::Other => None,
                }
            }
        }
    };
}

kinds! {
    CallToolRequest => CallToolResult,
    CompleteRequest => CompleteResult,
    DiscoverRequest => DiscoverResult,
    GetPromptRequest => GetPromptResult,
    InitializeRequest => InitializeResult,
    ListPromptsRequest => ListPromptsResult,
    ListResourcesRequest => ListResourcesResult,
    ListResourceTemplatesRequest => ListResourceTemplatesResult,
    ListToolsRequest => ListToolsResult,
    ReadResourceRequest => ReadResourceResult,
}

impl Answer {
    /// An error of the server.
    #[must_use]
    pub fn from_error(error: ErrorData) -> Self {
        Self(Body::Error(error))
    }

    /// An error without an id, in a response with a status with which servers refuse unknown sessions.
    /// The pool checks the session before it takes the error for an answer.
    #[must_use]
    pub fn from_refusal(error: ErrorData) -> Self {
        Self(Body::Refusal(error))
    }

    /// True for an error with which the server may have refused the session, and not the request: one
    /// [made so](Self::from_refusal), or one with the words of a lost session
    /// ([`names_lost_session`]).
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match &self.0 {
            Body::Refusal(_) => true,
            Body::Error(error) => names_lost_session(&error.message),
            Body::Raw(..) | Body::Typed(_) => false,
        }
    }

    /// A result as the server wrote it.
    #[must_use]
    pub fn from_raw(kind: ResultKind, result: Box<RawValue>) -> Self {
        Self(Body::Raw(kind, result))
    }

    /// The answer in a message that is a result or an error.
    #[must_use]
    pub fn in_message(message: &Incoming<'_>, kind: ResultKind) -> Self {
        match message.result() {
            Some(result) => Self::from_raw(kind, result.to_owned()),
            // Without a result it has an error.
            None => Self::from_error(message.error().unwrap_or_else(no_error)),
        }
    }

    /// A result whose text is not known.
    #[must_use]
    pub fn from_result(result: ServerResult) -> Self {
        Self(Body::Typed(Box::new(result)))
    }

    /// The error, if the server answered with one.
    #[must_use]
    pub fn error(&self) -> Option<&ErrorData> {
        match &self.0 {
            Body::Error(error) | Body::Refusal(error) => Some(error),
            Body::Raw(..) | Body::Typed(_) => None,
        }
    }

    /// The JSON of the result as the server wrote it. `None` for an error, and where the session's
    /// driver does not read JSON itself.
    #[must_use]
    pub fn raw(&self) -> Option<&RawValue> {
        match &self.0 {
            Body::Raw(_, raw) => Some(raw),
            Body::Error(_) | Body::Refusal(_) | Body::Typed(_) => None,
        }
    }

    /// The same answer, where it is a result.
    ///
    /// # Errors
    /// The server's error.
    pub(crate) fn into_success(self) -> Result<Self, ErrorData> {
        match self.0 {
            Body::Error(error) | Body::Refusal(error) => Err(error),
            body => Ok(Self(body)),
        }
    }

    /// True for the result of a tool that reports a failure of its own (`isError`).
    pub(crate) fn is_tool_error(&self) -> bool {
        match &self.0 {
            Body::Typed(result) => match &**result {
                ServerResult::CallToolResult(result) => result.is_error == Some(true),
                _ => false,
            },
            Body::Raw(ResultKind(Kind::CallToolResult), raw) => {
                read::<ToolError>(raw.get()).is_some_and(|result| result.is_error)
            }
            Body::Error(_) | Body::Raw(..) | Body::Refusal(_) => false,
        }
    }

    /// The result in its type, as [`read`](Self::read) reads it. A result that fits no known type
    /// becomes a [`CustomResult`](ServerResult::CustomResult).
    ///
    /// # Errors
    /// The server's error.
    pub fn into_result(self) -> Result<ServerResult, ErrorData> {
        self.read().map(|reading| reading.result)
    }

    /// The result in its type, and how many of its parts cannot be read.
    ///
    /// An item of a list, a content block or a field that the type does not know in this form is left
    /// out, and hides none of the others. The [JSON](Self::raw) has them all.
    ///
    /// ```
    /// use mcp_pool_core::{
    ///     extend::{Answer, ResultKind},
    ///     rmcp::model::{ClientRequest, ListToolsRequest, ServerResult},
    /// };
    /// let request = ClientRequest::ListToolsRequest(ListToolsRequest::default());
    /// let json = r#"{"tools":[{"name":7},{"name":"add","inputSchema":{}}]}"#;
    /// let raw = serde_json::from_str(json)?;
    /// let reading = Answer::from_raw(ResultKind::of(&request), raw).read().unwrap();
    /// assert_eq!(reading.left_out, 1);
    /// assert!(matches!(reading.result, ServerResult::ListToolsResult(list) if list.tools.len() == 1));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// # Errors
    /// The server's error.
    pub fn read(self) -> Result<Reading, ErrorData> {
        match self.0 {
            Body::Error(error) | Body::Refusal(error) => Err(error),
            Body::Typed(result) => Ok(Reading::complete(*result)),
            Body::Raw(kind, raw) => Ok(typed(kind, raw.get())),
        }
    }
}

/// A result in its type.
#[derive(Clone)]
#[non_exhaustive]
pub struct Reading {
    /// The result.
    pub result: ServerResult,
    /// How many parts of the result cannot be read, and are not in it.
    pub left_out: usize,
}

impl Reading {
    fn complete(result: ServerResult) -> Self {
        Self {
            result,
            left_out: 0,
        }
    }
}

impl fmt::Debug for Reading {
    /// Shows how much was left out, and no content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading")
            .field("left_out", &self.left_out)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolError {
    #[serde(default)]
    is_error: bool,
}

fn typed(kind: ResultKind, text: &str) -> Reading {
    if let Some(result) = kind.read(text) {
        return Reading::complete(result);
    }
    if let Some(reading) = kind.repair(text) {
        return reading;
    }
    // Every JSON value is a custom result, so that the last case needs text that is no JSON.
    let result = match text {
        "null" => None,
        text => read(text),
    };
    Reading::complete(result.unwrap_or(ServerResult::EmptyResult(EmptyResult {})))
}

fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}

impl fmt::Debug for Answer {
    /// Shows the code of an error, and no content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Body::Error(error) => f.debug_tuple("Error").field(&error.code.0).finish(),
            Body::Raw(..) => f.write_str("Raw(..)"),
            Body::Refusal(error) => f.debug_tuple("Refusal").field(&error.code.0).finish(),
            Body::Typed(_) => f.write_str("Typed(..)"),
        }
    }
}

fn no_error() -> ErrorData {
    ErrorData::internal_error("", None)
}

#[cfg(test)]
mod tests {
    use rmcp::model::{CallToolRequest, CallToolRequestParams, PingRequest};

    use super::*;

    fn answer(request: &ClientRequest, text: &str) -> Answer {
        let raw = RawValue::from_string(text.to_owned()).expect("json");
        Answer::from_raw(ResultKind::of(request), raw)
    }

    fn call() -> ClientRequest {
        ClientRequest::CallToolRequest(CallToolRequest::new(CallToolRequestParams::new("x")))
    }

    #[test]
    fn a_result_is_of_the_type_that_its_request_has() {
        let text = r#"{"content":[{"type":"text","text":"1"}]}"#;
        let result = answer(&call(), text).into_result().expect("a result");
        assert!(matches!(result, ServerResult::CallToolResult(_)));
        let input = r#"{"resultType":"input_required","requestState":"s"}"#;
        let result = answer(&call(), input).into_result().expect("a result");
        assert!(matches!(result, ServerResult::InputRequiredResult(_)));
        let ping = ClientRequest::PingRequest(PingRequest::default());
        let result = answer(&ping, "{}").into_result().expect("a result");
        assert!(matches!(result, ServerResult::EmptyResult(_)));
    }

    #[test]
    fn an_unknown_result_is_kept_as_it_came() {
        let text = r#"{"content":[{"type":"hologram","x":1}],"extra":{"b":1,"a":2}}"#;
        let answer = answer(&call(), text);
        assert_eq!(answer.raw().expect("text").get(), text);
        let result = answer.into_result().expect("a result");
        assert!(matches!(result, ServerResult::CustomResult(_)));
    }

    #[test]
    fn debug_shows_no_content() {
        let shown = format!("{:?}", answer(&call(), r#"{"content":"sekret"}"#));
        assert_eq!(shown, "Raw(..)");
        let error = Answer::from_error(ErrorData::internal_error("sekret", None));
        assert_eq!(format!("{error:?}"), "Error(-32603)");
    }
}
