//! Going on with a session that another process has opened.

use std::sync::Arc;

use mcp_pool_core::{
    config::Lifecycle,
    error::{ConnectError, FaultKind},
    extend::{ConnectRequest, Era, ParkedSession, Session},
};
use mcp_pool_http::HttpSession;

use super::handshake::Shared;
use crate::{
    era_cache::EraCache,
    parked::Parked,
    session::{Connection, NewConnection},
};

/// A session that goes on here, without a request. Its ids are its own, as those of every session are.
///
/// # Errors
/// [`FaultKind::Other`]: the bytes are no session, or the endpoint is configured to be stateless.
pub(crate) fn revive(
    shared: &Shared,
    eras: &EraCache,
    request: &ConnectRequest,
    parked: &ParkedSession,
) -> Result<Session, ConnectError> {
    let endpoint = request.endpoint();
    let parked = Parked::read(parked).filter(|_| endpoint.lifecycle() != Lifecycle::Stateless);
    let Some(mut parked) = parked else {
        return Err(ConnectError::new(FaultKind::Other));
    };
    let cookies = match endpoint.has_shareable_cookies() {
        true => parked.take_cookies(),
        false => Vec::new(),
    };
    let connection = Connection::new(NewConnection {
        clients: shared.clients.clone(),
        http_session: HttpSession::of(request).with_cookies(endpoint.url(), cookies),
        endpoint: endpoint.clone(),
        credentials: request.credentials().clone(),
        limits: Arc::clone(&shared.limits),
        era: Era::Legacy,
        server: eras.server(endpoint),
        inbox: request.inbox(),
        client: None,
        wants_stream: request.wants_server_messages(),
    });
    connection.note_revision(parked.revision());
    let mut info = connection.info(parked.revision().as_str());
    if let Some(id) = parked.session() {
        connection.restore_session(id);
        info = info.with_session_id(id);
    }
    connection.note_info(shared.infos.share(endpoint, parked.into_server()));
    connection.start_listening();
    let notifier = connection.close_notifier.clone();
    Ok(Session::of(connection, info).with_close_notifier(notifier))
}
