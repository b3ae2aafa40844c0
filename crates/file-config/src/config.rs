//! The configuration of a gateway, from a file and from variables.

use std::{fmt, fs, path::Path};

use http::HeaderMap;
use mcp_pool_core::{PoolConfig, config::Setting};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    credentials::UpstreamCredentials,
    oauth::OAuthSettings,
    problem::{FileConfigError, Problems},
    read::{Format, override_upstreams, pool_settings, read_oauth, read_upstreams},
    upstream::ConfiguredUpstream,
};

/// The configuration of a gateway: the pool, its upstreams, and the credentials for them.
///
/// Made from a file and the environment. Everything that is wrong is reported at once, each by its key
/// or variable; no value is shown. See the [crate documentation](crate) for the form.
pub struct FileConfig {
    pool: PoolConfig,
    upstreams: Vec<(ConfiguredUpstream, HeaderMap)>,
    oauth: Vec<OAuthSettings>,
    /// The sections that belong to the gateway itself.
    sections: Map<String, Value>,
}

impl FileConfig {
    /// Reads a file, changed by the environment. `sections` names those of the gateway's own, which
    /// [`section`](Self::section) returns.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn load(path: impl AsRef<Path>, sections: &[&str]) -> Result<Self, FileConfigError> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let format = Format::of(path);
        let format = format.ok_or_else(|| FileConfigError::of(&name, FILE_NAME))?;
        let text = fs::read_to_string(path);
        let text = text.map_err(|_| FileConfigError::of(&name, "cannot be read"))?;
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let value = value.to_string_lossy().into_owned();
            Some((name.into_string().ok()?, value))
        });
        Self::parse(format, &text, sections, variables)
    }

    /// As [`load`](Self::load), from a text and any list of variables.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn parse(
        format: Format,
        text: &str,
        sections: &[&str],
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, FileConfigError> {
        let variables: Vec<_> = variables.into_iter().collect();
        let mut problems = Problems::default();
        let mut file = format.parse(text).unwrap_or_else(|needs| {
            problems.add("file", needs);
            Map::new()
        });
        let pool = read_pool(file.remove("pool"), &variables, &mut problems);
        let value_of = |name: &str| {
            let found = variables.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.clone())
        };
        let oauth = read_oauth(file.remove("oauth"), &value_of, &mut problems);
        let mut section = upstreams_section(file.remove("upstreams"), &mut problems);
        let overrides = override_upstreams(&mut section, &variables, &mut problems);
        let upstreams = read_upstreams(section, &overrides, &oauth, &value_of, &mut problems);
        let is_own = |name: &String| sections.contains(&name.as_str());
        for name in file.keys().filter(|name| !is_own(name)) {
            problems.add(name, "unknown key");
        }
        problems.check()?;
        Ok(Self {
            pool,
            upstreams,
            oauth,
            sections: file,
        })
    }

    /// The configuration of the pool.
    #[must_use]
    pub fn pool(&self) -> &PoolConfig {
        &self.pool
    }

    /// The upstreams, by name.
    pub fn upstreams(&self) -> impl Iterator<Item = &ConfiguredUpstream> {
        self.upstreams.iter().map(|(upstream, _)| upstream)
    }

    /// The OAuth settings, by name.
    pub fn oauth(&self) -> impl Iterator<Item = &OAuthSettings> {
        self.oauth.iter()
    }

    /// The credentials of the upstreams, for
    /// [`PoolBuilder::credentials`](mcp_pool_core::PoolBuilder::credentials).
    #[must_use]
    pub fn credentials(&self) -> UpstreamCredentials {
        let upstreams = self.upstreams.iter();
        UpstreamCredentials::new(
            upstreams
                .map(|(upstream, headers)| (upstream, headers.clone()))
                .collect(),
        )
    }

    /// A section of the gateway's own.
    ///
    /// # Errors
    /// The section is absent or does not fit `T`. The error does not show its values.
    pub fn section<T: DeserializeOwned>(&self, name: &str) -> Result<T, FileConfigError> {
        let section = self.sections.get(name).cloned().unwrap_or_default();
        serde_json::from_value(section)
            .map_err(|error| FileConfigError::of(name, &without_values(&error.to_string())))
    }
}

fn read_pool(
    section: Option<Value>,
    variables: &[(String, String)],
    problems: &mut Problems,
) -> PoolConfig {
    let mut settings = pool_settings(section, problems);
    let from_variable = |(name, text): &(String, String)| Setting::from_variable(name, text);
    settings.extend(variables.iter().filter_map(from_variable));
    PoolConfig::from_settings(settings).unwrap_or_else(|error| {
        problems.add_config(error);
        PoolConfig::default()
    })
}

fn upstreams_section(section: Option<Value>, problems: &mut Problems) -> Map<String, Value> {
    match section {
        Some(Value::Object(upstreams)) => upstreams,
        None | Some(Value::Null) => Map::new(),
        Some(_) => {
            problems.add("upstreams", "expected a table");
            Map::new()
        }
    }
}

/// The message of serde without the values that it quotes.
fn without_values(message: &str) -> String {
    let kind = message.split(": ").next().unwrap_or_default();
    let field = message.split('`').nth(1);
    match (kind, field) {
        ("invalid type" | "invalid value", _) => match message.split_once(", expected ") {
            Some((_, expected)) => format!("expected {expected}"),
            None => kind.to_owned(),
        },
        (_, Some(field)) if kind.starts_with("missing field") => format!("`{field}` is missing"),
        (_, Some(field)) if kind.starts_with("unknown field") => format!("`{field}` is unknown"),
        _ => "does not have the expected form".to_owned(),
    }
}

impl fmt::Debug for FileConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileConfig")
            .field("pool", &self.pool)
            .field("upstreams", &self.upstreams().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

const FILE_NAME: &str = "expected a name that ends in .toml, .yaml or .yml";
