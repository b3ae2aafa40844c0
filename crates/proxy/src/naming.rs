//! The names of what several upstreams offer.

/// How the names of an upstream become names of the proxy, and back.
///
/// ```
/// use mcp_pool_proxy::{NamePolicy, Separator};
/// let names = Separator::new("__");
/// assert_eq!(names.join("github", "search"), "github__search");
/// assert_eq!(names.split("github__search__all"), Some(("github", "search__all")));
/// assert_eq!(names.split("search"), None);
/// ```
pub trait NamePolicy: Send + Sync {
    /// The name of the proxy for a name of this upstream.
    fn join(&self, upstream: &str, name: &str) -> String;

    /// The upstream and its own name behind a name of the proxy; `None` where it is not one.
    fn split<'n>(&self, name: &'n str) -> Option<(&'n str, &'n str)>;
}

/// Puts the name of the upstream and a separator in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Separator(&'static str);

impl Separator {
    /// A policy with this separator.
    #[must_use]
    pub const fn new(separator: &'static str) -> Self {
        Self(separator)
    }
}

impl NamePolicy for Separator {
    fn join(&self, upstream: &str, name: &str) -> String {
        [upstream, self.0, name].concat()
    }

    fn split<'n>(&self, name: &'n str) -> Option<(&'n str, &'n str)> {
        name.split_once(self.0)
    }
}

/// Changes nothing: the names of a single upstream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unchanged;

impl NamePolicy for Unchanged {
    fn join(&self, _upstream: &str, name: &str) -> String {
        name.to_owned()
    }

    fn split<'n>(&self, name: &'n str) -> Option<(&'n str, &'n str)> {
        Some(("", name))
    }
}
