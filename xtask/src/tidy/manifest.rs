//! Rules on the `Cargo.toml` of members.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::violation::Violation;

/// A parsed `Cargo.toml`.
pub(super) struct Manifest<'a> {
    path: &'a str,
    dependencies: Vec<Dependency>,
    shares_lints: bool,
    is_member: bool,
    /// True for a workspace of its own, which shares nothing.
    stands_alone: bool,
}

struct Dependency {
    name: String,
    kind: String,
    line: usize,
    is_shared: bool,
}

impl<'a> Manifest<'a> {
    pub(super) fn parse(path: &'a str, text: &str) -> Result<Self, Violation> {
        let root = DeTable::parse(text).map_err(|error| {
            let line = line_of(text, error.span().map_or(0, |span| span.start));
            Violation::new(
                path,
                line,
                "parse",
                format!("not valid TOML: {}", error.message()),
            )
        })?;
        let root = root.get_ref();
        let mut dependencies = Vec::new();
        gather(text, root, &mut dependencies);
        if let Some(targets) = table(root, "target") {
            for target in targets
                .values()
                .filter_map(|value| value.get_ref().as_table())
            {
                gather(text, target, &mut dependencies);
            }
        }
        Ok(Self {
            path,
            dependencies,
            shares_lints: table(root, "lints").is_some_and(|lints| is_true(lints, "workspace")),
            is_member: root.contains_key("package"),
            stands_alone: root.contains_key("package") && root.contains_key("workspace"),
        })
    }

    /// The folder below `crates/`, or an empty text.
    fn folder(&self) -> &'a str {
        let inner = self
            .path
            .strip_prefix("crates/")
            .and_then(|p| p.strip_suffix("/Cargo.toml"));
        inner.unwrap_or("")
    }

    fn find(
        &self,
        wrong: impl Fn(&Dependency) -> bool,
        rule: &'static str,
        remedy: &str,
    ) -> Vec<Violation> {
        let wrong = self
            .dependencies
            .iter()
            .filter(|dependency| wrong(dependency));
        let remedy = |name: &str| format!("`{name}`: {remedy}");
        wrong
            .map(|d| Violation::new(self.path, d.line, rule, remedy(&d.name)))
            .collect()
    }
}

/// The core depends on no transport, token format, telemetry or extension.
pub(super) fn core_depends_on_no_transport(manifest: &Manifest) -> Vec<Violation> {
    if manifest.folder() != "pool-core" {
        return Vec::new();
    }
    let foreign = |dependency: &Dependency| {
        FOREIGN_TO_CORE
            .iter()
            .any(|foreign| dependency.name.starts_with(foreign))
    };
    let remedy = "belongs to a crate beside the core";
    manifest.find(foreign, "core_depends_on_no_transport", remedy)
}

/// A user of one extension does not get another.
pub(super) fn siblings_stand_alone(manifest: &Manifest) -> Vec<Violation> {
    let folder = manifest.folder();
    if folder != SHARED && !SIBLINGS.iter().any(|sibling| folder.starts_with(sibling)) {
        return Vec::new();
    }
    let sibling = |dependency: &Dependency| {
        let name = dependency.name.strip_prefix("mcp-pool-").unwrap_or("");
        dependency.kind != "dev-dependencies" && SIBLINGS.iter().any(|s| name.starts_with(s))
    };
    let remedy = "extensions do not depend on each other; what they share belongs to the core";
    manifest.find(sibling, "siblings_stand_alone", remedy)
}

/// One version of a dependency in the whole workspace.
pub(super) fn shared_versions(manifest: &Manifest) -> Vec<Violation> {
    if manifest.stands_alone {
        return Vec::new();
    }
    let remedy = "write `workspace = true`, and its version into the root's Cargo.toml";
    manifest.find(
        |dependency| !dependency.is_shared,
        "shared_versions",
        remedy,
    )
}

/// One set of lints in the whole workspace.
pub(super) fn shared_lints(manifest: &Manifest) -> Vec<Violation> {
    if manifest.shares_lints || !manifest.is_member || manifest.stands_alone {
        return Vec::new();
    }
    vec![Violation::new(
        manifest.path,
        1,
        "shared_lints",
        "add `lints.workspace = true`",
    )]
}

