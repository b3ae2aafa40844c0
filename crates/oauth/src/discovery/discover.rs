//! From a challenge to the authorization server.

use mcp_pool_core::error::Challenge;
use url::Url;

use super::{resource, server::ServerMetadata};
use crate::{
    error::{OAuthError, Step},
    net::{HttpClient, Reach},
};

/// Where to get tokens for an endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Discovered {
    /// The identifier of the resource (RFC 8707).
    pub(crate) resource: String,
    pub(crate) scopes_supported: Vec<String>,
    pub(crate) server: ServerMetadata,
    pub(crate) reach: Reach,
}

/// Finds the authorization server of an endpoint: by the metadata of the resource, which the challenge
/// names or which is at a well-known location; otherwise as revision 2025-03-26 has it, on the origin
/// of the endpoint.
pub(crate) async fn discover(
    http: &HttpClient,
    endpoint: &Url,
    challenge: Option<&Challenge>,
) -> Result<Discovered, OAuthError> {
    let reach = http.reach(endpoint);
    let advertised = challenge.and_then(|it| it.parameter("resource_metadata"));
    let metadata = resource::fetch(http, reach, endpoint, advertised).await?;
    let Some(metadata) = metadata else {
        return on_the_endpoint(http, reach, endpoint).await;
    };
    let mut failed = OAuthError::Unusable {
        step: Step::ResourceMetadata,
        what: "it names no authorization server that can be used",
    };
    // The first one that can be used: its order is the resource's own (RFC 9728 section 7.6).
    for issuer in metadata.authorization_servers.iter().take(MAX_SERVERS) {
        match ServerMetadata::fetch(http, reach, issuer).await {
            Ok(Some(server)) => {
                return Ok(Discovered {
                    resource: metadata.resource,
                    scopes_supported: metadata.scopes_supported,
                    server,
                    reach,
                });
            }
            Ok(None) => {}
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// The authorization server on the origin of the endpoint.
async fn on_the_endpoint(
    http: &HttpClient,
    reach: Reach,
    endpoint: &Url,
) -> Result<Discovered, OAuthError> {
    let server = ServerMetadata::fetch_at(http, reach, endpoint).await?;
    let mut resource = endpoint.clone();
    resource.set_fragment(None);
    Ok(Discovered {
        resource: resource.into(),
        scopes_supported: Vec::new(),
        server: server.unwrap_or_else(|| ServerMetadata::assumed(endpoint)),
        reach,
    })
}

/// Servers of one resource that are tried.
const MAX_SERVERS: usize = 4;
