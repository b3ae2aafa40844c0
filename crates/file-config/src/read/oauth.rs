//! The OAuth settings of a file.

use mcp_pool_core::url::Url;
use serde_json::{Map, Value};

use super::{node::Node, reference::read_reference};
use crate::{
    oauth::{OAuthClient, OAuthGrant, OAuthSettings},
    problem::Problems,
};

/// The OAuth settings of a file, by name.
pub(crate) fn read_oauth(
    section: Option<Value>,
    variables: &dyn Fn(&str) -> Option<String>,
    problems: &mut Problems,
) -> Vec<OAuthSettings> {
    let mut section = Node::new(SECTION, section.unwrap_or_default(), problems);
    let mut all = Vec::new();
    for (name, value) in section.take_all() {
        let path = format!("{SECTION}.{name}");
        let node = Node::new(path, value, section.problems);
        all.extend(read_settings(name, node, variables));
    }
    all
}

fn read_settings(
    name: String,
    mut node: Node<'_>,
    variables: &dyn Fn(&str) -> Option<String>,
) -> Option<OAuthSettings> {
    let grant = read_grant(&mut node);
    let exchanges = matches!(grant, Some(OAuthGrant::TokenExchange { .. }));
    let clients = read_clients(&mut node, exchanges, variables);
    let needs_client = !matches!(grant, None | Some(OAuthGrant::AuthorizationCode { .. }));
    if needs_client && clients.as_ref().is_some_and(Vec::is_empty) {
        node.wrong::<()>("clients", "this grant needs at least one client");
    }
    let client_name = node.text("client_name");
    let scopes = node.texts("scopes", "expected a list of scopes");
    let document = read_document(&mut node);
    let dynamic_registration = node.optional_truth("dynamic_registration");
    let step_up_limit = node.parsed("step_up_limit", "expected a count, 0 for none");
    let allow_private_addresses = node.truth("allow_private_addresses");
    node.finish();
    Some(OAuthSettings {
        name,
        grant: grant?,
        clients: clients?,
        client_name,
        scopes,
        client_metadata_document: document,
        dynamic_registration,
        step_up_limit,
        allow_private_addresses,
    })
}

fn read_grant(node: &mut Node<'_>) -> Option<OAuthGrant> {
    let (grant, redirect, audience) = (
        node.text("grant"),
        node.text("redirect_uri"),
        node.text("audience"),
    );
    let grant = match grant.as_deref() {
        Some("authorization_code") => {
            let Some(redirect) = &redirect else {
                return node.wrong("redirect_uri", "the grant `authorization_code` needs one");
            };
            match redirect.parse().ok().filter(is_secure) {
                Some(redirect_uri) => OAuthGrant::AuthorizationCode { redirect_uri },
                None => return node.wrong("redirect_uri", SECURE),
            }
        }
        Some("client_credentials") => OAuthGrant::ClientCredentials,
        Some("token_exchange") => OAuthGrant::TokenExchange {
            audience: audience.clone(),
        },
        Some(_) | None => return node.wrong("grant", GRANTS),
    };
    if redirect.is_some() && !matches!(grant, OAuthGrant::AuthorizationCode { .. }) {
        node.wrong::<()>("redirect_uri", "belongs to the grant `authorization_code`");
    }
    if audience.is_some() && !matches!(grant, OAuthGrant::TokenExchange { .. }) {
        node.wrong::<()>("audience", "belongs to the grant `token_exchange`");
    }
    Some(grant)
}

fn read_document(node: &mut Node<'_>) -> Option<Url> {
    let text = node.text("client_metadata_document")?;
    let url: Option<Url> = text.parse().ok();
    match url.filter(|url| url.scheme() == "https" && url.path() != "/") {
        Some(url) => Some(url),
        None => node.wrong(
            "client_metadata_document",
            "expected an https URL with a path",
        ),
    }
}

/// The clients; `None` where one cannot be read.
fn read_clients(
    node: &mut Node<'_>,
    exchanges: bool,
    variables: &dyn Fn(&str) -> Option<String>,
) -> Option<Vec<OAuthClient>> {
    let path = node.name("clients");
    let clients = match node.take("clients") {
        None => return Some(Vec::new()),
        Some(Value::Array(clients)) => clients,
        Some(_) => return node.wrong("clients", "expected a list of tables"),
    };
    let clients = clients.into_iter().enumerate();
    let clients = clients.map(|(index, value)| {
        let node = Node::new(format!("{path}.{index}"), value, node.problems);
        read_client(node, exchanges, variables)
    });
    // Every one is read, so that whatever is wrong is named.
    let clients: Vec<_> = clients.collect();
    clients.into_iter().collect()
}

fn read_client(
    mut node: Node<'_>,
    exchanges: bool,
    variables: &dyn Fn(&str) -> Option<String>,
) -> Option<OAuthClient> {
    let id = match node.has("id") {
        true => node.text("id"),
        false => node.wrong("id", "expected the id of the client"),
    };
    let secret = read_secret(&mut node, variables);
    let issuer = match node.text("issuer") {
        Some(issuer) if issuer.parse().is_ok_and(|url| is_secure(&url)) => Some(issuer),
        Some(_) => node.wrong("issuer", SECURE),
        None if secret.is_some() || exchanges => node.wrong("issuer", ISSUER),
        None => None,
    };
    node.finish();
    Some(OAuthClient {
        id: id?,
        issuer,
        secret,
    })
}

/// The secret behind a reference. A text would be a secret in the file.
fn read_secret(node: &mut Node<'_>, variables: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let path = node.name("secret");
    let value: Map<String, Value> = match node.take("secret")? {
        Value::Object(entries) => entries,
        _ => return node.wrong("secret", REFERENCE),
    };
    let mut reference = Node::new(path, Value::Object(value), node.problems);
    let read = read_reference(&mut reference);
    reference.finish();
    let Some(read) = read else {
        return node.wrong("secret", REFERENCE);
    };
    match read.text(variables) {
        Ok(secret) => Some(secret),
        Err(error) => node.wrong("secret", &error.to_string()),
    }
}

/// True for https, and on this machine for http.
fn is_secure(url: &Url) -> bool {
    let is_here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    url.scheme() == "https" || (url.scheme() == "http" && is_here)
}

const SECTION: &str = "oauth";
const GRANTS: &str = "expected `authorization_code`, `client_credentials` or `token_exchange`";
const ISSUER: &str =
    "needed, so that no upstream has the secret or a token sent to a server of its own";
const REFERENCE: &str =
    "expected a reference: `env` with the name of a variable, or `file` with a path";
const SECURE: &str = "expected an https URL, or an http URL of this machine";
