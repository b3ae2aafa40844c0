//! One table of a file: each key is taken once, and those that are left are unknown.

use std::str::FromStr;

use http::HeaderName;
use serde_json::{Map, Value};

use crate::problem::Problems;

/// One table of a file.
pub(crate) struct Node<'p> {
    path: String,
    entries: Map<String, Value>,
    /// What a key is called where a variable has set it.
    names: Vec<(String, String)>,
    pub(crate) problems: &'p mut Problems,
}

impl<'p> Node<'p> {
    /// The table at this path; an empty one, and a problem, where there is another value.
    pub(crate) fn new(path: impl Into<String>, value: Value, problems: &'p mut Problems) -> Self {
        let path = path.into();
        let entries = match value {
            Value::Object(entries) => entries,
            Value::Null => Map::new(),
            _ => {
                problems.add(&path, "expected a table");
                Map::new()
            }
        };
        Self {
            path,
            entries,
            names: Vec::new(),
            problems,
        }
    }

    /// The same table, in which variables have set some keys.
    pub(crate) fn named(mut self, names: Vec<(String, String)>) -> Self {
        self.names = names;
        self
    }

    /// What a key is called in errors.
    pub(crate) fn name(&self, key: &str) -> String {
        let by_variable = self.names.iter().find(|(named, _)| named == key);
        by_variable.map_or_else(|| format!("{}.{key}", self.path), |(_, name)| name.clone())
    }

    /// Takes a key.
    pub(crate) fn take(&mut self, key: &str) -> Option<Value> {
        self.entries.remove(key).filter(|value| !value.is_null())
    }

    /// Takes every key.
    pub(crate) fn take_all(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.entries)
    }

    /// Takes a text.
    pub(crate) fn text(&mut self, key: &str) -> Option<String> {
        match self.take(key)? {
            Value::String(text) => Some(text),
            _ => self.wrong(key, "expected a text"),
        }
    }

    /// Takes a value that a text or a number has.
    pub(crate) fn parsed<T: FromStr>(&mut self, key: &str, expected: &str) -> Option<T> {
        let text = match self.take(key)? {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            _ => return self.wrong(key, expected),
        };
        match text.trim().parse() {
            Ok(value) => Some(value),
            Err(_) => self.wrong(key, expected),
        }
    }

    /// Takes a truth value.
    pub(crate) fn truth(&mut self, key: &str) -> bool {
        let truth = match self.take(key) {
            None => return false,
            Some(Value::Bool(truth)) => Some(truth),
            Some(Value::String(text)) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" => Some(true),
                "false" | "0" | "no" | "off" => Some(false),
                _ => None,
            },
            Some(_) => None,
        };
        truth.or_else(|| self.wrong(key, TRUTH)).unwrap_or(false)
    }

    /// Takes a truth value that may be absent.
    pub(crate) fn optional_truth(&mut self, key: &str) -> Option<bool> {
        self.has(key).then(|| self.truth(key))
    }

    /// Whether the key is there.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.get(key).is_some_and(|value| !value.is_null())
    }

    /// Takes a list of header names: a list, or a text with commas.
    pub(crate) fn headers(&mut self, key: &str) -> Vec<HeaderName> {
        let expected = "expected a list of header names";
        let names = self.texts(key, expected);
        let names: Option<Vec<_>> = names.iter().map(|name| name.parse().ok()).collect();
        names
            .or_else(|| self.wrong(key, expected))
            .unwrap_or_default()
    }

    /// Takes a list of texts: a list, or a text with commas.
    pub(crate) fn texts(&mut self, key: &str, expected: &str) -> Vec<String> {
        let texts = match self.take(key) {
            None => return Vec::new(),
            Some(Value::String(text)) => {
                let texts = text
                    .split(',')
                    .map(str::trim)
                    .filter(|text| !text.is_empty());
                Some(texts.map(str::to_owned).collect())
            }
            Some(value) => serde_json::from_value(value).ok(),
        };
        texts
            .or_else(|| self.wrong(key, expected))
            .unwrap_or_default()
    }

    /// Notes what a key needs.
    pub(crate) fn wrong<T>(&mut self, key: &str, needs: &str) -> Option<T> {
        let name = self.name(key);
        self.problems.add(name, needs);
        None
    }

    /// Notes the keys that nothing has taken.
    pub(crate) fn finish(self) {
        for key in self.entries.keys() {
            self.problems.add(self.name(key), "unknown key");
        }
    }
}

const TRUTH: &str = "expected a truth value such as `true`";
