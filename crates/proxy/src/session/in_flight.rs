//! The calls of one downstream session that are under way.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rmcp::model::RequestId;

/// The calls of one downstream session that are under way. What an upstream requests meanwhile belongs
/// to one of its calls, and goes to the client on the stream of that call.
#[derive(Clone, Default)]
pub(crate) struct InFlight(Arc<Mutex<Calls>>);

#[derive(Default)]
struct Calls {
    next: u64,
    open: BTreeMap<u64, Call>,
}

struct Call {
    upstream: String,
    request: RequestId,
}

/// A call under way. Dropping it ends it.
pub(crate) struct Flight {
    calls: InFlight,
    number: u64,
}

impl InFlight {
    /// Notes that a request of the client is under way to an upstream.
    pub(crate) fn begin(&self, upstream: &str, request: RequestId) -> Flight {
        let mut calls = self.lock();
        let number = calls.next;
        calls.next += 1;
        let upstream = upstream.to_owned();
        calls.open.insert(number, Call { upstream, request });
        drop(calls);
        Flight {
            calls: self.clone(),
            number,
        }
    }

    /// The request that was sent to the upstream last and is under way.
    pub(crate) fn latest(&self, upstream: &str) -> Option<RequestId> {
        let calls = self.lock();
        let mut latest_first = calls.open.values().rev();
        let call = latest_first.find(|call| call.upstream == upstream)?;
        Some(call.request.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.calls.lock().open.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_call_is_that_of_the_same_upstream_while_it_is_under_way() {
        let calls = InFlight::default();
        let id = RequestId::Number;
        let one = calls.begin("a", id(1));
        let _other = calls.begin("b", id(2));
        assert_eq!(calls.latest("a"), Some(id(1)));
        assert_eq!(calls.latest("b"), Some(id(2)));
        drop(one);
        assert_eq!(calls.latest("a"), None);
    }
}