fn gather(text: &str, table_of: &DeTable, found: &mut Vec<Dependency>) {
    for kind in KINDS {
        for (name, value) in table(table_of, kind).into_iter().flatten() {
            let details = value.get_ref().as_table();
            let is_set = |key| details.is_some_and(|details| is_true(details, key));
            let has = |key| details.is_some_and(|details| details.contains_key(key));
            let renamed = details.and_then(|details| details.get("package"));
            let package = renamed.and_then(|package| package.get_ref().as_str());
            found.push(Dependency {
                name: package.unwrap_or(name.get_ref()).to_owned(),
                kind: kind.to_owned(),
                line: line_of(text, name.span().start),
                is_shared: is_set("workspace") || has("path"),
            });
        }
    }
}

fn table<'t, 'i>(parent: &'t DeTable<'i>, name: &str) -> Option<&'t DeTable<'i>> {
    parent.get(name)?.get_ref().as_table()
}

fn is_true(table: &DeTable, key: &str) -> bool {
    matches!(
        table.get(key).map(Spanned::get_ref),
        Some(DeValue::Boolean(true))
    )
}

fn line_of(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}

const KINDS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

const FOREIGN_TO_CORE: [&str; 5] = [
    "jsonwebtoken",
    "mcp-",
    "opentelemetry",
    "reqwest",
    "sse-stream",
];

/// The code that transports share; it depends on no transport.
const SHARED: &str = "http";

const SIBLINGS: [&str; 4] = ["identity-", "oauth", "telemetry", "transport-"];

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(folder: &str, rule: fn(&Manifest) -> Vec<Violation>, text: &str) -> Vec<usize> {
        let path = format!("crates/{folder}/Cargo.toml");
        Violation::lines(&rule(&Manifest::parse(&path, text).unwrap()))
    }

    #[test]
    fn the_core_depends_on_no_transport_in_any_table() {
        let text = "[dependencies]\nhttp.workspace = true\nreqwest.workspace = true\n\
            [dev-dependencies]\nopentelemetry_sdk = { workspace = true }\n\
            [target.'cfg(unix)'.dependencies]\nhttp-client = { package = \"sse-stream\" }\n\
            mcp-pool-testkit.workspace = true\n";
        let rule = core_depends_on_no_transport;
        let mut found = lines("pool-core", rule, text);
        found.sort_unstable();
        assert_eq!(found, [3, 5, 7, 8]);
        assert!(lines("telemetry", rule, text).is_empty());
    }

    #[test]
    fn extensions_depend_on_each_other_only_in_tests() {
        let text = "[dependencies]\nmcp-pool-core.workspace = true\n\
            mcp-pool-identity-jwt.workspace = true\n\
            [dev-dependencies]\nmcp-pool-transport-sse.workspace = true\n";
        for folder in ["telemetry", "http"] {
            assert_eq!(lines(folder, siblings_stand_alone, text), [3], "{folder}");
        }
        assert!(lines("mcp-session-pool", siblings_stand_alone, text).is_empty());
    }

    #[test]
    fn a_version_of_its_own_is_found() {
        let text = "[dependencies]\na = \"1\"\nb = { version = \"1\" }\nc.workspace = true\n\
            d = { workspace = true, features = [\n    \"x\",\n] }\ne = { path = \"../e\" }\n\
            [dependencies.f]\ngit = \"https://example.com\"\n\
            [build-dependencies]\ng = \"2\"\n";
        assert_eq!(lines("a", shared_versions, text), [2, 3, 9, 12]);
    }

    #[test]
    fn a_workspace_of_its_own_shares_nothing() {
        let text = "[package]\nname = \"a\"\n[workspace]\n[dependencies]\na = \"1\"\n";
        assert!(lines("a", shared_versions, text).is_empty());
        assert!(lines("a", shared_lints, text).is_empty());
    }

    #[test]
    fn a_member_shares_the_lints() {
        assert_eq!(lines("a", shared_lints, "[package]\nname = \"a\"\n"), [1]);
        for shared in [
            "[lints]\nworkspace = true\n[package]\n",
            "lints.workspace = true\n[package]\n",
        ] {
            assert!(lines("a", shared_lints, shared).is_empty());
        }
        assert!(lines("", shared_lints, "[workspace]\n").is_empty());
    }
}
