//! One setting, from whichever source.

use std::{collections::BTreeMap, fmt};

use super::{
    env_table::{VARIABLES, Variable},
    env_value::Value,
    pool_config::PoolConfig,
};
use crate::error::ConfigError;

/// One setting as text: from an environment variable or from a file. `Debug` does not show the text.
#[derive(Clone)]
pub struct Setting {
    /// What it is called at its source: in errors.
    name: String,
    field: Field,
    text: String,
}

/// What a setting sets.
#[derive(Clone)]
enum Field {
    Known(&'static Variable),
    /// Checked for its form, and without effect.
    JwtIdentityExtraction,
    UnknownKey,
    UnknownVariable,
}

impl Setting {
    /// The setting of an environment variable; `None` where it has not the pool's prefix. Lower-case
    /// names count too.
    #[must_use]
    pub fn from_variable(name: &str, text: &str) -> Option<Self> {
        let upper = name.to_ascii_uppercase();
        let suffix = upper.strip_prefix(PREFIX)?;
        let field = match VARIABLES.iter().find(|known| known.suffix == suffix) {
            Some(variable) => Field::Known(variable),
            None if suffix == JWT_IDENTITY_EXTRACTION => Field::JwtIdentityExtraction,
            None => Field::UnknownVariable,
        };
        Some(Self::new(name, field, text))
    }

    /// The setting of a key in a file. `path` is that of the field, such as
    /// `limits.max_total_keys`; errors call the setting `name`.
    #[must_use]
    pub fn from_key(name: &str, path: &str, text: &str) -> Self {
        let known = VARIABLES.iter().find(|known| known.field == path);
        Self::new(name, known.map_or(Field::UnknownKey, Field::Known), text)
    }

    fn new(name: &str, field: Field, text: &str) -> Self {
        Self {
            name: name.to_owned(),
            field,
            text: text.trim().to_owned(),
        }
    }

    fn apply(&self, config: &mut PoolConfig) -> Result<(), ConfigError> {
        let value = Value {
            name: &self.name,
            text: &self.text,
        };
        match &self.field {
            Field::Known(variable) => (variable.set)(config, &value),
            Field::JwtIdentityExtraction => value.truth().map(|wanted| {
                if wanted {
                    tracing::warn!(variable = self.name, "sets nothing: add an extractor");
                }
            }),
            Field::UnknownKey => Err(ConfigError::UnknownKey(self.name.clone())),
            Field::UnknownVariable => Err(ConfigError::UnknownVariable(self.name.clone())),
        }
    }
}

impl PoolConfig {
    /// The defaults, changed by these settings in their order: a later one wins.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env): everything that is wrong, each by the name at its source.
    pub fn from_settings(settings: impl IntoIterator<Item = Setting>) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        let mut errors = Vec::new();
        let mut names = BTreeMap::new();
        for setting in settings {
            match setting.apply(&mut config) {
                Ok(()) => {
                    if let Field::Known(variable) = setting.field {
                        names.insert(last_part(variable.field), setting.name);
                    }
                }
                Err(error) => errors.push(error),
            }
        }
        let out_of_bounds = config.out_of_bounds().into_iter();
        errors.extend(out_of_bounds.map(|error| named_by_source(error, &names)));
        ConfigError::all(errors).map(|()| config)
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Setting({})", self.name)
    }
}

/// The error with the name of the variable or key that set the field.
fn named_by_source(error: ConfigError, names: &BTreeMap<&str, String>) -> ConfigError {
    match error {
        ConfigError::Bound { field, kind, bound } => ConfigError::Bound {
            field: names.get(field.as_str()).cloned().unwrap_or(field),
            kind,
            bound,
        },
        error => error,
    }
}

fn last_part(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

pub(super) const PREFIX: &str = "MCP_SESSION_POOL_";

const JWT_IDENTITY_EXTRACTION: &str = "JWT_IDENTITY_EXTRACTION";
