//! The well-known locations of metadata. Pure.

use url::Url;

/// Where the metadata of a resource may be (RFC 9728 section 3.1): below its path, then at the root.
pub(super) fn of_resource(endpoint: &Url) -> Vec<Url> {
    let path = trimmed(endpoint);
    let mut locations = vec![at(endpoint, &format!("{RESOURCE}{path}"))];
    if !path.is_empty() {
        locations.push(at(endpoint, RESOURCE));
    }
    locations
}

/// Where the metadata of an issuer may be: RFC 8414 section 3.1, then OpenID Connect Discovery, with
/// the path of the issuer inserted and appended.
pub(super) fn of_issuer(issuer: &Url) -> Vec<Url> {
    let path = trimmed(issuer);
    let mut locations = vec![
        at(issuer, &format!("{OAUTH}{path}")),
        at(issuer, &format!("{OPENID}{path}")),
    ];
    if !path.is_empty() {
        locations.push(at(issuer, &format!("{path}{OPENID}")));
    }
    locations
}

/// The path without a slash at its end; empty for the root.
fn trimmed(url: &Url) -> &str {
    url.path().trim_end_matches('/')
}

/// The same origin with another path.
pub(super) fn at(url: &Url, path: &str) -> Url {
    let mut url = url.clone();
    url.set_path(path);
    url.set_query(None);
    url.set_fragment(None);
    url
}

const RESOURCE: &str = "/.well-known/oauth-protected-resource";
const OAUTH: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(urls: &[Url]) -> Vec<&str> {
        urls.iter().map(Url::path).collect()
    }

    #[test]
    fn the_locations_of_metadata_are_those_of_the_standards_in_their_order() {
        let url = |url: &str| url.parse::<Url>().unwrap();
        assert_eq!(
            paths(&of_resource(&url("https://e.com/a/mcp/?q=1"))),
            [
                "/.well-known/oauth-protected-resource/a/mcp",
                "/.well-known/oauth-protected-resource"
            ]
        );
        let root = of_resource(&url("https://e.com"));
        assert_eq!(paths(&root), ["/.well-known/oauth-protected-resource"]);
        assert_eq!(
            paths(&of_issuer(&url("https://e.com/tenant"))),
            [
                "/.well-known/oauth-authorization-server/tenant",
                "/.well-known/openid-configuration/tenant",
                "/tenant/.well-known/openid-configuration"
            ]
        );
        assert_eq!(of_issuer(&url("https://e.com/")).len(), 2);
        assert!(of_issuer(&url("https://e.com/?a=b"))[0].query().is_none());
    }
}
