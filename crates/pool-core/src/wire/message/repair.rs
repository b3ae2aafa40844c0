//! Reading of results that are not quite of their type.

use rmcp::model::{
    CallToolResult, CompleteResult, ContentBlock, DiscoverResult, GetPromptResult,
    InitializeResult, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
    ListToolsResult, Prompt, PromptMessage, ProtocolVersion, ReadResourceResult, Resource,
    ResourceContents, ResourceTemplate, Tool,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::repair_part::{Repaired, reads, without_unreadable_fields};

/// A result that can be read in parts.
pub(super) trait Repair: DeserializeOwned {
    /// The place of the list that most of the result is; empty without one.
    const LIST: &'static str;
    /// Whether the result is worth nothing without a readable item.
    const NEEDS_ITEM: bool;
    /// An item of the list.
    type Item: DeserializeOwned;

    /// Gives members their usual form. Returns how many had no readable one.
    fn prepare(_: &mut Map<String, Value>) -> usize {
        0
    }
}

/// Reads a result without the items and fields that are not of their types. `None`: what is left is
/// not of the type either, or nothing is left.
///
/// It decodes every item a bounded number of times, so that its cost grows no faster than the text.
pub(super) fn repaired<T: Repair>(text: &str) -> Option<Repaired<T>> {
    let mut result: Value = serde_json::from_str(text).ok()?;
    let members = result.as_object_mut()?;
    if !is_complete(members) {
        return None;
    }
    let mut left_out = T::prepare(members);
    let items = taken_items::<T>(&mut result)?;
    let all = items.len();
    let items: Vec<Value> = items
        .into_iter()
        .filter_map(|item| {
            let item = without_unreadable_fields(item, reads::<T::Item>)?;
            left_out += item.left_out;
            Some(item.value)
        })
        .collect();
    left_out += all - items.len();
    if items.is_empty() && all > 0 && T::NEEDS_ITEM {
        return None;
    }
    let rest = without_unreadable_fields(result, reads::<T>)?;
    left_out += rest.left_out;
    let mut result = rest.value;
    if let Some(list) = result.pointer_mut(T::LIST).filter(|_| !T::LIST.is_empty()) {
        *list = Value::Array(items);
    }
    // Not over text: a number that is written and read again is not always the same one.
    let value = serde_json::from_value(result).ok()?;
    Some(Repaired { value, left_out })
}

/// The items of the result, in whose place an empty list stays. Some servers write null for an empty
/// list. `None`: the list is of another type.
fn taken_items<T: Repair>(result: &mut Value) -> Option<Vec<Value>> {
    if T::LIST.is_empty() {
        return Some(Vec::new());
    }
    let list = result.pointer_mut(T::LIST)?;
    match std::mem::replace(list, Value::Array(Vec::new())) {
        Value::Array(items) => Some(items),
        Value::Null => Some(Vec::new()),
        _ => None,
    }
}

/// False for a result of another kind, such as a request for input (revision 2026-07-28, basic).
fn is_complete(members: &Map<String, Value>) -> bool {
    match members.get("resultType") {
        None | Some(Value::Null) => true,
        Some(kind) => kind == "complete",
    }
}

macro_rules! repair {
    ($($Result:ident: $list:literal of $Item:ty, $needs_item:literal;)*) => {
        $(impl Repair for $Result {
            const LIST: &'static str = $list;
            const NEEDS_ITEM: bool = $needs_item;
            type Item = $Item;
        })*
    };
}

repair! {
    CompleteResult: "/completion/values" of String, false;
    GetPromptResult: "/messages" of PromptMessage, true;
    InitializeResult: "" of Value, false;
    ListPromptsResult: "/prompts" of Prompt, false;
    ListResourcesResult: "/resources" of Resource, false;
    ListResourceTemplatesResult: "/resourceTemplates" of ResourceTemplate, false;
    ListToolsResult: "/tools" of Tool, false;
    ReadResourceResult: "/contents" of ResourceContents, true;
}

impl Repair for CallToolResult {
    const LIST: &'static str = "/content";
    const NEEDS_ITEM: bool = true;
    type Item = ContentBlock;

    /// A failure of the tool must not pass for a success.
    fn prepare(members: &mut Map<String, Value>) -> usize {
        match members.get_mut("isError") {
            None | Some(Value::Bool(_) | Value::Null) => 0,
            Some(unclear) => {
                let denies = *unclear == "false" || *unclear == "" || *unclear == 0;
                *unclear = Value::Bool(!denies);
                1
            }
        }
    }
}

impl Repair for DiscoverResult {
    const LIST: &'static str = "/supportedVersions";
    const NEEDS_ITEM: bool = true;
    type Item = ProtocolVersion;

    /// Without readable hints a result is stale at once, and private (revision 2026-07-28, caching).
    fn prepare(members: &mut Map<String, Value>) -> usize {
        members.insert("resultType".to_owned(), "complete".into());
        let mut left_out = 0;
        if !members.get("ttlMs").is_some_and(Value::is_u64) {
            left_out += usize::from(members.insert("ttlMs".to_owned(), 0.into()).is_some());
        }
        let scope = members.get("cacheScope").and_then(Value::as_str);
        if !matches!(scope, Some("private" | "public")) {
            let replaced = members.insert("cacheScope".to_owned(), "private".into());
            left_out += usize::from(replaced.is_some());
        }
        left_out
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read<T: Repair>(result: &Value) -> Option<Repaired<T>> {
        repaired::<T>(&result.to_string())
    }

    #[test]
    fn unreadable_tools_hide_none_of_the_others() {
        let good = |name: &str| json!({"name": name, "inputSchema": {"type": "object"}});
        let mut tools: Vec<Value> = (0..4_999).map(|n| good(&n.to_string())).collect();
        for bad in [
            json!({"name": "x"}),
            json!({"name": 7, "inputSchema": {}}),
            json!("tool"),
            json!(null),
            json!([]),
        ] {
            tools.insert(2_000, bad);
        }
        let result = json!({"tools": tools, "nextCursor": "c", "extra": 1});
        let repaired = read::<ListToolsResult>(&result).expect("a list");
        assert_eq!(repaired.left_out, 5);
        assert_eq!(repaired.value.tools.len(), 4_999);
        assert_eq!(repaired.value.next_cursor.as_deref(), Some("c"));
    }

    /// Digits that lead to numbers which change when they are written and read again.
    #[test]
    fn numbers_of_a_repaired_result_are_those_that_were_read() {
        let numbers = (1..5_000).map(|n| format!("{:.25}", f64::from(n).sqrt() * 1e-7));
        let numbers = numbers.collect::<Vec<_>>().join(",");
        let text = format!(r#"{{"content":[],"structuredContent":[{numbers}],"isError":"no"}}"#);
        let read: Value = serde_json::from_str(&text).expect("json");
        let repaired = repaired::<CallToolResult>(&text);
        let repaired = repaired.map(|repaired| repaired.value.structured_content);
        assert_eq!(repaired, Some(Some(read["structuredContent"].clone())));
    }

    #[test]
    fn a_field_of_another_type_hides_neither_its_item_nor_the_other_fields() {
        let tool = json!({
            "name": "t", "inputSchema": {}, "title": 7, "icons": "none", "description": "d",
            "annotations": {"readOnlyHint": "maybe", "title": "T"}, "_meta": {"a": 1},
        });
        let result = json!({"tools": [tool], "ttlMs": "soon"});
        let repaired = read::<ListToolsResult>(&result).expect("a list");
        assert_eq!(repaired.left_out, 4);
        let tool = &repaired.value.tools[0];
        assert_eq!(tool.description.as_deref(), Some("d"));
        assert!(tool.title.is_none() && tool.icons.is_none() && tool.meta.is_some());
        let annotations = tool.annotations.as_ref().expect("annotations");
        assert_eq!(annotations.title.as_deref(), Some("T"));
    }

    #[test]
    fn unknown_content_and_annotations_hide_no_other_content() {
        let result = json!({"content": [
            {"type": "hologram", "depth": 3},
            {"type": "text", "text": "1", "annotations": {"audience": ["robot"], "priority": 1}},
            {"type": "image", "data": "AA==", "mimeType": "image/png", "annotations": 7},
            {"type": "resource", "resource": {"uri": "a:b", "text": "x", "mimeType": 1}},
        ], "isError": "yes"});
        let repaired = read::<CallToolResult>(&result).expect("a result");
        assert_eq!(repaired.value.content.len(), 3);
        assert_eq!(repaired.value.is_error, Some(true));
        assert_eq!(repaired.left_out, 5);
        let text = repaired.value.content[0].as_text().expect("text");
        let annotations = text.annotations.as_ref().expect("annotations");
        assert_eq!(annotations.priority, Some(1.0));
    }

    #[test]
    fn prompts_resources_and_completions_are_read_in_parts_too() {
        let prompt = json!({"messages": [
            {"role": "robot", "content": {"type": "text", "text": "1"}},
            {"role": "user", "content": {"type": "text", "text": "2", "_meta": 1}},
        ], "description": 7});
        let repaired = read::<GetPromptResult>(&prompt).expect("a prompt");
        assert_eq!((repaired.value.messages.len(), repaired.left_out), (1, 3));
        let contents = json!({"contents": [{"uri": "a:b"}, {"uri": "a:c", "text": "x"}]});
        let repaired = read::<ReadResourceResult>(&contents).expect("contents");
        assert_eq!((repaired.value.contents.len(), repaired.left_out), (1, 1));
        let list = json!({"resources": [{"uri": 1}, {"uri": "a:b", "name": "n", "size": -1}]});
        let repaired = read::<ListResourcesResult>(&list).expect("a list");
        assert_eq!((repaired.value.resources.len(), repaired.left_out), (1, 2));
        let list = json!({"prompts": [{"name": "p", "arguments": [{"name": 1}, {"name": "a"}]}]});
        let repaired = read::<ListPromptsResult>(&list).expect("a list");
        let arguments = repaired.value.prompts[0].arguments.as_ref();
        assert_eq!((arguments.map(Vec::len), repaired.left_out), (Some(1), 1));
        let values = json!({"completion": {"values": ["a", 1], "total": -1}});
        let repaired = read::<CompleteResult>(&values).expect("values");
        assert_eq!(
            (repaired.value.completion.values.len(), repaired.left_out),
            (1, 2)
        );
    }

    #[test]
    fn what_introduces_a_server_is_read_in_parts_too() {
        let result = json!({
            "protocolVersion": "2025-06-18", "instructions": ["a"],
            "capabilities": {"tools": {"listChanged": "yes"}, "logging": true, "prompts": {}},
            "serverInfo": {"name": "n", "version": "1", "icons": 1},
        });
        let repaired = read::<InitializeResult>(&result).expect("an introduction");
        assert_eq!(repaired.left_out, 4);
        assert!(repaired.value.capabilities.prompts.is_some());
        let result =
            json!({"supportedVersions": ["2026-07-28", 7], "capabilities": {}, "ttlMs": -1});
        let repaired = read::<DiscoverResult>(&result).expect("an introduction");
        assert_eq!(repaired.left_out, 2);
    }

    #[test]
    fn null_is_an_empty_list() {
        let list = read::<ListToolsResult>(&json!({"tools": null})).expect("a list");
        assert_eq!((list.value.tools.len(), list.left_out), (0, 0));
        let result = read::<CallToolResult>(&json!({"content": null})).expect("a result");
        assert_eq!((result.value.content.len(), result.left_out), (0, 0));
    }

    #[test]
    fn a_result_of_another_kind_is_not_repaired() {
        let input = json!({"resultType": "input_required", "content": [], "requestState": "s"});
        assert!(read::<CallToolResult>(&input).is_none());
        for other in [
            json!({"task": {}}),
            json!({"content": "text"}),
            json!({"content": [{"type": "hologram"}]}),
            json!([]),
        ] {
            assert!(read::<CallToolResult>(&other).is_none(), "{other}");
        }
        assert!(read::<ListToolsResult>(&json!({"prompts": []})).is_none());
    }
}
