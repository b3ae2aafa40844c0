//! The forms that tools of the suite request.

use serde_json::{Value, json};

/// The form that a tool requests.
pub(crate) fn of_tool(name: &str, message: &str) -> Option<Value> {
    let (message, properties, required) = match name {
        "test_elicitation" => (
            message,
            json!({ "response": { "type": "string", "description": "User's response" } }),
            json!(["response"]),
        ),
        "test_elicitation_sep1034_defaults" => {
            ("Please review the defaults", defaults(), json!([]))
        }
        "test_elicitation_sep1330_enums" => ("Please select options", enums(), json!([])),
        _ => return None,
    };
    let schema = json!({ "type": "object", "properties": properties, "required": required });
    Some(json!({ "mode": "form", "message": message, "requestedSchema": schema }))
}

/// The schema of a tool, with keywords that a gateway must not lose.
pub(crate) fn with_all_keywords() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": { "street": text, "city": text },
            },
        },
        "properties": {
            "name": text,
            "address": { "$ref": "#/$defs/address" },
            "contactMethod": { "type": "string", "enum": ["phone", "email"] },
            "phone": text,
            "email": text,
        },
        "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
        "if": { "properties": { "contactMethod": { "const": "phone" } } },
        "then": { "required": ["phone"] },
        "else": { "required": ["email"] },
        "additionalProperties": false,
    })
}

fn defaults() -> Value {
    json!({
        "name": { "type": "string", "default": "John Doe" },
        "age": { "type": "integer", "default": 30 },
        "score": { "type": "number", "default": 95.5 },
        "status": {
            "type": "string", "enum": ["active", "inactive", "pending"], "default": "active",
        },
        "verified": { "type": "boolean", "default": true },
    })
}

fn enums() -> Value {
    let titled = json!([
        { "const": "value1", "title": "First" },
        { "const": "value2", "title": "Second" },
        { "const": "value3", "title": "Third" },
    ]);
    let options = ["option1", "option2", "option3"];
    json!({
        "untitledSingle": { "type": "string", "enum": options },
        "titledSingle": { "type": "string", "oneOf": titled },
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {
            "type": "array", "minItems": 1, "maxItems": 3,
            "items": { "type": "string", "enum": options },
        },
        "titledMulti": {
            "type": "array", "minItems": 1, "maxItems": 3, "items": { "anyOf": titled },
        },
    })
}
