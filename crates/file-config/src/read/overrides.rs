//! Variables that set keys of upstreams.

use serde_json::{Map, Value};

use crate::problem::Problems;

/// What variables set, by upstream: the key, and the variable.
pub(crate) type Overrides = Vec<(String, Vec<(String, String)>)>;

/// Sets the keys of upstreams that variables name: `MCP_UPSTREAM_GITHUB_API_URL` is the `url` of
/// `github-api`.
pub(crate) fn override_upstreams(
    upstreams: &mut Map<String, Value>,
    variables: &[(String, String)],
    problems: &mut Problems,
) -> Overrides {
    let mut overrides = Overrides::new();
    for (variable, text) in variables {
        let upper = variable.to_ascii_uppercase();
        let Some(rest) = upper.strip_prefix(PREFIX) else {
            continue;
        };
        let Some((upstream, key)) = target(rest, upstreams) else {
            problems.add(variable, "unknown variable");
            continue;
        };
        if let Some(Value::Object(entries)) = upstreams.get_mut(&upstream) {
            entries.insert(key.to_owned(), Value::String(text.clone()));
        }
        let named = (key.to_owned(), variable.clone());
        match overrides.iter_mut().find(|(name, _)| *name == upstream) {
            Some((_, keys)) => keys.push(named),
            None => overrides.push((upstream, vec![named])),
        }
    }
    overrides
}

/// The upstream and the key behind the rest of a variable's name.
fn target(rest: &str, upstreams: &Map<String, Value>) -> Option<(String, &'static str)> {
    upstreams.keys().find_map(|upstream| {
        let name = upstream.to_ascii_uppercase().replace('-', "_");
        let key = rest.strip_prefix(&name)?.strip_prefix('_')?;
        let key = KEYS.iter().find(|known| known.eq_ignore_ascii_case(key))?;
        Some((upstream.clone(), *key))
    })
}

const PREFIX: &str = "MCP_UPSTREAM_";
/// The keys with a variable: all but the references to secrets.
const KEYS: [&str; 14] = [
    "affinity_header",
    "affinity_scope",
    "client",
    "forward",
    "lifecycle",
    "max_calls",
    "max_concurrent_per_session",
    "max_sessions",
    "oauth",
    "shareable_cookies",
    "stateless_and_public",
    "transport",
    "trusted_tool_hints",
    "url",
];
