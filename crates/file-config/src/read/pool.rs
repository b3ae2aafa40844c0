//! The settings of the pool.

use mcp_pool_core::config::Setting;
use serde_json::{Map, Value};

use crate::problem::Problems;

/// The settings of the section `pool`: each leaf is one, by its path.
pub(crate) fn pool_settings(section: Option<Value>, problems: &mut Problems) -> Vec<Setting> {
    let mut settings = Vec::new();
    match section {
        None | Some(Value::Null) => {}
        Some(Value::Object(entries)) => collect("", entries, &mut settings),
        Some(_) => problems.add(SECTION, "expected a table"),
    }
    settings
}

fn collect(path: &str, entries: Map<String, Value>, settings: &mut Vec<Setting>) {
    for (key, value) in entries {
        let path = match path {
            "" => key,
            _ => format!("{path}.{key}"),
        };
        let text = match value {
            Value::Object(entries) if !entries.is_empty() => {
                collect(&path, entries, settings);
                continue;
            }
            Value::Object(_) | Value::Null if GROUPS.contains(&path.as_str()) => continue,
            Value::String(text) => text,
            value => value.to_string(),
        };
        settings.push(Setting::from_key(
            &format!("{SECTION}.{path}"),
            &path,
            &text,
        ));
    }
}

const SECTION: &str = "pool";
/// The groups of fields, which may be empty.
const GROUPS: [&str; 6] = [
    "breaker",
    "health",
    "identity",
    "limits",
    "timeouts",
    "tool_cache",
];
