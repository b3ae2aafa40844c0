//! A user who has to authorize at an upstream gets the address through the proxy.

use std::sync::{Arc, Mutex};

use mcp_session_pool::{
    PoolKey, SessionPool,
    config::Lifecycle,
    error::CallError,
    extend::{ClientHandlerBox, HandlerFn},
    oauth::OAuthCredentials,
    proxy::Proxy,
    rmcp::{
        ClientHandler, ErrorData, RoleClient,
        model::{
            CallToolRequestParams, ClientCapabilities, ElicitRequestParams, ElicitResult,
            ElicitationAction,
        },
        service::RequestContext,
    },
};
use serde_json::json;

use crate::{
    authorization_server::Protected,
    common::{call, close},
    gateway::{Gateway, client_of, clients},
    oauth_setup::{self, credentials, needed},
};

/// A protected upstream behind a gateway.
struct Setup {
    protected: Arc<Protected>,
    credentials: OAuthCredentials,
    upstreams: SessionPool,
    gateway: Gateway,
}

impl Setup {
    async fn start() -> Self {
        let protected = Arc::new(Protected::start().await);
        let credentials = credentials();
        let upstreams = oauth_setup::pool(&credentials);
        let proxy = Proxy::single(upstreams.clone(), protected.endpoint());
        let gateway = Gateway::start(proxy).await;
        Self {
            protected,
            credentials,
            upstreams,
            gateway,
        }
    }
}

/// Does what a browser does with an address that it is sent to, if the user wants it.
#[derive(Clone)]
struct Browser {
    protected: Arc<Protected>,
    credentials: OAuthCredentials,
    upstreams: SessionPool,
    consents: bool,
    visited: Arc<Mutex<Vec<String>>>,
}

impl ClientHandler for Browser {
    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let ElicitRequestParams::UrlElicitationParams { url, .. } = request else {
            return Err(ErrorData::invalid_params("no form", None));
        };
        self.visited.lock().expect("visited").push(url.clone());
        if !self.consents {
            return Ok(ElicitResult::new(ElicitationAction::Decline));
        }
        // The same authorization as that of a call by the user.
        let client = oauth_setup::client(&self.upstreams, &self.protected, "alice").await;
        let error = call(&client, "count").await.expect_err("no token yet");
        let needed = needed(&error);
        assert_eq!(needed.url().as_str(), url);
        let authorized = self
            .protected
            .authorize(&self.credentials, &needed, "alice");
        authorized.await.expect("a token");
        Ok(ElicitResult::new(ElicitationAction::Accept))
    }
}

fn elicits_by_url() -> ClientCapabilities {
    let declared = json!({ "elicitation": { "url": {} } });
    serde_json::from_value(declared).expect("capabilities")
}

fn browsing(
    browser: &Browser,
) -> Arc<HandlerFn<impl Fn(&PoolKey) -> ClientHandlerBox + Send + Sync + use<>>> {
    let browser = browser.clone();
    let make = move |_: &PoolKey| ClientHandlerBox::new(browser.clone());
    Arc::new(HandlerFn::new("browser", make).declaring(elicits_by_url()))
}

impl Setup {
    fn browser(&self, consents: bool) -> Browser {
        Browser {
            protected: Arc::clone(&self.protected),
            credentials: self.credentials.clone(),
            upstreams: self.upstreams.clone(),
            consents,
            visited: Arc::default(),
        }
    }
}

