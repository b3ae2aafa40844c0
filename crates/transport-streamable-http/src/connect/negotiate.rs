//! How a session is opened: in the era that the server is of, which may have to be found out.

use std::{sync::Arc, time::Duration};

use mcp_pool_core::{
    config::Lifecycle,
    error::{ConnectError, FaultKind},
    extend::{ConnectRequest, Era, Session},
};
use tokio::time::{Instant, timeout_at};

use super::{
    era_cache::EraCache,
    era_evidence::EraEvidence,
    handshake::{FailedHandshake, Handshake},
};

/// A session to be opened.
pub(crate) struct EraNegotiation {
    pub(crate) http: reqwest::Client,
    pub(crate) eras: Arc<EraCache>,
    pub(crate) request: ConnectRequest,
}

impl EraNegotiation {
    /// Opens the session.
    pub(crate) async fn run(self) -> Result<Session, ConnectError> {
        let deadline = self.request.deadline();
        let opened = match self.request.endpoint().lifecycle() {
            Lifecycle::Legacy => self.try_era(Era::Legacy, deadline).await,
            Lifecycle::Stateless => self.try_era(Era::Stateless, deadline).await,
            _ => return self.find_out().await,
        };
        opened.map_err(|failed| failed.error)
    }

    /// Opens the session in the era the server is known to be of, or finds that out: by opening it,
    /// so that no request is made for nothing but an answer.
    async fn find_out(&self) -> Result<Session, ConnectError> {
        let flight = self.eras.of(self.request.endpoint());
        let mut known = flight.known();
        if known.is_none() {
            let mut opened = None;
            let found = self.eras.find_out(&flight, async {
                let (era, session) = self.probe().await?;
                opened = Some(session);
                Ok::<_, ConnectError>(era)
            });
            let found = timeout_at(self.request.deadline(), found).await;
            if let Some(session) = opened {
                return session;
            }
            known = found.map_err(|_| ConnectError::new(FaultKind::Timeout))??;
        }
        // Where whoever asked has just found nothing, most servers are of the older kind.
        self.as_known(known.unwrap_or(Era::Legacy)).await
    }

    /// Opens the first session with a server. Returns the era too, if there was proof of it.
    ///
    /// # Errors
    /// The server could not be asked: it was not reached, or refused the credentials.
    async fn probe(&self) -> Result<(Option<Era>, Result<Session, ConnectError>), ConnectError> {
        let refused = match self.try_era(Era::Stateless, self.soon()).await {
            Ok(session) => return Ok((Some(Era::Stateless), Ok(session))),
            Err(failed) if failed.evidence == EraEvidence::NotReached => return Err(failed.error),
            Err(failed) => failed,
        };
        Ok(
            match self.try_era(Era::Legacy, self.request.deadline()).await {
                Ok(session) => (refused.evidence.era(), Ok(session)),
                // A server that has no sessions and was too busy to say so.
                Err(failed)
                    if failed.evidence.era().is_some()
                        && refused.evidence == EraEvidence::Inconclusive =>
                {
                    (None, Err(refused.error))
                }
                Err(failed) => (None, Err(failed.error)),
            },
        )
    }

    /// Opens a session in the era that the server was of when somebody last asked.
    async fn as_known(&self, era: Era) -> Result<Session, ConnectError> {
        let failed = match self.try_era(era, self.request.deadline()).await {
            Ok(session) => return Ok(session),
            Err(failed) => failed,
        };
        let Some(other) = failed.evidence.era() else {
            return Err(failed.error);
        };
        let until = match other {
            Era::Stateless => self.soon(),
            _ => self.request.deadline(),
        };
        match self.try_era(other, until).await {
            Ok(session) => {
                self.eras.learn(self.request.endpoint(), other);
                Ok(session)
            }
            // Servers with sessions are the ones that have more to say, unless this one has none and
            // is too busy to say so.
            Err(again) if other == Era::Legacy || again.evidence == EraEvidence::Inconclusive => {
                Err(again.error)
            }
            Err(_) => Err(failed.error),
        }
    }

    async fn try_era(&self, era: Era, until: Instant) -> Result<Session, FailedHandshake> {
        let until = until.min(self.request.deadline());
        Handshake::new(self.http.clone(), &self.request, era)
            .run(until)
            .await
    }

    /// How long a server may take to say that it keeps no sessions, so that there is time left to
    /// try it with one.
    fn soon(&self) -> Instant {
        let now = Instant::now();
        let left = self.request.deadline().saturating_duration_since(now);
        now + PROBE.min(left / 2)
    }
}

/// A server that does not know the question answers in a round trip, if it answers at all.
const PROBE: Duration = Duration::from_secs(3);
