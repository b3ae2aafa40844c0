//! What the hints of a server's tools allow.

use rmcp::model::{ServerResult, Tool};
use tokio::time::timeout_at;

use crate::{client::call::Call, context::Subject, handler::ListKind, trace::Target};

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
        let key = self.client.resolved.latest().key_pool();
        let state = key.lists.of(ListKind::Tools);
        let kept = self.client.kept(&Subject::Tools, state);
        let kept = timeout_at(self.deadline(), kept).await;
        kept.ok().flatten().is_some_and(|kept| match kept.result() {
            ServerResult::ListToolsResult(list) => hint_repeatable(&list.tools, name),
            _ => false,
        })
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
    use std::sync::Arc;

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
