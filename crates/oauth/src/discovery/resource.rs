//! The metadata of a protected resource (RFC 9728).

use serde::Deserialize;
use url::Url;

use super::{locations, null::or_default};
use crate::{
    error::{OAuthError, Step},
    net::{HttpClient, Reach},
};

/// The metadata of a protected resource.
#[derive(Debug, Deserialize)]
pub(super) struct ResourceMetadata {
    pub(super) resource: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) authorization_servers: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) scopes_supported: Vec<String>,
}

/// Fetches the metadata of an endpoint: from where the challenge locates it, otherwise from the
/// well-known locations. `None`: there is none.
pub(super) async fn fetch(
    http: &HttpClient,
    reach: Reach,
    endpoint: &Url,
    advertised: Option<&str>,
) -> Result<Option<ResourceMetadata>, OAuthError> {
    if let Some(advertised) = advertised {
        let url = endpoint.join(advertised).map_err(|_| unusable())?;
        let answer = http.get(reach, &url, STEP).await?;
        return of_endpoint(answer.document(STEP)?, endpoint).map(Some);
    }
    for url in locations::of_resource(endpoint) {
        let answer = http.get(reach, &url, STEP).await?;
        if answer.status.is_server_error() {
            let status = answer.status.as_u16();
            return Err(OAuthError::Status { step: STEP, status });
        }
        if let Ok(metadata) = answer.document(STEP) {
            return of_endpoint(metadata, endpoint).map(Some);
        }
    }
    Ok(None)
}

/// Checks that the metadata is that of the endpoint (RFC 9728 section 3.3).
fn of_endpoint(metadata: ResourceMetadata, endpoint: &Url) -> Result<ResourceMetadata, OAuthError> {
    let resource: Url = metadata.resource.parse().map_err(|_| unusable())?;
    match covers(&resource, endpoint) {
        true => Ok(metadata),
        false => Err(OAuthError::OtherResource),
    }
}

/// Whether a resource is the endpoint, or a path above it on the same origin.
fn covers(resource: &Url, endpoint: &Url) -> bool {
    let (above, path) = (resource.path().trim_end_matches('/'), endpoint.path());
    let rest = path.strip_prefix(above);
    resource.origin() == endpoint.origin()
        && resource.fragment().is_none()
        && (resource.query().is_none() || resource.query() == endpoint.query())
        && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn unusable() -> OAuthError {
    OAuthError::Unusable {
        step: STEP,
        what: "a URL in it is none",
    }
}

const STEP: Step = Step::ResourceMetadata;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_metadata_of_the_endpoint_or_of_a_path_above_it_is_its_own() {
        let endpoint = "https://e.com/a/mcp".parse().unwrap();
        for (resource, is_own) in [
            ("https://e.com/a/mcp", true),
            ("https://e.com/a/mcp/", true),
            ("https://E.com:443/a/", true),
            ("https://e.com", true),
            ("https://e.com/a/mc", false),
            ("https://e.com/a/mcp/b", false),
            ("https://e.com/b", false),
            ("https://f.com/a/mcp", false),
            ("http://e.com/a/mcp", false),
            ("https://e.com:8443/a/mcp", false),
            ("https://e.com/a/mcp#part", false),
            ("https://e.com/a/mcp?q=1", false),
        ] {
            let found = covers(&resource.parse().unwrap(), &endpoint);
            assert_eq!(found, is_own, "{resource}");
        }
    }
}
