//! The way of a call's progress.

use std::fmt;

use crate::handler::ProgressRoute;

/// The way of a call's progress to its sink. Dropping it ends the way.
pub struct CallRoute<'i>(Option<ProgressRoute<'i>>);

impl<'i> CallRoute<'i> {
    pub(super) fn new(route: Option<ProgressRoute<'i>>) -> Self {
        Self(route)
    }
}

impl fmt::Debug for CallRoute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CallRoute").field(&self.0.is_some()).finish()
    }
}
