//! Progress of single calls, by their tokens.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rmcp::model::{ProgressNotificationParam, ProgressToken};

/// Receives the progress of a call.
#[derive(Clone)]
pub(crate) struct ProgressSink(Arc<dyn Fn(ProgressNotificationParam) + Send + Sync>);

impl ProgressSink {
    pub(crate) fn new(sink: impl Fn(ProgressNotificationParam) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sink))
    }
}

impl fmt::Debug for ProgressSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProgressSink")
    }
}

/// The calls of one session that have a progress sink. An idle session has no table.
#[derive(Default)]
pub(crate) struct ProgressRoutes(Mutex<Option<Box<Table>>>);

#[derive(Default)]
struct Table {
    sinks: HashMap<ProgressToken, ProgressSink>,
    /// Calls being sent, whose tokens are not known yet.
    beginning: usize,
    /// Progress that came while there were such calls and that no known route matched.
    early: Vec<ProgressNotificationParam>,
}

/// A call being sent. rmcp returns its token only afterwards.
pub(crate) struct Beginning<'r> {
    routes: &'r ProgressRoutes,
    sink: ProgressSink,
}

/// A call under way. Dropping it ends the route.
pub(crate) struct ProgressRoute<'r> {
    routes: &'r ProgressRoutes,
    token: ProgressToken,
}

impl ProgressRoutes {
    /// Delivers progress to the sink of its call. `false` where the call has none.
    pub(crate) fn deliver(&self, progress: &ProgressNotificationParam) -> bool {
        let mut slot = self.lock();
        let Some(table) = slot.as_deref_mut() else {
            return false;
        };
        let Some(sink) = table.sinks.get(&progress.progress_token).cloned() else {
            if table.beginning > 0 && table.early.len() < MAX_EARLY {
                table.early.push(progress.clone());
            }
            return false;
        };
        drop(slot);
        (sink.0)(progress.clone());
        true
    }

    /// Opens the route of a call whose token is known before it is sent.
    pub(crate) fn route(&self, token: ProgressToken, sink: ProgressSink) -> ProgressRoute<'_> {
        let mut slot = self.lock();
        slot.get_or_insert_default()
            .sinks
            .insert(token.clone(), sink);
        drop(slot);
        ProgressRoute {
            routes: self,
            token,
        }
    }

    pub(crate) fn begin(&self, sink: ProgressSink) -> Beginning<'_> {
        self.lock().get_or_insert_default().beginning += 1;
        Beginning { routes: self, sink }
    }

    /// Ends what a call has in the table, and the table with the last one.
    fn end<T>(&self, end: impl FnOnce(&mut Table) -> T) -> Option<T> {
        let mut slot = self.lock();
        let table = slot.as_deref_mut()?;
        let ended = end(table);
        if table.beginning == 0 {
            table.early = Vec::new();
            if table.sinks.is_empty() {
                *slot = None;
            }
        }
        Some(ended)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<Table>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'r> Beginning<'r> {
    /// The call was sent with this token.
    pub(crate) fn sent(self, token: ProgressToken) -> ProgressRoute<'r> {
        let mut slot = self.routes.lock();
        let table = slot.get_or_insert_default();
        table.sinks.insert(token.clone(), self.sink.clone());
        let is_mine = |early: &mut ProgressNotificationParam| early.progress_token == token;
        let early: Vec<_> = table.early.extract_if(.., is_mine).collect();
        drop(slot);
        for progress in early {
            (self.sink.0)(progress);
        }
        ProgressRoute {
            routes: self.routes,
            token,
        }
    }
}

impl Drop for Beginning<'_> {
    fn drop(&mut self) {
        self.routes.end(|table| table.beginning -= 1);
    }
}

impl Drop for ProgressRoute<'_> {
    fn drop(&mut self) {
        // The sink is dropped outside of the lock.
        let sink = self.routes.end(|table| table.sinks.remove(&self.token));
        drop(sink);
    }
}

/// More than can come between sending a call and learning its token.
const MAX_EARLY: usize = 64;

#[cfg(test)]
mod tests {
    use rmcp::model::NumberOrString;

    use super::*;

    fn token(number: i64) -> ProgressToken {
        ProgressToken(NumberOrString::Number(number))
    }

    fn sink() -> (ProgressSink, Arc<Mutex<Vec<f64>>>) {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&heard);
        let sink = ProgressSink::new(move |progress| into.lock().unwrap().push(progress.progress));
        (sink, heard)
    }

    #[test]
    fn progress_goes_to_the_call_with_its_token_and_to_no_other() {
        let routes = ProgressRoutes::default();
        let ((one, heard_one), (two, heard_two)) = (sink(), sink());
        let first = routes.begin(one).sent(token(1));
        let _second = routes.begin(two).sent(token(2));
        assert!(routes.deliver(&ProgressNotificationParam::new(token(1), 0.5)));
        assert!(!routes.deliver(&ProgressNotificationParam::new(token(3), 0.5)));
        drop(first);
        assert!(!routes.deliver(&ProgressNotificationParam::new(token(1), 1.0)));
        assert_eq!(*heard_one.lock().unwrap(), [0.5]);
        assert!(heard_two.lock().unwrap().is_empty());
    }

    #[test]
    fn progress_that_is_faster_than_its_token_is_not_lost() {
        let routes = ProgressRoutes::default();
        let (sink, heard) = sink();
        let beginning = routes.begin(sink);
        routes.deliver(&ProgressNotificationParam::new(token(7), 0.1));
        routes.deliver(&ProgressNotificationParam::new(token(8), 0.9));
        let route = beginning.sent(token(7));
        assert_eq!(*heard.lock().unwrap(), [0.1]);
        let is_clear = |table: &Table| table.early.is_empty();
        assert!(routes.lock().as_deref().is_some_and(is_clear));
        drop(route);
        assert!(routes.lock().is_none(), "an idle session has no table");
    }
}
