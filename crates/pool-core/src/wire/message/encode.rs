//! Writing of requests: each is written once.

use std::{borrow::Cow, fmt};

use rmcp::model::{
    CallToolRequestParams, ClientJsonRpcMessage, ClientRequest, GetExtensions,
    GetPromptRequestParams, JsonObject, MetaObject, ReadResourceRequestParams, RequestId,
    RequestMetaObject,
};
use serde::{Serialize, Serializer, ser::SerializeMap};

/// What every request of a stateless session names in `_meta` (revision 2026-07-28, requests).
#[derive(Clone, Default)]
pub struct ClientContext(JsonObject);

impl ClientContext {
    /// The client context in this metadata.
    #[must_use]
    pub fn new(meta: RequestMetaObject) -> Self {
        Self(meta.0.0)
    }
}

impl fmt::Debug for ClientContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientContext").finish_non_exhaustive()
    }
}

/// Writes a request. Its progress token is its id.
///
/// `context` wins over equal names in the caller's own metadata, and so does the token: neither may
/// be chosen by a caller of a session that others use too.
///
/// # Errors
/// The parameters hold a value that JSON has no form for.
pub fn encode_request(
    request: &ClientRequest,
    id: &RequestId,
    context: Option<&ClientContext>,
) -> Result<Vec<u8>, serde_json::Error> {
    let parts = Parts::of(request)?;
    let meta = Meta {
        own: parts.meta.as_deref(),
        context: context.map(|context| &context.0),
        token: id,
    };
    let mut text = Vec::with_capacity(USUAL_SIZE);
    text.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
    serde_json::to_writer(&mut text, id)?;
    text.extend_from_slice(b",\"method\":");
    serde_json::to_writer(&mut text, request.method())?;
    text.extend_from_slice(b",\"params\":{\"_meta\":");
    serde_json::to_writer(&mut text, &meta)?;
    let fields = text.len();
    parts.fields.write(&mut text)?;
    // The fields come as an object, whose members follow `_meta`.
    match &text[fields..] {
        b"{}" => drop(text.remove(fields)),
        _ => text[fields] = b',',
    }
    text.push(b'}');
    Ok(text)
}

/// Writes any message as it is, with the ids that it has.
///
/// Its code is here once, and not once in each crate that sends messages.
///
/// # Errors
/// The message holds a value that JSON has no form for.
pub fn encode_message(message: &ClientJsonRpcMessage) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(message)
}

/// The metadata of a request, and the rest of its parameters.
struct Parts<'r> {
    meta: Option<Cow<'r, JsonObject>>,
    fields: Fields<'r>,
}

/// The parameters of a request without metadata. The frequent ones are written without a detour
/// over a JSON value.
enum Fields<'r> {
    CallTool(&'r CallToolRequestParams),
    GetPrompt(&'r GetPromptRequestParams),
    ReadResource(&'r ReadResourceRequestParams),
    Other(JsonObject),
}

impl<'r> Parts<'r> {
    fn of(request: &'r ClientRequest) -> Result<Self, serde_json::Error> {
        if let Some(fields) = Fields::of_frequent(request) {
            let typed = request.extensions().get::<RequestMetaObject>();
            let meta = typed.map(|meta| Cow::Borrowed(&meta.0.0));
            return Ok(Self { meta, fields });
        }
        // Not over text: a number that is written and read again is not always the same one.
        let mut value = serde_json::to_value(request)?;
        let mut params = match value.get_mut("params").map(serde_json::Value::take) {
            Some(serde_json::Value::Object(params)) => params,
            _ => JsonObject::new(),
        };
        let meta = match params.remove("_meta") {
            Some(serde_json::Value::Object(meta)) => Some(Cow::Owned(meta)),
            _ => None,
        };
        let fields = Fields::Other(params);
        Ok(Self { meta, fields })
    }
}

impl<'r> Fields<'r> {
    /// The parameters of a frequent request that has no metadata of its own.
    fn of_frequent(request: &'r ClientRequest) -> Option<Self> {
        if request.extensions().get::<MetaObject>().is_some() {
            return None;
        }
        match request {
            ClientRequest::CallToolRequest(request) if request.params.meta.is_none() => {
                Some(Self::CallTool(&request.params))
            }
            ClientRequest::GetPromptRequest(request) if request.params.meta.is_none() => {
                Some(Self::GetPrompt(&request.params))
            }
            ClientRequest::ReadResourceRequest(request) if request.params.meta.is_none() => {
                Some(Self::ReadResource(&request.params))
            }
            _ => None,
        }
    }

    /// Appends the fields as an object.
    fn write(&self, text: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        match self {
            Self::CallTool(params) => serde_json::to_writer(text, params),
            Self::GetPrompt(params) => serde_json::to_writer(text, params),
            Self::ReadResource(params) => serde_json::to_writer(text, params),
            Self::Other(params) => serde_json::to_writer(text, params),
        }
    }
}

struct Meta<'a> {
    own: Option<&'a JsonObject>,
    context: Option<&'a JsonObject>,
    token: &'a RequestId,
}

impl Serialize for Meta<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.own.into_iter().flatten() {
            let is_replaced = self
                .context
                .is_some_and(|context| context.contains_key(name));
            if !is_replaced && name != PROGRESS_TOKEN {
                map.serialize_entry(name, value)?;
            }
        }
        for (name, value) in self.context.into_iter().flatten() {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry(PROGRESS_TOKEN, self.token)?;
        map.end()
    }
}

