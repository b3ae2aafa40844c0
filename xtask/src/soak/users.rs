//! The users.

use std::{sync::Arc, time::Duration};

use mcp_session_pool::{
    AcquireRequest, ConversationId, Endpoint, PooledClient, Principal, Scope, SessionPool,
    error::Outcome,
};
use tokio::time::{Instant, sleep, timeout};

use super::{
    journal::{Entry, Outcomes},
    random::Random,
    setup::CALL,
};
use crate::{
    faults::{Call, Class, OVERSHOOT, call},
    lateness::Lateness,
};

/// One user, with one call after the other.
pub(super) struct User {
    pub(super) number: usize,
    pub(super) endpoint: Endpoint,
    pub(super) pool: SessionPool,
    pub(super) outcomes: Arc<Outcomes>,
    pub(super) lateness: Arc<Lateness>,
    pub(super) random: Random,
    /// The longest of most pauses, in milliseconds.
    pub(super) longest_pause: u64,
}

impl User {
    /// Calls, pauses and gives up at random.
    pub(super) async fn call_until(mut self, end: Instant) {
        let mut client = None;
        let mut number = 0;
        while Instant::now() < end {
            // Another conversation now and then.
            if self.random.percent(2) {
                client = None;
            }
            let Some(client) = self.client(&mut client, number).await else {
                sleep(Duration::from_millis(10)).await;
                continue;
            };
            let id = format!("{}-{number}", self.number);
            number += 1;
            self.call(&client, id).await;
            let longest = match self.random.percent(2) {
                true => 8_000,
                false => self.longest_pause,
            };
            sleep(self.random.between(1, longest)).await;
        }
    }

    async fn client(
        &mut self,
        client: &mut Option<PooledClient>,
        number: usize,
    ) -> Option<PooledClient> {
        if client.is_none() {
            let user = Principal::user(format!("user-{}", self.number));
            let request = AcquireRequest::new(self.endpoint.clone(), user);
            let request = match self.random.percent(30) {
                true => {
                    let name = format!("conversation-{}-{number}", self.number);
                    request.with_scope(Scope::Conversation(ConversationId::new(name)))
                }
                false => request,
            };
            *client = self.pool.client(request).await.ok();
        }
        client.clone()
    }

    async fn call(&mut self, client: &PooledClient, id: String) {
        let class = match self.random.percent(40) {
            true => Class::Read,
            false => Class::Change,
        };
        let patience = match self.random.percent(10) {
            true => self.random.between(1, 60),
            false => Duration::from_secs(60),
        };
        let only_reads = class == Class::Read;
        let called = timeout(patience, call(client, class, id.clone())).await;
        let Ok(call) = called else {
            // A call that is given up may have been executed.
            let entry = Entry {
                id: &id,
                outcome: Outcome::Unknown,
                only_reads,
                is_crossed: false,
            };
            return self.outcomes.note(entry, Duration::ZERO);
        };
        let entry = Entry {
            id: &call.id,
            outcome: call.provable(),
            only_reads,
            is_crossed: call.is_crossed,
        };
        let overshoot = self.lateness.beyond(call.began + CALL, call.ended);
        if overshoot > OVERSHOOT {
            self.note_late(&call, overshoot);
        }
        self.outcomes.note(entry, overshoot);
    }

    fn note_late(&self, call: &Call, overshoot: Duration) {
        let (late, took) = (overshoot.as_millis(), call.ended - call.began);
        let (server, error) = (self.endpoint.url(), &call.error);
        let call = format!(
            "{late} ms late, after {took:.1?}, at {server}: {} {error:?}",
            call.id
        );
        self.outcomes.note_late(overshoot, call);
    }
}
