//! Lists of one upstream and of several.

use futures::future::join_all;
use mcp_pool_core::{AcquireRequest, PooledClient, error::CallError};
use rmcp::{
    ErrorData, RoleServer,
    model::{
        ErrorCode, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
        ListSkillsResult, ListToolsResult, MetaObject, PaginatedRequestParams,
    },
    service::RequestContext,
};
use serde_json::json;
use tokio::time::timeout;

use super::{call::is_session_lost, handler::ProxyHandler};
use crate::{
    translate::{Complete, Uris, is_in_session},
    upstreams::{Inner, Unavailable, Upstream},
};

/// A list that servers offer.
pub(super) trait Listing: Complete + Send + Sized {
    const METHOD: &'static str;
    type Item: Send;

    fn all(client: PooledClient)
    -> impl Future<Output = Result<Vec<Self::Item>, CallError>> + Send;
    fn page(
        client: PooledClient,
        params: Option<PaginatedRequestParams>,
    ) -> impl Future<Output = Result<Self, CallError>> + Send;
    /// The list of these items, with this metadata.
    fn of(items: Vec<Self::Item>, meta: Option<MetaObject>) -> Self;
    fn has_more(&self) -> bool;
    /// Names an item of the upstream as the proxy does.
    fn rename(item: &mut Self::Item, upstream: &Upstream, proxy: &Inner);
}

macro_rules! listing {
    ($Result:ident { $items:ident: $Item:ident } $wire:literal $all:ident $page:ident, $rename:expr) => {
        impl Listing for $Result {
            const METHOD: &'static str = $wire;
            type Item = rmcp::model::$Item;

            async fn all(client: PooledClient) -> Result<Vec<Self::Item>, CallError> {
                client.$all().await
            }

            async fn page(
                client: PooledClient,
                params: Option<PaginatedRequestParams>,
            ) -> Result<Self, CallError> {
                client.$page(params).await
            }

            fn of(items: Vec<Self::Item>, meta: Option<MetaObject>) -> Self {
                let mut list = Self::with_all_items(items);
                list.meta = meta;
                list
            }

            fn has_more(&self) -> bool {
                self.next_cursor.is_some()
            }

            fn rename(item: &mut Self::Item, upstream: &Upstream, proxy: &Inner) {
                let rename: fn(&mut Self::Item, &str, &Inner) = $rename;
                rename(item, upstream.name(), proxy);
            }
        }
    };
}

listing!(ListToolsResult { tools: Tool } "tools/list" list_all_tools list_tools, |tool, upstream, proxy| {
    tool.name = proxy.names.join(upstream, &tool.name).into();
});
listing!(ListPromptsResult { prompts: Prompt } "prompts/list" list_all_prompts list_prompts, |prompt, upstream, proxy| {
    prompt.name = proxy.names.join(upstream, &prompt.name);
});
listing!(ListResourcesResult { resources: Resource } "resources/list" list_all_resources list_resources, |resource, upstream, proxy| {
    resource.uri = proxy.uris.join(upstream, &resource.uri);
});
listing!(ListResourceTemplatesResult { resource_templates: ResourceTemplate } "resources/templates/list" list_all_resource_templates list_resource_templates, |template, upstream, proxy| {
    template.uri_template = proxy.uris.join(upstream, &template.uri_template);
});
listing!(ListSkillsResult { skills: Skill } "skills/list" list_all_skills list_skills, |skill, upstream, proxy| {
    let policy = proxy.uris.as_ref();
    Uris { upstream, policy }.in_skill(skill);
});

impl ProxyHandler {
    /// The list of the upstream, or of all upstreams.
    ///
    /// # Errors
    /// The single upstream's failure. Of several, those that fail are left out.
    pub(super) async fn list<L: Listing>(
        &self,
        params: Option<PaginatedRequestParams>,
        context: &RequestContext<RoleServer>,
    ) -> Result<L, ErrorData> {
        let list = match self.single() {
            Some(upstream) => self.list_single::<L>(upstream, params, context).await?,
            None => self.list_merged::<L>(context).await?,
        };
        Ok(list.complete())
    }

    async fn list_single<L: Listing>(
        &self,
        upstream: &Upstream,
        params: Option<PaginatedRequestParams>,
        context: &RequestContext<RoleServer>,
    ) -> Result<L, ErrorData> {
        let page = |client| L::page(client, params);
        let page = self.run(upstream, context, page).await?;
        // Outside of a session the next page may be requested on another upstream session, where the
        // cursor means nothing.
        if is_in_session(context) || !page.has_more() {
            return Ok(page);
        }
        let items = self.run(upstream, context, L::all).await?;
        Ok(L::of(items, None))
    }

    async fn list_merged<L: Listing>(
        &self,
        context: &RequestContext<RoleServer>,
    ) -> Result<L, ErrorData> {
        let upstreams = &self.proxy.upstreams;
        let requests = upstreams
            .iter()
            .map(|upstream| self.request(upstream, context));
        // A caller that may not list anything gets an error and no empty list.
        let requests: Vec<_> = requests.collect::<Result<_, _>>()?;
        let parts = upstreams.iter().zip(requests);
        let parts = parts.map(|(upstream, request)| self.part::<L>(upstream, request));
        let parts = join_all(parts).await;
        let missing: Vec<_> = upstreams
            .iter()
            .zip(&parts)
            .filter(|(_, part)| part.is_none())
            .map(|(upstream, _)| upstream.name())
            .collect();
        let meta = (!missing.is_empty()).then(|| {
            let mut meta = MetaObject::default();
            meta.0.insert(UNAVAILABLE.to_owned(), json!(missing));
            meta
        });
        let items = parts.into_iter().flatten().flatten().collect();
        Ok(L::of(items, meta))
    }

    /// The items of one upstream; `None` where it fails.
    async fn part<L: Listing>(
        &self,
        upstream: &Upstream,
        request: AcquireRequest,
    ) -> Option<Vec<L::Item>> {
        let items = async {
            let client = self.proxy.client(request).await?;
            match L::all(client.clone()).await {
                // The list needs no state. The client's next call to this upstream shows the loss.
                Err(error) if is_session_lost(&error) => {
                    let losses = &self.conversation.losses;
                    losses.note_unreported(upstream.name());
                    losses.note_unknown_era(upstream.name());
                    L::all(client).await
                }
                result => result,
            }
        };
        let error = match timeout(self.proxy.list_timeout, items).await {
            Ok(Ok(mut items)) => {
                let rename = |item: &mut L::Item| L::rename(item, upstream, &self.proxy);
                items.iter_mut().for_each(rename);
                return Some(items);
            }
            Ok(Err(CallError::Rpc(error))) if error.code == ErrorCode::METHOD_NOT_FOUND => {
                return Some(Vec::new());
            }
            Ok(Err(error)) => Some(error),
            Err(_) => None,
        };
        self.proxy.unavailable(&Unavailable {
            upstream: upstream.name(),
            method: L::METHOD,
            error: error.as_ref(),
        });
        None
    }
}

/// Where a merged list names the upstreams that are not in it.
const UNAVAILABLE: &str = "mcp-session-pool/unavailable";
