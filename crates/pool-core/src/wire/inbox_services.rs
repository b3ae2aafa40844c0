//! What the inboxes of a pool share.

use std::sync::Arc;

use super::{background::Background, inbox_bounds::InboxBounds};

/// What the inboxes of a pool share. An inbox has one reference to all of it, since an idle session is small.
#[derive(Default)]
pub(crate) struct InboxServices {
    pub(super) background: Background,
    pub(super) bounds: Arc<InboxBounds>,
}

impl InboxServices {
    /// Work that outlives its future goes to `background`; `bounds` are those of each session.
    pub(crate) fn new(background: Background, bounds: Arc<InboxBounds>) -> Arc<Self> {
        Arc::new(Self { background, bounds })
    }
}
