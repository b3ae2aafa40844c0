//! The upstreams of a file.

use std::num::NonZeroU32;

use http::{HeaderMap, HeaderName, header::AUTHORIZATION};
use mcp_pool_core::{AffinityScope, Endpoint, TransportKind, config::Lifecycle};
use serde_json::{Map, Value};

use super::{node::Node, overrides::Overrides, reference::read_reference};
use crate::{
    oauth::OAuthSettings, problem::Problems, secret::SecretRef, upstream::ConfiguredUpstream,
};

/// The upstreams of a file, each with the headers that its references stand for.
pub(crate) fn read_upstreams(
    section: Map<String, Value>,
    overrides: &Overrides,
    oauth: &[OAuthSettings],
    variables: &dyn Fn(&str) -> Option<String>,
    problems: &mut Problems,
) -> Vec<(ConfiguredUpstream, HeaderMap)> {
    let mut upstreams = Vec::new();
    for (name, value) in section {
        let names = overrides.iter().find(|(upstream, _)| *upstream == name);
        let names = names.map(|(_, names)| names.clone()).unwrap_or_default();
        let node = Node::new(format!("upstreams.{name}"), value, problems).named(names);
        upstreams.extend(read_upstream(name, node, oauth, variables));
    }
    upstreams
}

fn read_upstream(
    name: String,
    mut node: Node<'_>,
    oauth: &[OAuthSettings],
    variables: &dyn Fn(&str) -> Option<String>,
) -> Option<(ConfiguredUpstream, HeaderMap)> {
    let endpoint = read_endpoint(&name, &mut node);
    let forward = node.headers("forward");
    let references = read_references(&mut node);
    let mut headers = HeaderMap::new();
    for (header, reference) in &references {
        match reference.value(variables) {
            Ok(value) => drop(headers.insert(header.clone(), value)),
            Err(error) => {
                let key = format!("headers.{header}");
                node.wrong::<()>(&key, &error.to_string());
            }
        }
    }
    let oauth = read_name(&mut node, oauth);
    if oauth.is_some() && references.iter().any(|(name, _)| *name == AUTHORIZATION) {
        node.wrong::<()>("oauth", "takes the place of the header `authorization`");
    }
    node.finish();
    let upstream = ConfiguredUpstream {
        name,
        endpoint: endpoint?,
        forward,
        headers: references,
        oauth,
    };
    Some((upstream, headers))
}

/// The name of the OAuth settings.
fn read_name(node: &mut Node<'_>, oauth: &[OAuthSettings]) -> Option<String> {
    let name = node.text("oauth")?;
    match oauth.iter().any(|settings| settings.name == name) {
        true => Some(name),
        false => node.wrong("oauth", "expected the name of usable settings of `oauth`"),
    }
}

fn read_endpoint(name: &str, node: &mut Node<'_>) -> Option<Endpoint> {
    let transport = read_transport(node);
    let lifecycle = read_lifecycle(node);
    let slots = node.parsed::<NonZeroU32>("max_concurrent_per_session", COUNT);
    let calls = node.parsed::<NonZeroU32>("max_calls", COUNT);
    let sessions = node.parsed::<NonZeroU32>("max_sessions", COUNT);
    let is_public = node.truth("stateless_and_public");
    let is_trusted = node.truth("trusted_tool_hints");
    let shares_cookies = node.truth("shareable_cookies");
    let client = node.text("client");
    let affinity = read_affinity(node);
    let Some(url) = node.text("url") else {
        return node.wrong("url", "expected the address of the server");
    };
    let endpoint = match Endpoint::new(&url, transport) {
        Ok(endpoint) => endpoint.with_gateway(name).with_lifecycle(lifecycle),
        Err(error) => return node.wrong("url", &error.to_string()),
    };
    let endpoint = match slots {
        Some(slots) => endpoint.with_max_concurrent_per_session(slots),
        None => endpoint,
    };
    let endpoint = match calls {
        Some(calls) => endpoint.with_max_calls(calls),
        None => endpoint,
    };
    let endpoint = match sessions {
        Some(sessions) => endpoint.with_max_sessions(sessions),
        None => endpoint,
    };
    let endpoint = match is_public {
        true => endpoint.declared_stateless_and_public(),
        false => endpoint,
    };
    let endpoint = match is_trusted {
        true => endpoint.with_trusted_tool_hints(),
        false => endpoint,
    };
    let endpoint = match shares_cookies {
        true => endpoint.with_shareable_cookies(),
        false => endpoint,
    };
    let endpoint = match client {
        Some(client) => endpoint.with_client(client),
        None => endpoint,
    };
    let Some((header, scope)) = affinity else {
        return Some(endpoint);
    };
    match endpoint.with_affinity(&header, scope) {
        Ok(endpoint) => Some(endpoint),
        Err(error) => node.wrong("affinity_header", &error.to_string()),
    }
}

/// The header that the requests are routed by, and its scope.
fn read_affinity(node: &mut Node<'_>) -> Option<(String, AffinityScope)> {
    let (header, scope) = (node.text("affinity_header"), node.text("affinity_scope"));
    let scope = match scope.as_deref().map(AffinityScope::from_name) {
        None => AffinityScope::Key,
        Some(Some(scope)) => scope,
        Some(None) => return node.wrong("affinity_scope", "expected `identity` or `key`"),
    };
    Some((header?, scope))
}

fn read_transport(node: &mut Node<'_>) -> TransportKind {
    let Some(name) = node.text("transport") else {
        return TransportKind::AUTO;
    };
    match name.trim() {
        "streamable-http" | "streamable_http" => TransportKind::STREAMABLE_HTTP,
        name => TransportKind::new(name.to_owned()),
    }
}

fn read_lifecycle(node: &mut Node<'_>) -> Lifecycle {
    match node.text("lifecycle").as_deref() {
        None | Some("auto") => Lifecycle::Auto,
        Some("legacy") => Lifecycle::Legacy,
        Some("stateless") => Lifecycle::Stateless,
        Some(_) => {
            let expected = "expected `auto`, `legacy` or `stateless`";
            node.wrong("lifecycle", expected).unwrap_or_default()
        }
    }
}

/// The references of `headers`. A text there would be a secret in the file.
fn read_references(node: &mut Node<'_>) -> Vec<(HeaderName, SecretRef)> {
    let path = node.name("headers");
    let Some(value) = node.take("headers") else {
        return Vec::new();
    };
    let mut headers = Node::new(&path, value, node.problems);
    let mut references = Vec::new();
    for (key, value) in headers.take_all() {
        let Ok(name) = key.parse::<HeaderName>() else {
            headers.wrong::<()>(&key, "is no name of a header");
            continue;
        };
        if !value.is_object() {
            headers.wrong::<()>(&key, REFERENCE);
            continue;
        }
        let mut node = Node::new(format!("{path}.{key}"), value, headers.problems);
        let reference = read_reference(&mut node);
        node.finish();
        match reference {
            Some(reference) => references.push((name, reference)),
            None => drop(headers.wrong::<()>(&key, REFERENCE)),
        }
    }
    references
}

const COUNT: &str = "a count must be at least 1";
const REFERENCE: &str =
    "expected a reference: `env` with the name of a variable, or `file` with a path";
