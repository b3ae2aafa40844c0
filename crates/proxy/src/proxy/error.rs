//! What can be wrong with a proxy.

/// What is wrong with the upstreams of a proxy. The configuration's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// Two upstreams have one name.
    #[error("upstream `{0}`: two have this name")]
    DuplicateName(String),
    /// The name of an upstream is not usable in the names of its tools.
    #[error(
        "upstream `{0}`: a name is made of lower-case letters, digits and `-`, and begins with a letter"
    )]
    Name(String),
    /// There is no upstream.
    #[error("a proxy needs an upstream")]
    NoUpstream,
}
