//! Era negotiation: opens a session in the era of the server.

use std::{sync::Arc, time::Duration};

use mcp_pool_core::{
    config::Lifecycle,
    error::{ConnectError, FaultKind},
    extend::{ConnectRequest, DetectOutcome, Era, Session, Support},
};
use rmcp::model::ProtocolVersion;
use tokio::time::{Instant, timeout_at};

use super::{
    era_evidence::EraEvidence,
    handshake::{Denial, FailedHandshake, Handshake, Shared},
};
use crate::era_cache::{EraCache, ServerEra};

/// Opens one session, in an era that may have to be detected first.
pub(crate) struct EraNegotiation {
    pub(crate) shared: Shared,
    pub(crate) eras: Arc<EraCache>,
    pub(crate) request: ConnectRequest,
}

/// The first session with a server.
struct FirstSession {
    /// The server's era; `None` without proof.
    era: Option<Era>,
    session: Result<Session, ConnectError>,
}

impl EraNegotiation {
    /// Opens the session, within the deadline of the request.
    pub(crate) async fn run(self) -> Result<Session, ConnectError> {
        let opened = match self.configured_era() {
            Some(era) => self.open_configured(era).await,
            None => return self.detect_era().await,
        };
        opened.map_err(|failed| failed.error)
    }

    /// Opens a session where the transport is spoken, within the deadline of the request.
    ///
    /// The session itself is the probe, so that detection costs no request of its own.
    pub(crate) async fn detect(self) -> Result<DetectOutcome, ConnectError> {
        let server = self.eras.server(self.request.endpoint());
        let opened = match (self.configured_era(), self.probable_era(&server)) {
            (Some(era), _) => self.open_configured(era).await,
            (None, Some(era)) => self.open_in(era).await,
            (None, None) => self.open_unless_denied().await,
        };
        match opened {
            Ok(session) => Ok(DetectOutcome::Connected(session)),
            Err(failed) if failed.denial != Denial::None => {
                Ok(DetectOutcome::Support(Support::Unsupported))
            }
            Err(failed) => Err(failed.error),
        }
    }

    /// The era that is known of a server, or that another replica has found. A stateless one is detected
    /// all the same: that begins with a stateless request anyway, and bounds the time of a wrong hint.
    fn probable_era(&self, server: &ServerEra) -> Option<Era> {
        let hinted = self.request.hinted_era();
        server
            .era()
            .or_else(|| hinted.filter(|era| *era == Era::Legacy))
    }

    /// The era that the endpoint names.
    fn configured_era(&self) -> Option<Era> {
        match self.request.endpoint().lifecycle() {
            Lifecycle::Legacy => Some(Era::Legacy),
            Lifecycle::Stateless => Some(Era::Stateless),
            _ => None,
        }
    }

    async fn open_configured(&self, era: Era) -> Result<Session, FailedHandshake> {
        let session = self.try_era(era, self.request.deadline()).await?;
        // The next session with the server has one request less.
        self.eras.insert(self.request.endpoint(), era);
        Ok(session)
    }

    /// Opens a session in either era, unless the first POST shows that nothing takes one.
    async fn open_unless_denied(&self) -> Result<Session, FailedHandshake> {
        let first = match self.try_era(Era::Stateless, self.probe_deadline()).await {
            Ok(session) => {
                self.eras.insert(self.request.endpoint(), Era::Stateless);
                return Ok(session);
            }
            Err(failed) => failed,
        };
        if first.denial == Denial::OfPost || first.evidence == EraEvidence::NotReached {
            return Err(first);
        }
        let session = self.try_era(Era::Legacy, self.request.deadline()).await?;
        if let Some(era) = first.evidence.era() {
            self.eras.insert(self.request.endpoint(), era);
        }
        Ok(session)
    }