#[tokio::test]
async fn a_client_with_a_session_that_elicits_by_url_gets_the_address_as_an_error_of_its_revision()
{
    let setup = Setup::start().await;
    let clients = clients();
    let browser = setup.browser(true);
    let endpoint = setup.gateway.endpoint(Lifecycle::Legacy);
    let client = client_of(&clients, endpoint, "alice", Some(browsing(&browser))).await;
    let error = call(&client, "count").await.expect_err("no token yet");
    let CallError::Rpc(error) = error else {
        panic!("{error:?}");
    };
    assert_eq!(error.code.0, -32042);
    let data = error.data.expect("data");
    let elicitation = &data["elicitations"][0];
    assert_eq!(elicitation["mode"], "url");
    assert!(
        elicitation["elicitationId"]
            .as_str()
            .is_some_and(|id| !id.is_empty())
    );
    assert!(
        elicitation["message"]
            .as_str()
            .is_some_and(|text| text.contains("authorize"))
    );
    // The user goes there, and the same session serves the next call.
    let url = elicitation["url"].as_str().expect("a url").to_owned();
    let direct = oauth_setup::client(&setup.upstreams, &setup.protected, "alice").await;
    let needed = needed(&call(&direct, "count").await.expect_err("no token yet"));
    assert_eq!(needed.url().as_str(), url);
    let authorized = setup
        .protected
        .authorize(&setup.credentials, &needed, "alice");
    authorized.await.expect("a token");
    assert_eq!(call(&client, "count").await.expect("an answer"), 1);
    close(&clients).await;
    close(&setup.upstreams).await;
}

#[tokio::test]
async fn a_client_that_cannot_send_its_user_anywhere_gets_a_typed_error_without_the_address() {
    for lifecycle in [Lifecycle::Legacy, Lifecycle::Stateless] {
        let setup = Setup::start().await;
        let clients = clients();
        let endpoint = setup.gateway.endpoint(lifecycle);
        let client = client_of(&clients, endpoint, "alice", None).await;
        let error = call(&client, "count").await.expect_err("no token yet");
        let CallError::Rpc(error) = error else {
            panic!("{lifecycle:?} {error:?}");
        };
        assert_eq!(error.code.0, -32013, "{lifecycle:?}");
        assert!(error.message.contains("authorize"), "{}", error.message);
        let data = error.data.clone().expect("data");
        assert_eq!(data["reason"], "authorization_needed");
        assert_eq!(data["outcome"], "not_executed");
        let shown = serde_json::to_string(&error).expect("JSON");
        assert!(!shown.contains("state="), "{shown}");
        close(&clients).await;
        close(&setup.upstreams).await;
    }
}

#[tokio::test]
async fn a_client_without_a_session_sends_its_user_there_as_input_and_the_call_goes_on() {
    let setup = Setup::start().await;
    let clients = clients();
    let browser = setup.browser(true);
    let endpoint = setup.gateway.endpoint(Lifecycle::Stateless);
    let client = client_of(&clients, endpoint, "alice", Some(browsing(&browser))).await;
    assert_eq!(call(&client, "count").await.expect("an answer"), 1);
    assert_eq!(browser.visited.lock().expect("visited").len(), 1);
    // What was the proxy's own business did not reach the upstream.
    let messages = setup.protected.resource.messages();
    let calls = messages.iter().filter(|it| it["method"] == "tools/call");
    for call in calls {
        assert!(call["params"]["inputResponses"].is_null(), "{call}");
        assert!(call["params"]["requestState"].is_null(), "{call}");
    }
    close(&clients).await;
    close(&setup.upstreams).await;
}

#[tokio::test]
async fn a_user_who_declines_to_authorize_ends_the_call() {
    let setup = Setup::start().await;
    let clients = clients();
    let browser = setup.browser(false);
    let endpoint = setup.gateway.endpoint(Lifecycle::Stateless);
    let client = client_of(&clients, endpoint, "alice", Some(browsing(&browser))).await;
    let params = CallToolRequestParams::new("count");
    let error = client.call_tool(params).await.expect_err("no token");
    assert!(matches!(error, CallError::Rpc(_)), "{error:?}");
    assert_eq!(browser.visited.lock().expect("visited").len(), 1);
    assert_eq!(setup.protected.resource.count("tools/call"), 0);
    close(&clients).await;
    close(&setup.upstreams).await;
}
