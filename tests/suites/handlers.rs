//! Handlers that answer for the caller of their session, and record what they receive.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use mcp_session_pool::{
    PoolKey,
    extend::{ClientHandlerBox, HandlerFactory, NoopHandlers},
    rmcp::{
        ErrorData, RoleClient, Service,
        model::{
            ClientCapabilities, ClientConfig, ClientResult, ElicitResult, ElicitationAction,
            EmptyObject, Implementation, ServerNotification, ServerRequest,
        },
        service::{NotificationContext, RequestContext},
    },
};
use serde_json::json;

/// Answers for the caller of each session, and records what each caller received.
#[derive(Clone, Default)]
pub(crate) struct Answering(Arc<Mutex<BTreeMap<String, Vec<&'static str>>>>);

/// The handler of one session.
struct Answerer {
    caller: String,
    received: Answering,
}

impl Answering {
    /// What each caller has received so far, in alphabetical order.
    pub(crate) fn received(&self) -> BTreeMap<String, Vec<&'static str>> {
        let mut received = self.0.lock().expect("not poisoned").clone();
        received.values_mut().for_each(|what| what.sort_unstable());
        received
    }

    fn note(&self, caller: &str, what: &'static str) {
        let mut received = self.0.lock().expect("not poisoned");
        received.entry(caller.to_owned()).or_default().push(what);
    }
}

impl HandlerFactory for Answering {
    fn profile(&self) -> &str {
        "answering"
    }

    fn declared(&self) -> ClientCapabilities {
        let declared = json!({"sampling": {}, "elicitation": {}});
        serde_json::from_value(declared).expect("capabilities")
    }

    fn handler(&self, key: &PoolKey) -> ClientHandlerBox {
        let user = key.principal().user_id().expect("a user");
        let conversation = match key.scope() {
            mcp_session_pool::Scope::Conversation(id) => id.as_str(),
            _ => "",
        };
        ClientHandlerBox::new(Answerer {
            caller: format!("{user}{conversation}"),
            received: self.clone(),
        })
    }
}

impl Service<RoleClient> for Answerer {
    async fn handle_request(
        &self,
        request: ServerRequest,
        _context: RequestContext<RoleClient>,
    ) -> Result<ClientResult, ErrorData> {
        match request {
            ServerRequest::CreateMessageRequest(_) => {
                self.received.note(&self.caller, "sampling");
                let text = json!({"type": "text", "text": self.caller});
                let answer = json!({"role": "assistant", "content": text, "model": "m"});
                let answer = serde_json::from_value(answer).expect("an answer");
                Ok(ClientResult::CreateMessageResult(Box::new(answer)))
            }
            ServerRequest::ElicitRequest(_) => {
                self.received.note(&self.caller, "elicitation");
                let answer = ElicitResult::new(ElicitationAction::Accept);
                let answer = answer.with_content(json!({"who": self.caller}));
                Ok(ClientResult::ElicitResult(answer))
            }
            _ => Ok(ClientResult::EmptyResult(EmptyObject {})),
        }
    }

    async fn handle_notification(
        &self,
        notification: ServerNotification,
        _context: NotificationContext<RoleClient>,
    ) -> Result<(), ErrorData> {
        let what = match notification {
            ServerNotification::ToolListChangedNotification(_) => "list changed",
            ServerNotification::ProgressNotification(_) => "progress",
            _ => return Ok(()),
        };
        self.received.note(&self.caller, what);
        Ok(())
    }

    fn get_info(&self) -> ClientConfig {
        ClientConfig::new(
            Answering::default().declared(),
            Implementation::new("test", "1"),
        )
    }
}

/// Handlers with another profile or other capabilities, that answer nothing.
struct Declaring {
    profile: &'static str,
    capabilities: ClientCapabilities,
}

/// A factory with this profile that declares roots or nothing.
pub(crate) fn declaring(profile: &'static str, roots: bool) -> Arc<dyn HandlerFactory> {
    let declared = if roots {
        json!({"roots": {}})
    } else {
        json!({})
    };
    Arc::new(Declaring {
        profile,
        capabilities: serde_json::from_value(declared).expect("capabilities"),
    })
}

impl HandlerFactory for Declaring {
    fn profile(&self) -> &str {
        self.profile
    }

    fn declared(&self) -> ClientCapabilities {
        self.capabilities.clone()
    }

    fn wants_server_messages(&self) -> bool {
        false
    }

    fn handler(&self, _key: &PoolKey) -> ClientHandlerBox {
        let client = Implementation::new("test", "1");
        ClientHandlerBox::new(ClientConfig::new(self.capabilities.clone(), client))
    }
}

#[test]
fn the_default_handlers_declare_nothing() {
    let silent = NoopHandlers::default();
    assert_eq!(silent.declared(), ClientCapabilities::default());
    assert!(!silent.wants_server_messages());
}
