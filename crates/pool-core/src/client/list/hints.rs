//! What the hints of a server's tools allow.

use std::sync::Arc;

use rmcp::model::Tool;
use tokio::time::{Instant, timeout_at};

use crate::{
    client::{call::Call, pooled_client::PooledClient},
    context::Kept,
    trace::Target,
};

impl Call<'_> {
    /// Whether the called tool does no harm when it is executed twice, by the hints of a server that is
    /// trusted for them.
    pub(in crate::client) async fn is_hinted_repeatable(&self) -> bool {
        let Target::Tool(name) = self.target() else {
            return false;
        };
        if !self.client.parts.endpoint.has_trusted_tool_hints() {
            return false;
        }
        let kept = timeout_at(self.deadline(), self.client.kept_list()).await;
        let kept = kept.ok().flatten();
        kept.is_some_and(|kept| hint_repeatable(&kept.list().tools, name))
    }
}

impl PooledClient {
    /// The list that is kept for this caller, if it is fresh.
    pub(super) async fn kept_list(&self) -> Option<Arc<Kept>> {
        let lists = self.tool_lists()?;
        let state = self.resolved.latest().key_pool().lists.tools();
        let kept = lists.fresh(self.key(), state, Instant::now())?;
        match kept.only_for() {
            Some(only_for) if self.credentials_in_use().await != Some(only_for) => None,
            _ => Some(kept),
        }
    }
}

/// Whether the list has the tool, and every entry of its name hints that it may be executed twice.
fn hint_repeatable(tools: &[Tool], name: &str) -> bool {
    let mut named = tools.iter().filter(|tool| tool.name == name).peekable();
    named.peek().is_some() && named.all(hints_repeatable)
}

/// Whether a tool only reads, or has no further effect when it is executed again (revision 2025-11-25,
/// schema, `ToolAnnotations`). A tool that only reads and destroys is a contradiction, which shows that
/// its hints are wrong.
fn hints_repeatable(tool: &Tool) -> bool {
    let Some(hints) = &tool.annotations else {
        return false;
    };
    let is = |hint: Option<bool>| hint == Some(true);
    let contradicts_itself = is(hints.read_only_hint) && is(hints.destructive_hint);
    !contradicts_itself && (is(hints.read_only_hint) || is(hints.idempotent_hint))
}

#[cfg(test)]
mod tests {
    use rmcp::model::ToolAnnotations;

    use super::*;

    /// A tool with the hints read-only, destructive and idempotent.
    fn tool(name: &'static str, hints: [Option<bool>; 3]) -> Tool {
        let [read_only, destructive, idempotent] = hints;
        let mut annotations = ToolAnnotations::default();
        annotations.read_only_hint = read_only;
        annotations.destructive_hint = destructive;
        annotations.idempotent_hint = idempotent;
        Tool::new(name, "", Arc::default()).with_annotations(annotations)
    }

    #[test]
    fn a_tool_that_only_reads_or_is_idempotent_is_repeatable_unless_it_contradicts_itself() {
        let (yes, no) = (Some(true), Some(false));
        for (hints, expected) in [
            ([None, None, None], false),
            ([no, no, no], false),
            ([no, no, None], false),
            ([yes, None, None], true),
            ([yes, no, no], true),
            ([None, None, yes], true),
            ([no, yes, yes], true),
            ([yes, yes, None], false),
            ([yes, yes, yes], false),
        ] {
            assert_eq!(hints_repeatable(&tool("a", hints)), expected, "{hints:?}");
        }
        assert!(!hints_repeatable(&Tool::new("a", "", Arc::default())));
    }

    #[test]
    fn every_entry_of_the_name_has_to_hint_it() {
        let reads = tool("a", [Some(true), None, None]);
        let writes = tool("a", [Some(false), None, None]);
        assert!(hint_repeatable(std::slice::from_ref(&reads), "a"));
        assert!(!hint_repeatable(std::slice::from_ref(&reads), "b"));
        assert!(!hint_repeatable(&[reads, writes], "a"));
        assert!(!hint_repeatable(&[], "a"));
    }
}
