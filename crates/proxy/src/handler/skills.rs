//! Skills, and the directories that they are in.

use std::collections::HashSet;

use rmcp::{
    ErrorData, RoleServer,
    model::{
        ClientRequest, GetSkillRequest, GetSkillRequestParams, GetSkillResult, ListResourcesResult,
        ListSkillsResult, PaginatedRequestParams, ReadResourceDirectoryRequest,
        ReadResourceDirectoryRequestParams, ReadResourceDirectoryResult, ServerResult,
    },
    service::RequestContext,
};

use super::{asked::unexpected, handler::ProxyHandler, lists::Listing};
use crate::translate::{Complete, passed_on};

impl ProxyHandler {
    /// The skills of the upstream, or of all upstreams. Those that break the rules of the extension are
    /// left out: rmcp refuses a whole list for one of them.
    ///
    /// # Errors
    /// The single upstream's failure. Of several, those that fail are left out.
    pub(super) async fn pass_on_list_skills(
        &self,
        params: Option<PaginatedRequestParams>,
        context: &RequestContext<RoleServer>,
    ) -> Result<ListSkillsResult, ErrorData> {
        let mut list: ListSkillsResult = self.list(params, context).await?;
        let mut uris = HashSet::new();
        list.skills
            .retain(|skill| skill.validate().is_ok() && uris.insert(skill.uri.clone()));
        Ok(list)
    }

    /// A skill of an upstream.
    ///
    /// # Errors
    /// No upstream has it, or what the failure comes to for the client.
    pub(super) async fn pass_on_get_skill(
        &self,
        mut params: GetSkillRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<GetSkillResult, ErrorData> {
        let upstream = self.by_uri(&mut params.uri)?;
        params.meta = passed_on(context, &self.conversation);
        let request = ClientRequest::GetSkillRequest(GetSkillRequest::new(params));
        match self.ask(upstream, context, request).await? {
            ServerResult::GetSkillResult(mut result) => {
                self.uris(upstream).in_skill(&mut result.skill);
                Ok(result.complete())
            }
            _ => Err(unexpected()),
        }
    }

    /// The entries of a directory of an upstream.
    ///
    /// # Errors
    /// As [`pass_on_get_skill`](Self::pass_on_get_skill).
    pub(super) async fn pass_on_directory(
        &self,
        mut params: ReadResourceDirectoryRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<ReadResourceDirectoryResult, ErrorData> {
        let upstream = self.by_uri(&mut params.uri)?;
        params.meta = passed_on(context, &self.conversation);
        let request = ReadResourceDirectoryRequest::new(params);
        let request = ClientRequest::ReadResourceDirectoryRequest(request);
        match self.ask(upstream, context, request).await? {
            ServerResult::ListResourcesResult(mut result) => {
                for resource in &mut result.resources {
                    ListResourcesResult::rename(resource, upstream, &self.proxy);
                }
                Ok(result.complete())
            }
            _ => Err(unexpected()),
        }
    }
}
