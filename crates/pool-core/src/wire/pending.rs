//! The requests of a session whose answers all come on one stream.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rmcp::model::RequestId;
use tokio::sync::oneshot;

use super::{
    message::{Answer, Incoming, IncomingKind, ResultKind},
    service::Delivery,
};

/// The requests of a session that wait for their answers, by id: for a transport on whose one stream the
/// answers of all calls come. `F` is what its calls fail with.
pub struct PendingRequests<F>(
    // `None`: the session has ended.
    Mutex<Option<HashMap<RequestId, Entry<F>>>>,
);

struct Entry<F> {
    kind: ResultKind,
    sender: oneshot::Sender<ReceivedAnswer<F>>,
    progress: VecDeque<Delivery>,
}

/// What came for a request.
#[derive(Debug)]
pub struct ReceivedAnswer<F> {
    /// The answer; a failure where it cannot be read.
    pub answer: Result<Answer, F>,
    /// The deliveries of the progress that came before it, the last ones of many. The answer is returned when
    /// they are [handled](Delivery::handled).
    pub progress: VecDeque<Delivery>,
}

/// A request that waits for its answer. Dropping it ends the wait.
pub struct PendingRequest<'p, F> {
    requests: &'p PendingRequests<F>,
    id: RequestId,
    receiver: oneshot::Receiver<ReceivedAnswer<F>>,
}

impl<F> Default for PendingRequests<F> {
    fn default() -> Self {
        Self(Mutex::new(Some(HashMap::new())))
    }
}

impl<F> PendingRequests<F> {
    /// Adds a request. Its answer may come from now on.
    pub fn insert(&self, id: RequestId, kind: ResultKind) -> PendingRequest<'_, F> {
        let (sender, receiver) = oneshot::channel();
        let entry = Entry {
            kind,
            sender,
            progress: VecDeque::new(),
        };
        // Without an open session the sender is dropped, and the wait ends at once.
        if let Some(entries) = &mut *self.lock() {
            entries.insert(id.clone(), entry);
        }
        PendingRequest {
            requests: self,
            id,
            receiver,
        }
    }

    /// Ends every wait, now and later.
    pub fn close(&self) {
        drop(self.lock().take());
    }

    /// Routes a result or an error to its request. False where none waits for it: the answer is
    /// stray or a duplicate.
    pub fn receive(&self, message: &Incoming<'_>) -> bool {
        match message.id() {
            Some(id) => self.end(&id, |kind| Ok(Answer::in_message(message, kind))),
            // The server could not read the id. Only the one open request can be meant.
            None if message.kind() == IncomingKind::Error => match self.only() {
                Some(id) => self.end(&id, |kind| Ok(Answer::in_message(message, kind))),
                None => false,
            },
            None => false,
        }
    }

    /// Ends the wait of a request whose answer cannot be read.
    pub fn fail(&self, id: &RequestId, fault: F) {
        self.end(id, |_| Err(fault));
    }

    /// Ends the wait for an answer that cannot be read and names no request. Only the one open request
    /// can be meant; several wait on, each until its own deadline.
    pub fn fail_only(&self, fault: F) {
        if let Some(id) = self.only() {
            self.fail(&id, fault);
        }
    }

    /// Keeps the delivery of a progress notification until the answer.
    pub fn progress(&self, token: &RequestId, delivery: Delivery) {
        let mut entries = self.lock();
        let entry = entries.as_mut().and_then(|entries| entries.get_mut(token));
        if let Some(entry) = entry {
            if entry.progress.len() == MAX_DELIVERIES {
                entry.progress.pop_front();
            }
            entry.progress.push_back(delivery);
        }
    }

    fn end(&self, id: &RequestId, answer: impl FnOnce(ResultKind) -> Result<Answer, F>) -> bool {
        let Some(entry) = self.remove(id) else {
            return false;
        };
        let received = ReceivedAnswer {
            answer: answer(entry.kind),
            progress: entry.progress,
        };
        // Fails only where the caller has just left.
        entry.sender.send(received).is_ok()
    }

    fn remove(&self, id: &RequestId) -> Option<Entry<F>> {
        self.lock().as_mut()?.remove(id)
    }

    /// The id of the request, where exactly one waits.
    fn only(&self) -> Option<RequestId> {
        let entries = self.lock();
        let mut ids = entries.as_ref()?.keys();
        ids.next().filter(|_| ids.next().is_none()).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Option<HashMap<RequestId, Entry<F>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F> fmt::Debug for PendingRequests<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.lock().as_ref().map(HashMap::len);
        f.debug_struct("PendingRequests")
            .field("waiting", &waiting)
            .finish()
    }
}

