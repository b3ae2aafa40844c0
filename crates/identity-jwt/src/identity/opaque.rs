//! Tokens that are no signed JWT.

/// What happens to a bearer token without the form of a signed JWT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpaqueTokens {
    /// The extractor ignores it: the next extractor gets the request, or the
    /// pool hashes the identity headers. The default.
    #[default]
    Ignore,
    /// The extractor refuses it with [`JwtRefusal::NotAJwt`](crate::JwtRefusal::NotAJwt).
    Refuse,
}
