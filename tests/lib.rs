//! Compiles the examples of the project's README and of its guides. The end-to-end suites are in
//! `suites`.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

/// The guides below `docs`, one struct for each page with an example.
#[cfg(doctest)]
pub mod guides {
    #[doc = include_str!("../docs/adding-a-transport.md")]
    pub struct AddingATransport;
    #[doc = include_str!("../docs/embedding-in-a-gateway.md")]
    pub struct EmbeddingInAGateway;
    #[doc = include_str!("../docs/extending.md")]
    pub struct Extending;
    #[doc = include_str!("../docs/getting-started.md")]
    pub struct GettingStarted;
    #[doc = include_str!("../docs/replicas.md")]
    pub struct Replicas;
    #[doc = include_str!("../docs/scopes-and-slots.md")]
    pub struct ScopesAndSlots;
}
