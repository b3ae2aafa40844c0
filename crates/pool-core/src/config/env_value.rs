//! The text of an environment variable, read as one form or another.

use std::time::Duration;

use http::HeaderName;

use super::duration;
use crate::{
    error::ConfigError,
    extend::{OnExtractError, Probe},
};

/// A variable's text, to be read as one thing or another.
pub(super) struct Value<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

impl Value<'_> {
    pub(super) fn duration(&self) -> Result<Duration, ConfigError> {
        duration::parse(self.text).ok_or_else(|| self.syntax(duration::EXPECTED))
    }

    pub(super) fn number<N: std::str::FromStr>(&self) -> Result<N, ConfigError> {
        self.text
            .parse()
            .map_err(|_| self.syntax("a whole number from 0, or from 1 where none is no value"))
    }

    pub(super) fn truth(&self) -> Result<bool, ConfigError> {
        match self.text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err(self.syntax("a truth value such as `true`")),
        }
    }

    pub(super) fn fraction(&self) -> Result<f64, ConfigError> {
        self.text.parse().map_err(|_| self.syntax("a number"))
    }

    pub(super) fn name(&self) -> Result<String, ConfigError> {
        match self.text.is_empty() {
            true => Err(self.syntax("a text that is not empty")),
            false => Ok(self.text.to_owned()),
        }
    }

    pub(super) fn on_extract_error(&self) -> Result<OnExtractError, ConfigError> {
        let text = serde_json::Value::String(self.text.to_ascii_lowercase());
        serde_json::from_value(text).map_err(|_| self.syntax("`hash_headers` or `refuse`"))
    }

    pub(super) fn probes(&self) -> Result<Vec<Probe>, ConfigError> {
        let probe = |name: String| serde_json::from_value(serde_json::Value::String(name)).ok();
        self.list()?
            .into_iter()
            .map(probe)
            .collect::<Option<_>>()
            .ok_or_else(|| {
                self.syntax(
                    "a list of `ping`, `list_tools`, `list_prompts`, `list_resources`, `skip`",
                )
            })
    }

    pub(super) fn headers(&self) -> Result<Vec<HeaderName>, ConfigError> {
        self.list()?
            .iter()
            .map(|name| HeaderName::from_bytes(name.as_bytes()).ok())
            .collect::<Option<_>>()
            .ok_or_else(|| self.syntax("a list of header names"))
    }

    pub(super) fn list(&self) -> Result<Vec<String>, ConfigError> {
        if self.text.starts_with('[') {
            return serde_json::from_str(self.text)
                .map_err(|_| self.syntax("a JSON list of strings"));
        }
        let items = self.text.split(',').map(str::trim);
        Ok(items
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect())
    }

    pub(super) fn syntax(&self, expected: &'static str) -> ConfigError {
        ConfigError::Syntax {
            variable: self.name.to_owned(),
            expected,
        }
    }
}
