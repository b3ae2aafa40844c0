//! The contents that the suite expects.

use serde_json::{Value, json};

/// The content of a tool that needs nothing but its name.
pub(crate) fn of_tool(name: &str) -> Option<Value> {
    let image = json!({ "type": "image", "data": IMAGE, "mimeType": "image/png" });
    Some(match name {
        "test_simple_text" => json!([text("This is a simple text response for testing.")]),
        "test_image_content" => json!([image]),
        "test_audio_content" => {
            json!([{ "type": "audio", "data": AUDIO, "mimeType": "audio/wav" }])
        }
        "test_embedded_resource" => json!([resource(
            "test://embedded-resource",
            "This is an embedded resource content."
        )]),
        "test_multiple_content_types" => json!([
            text("Multiple content types test:"),
            image,
            resource(
                "test://mixed-content-resource",
                r#"{"test":"data","value":123}"#
            )
        ]),
        _ => return None,
    })
}

/// The contents of a resource.
pub(crate) fn of_resource(uri: &str) -> Option<Value> {
    let text = match uri {
        "test://static-text" => "This is the content of the static text resource.".to_owned(),
        "test://watched-resource" => "Watched resource content".to_owned(),
        "test://static-binary" => {
            return Some(json!([{ "uri": uri, "mimeType": "image/png", "blob": IMAGE }]));
        }
        _ => {
            let id = uri
                .strip_prefix("test://template/")?
                .strip_suffix("/data")?;
            let data = format!("Data for ID: {id}");
            json!({ "id": id, "templateTest": true, "data": data }).to_string()
        }
    };
    Some(json!([{ "uri": uri, "mimeType": "text/plain", "text": text }]))
}

/// The messages of a prompt.
pub(crate) fn of_prompt(name: &str, arguments: &Value) -> Option<Value> {
    let argument = |name: &str| arguments[name].as_str().unwrap_or_default().to_owned();
    let contents = match name {
        "test_simple_prompt" => vec![text("This is a simple prompt for testing.")],
        "test_prompt_with_arguments" => {
            let (one, two) = (argument("arg1"), argument("arg2"));
            vec![text(&format!(
                "Prompt with arguments: arg1='{one}', arg2='{two}'"
            ))]
        }
        "test_prompt_with_embedded_resource" => vec![
            resource(
                &argument("resourceUri"),
                "Embedded resource content for testing.",
            ),
            text("Please process the embedded resource above."),
        ],
        "test_prompt_with_image" => vec![
            json!({ "type": "image", "data": IMAGE, "mimeType": "image/png" }),
            text("Please analyze the image above."),
        ],
        _ => return None,
    };
    let message = |content| json!({ "role": "user", "content": content });
    Some(contents.into_iter().map(message).collect())
}

pub(crate) fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

fn resource(uri: &str, text: &str) -> Value {
    json!({ "type": "resource", "resource": { "uri": uri, "mimeType": "text/plain", "text": text } })
}

/// A red pixel.
const IMAGE: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
/// A moment of silence.
const AUDIO: &str = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=";