impl<F> PendingRequest<'_, F> {
    /// Waits for the answer. `None`: the session has ended, or the answer was returned before.
    ///
    /// # Cancel safety
    /// Safe; the answer is not lost to a dropped call.
    pub async fn received(&mut self) -> Option<ReceivedAnswer<F>> {
        match self.receiver.is_terminated() {
            true => None,
            false => (&mut self.receiver).await.ok(),
        }
    }

    /// Ends the wait with an answer that came on another way than the stream.
    pub fn answered(self, answer: Answer) -> ReceivedAnswer<F> {
        let entry = self.requests.remove(&self.id);
        ReceivedAnswer {
            answer: Ok(answer),
            progress: entry.map(|entry| entry.progress).unwrap_or_default(),
        }
    }
}

impl<F> fmt::Debug for PendingRequest<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingRequest").finish_non_exhaustive()
    }
}

impl<F> Drop for PendingRequest<'_, F> {
    fn drop(&mut self) {
        drop(self.requests.remove(&self.id));
    }
}

/// Notifications are handled in the order in which they came, so that those before the last ones are handled
/// before them.
const MAX_DELIVERIES: usize = 320;

#[cfg(test)]
mod tests {
    use rmcp::model::{ClientRequest, PingRequest};

    use super::*;
    use crate::wire::message::read_messages;

    type Pending = PendingRequests<()>;

    fn id(text: &str) -> RequestId {
        RequestId::String(text.into())
    }

    fn kind() -> ResultKind {
        ResultKind::of(&ClientRequest::PingRequest(PingRequest::default()))
    }

    fn receive(requests: &Pending, text: &str) -> bool {
        let messages = read_messages(text.as_bytes()).expect("a message");
        requests.receive(&messages[0])
    }

    fn raw(received: Option<ReceivedAnswer<()>>) -> String {
        let answer = received.expect("an answer").answer.expect("readable");
        answer.raw().expect("a result").get().to_owned()
    }

    #[tokio::test]
    async fn an_answer_goes_to_the_request_with_its_id_once() {
        let requests = Pending::default();
        let (mut one, mut two) = (
            requests.insert(id("a-1"), kind()),
            requests.insert(id("a-2"), kind()),
        );
        assert!(receive(&requests, r#"{"id":"a-2","result":{"n":2}}"#));
        assert!(!receive(&requests, r#"{"id":"a-2","result":{"n":3}}"#));
        assert!(!receive(&requests, r#"{"id":"b-1","result":{"n":4}}"#));
        assert!(receive(&requests, r#"{"id":"a-1","result":{"n":1}}"#));
        assert_eq!(raw(one.received().await), r#"{"n":1}"#);
        assert_eq!(raw(two.received().await), r#"{"n":2}"#);
    }

    #[tokio::test]
    async fn an_error_without_an_id_answers_the_only_request_and_none_of_several() {
        let error = r#"{"error":{"code":-32700,"message":"x"},"id":null}"#;
        let requests = Pending::default();
        assert!(!receive(&requests, error));
        let mut one = requests.insert(id("a-1"), kind());
        let two = requests.insert(id("a-2"), kind());
        assert!(!receive(&requests, error));
        drop(two);
        assert!(receive(&requests, error));
        let received = one.received().await.expect("an answer");
        let answer = received.answer.expect("readable");
        assert_eq!(answer.error().map(|error| error.code.0), Some(-32700));
    }

    #[tokio::test]
    async fn a_request_that_is_dropped_leaves_nothing_and_the_end_of_a_session_ends_each_wait() {
        let requests = Pending::default();
        drop(requests.insert(id("a-1"), kind()));
        assert!(!receive(&requests, r#"{"id":"a-1","result":{}}"#));
        let mut open = requests.insert(id("a-2"), kind());
        requests.close();
        assert!(open.received().await.is_none());
        let mut late = requests.insert(id("a-3"), kind());
        assert!(late.received().await.is_none());
    }

    #[test]
    fn the_deliveries_that_are_kept_of_one_request_are_bounded() {
        let requests = Pending::default();
        let mut open = requests.insert(id("a-1"), kind());
        for _ in 0..2 * MAX_DELIVERIES {
            requests.progress(&id("a-1"), Delivery::default());
        }
        assert!(receive(&requests, r#"{"id":"a-1","result":{}}"#));
        let received = open.receiver.try_recv().expect("an answer");
        assert_eq!(received.progress.len(), MAX_DELIVERIES);
    }
}
