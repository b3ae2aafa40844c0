//! What a subscriber of a resource receives.

use std::fmt;

/// What a subscriber of a resource receives. `Debug` shows the kind alone.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResourceUpdate {
    /// The server reports that a resource has changed: the subscribed one, or one below it.
    Changed {
        /// The resource.
        uri: String,
    },
    /// The subscription of a conversation was lost with its session, and is made again only once a call
    /// has got to know of the loss. The resource may change meanwhile.
    Lost,
    /// The subscription was lost with its session and has been made again on another one, or the
    /// stream of its session broke and is open again. The resource may have changed in between.
    Resumed,
}

impl fmt::Debug for ResourceUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Changed { .. } => "Changed(..)",
            Self::Lost => "Lost",
            Self::Resumed => "Resumed",
        })
    }
}
