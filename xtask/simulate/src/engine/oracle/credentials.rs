//! The credentials that the callers of a world came with.

use std::collections::BTreeMap;

use tokio::time::Instant;

/// When the last credential of each user ends; `None` for never.
#[derive(Default)]
pub(in super::super) struct Credentials(BTreeMap<usize, Option<Instant>>);

impl Credentials {
    /// A caller of this user comes with a credential.
    pub(in super::super) fn note(&mut self, user: usize, ends_at: Option<Instant>) {
        let last = self.0.entry(user).or_insert(ends_at);
        *last = match (*last, ends_at) {
            (Some(last), Some(ends_at)) => Some(last.max(ends_at)),
            _ => None,
        };
    }

    /// True when every credential of the user has ended.
    pub(in super::super) fn have_ended(&self, user: usize) -> bool {
        let last = self.0.get(&user).copied().flatten();
        last.is_some_and(|last| last <= Instant::now())
    }
}
