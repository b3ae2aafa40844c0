//! Arguments of tools that are headers too (revision 2026-07-28, transports, custom headers).

use std::collections::{HashMap, HashSet};

use http::{HeaderMap, HeaderName};
use rmcp::model::{CallToolRequestParams, JsonObject};
use serde_json::Value;

use super::header_value::primitive;

/// The headers that the tools of a server want, by the name of the tool. Tools without any take no
/// room.
#[derive(Debug, Default)]
pub(crate) struct ToolHeaders(HashMap<String, Vec<ParamHeader>>);

/// An argument that is sent as a header too.
#[derive(Debug)]
struct ParamHeader {
    /// The names from the arguments to the value.
    path: Vec<String>,
    header: HeaderName,
}

impl ToolHeaders {
    /// Notes the headers of a tool. Returns false for a tool whose annotations are invalid, which
    /// must not be used.
    pub(crate) fn note(&mut self, tool: &str, schema: &JsonObject) -> bool {
        let Some(headers) = annotations(schema) else {
            self.0.remove(tool);
            return false;
        };
        match headers.is_empty() {
            true => self.0.remove(tool),
            false => self.0.insert(tool.to_owned(), headers),
        };
        true
    }

    /// Adds the headers of a call. An argument that is absent or null has none.
    pub(crate) fn add(&self, call: &CallToolRequestParams, headers: &mut HeaderMap) {
        let Some(wanted) = self.0.get(&*call.name) else {
            return;
        };
        for param in wanted {
            let value = call.arguments.as_ref().and_then(|arguments| {
                let (first, rest) = param.path.split_first()?;
                let first = arguments.get(first)?;
                rest.iter().try_fold(first, |value, name| value.get(name))
            });
            if let Some(value) = value.and_then(primitive) {
                headers.insert(param.header.clone(), value);
            }
        }
    }
}

/// True when a list may have annotations. A list without them is not read for their sake.
pub(crate) fn may_annotate(list: &str) -> bool {
    list.contains(ANNOTATION)
}

/// The annotated properties of a schema. `None`: an annotation is invalid, or at a place from which
/// no argument can be found.
fn annotations(schema: &JsonObject) -> Option<Vec<ParamHeader>> {
    if schema.contains_key(ANNOTATION) || is_annotated_elsewhere(schema, true) {
        return None;
    }
    let mut found = Vec::new();
    collect(schema.get(PROPERTIES), &mut Vec::new(), &mut found)?;
    let mut names = HashSet::new();
    let is_unique = found.iter().all(|param| names.insert(param.header.clone()));
    is_unique.then_some(found)
}

fn collect(
    properties: Option<&Value>,
    path: &mut Vec<String>,
    found: &mut Vec<ParamHeader>,
) -> Option<()> {
    let Some(Value::Object(properties)) = properties else {
        return Some(());
    };
    for (name, schema) in properties {
        path.push(name.clone());
        if let Some(annotation) = schema.get(ANNOTATION) {
            let kind = schema.get("type").and_then(Value::as_str);
            if !matches!(kind, Some("boolean" | "integer" | "string")) {
                return None;
            }
            found.push(ParamHeader {
                path: path.clone(),
                header: header_name(annotation.as_str()?)?,
            });
        }
        collect(schema.get(PROPERTIES), path, found)?;
        path.pop();
    }
    Some(())
}

fn header_name(annotation: &str) -> Option<HeaderName> {
    if annotation.is_empty() {
        return None;
    }
    HeaderName::try_from(format!("mcp-param-{annotation}")).ok()
}

/// True when an annotation stands where no path of properties leads.
fn is_annotated_elsewhere(schema: &JsonObject, on_path: bool) -> bool {
    schema.iter().any(|(key, value)| match key.as_str() {
        ANNOTATION => !on_path,
        PROPERTIES => any_schema(value, on_path),
        "$defs" | "definitions" | "dependencies" | "dependentSchemas" | "patternProperties" => {
            any_schema(value, false)
        }
        // These hold values and names, and no schemas.
        "const" | "default" | "dependentRequired" | "enum" | "examples" => false,
        _ => is_annotated(value),
    })
}

fn any_schema(schemas: &Value, on_path: bool) -> bool {
    let mut schemas = schemas.as_object().into_iter().flat_map(JsonObject::values);
    schemas.any(|schema| match schema {
        Value::Object(schema) => is_annotated_elsewhere(schema, on_path),
        other => is_annotated(other),
    })
}

fn is_annotated(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(is_annotated),
        Value::Object(schema) => is_annotated_elsewhere(schema, false),
        _ => false,
    }
}

const ANNOTATION: &str = "x-mcp-header";
const PROPERTIES: &str = "properties";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> JsonObject {
        value.as_object().cloned().expect("an object")
    }

    fn noted(schema: Value) -> Option<ToolHeaders> {
        let mut headers = ToolHeaders::default();
        headers.note("t", &object(schema)).then_some(headers)
    }

    #[test]
    fn annotated_arguments_become_headers() {
        let headers = noted(json!({"properties": {
            "region": {"type": "string", "x-mcp-header": "Region"},
            "plain": {"type": "string"},
            "deep": {"type": "object", "properties": {
                "n": {"type": "integer", "x-mcp-header": "N"},
                "absent": {"type": "boolean", "x-mcp-header": "Absent"},
            }},
        }}));
        let arguments = json!({"region": "eu", "plain": "x", "deep": {"n": 7, "absent": null}});
        let call = CallToolRequestParams::new("t").with_arguments(object(arguments));
        let mut map = HeaderMap::new();
        headers.expect("valid").add(&call, &mut map);
        assert_eq!(map.len(), 2);
        assert_eq!(map["mcp-param-region"], "eu");
        assert_eq!(map["mcp-param-n"], "7");
    }

    #[test]
    fn invalid_annotations_rule_a_tool_out() {
        let property = |property: Value| json!({"properties": {"a": property}});
        for schema in [
            json!({"x-mcp-header": "A"}),
            property(json!({"type": "string", "x-mcp-header": ""})),
            property(json!({"type": "string", "x-mcp-header": 7})),
            property(json!({"type": "string", "x-mcp-header": "a b"})),
            property(json!({"type": "object", "x-mcp-header": "A"})),
            property(json!({"type": "array", "items": {"type": "string", "x-mcp-header": "A"}})),
            json!({"$defs": {"d": {"type": "string", "x-mcp-header": "A"}}}),
            json!({"properties": {
                "a": {"type": "string", "x-mcp-header": "A"},
                "b": {"type": "string", "x-mcp-header": "a"},
            }}),
        ] {
            assert!(noted(schema.clone()).is_none(), "{schema}");
        }
        let value = property(json!({"type": "object", "default": {"x-mcp-header": "A"}}));
        assert!(noted(value).is_some());
    }
}