    /// Opens the session in the cached era, or detects the era first.
    ///
    /// The session itself is the probe: no request serves detection alone. Single flight: other
    /// callers wait for the result, and then open their own sessions.
    async fn detect_era(&self) -> Result<Session, ConnectError> {
        let server = self.eras.server(self.request.endpoint());
        let mut era = self.probable_era(&server);
        if era.is_none() {
            let mut opened = None;
            let detected = self.eras.get_or_detect(&server, async {
                let first = self.open_first().await?;
                opened = Some(first.session);
                Ok::<_, ConnectError>(first.era)
            });
            let detected = timeout_at(self.request.deadline(), detected).await;
            if let Some(session) = opened {
                return session;
            }
            era = detected.map_err(|_| ConnectError::new(FaultKind::Timeout))??;
        }
        // Without proof, try the era of most servers.
        let opened = self.open_in(era.unwrap_or(Era::Legacy)).await;
        opened.map_err(|failed| failed.error)
    }

    /// Opens the first session with a server: stateless first, then legacy.
    ///
    /// # Errors
    /// The server was not reached, or it rejected the credentials. Neither is a result that other
    /// callers could use.
    async fn open_first(&self) -> Result<FirstSession, ConnectError> {
        let stateless = match self.try_era(Era::Stateless, self.probe_deadline()).await {
            Ok(session) => {
                return Ok(FirstSession {
                    era: Some(Era::Stateless),
                    session: Ok(session),
                });
            }
            Err(failed) if failed.evidence == EraEvidence::NotReached => return Err(failed.error),
            Err(failed) => failed,
        };
        let (era, session) = match self.try_era(Era::Legacy, self.request.deadline()).await {
            Ok(session) => (stateless.evidence.era(), Ok(session)),
            // A stateless server that was too busy to answer the first handshake.
            Err(legacy)
                if legacy.evidence.era().is_some()
                    && stateless.evidence == EraEvidence::Inconclusive =>
            {
                (None, Err(stateless.error))
            }
            Err(legacy) => (None, Err(legacy.error)),
        };
        Ok(FirstSession { era, session })
    }

    /// Opens a session in the cached era, or in the other one on proof of it.
    async fn open_in(&self, era: Era) -> Result<Session, FailedHandshake> {
        let failed = match self.try_era(era, self.request.deadline()).await {
            Ok(session) => return Ok(session),
            Err(failed) => failed,
        };
        let Some(other) = failed.evidence.era() else {
            return Err(failed);
        };
        let deadline = match other {
            Era::Stateless => self.probe_deadline(),
            _ => self.request.deadline(),
        };
        match self.try_era(other, deadline).await {
            Ok(session) => {
                self.eras.insert(self.request.endpoint(), other);
                Ok(session)
            }
            // The legacy error is the more precise one. An inconclusive error comes from a server
            // of this era that is too busy to answer.
            Err(again) if other == Era::Legacy || again.evidence == EraEvidence::Inconclusive => {
                Err(again)
            }
            Err(_) => Err(failed),
        }
    }

    async fn try_era(&self, era: Era, deadline: Instant) -> Result<Session, FailedHandshake> {
        let deadline = deadline.min(self.request.deadline());
        let mut revision = ProtocolVersion::LATEST_WITH_INITIALIZE;
        let mut repetitions = 0;
        // Each revision that is offered is older than the one before.
        loop {
            let server = self.eras.server(self.request.endpoint());
            let handshake = Handshake::new(&self.shared, &self.request, server, era);
            let failed = match handshake.offering(revision.clone()).run(deadline).await {
                Ok(session) => return Ok(session),
                Err(failed) => failed,
            };
            match failed.older.clone() {
                Some(older) if era == Era::Legacy => revision = older,
                // The session that the server may have opened is closed meanwhile.
                None if failed.was_cut_off && repetitions < REPETITIONS => repetitions += 1,
                _ => return Err(failed),
            }
        }
    }

    /// The deadline of a stateless handshake that leaves time for a legacy one.
    fn probe_deadline(&self) -> Instant {
        let now = Instant::now();
        let left = self.request.deadline().saturating_duration_since(now);
        now + PROBE_TIMEOUT.min(left / 2)
    }
}

/// How often a handshake is repeated whose connection died under the answer.
const REPETITIONS: u32 = 2;
/// A legacy server rejects the unknown method within one round trip, or never.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
