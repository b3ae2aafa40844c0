//! The URIs in results, as the proxy names them.

use rmcp::model::{
    CallToolResult, ContentBlock, GetPromptResult, ReadResourceResult, ResourceContents, Skill,
    SkillResources,
};

use crate::naming::NamePolicy;

/// The names of one upstream's resources.
#[derive(Clone, Copy)]
pub(crate) struct Uris<'a> {
    pub(crate) upstream: &'a str,
    pub(crate) policy: &'a dyn NamePolicy,
}

impl Uris<'_> {
    pub(crate) fn in_tool_result(self, mut result: CallToolResult) -> CallToolResult {
        result
            .content
            .iter_mut()
            .for_each(|block| self.in_block(block));
        result
    }

    pub(crate) fn in_prompt(self, mut result: GetPromptResult) -> GetPromptResult {
        let messages = result.messages.iter_mut();
        messages.for_each(|message| self.in_block(&mut message.content));
        result
    }

    pub(crate) fn in_resource(self, mut result: ReadResourceResult) -> ReadResourceResult {
        result
            .contents
            .iter_mut()
            .for_each(|contents| self.in_contents(contents));
        result
    }

    /// Renames a skill and its files, which stay below it.
    pub(crate) fn in_skill(self, skill: &mut Skill) {
        self.rename(&mut skill.uri);
        if let SkillResources::Files(files) = &mut skill.resources {
            files.iter_mut().for_each(|file| self.rename(&mut file.uri));
        }
    }

    fn in_block(self, block: &mut ContentBlock) {
        match block {
            ContentBlock::Resource(embedded) => self.in_contents(&mut embedded.resource),
            ContentBlock::ResourceLink(link) => self.rename(&mut link.uri),
            _ => {}
        }
    }

    fn in_contents(self, contents: &mut ResourceContents) {
        match contents {
            ResourceContents::TextResourceContents { uri, .. }
            | ResourceContents::BlobResourceContents { uri, .. } => self.rename(uri),
            _ => {}
        }
    }

    fn rename(self, uri: &mut String) {
        *uri = self.policy.join(self.upstream, uri);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naming::Separator;

    #[test]
    fn embedded_and_linked_resources_are_named_so_that_they_can_be_read() {
        let policy = Separator::new("+");
        let uris = Uris {
            upstream: "docs",
            policy: &policy,
        };
        let embedded = ContentBlock::resource(ResourceContents::text("a", "file:///a"));
        let result = uris.in_tool_result(CallToolResult::success(vec![embedded]));
        let text = serde_json::to_string(&result).unwrap();
        assert!(text.contains("docs+file:///a"), "{text}");
    }
}
