//! The messages of a session show no secret either.

use std::time::Duration;

use mcp_pool_testkit::server::CounterServer;
use mcp_session_pool::{
    StreamableHttpConnector,
    error::CallFailure,
    extend::{
        Answer, ClientContext, ConnectRequest, Connector, Delivery, DetectOutcome, PendingRequests,
        RequestIds, ResultKind, Support, UniqueIds, WireCall, read_messages,
    },
    rmcp::{
        ErrorData,
        model::{CallToolRequest, CallToolRequestParams, ClientRequest},
    },
};
use serde_json::value::RawValue;

use crate::{common::headers, shown::Shown};

pub(crate) async fn show(shown: &Shown, server: &CounterServer) {
    let arguments = serde_json::json!({ "label": "pl4nted-argument" });
    let arguments = arguments.as_object().cloned().expect("an object");
    let params = CallToolRequestParams::new("notify").with_arguments(arguments);
    let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
    let kind = ResultKind::of(&request);
    shown.show(&kind);
    let ids = RequestIds::random();
    shown.show(&ids);
    let call = WireCall::new(ids.next(), request, None);
    shown.show(&call);
    let text = br#"{"id":1,"result":{"text":"pl4nted-argument"}}"#;
    let messages = read_messages(text).expect("a message");
    shown.show(&messages[0]);
    shown.show(&messages[0].kind());
    let raw = RawValue::from_string(r#"{"text":"pl4nted-argument"}"#.to_owned());
    shown.show(&Answer::from_raw(kind, raw.expect("json")));
    let error = ErrorData::internal_error("pl4nted-argument", None);
    shown.show(&Answer::from_error(error));
    shown.show(&ClientContext::default());
    shown.show(&Delivery::default());
    shown.show(&UniqueIds::new(()));
    let requests = PendingRequests::<CallFailure>::default();
    let mut request = requests.insert(ids.next(), kind);
    shown.show(&requests);
    shown.show(&request);
    // Only one request waits, so that an answer without an id is meant for it.
    let text = br#"{"id":null,"error":{"code":1,"message":"pl4nted-argument"}}"#;
    assert!(requests.receive(&read_messages(text).expect("a message")[0]));
    shown.show(&request.received().await.expect("an answer"));

    let headers = headers(&[("authorization", "Bearer pl4nted-token")]);
    let request = ConnectRequest::detached(&server.endpoint(), headers);
    let inbox = request.inbox();
    shown.show(&*inbox);
    shown.show(&inbox.route(&call));
    let connector = StreamableHttpConnector::new().expect("an http client");
    let session = connector.connect(&request).await.expect("a session");
    shown.show(&DetectOutcome::Support(Support::Unknown));
    shown.show(&session.peer().await.expect("a peer"));
    session.driver().close(Duration::from_secs(10)).await;
}