const PROGRESS_TOKEN: &str = "progressToken";
/// More than a usual call needs.
const USUAL_SIZE: usize = 512;

#[cfg(test)]
mod tests {
    use rmcp::model::GetMeta;
    use rmcp::model::{
        CallToolRequest, CallToolRequestParams, ListToolsRequest, PingRequest, ReadResourceRequest,
        ReadResourceRequestParams,
    };
    use serde_json::{Value, json};

    use super::*;

    fn encoded(request: &ClientRequest, context: Option<&ClientContext>) -> Value {
        let id = RequestId::String("ab-7".into());
        let text = encode_request(request, &id, context).expect("json");
        serde_json::from_slice(&text).expect("json")
    }

    fn call(params: CallToolRequestParams) -> ClientRequest {
        ClientRequest::CallToolRequest(CallToolRequest::new(params))
    }

    #[test]
    fn a_request_is_written_with_its_id_as_progress_token() {
        let arguments = json!({"a": 1}).as_object().cloned().expect("an object");
        let request = call(CallToolRequestParams::new("add").with_arguments(arguments));
        assert_eq!(
            encoded(&request, None),
            json!({
                "jsonrpc": "2.0", "id": "ab-7", "method": "tools/call",
                "params": {"_meta": {"progressToken": "ab-7"}, "name": "add", "arguments": {"a": 1}},
            })
        );
    }

    #[test]
    fn requests_of_every_shape_keep_their_parameters() {
        let meta = json!({"progressToken": "ab-7"});
        let uri = ReadResourceRequest::new(ReadResourceRequestParams::new("file:///a"));
        for (request, params) in [
            (
                ClientRequest::PingRequest(PingRequest::default()),
                json!({"_meta": meta}),
            ),
            (
                ClientRequest::ListToolsRequest(ListToolsRequest::default()),
                json!({"_meta": meta}),
            ),
            (
                ClientRequest::ReadResourceRequest(uri),
                json!({"_meta": meta, "uri": "file:///a"}),
            ),
        ] {
            assert_eq!(encoded(&request, None)["params"], params);
        }
    }

    /// A number that is written, read and written again may be another one, in its last digit.
    #[test]
    fn numbers_are_written_as_the_caller_has_them_whatever_the_shape_of_the_request() {
        let numbers: Vec<f64> = (1..5_000).map(|n| f64::from(n).sqrt() * 1e-7).collect();
        let written = serde_json::to_string(&numbers).expect("json");
        let arguments = json!({ "numbers": numbers }).as_object().cloned();
        let params = CallToolRequestParams::new("x").with_arguments(arguments.expect("an object"));
        let mut with_meta = params.clone();
        with_meta.meta = Some(RequestMetaObject::from(JsonObject::new()));
        for params in [params, with_meta] {
            let id = RequestId::String("ab-7".into());
            let text = encode_request(&call(params), &id, None).expect("json");
            assert!(String::from_utf8(text).expect("utf-8").contains(&written));
        }
    }

    #[test]
    fn the_callers_metadata_is_kept_but_cannot_replace_token_or_context() {
        let own = json!({"progressToken": "mine", "trace": 1, "client": "other"});
        let own: JsonObject = own.as_object().cloned().expect("an object");
        let context = json!({"client": "pool"});
        let context = ClientContext(context.as_object().cloned().expect("an object"));
        let expected = json!({"trace": 1, "client": "pool", "progressToken": "ab-7"});

        let mut by_extension = call(CallToolRequestParams::new("x"));
        by_extension.get_meta_mut().0.0 = own.clone();
        assert_eq!(
            encoded(&by_extension, Some(&context))["params"]["_meta"],
            expected
        );

        let mut params = CallToolRequestParams::new("x");
        params.meta = Some(RequestMetaObject::from(own));
        let by_params = encoded(&call(params), Some(&context));
        assert_eq!(by_params["params"]["_meta"], expected);
        assert_eq!(by_params["params"]["name"], "x");
    }
}
