//! One way to a server: what a connector is told, and what it comes back with.

use std::sync::Arc;

use http::HeaderMap;
use tokio::time::{Instant, timeout_at};

use crate::{
    Scope,
    bucket::{Ask, Bucket},
    credentials::{Credential, NewestHeaders},
    error::{ConnectError, FaultKind},
    extend::{ConnectRequest, Connector, Credentials, Session},
    handler::Hearing,
    moment::Moment,
};

/// Opens a session for a key, with the key's own credentials, handlers and ears.
pub(super) async fn dial(
    connector: &Arc<dyn Connector>,
    bucket: &Arc<Bucket>,
    ask: &Ask,
) -> Result<Opened, ConnectError> {
    let hub = &bucket.hub;
    let (newest, opener) = behalf(bucket, ask);
    let credentials = Credentials::new(
        Arc::clone(&hub.credentials),
        bucket.key.endpoint().clone(),
        newest,
        opener,
    );
    let deadline = crate::expiry::after(Instant::now(), hub.config.timeouts.session_create_timeout);
    let request = ConnectRequest::new(
        bucket.key.clone(),
        credentials,
        Arc::clone(&bucket.profile.factory),
        bucket.slots_per_session,
        deadline,
    );
    let hearing = Hearing::of(bucket);
    let request = request
        .with_hearing(Arc::clone(&hearing))
        .listening(hub.tools.is_some());
    let result = match timeout_at(deadline, connector.connect(&request)).await {
        Ok(result) => result,
        Err(_) => Err(ConnectError::new(FaultKind::Timeout)),
    };
    match result {
        Ok(session) => Ok(Opened { session, hearing }),
        Err(error) => {
            hearing.end();
            Err(error)
        }
    }
}

/// A session as it was opened.
pub(super) struct Opened {
    pub(super) session: Session,
    pub(super) hearing: Arc<Hearing>,
}

/// On whose behalf a session makes its own requests: whoever asked last, or else whoever it was
/// opened for; nobody where the session is everybody's.
fn behalf(bucket: &Bucket, ask: &Ask) -> (Arc<NewestHeaders>, Arc<HeaderMap>) {
    if *bucket.key.scope() != Scope::Shared {
        let opener = Arc::clone(&ask.credential.headers);
        return (Arc::clone(&bucket.newest), opener);
    }
    let nobody = Credential {
        headers: Arc::default(),
        ends_at: Moment::NEVER,
    };
    let opener = Arc::clone(&nobody.headers);
    let newest = NewestHeaders::new(nobody, bucket.hub.clock.now());
    (Arc::new(newest), opener)
}
