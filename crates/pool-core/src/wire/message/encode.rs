//! Writing of requests: each is written once.

use std::fmt;

use rmcp::model::{
    ClientRequest, GetExtensions, JsonObject, MetaObject, RequestId, RequestMetaObject,
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;

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

/// A JSON-RPC request on its way out.
struct Outgoing<'a> {
    id: &'a RequestId,
    method: &'a str,
    params: &'a RawValue,
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
    let (own_meta, fields) = parts(request)?;
    let meta = Meta {
        own: own_meta.as_ref(),
        context: context.map(|context| &context.0),
        token: id,
    };
    let params = with_meta(&meta, &fields)?;
    serde_json::to_vec(&Outgoing {
        id,
        method: request.method(),
        params: &params,
    })
}

/// The metadata of a request, and the rest of its parameters as the text of an object.
fn parts(request: &ClientRequest) -> Result<(Option<JsonObject>, String), serde_json::Error> {
    if let Some(fields) = plain_fields(request) {
        let typed = request.extensions().get::<RequestMetaObject>();
        return Ok((typed.map(|meta| meta.0.0.clone()), fields?));
    }
    let mut value = serde_json::to_value(request)?;
    let mut params = match value.get_mut("params").map(serde_json::Value::take) {
        Some(serde_json::Value::Object(params)) => params,
        _ => JsonObject::new(),
    };
    let meta = match params.remove("_meta") {
        Some(serde_json::Value::Object(meta)) => Some(meta),
        _ => None,
    };
    Ok((meta, serde_json::to_string(&params)?))
}

/// The parameters of a frequent request without metadata of their own, written without a detour
/// over a JSON value.
fn plain_fields(request: &ClientRequest) -> Option<Result<String, serde_json::Error>> {
    if request.extensions().get::<MetaObject>().is_some() {
        return None;
    }
    match request {
        ClientRequest::CallToolRequest(request) if request.params.meta.is_none() => {
            Some(serde_json::to_string(&request.params))
        }
        ClientRequest::ReadResourceRequest(request) if request.params.meta.is_none() => {
            Some(serde_json::to_string(&request.params))
        }
        ClientRequest::GetPromptRequest(request) if request.params.meta.is_none() => {
            Some(serde_json::to_string(&request.params))
        }
        _ => None,
    }
}

/// Puts `_meta` into the text of an object, as its first member.
fn with_meta(meta: &Meta<'_>, fields: &str) -> Result<Box<RawValue>, serde_json::Error> {
    let mut text = String::with_capacity(fields.len() + ROOM_FOR_META);
    text.push_str("{\"_meta\":");
    text.push_str(&serde_json::to_string(meta)?);
    let rest = fields.strip_prefix('{').unwrap_or("}");
    if rest != "}" {
        text.push(',');
    }
    text.push_str(rest);
    RawValue::from_string(text)
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

impl Serialize for Outgoing<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("jsonrpc", "2.0")?;
        map.serialize_entry("id", self.id)?;
        map.serialize_entry("method", self.method)?;
        map.serialize_entry("params", self.params)?;
        map.end()
    }
}

const PROGRESS_TOKEN: &str = "progressToken";
/// More than a token and a usual client context need.
const ROOM_FOR_META: usize = 256;

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
