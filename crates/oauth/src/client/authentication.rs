//! How a client authenticates at a token endpoint.

use super::key::SigningKey;
use crate::secret::Secret;

/// How a client authenticates at a token endpoint.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum ClientAuthentication {
    /// Not at all: a public client.
    #[default]
    None,
    /// By an assertion that it signs (`private_key_jwt`, RFC 7523).
    PrivateKeyJwt(SigningKey),
    /// By a secret, as the server supports it: in the header, otherwise in the body.
    Secret(Secret),
    /// By a secret in the header (`client_secret_basic`).
    SecretBasic(Secret),
    /// By a secret in the body (`client_secret_post`).
    SecretPost(Secret),
}
