//! OAuth credentials by the settings of a file.

use mcp_pool_file_config::{OAuthClient, OAuthGrant, OAuthSettings};
use mcp_pool_oauth::{
    BuildError, Grant, InboundToken, OAuthCredentials, RegisteredClient, TokenExchange, TokenType,
};

/// The source of tokens that these settings of a file describe, with its tokens in memory. A source that
/// is to have more, such as a store, is built by hand.
///
/// # Errors
/// [`BuildError`]: the HTTP client was not built.
pub fn configured(settings: &OAuthSettings) -> Result<OAuthCredentials, BuildError> {
    let mut builder = OAuthCredentials::builder(grant(settings.grant()))
        .scopes(settings.scopes().iter().cloned())
        .allow_private_addresses(settings.allows_private_addresses());
    for client in settings.clients() {
        builder = builder.client(registered(client));
    }
    if let Some(name) = settings.client_name() {
        builder = builder.client_name(name);
    }
    if let Some(url) = settings.client_metadata_document() {
        builder = builder.client_metadata_document(url.clone());
    }
    if let Some(registers) = settings.dynamic_registration() {
        builder = builder.dynamic_registration(registers);
    }
    if let Some(limit) = settings.step_up_limit() {
        builder = builder.step_up_limit(limit);
    }
    builder.build()
}

fn grant(grant: &OAuthGrant) -> Grant {
    match grant {
        OAuthGrant::AuthorizationCode { redirect_uri } => {
            Grant::authorization_code(redirect_uri.clone())
        }
        OAuthGrant::TokenExchange { audience } => {
            let exchange = TokenExchange::new(InboundToken, TokenType::AccessToken);
            Grant::TokenExchange(match audience {
                Some(audience) => exchange.for_audience(audience),
                None => exchange,
            })
        }
        // The settings know no others.
        _ => Grant::ClientCredentials,
    }
}

fn registered(client: &OAuthClient) -> RegisteredClient {
    let registered = RegisteredClient::new(client.id());
    let registered = match client.secret() {
        Some(secret) => registered.with_secret(secret),
        None => registered,
    };
    match client.issuer() {
        Some(issuer) => registered.of_issuer(issuer),
        None => registered,
    }
}
