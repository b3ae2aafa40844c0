//! The steps of a directory for hints about upstreams.

use std::sync::Arc;

use tokio::time::Instant;

use super::{
    hints::{KEPT_FOR, KnownHint, ReadHint, UpstreamHint},
    link::FleetLink,
};
use crate::{
    extend::FleetKey,
    types::{DigestKey, Endpoint},
};

impl FleetLink {
    /// What another replica has left about the server of an endpoint, while that is good. The directory
    /// is queried once for each server, and again where it does not answer.
    pub(crate) async fn hint(&self, endpoint: &Endpoint) -> Option<UpstreamHint> {
        let known = self.hints.of(endpoint);
        let read = known
            .read
            .get_or_try_init(|| self.read_hint(endpoint, &known));
        let read = read.await.ok()?.as_ref()?;
        // Afterwards this process knows the server, or detects it as one without a fleet.
        (read.at.elapsed() < KEPT_FOR).then(|| read.hint.clone())
    }

    /// Reads the hint of an endpoint.
    ///
    /// # Errors
    /// [`NoAnswer`].
    async fn read_hint(
        &self,
        endpoint: &Endpoint,
        known: &KnownHint,
    ) -> Result<Option<ReadHint>, NoAnswer> {
        let key = self.hint_key(endpoint);
        let sealed = self.step(self.fleet.directory.hint(&key)).await;
        let sealed = sealed.map_err(|_| NoAnswer)?;
        let opened = sealed.and_then(|sealed| self.fleet.seal.open(&key, &sealed).ok());
        let Some(hint) = opened.as_ref().and_then(UpstreamHint::read) else {
            return Ok(None);
        };
        let at = Instant::now();
        known.is_there(&hint, at);
        Ok(Some(ReadHint { hint, at }))
    }

    /// The step that leaves a hint about the server of an endpoint; `None` where the directory has it.
    pub(crate) fn leave_hint(
        self: &Arc<Self>,
        endpoint: &Endpoint,
        hint: &UpstreamHint,
    ) -> Option<impl Future<Output = ()> + Send + use<>> {
        let known = self.hints.of(endpoint);
        // This process knows the server now.
        let _ = known.read.set(None);
        let leaving = known.leaving(hint, Instant::now())?;
        let key = self.hint_key(endpoint);
        let sealed = self.fleet.seal.seal(&key, &hint.write()?).ok()?;
        let link = Arc::clone(self);
        Some(async move {
            let step = link.fleet.directory.leave_hint(&key, &sealed, KEPT_FOR);
            if link.step(step).await.is_ok() {
                leaving.end();
            }
        })
    }

    /// The name of a server's hint.
    fn hint_key(&self, endpoint: &Endpoint) -> FleetKey {
        let digest = DigestKey::portable().digest("hint");
        let digest = digest.field(endpoint.url().as_str().as_bytes()).finish();
        self.fleet.seal.key(digest.as_bytes())
    }
}

/// The directory did not answer.
struct NoAnswer;
