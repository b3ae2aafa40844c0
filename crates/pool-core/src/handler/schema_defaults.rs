//! Defaults that a server gives for a form.

use rmcp::model::{ElicitResult, ElicitationAction, ElicitationSchema};
use serde_json::{Map, Value};

/// Fills in the schema's defaults where an accepted form leaves a field out, as clients are to
/// (revision 2025-11-25, client/elicitation). Anything but an accepted form is left alone.
#[must_use]
pub fn with_schema_defaults(mut result: ElicitResult, schema: &ElicitationSchema) -> ElicitResult {
    if result.action != ElicitationAction::Accept {
        return result;
    }
    let mut fields = match result.content.take() {
        Some(Value::Object(fields)) => fields,
        None => Map::new(),
        other => {
            result.content = other;
            return result;
        }
    };
    for (name, property) in &schema.properties {
        if fields.contains_key(name) {
            continue;
        }
        let property = serde_json::to_value(property).unwrap_or_default();
        if let Some(default) = property.get("default") {
            fields.insert(name.clone(), default.clone());
        }
    }
    result.content = Some(Value::Object(fields));
    result
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> ElicitationSchema {
        let schema = json!({
            "type": "object",
            "properties": {
                "name": { "type": "string", "default": "Ada" },
                "age": { "type": "integer", "default": 36 },
                "mail": { "type": "string" }
            }
        });
        serde_json::from_value(schema).unwrap()
    }

    #[test]
    fn defaults_stand_in_for_what_an_accepted_form_leaves_out() {
        let given = ElicitResult::new(ElicitationAction::Accept).with_content(json!({ "age": 7 }));
        let filled = with_schema_defaults(given, &schema());
        assert_eq!(filled.content, Some(json!({ "name": "Ada", "age": 7 })));
        let declined = ElicitResult::new(ElicitationAction::Decline);
        assert_eq!(with_schema_defaults(declined, &schema()).content, None);
    }
}
