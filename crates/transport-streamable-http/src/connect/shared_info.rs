//! What servers say of themselves, kept once for equal sessions.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use mcp_pool_core::Endpoint;
use rmcp::model::ServerPeerInfo;

/// What servers say of themselves, one copy for the sessions of an endpoint where it is equal.
/// Instructions and capabilities are most of what an idle session would keep.
#[derive(Debug, Default)]
pub(crate) struct SharedInfo(Mutex<HashMap<String, Weak<ServerPeerInfo>>>);

impl SharedInfo {
    /// The copy that the sessions of the endpoint share, or this one where it differs.
    pub(crate) fn share(&self, endpoint: &Endpoint, info: ServerPeerInfo) -> Arc<ServerPeerInfo> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let url = endpoint.url().as_str();
        let shared = known.get(url).and_then(Weak::upgrade);
        if let Some(shared) = shared.filter(|shared| **shared == info) {
            return shared;
        }
        // Endpoints without a session are removed before the map has to grow.
        if known.len() == known.capacity() {
            known.retain(|_, info| info.strong_count() > 0);
        }
        let info = Arc::new(info);
        known.insert(url.to_owned(), Arc::downgrade(&info));
        info
    }
}

#[cfg(test)]
mod tests {
    use rmcp::model::{ProtocolVersion, ServerCapabilities};

    use super::*;

    fn info(instructions: &str) -> ServerPeerInfo {
        let version = ProtocolVersion::LATEST_WITH_INITIALIZE;
        ServerPeerInfo::new(version, ServerCapabilities::default()).with_instructions(instructions)
    }

    #[test]
    fn equal_sessions_of_an_endpoint_share_one_copy() {
        let shared = SharedInfo::default();
        let endpoint = Endpoint::streamable_http("https://example.com/mcp").unwrap();
        let first = shared.share(&endpoint, info("a"));
        assert!(Arc::ptr_eq(&first, &shared.share(&endpoint, info("a"))));
        let other = shared.share(&endpoint, info("b"));
        assert_eq!(other.instructions.as_deref(), Some("b"));
    }

    #[test]
    fn endpoints_without_a_session_take_no_room() {
        let shared = SharedInfo::default();
        for number in 0..1_000 {
            let url = format!("https://example.com/{number}");
            shared.share(&Endpoint::streamable_http(&url).unwrap(), info("a"));
        }
        assert!(shared.0.lock().unwrap().len() < 10);
    }
}
