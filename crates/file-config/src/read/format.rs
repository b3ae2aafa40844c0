//! The formats of files.

use std::path::Path;

use serde_json::{Map, Value};

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// TOML 1.1.
    Toml,
    /// YAML 1.2.
    Yaml,
}

impl Format {
    /// The format that the name of a file ends with: `toml`, `yaml` or `yml`.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "toml" => Some(Self::Toml),
            "yaml" | "yml" => Some(Self::Yaml),
            _ => None,
        }
    }

    /// Reads a text.
    ///
    /// # Errors
    /// What is needed. The parsers' own messages quote the text, which may hold a secret.
    pub(crate) fn parse(self, text: &str) -> Result<Map<String, Value>, String> {
        match self {
            Self::Toml => toml::from_str(text).map_err(|error| {
                let at = error.span().map_or(0, |span| span.start);
                let line = 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
                format!("no valid TOML at line {line}")
            }),
            Self::Yaml => serde_saphyr::from_str(text).map_err(|error| {
                let line = error.location().map_or(0, |location| location.line());
                format!("no valid YAML at line {line}")
            }),
        }
    }
}
