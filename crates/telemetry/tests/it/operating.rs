//! The operating guide has every setting, with its default, and every metric.

use std::collections::BTreeMap;

use mcp_pool_core::PoolConfig;
use serde_json::Value;

use crate::table;

#[test]
fn the_guide_has_exactly_the_settings_with_their_defaults() {
    let Ok(Value::Object(defaults)) = serde_json::to_value(PoolConfig::default()) else {
        panic!("a configuration is an object");
    };
    let mut expected = BTreeMap::new();
    for (field, value) in defaults {
        match value {
            Value::Object(group) => {
                expected.extend(
                    group
                        .into_iter()
                        .map(|(field, value)| (field, shown(&value))),
                );
            }
            value => drop(expected.insert(field, shown(&value))),
        }
    }
    let (_, settings) = OPERATING.split_once("## Settings").expect("the section");
    let (settings, _) = settings.split_once("\n## ").expect("the next section");
    let rows = settings.lines().filter_map(|line| line.strip_prefix("| `"));
    let settings = rows.filter_map(|row| {
        let (field, rest) = row.split_once("` | ")?;
        let default = rest.split(" | ").next()?.trim_matches('`');
        let is_setting =
            !field.contains('.') && field.chars().all(|c| c.is_lowercase() || c == '_');
        is_setting.then(|| (field.to_owned(), default.to_owned()))
    });
    assert_eq!(settings.collect::<BTreeMap<_, _>>(), expected);
}

/// A value as the guide writes it.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(shown).collect();
            items.join(", ")
        }
        other => other.to_string(),
    }
}

#[test]
fn every_metric_is_in_the_guide() {
    for name in table::below("Metrics").into_keys() {
        assert!(OPERATING.contains(&format!("`{name}`")), "{name}");
    }
}

const OPERATING: &str = include_str!("../../../../docs/operating.md");
