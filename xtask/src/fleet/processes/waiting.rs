//! The calls whose replies a replica owes.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use super::gateway::Reply;

/// The calls whose replies a replica owes. Once the replica has ended, no call is added any more: a pipe
/// may take a line after the process behind it has ended, and its reply would never come.
pub(super) struct Waiting(Mutex<Option<Senders>>);

/// By the number of the call.
type Senders = HashMap<u64, oneshot::Sender<Reply>>;

impl Waiting {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Some(Senders::new())))
    }

    /// Waits for the reply to a call. `None`: the replica has ended.
    pub(super) fn add(&self, number: u64) -> Option<oneshot::Receiver<Reply>> {
        let (sender, reply) = oneshot::channel();
        self.lock().as_mut()?.insert(number, sender);
        Some(reply)
    }

    /// Gives up a call that was not sent.
    pub(super) fn remove(&self, number: u64) -> Option<oneshot::Sender<Reply>> {
        self.lock().as_mut()?.remove(&number)
    }

    /// Hands a reply to its call.
    pub(super) fn answer(&self, reply: Reply) {
        if let Some(sender) = self.remove(reply.number) {
            let _ = sender.send(reply);
        }
    }

    /// Cuts the calls under way, and those that come later.
    pub(super) fn end(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Senders>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_comes_after_the_end_of_its_replica_is_cut_at_once() {
        let waiting = Waiting::new();
        let mut before = waiting.add(1).unwrap();
        assert!(
            before
                .try_recv()
                .is_err_and(|it| it == oneshot::error::TryRecvError::Empty)
        );
        waiting.end();
        assert!(
            before
                .try_recv()
                .is_err_and(|it| it == oneshot::error::TryRecvError::Closed)
        );
        assert!(waiting.add(2).is_none());
    }

    #[test]
    fn a_reply_goes_to_its_own_call() {
        let waiting = Waiting::new();
        let (mut first, mut second) = (waiting.add(1).unwrap(), waiting.add(2).unwrap());
        waiting.answer(Reply::default());
        waiting.answer(Reply {
            number: 2,
            ..Reply::default()
        });
        assert!(first.try_recv().is_err());
        assert_eq!(second.try_recv().unwrap().number, 2);
    }
}
