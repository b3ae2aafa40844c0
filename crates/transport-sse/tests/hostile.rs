//! Hostile servers: every attack ends in a typed error, in time.
//!
//! Memory stays bounded, and no other server receives a request.

use std::{
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread::{self, JoinHandle},
    time::Duration,
};

use http::HeaderMap;
use mcp_pool_core::{
    error::{CallFailure, ConnectError, FaultKind, Outcome, SessionCondition},
    extend::{ConnectRequest, Connector},
};
use mcp_pool_testkit::server::{HostileSse, Mischief};
use mcp_pool_transport_sse::{AnnouncementError, SseConnector};
use rmcp::model::{CallToolRequest, CallToolRequestParams, ClientRequest};
use tokio::time::{Instant, timeout};

/// The deadline of a connect that has to end before it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(60);
/// The deadline of a connect that ends by it, and the pauses after which a session ends. A handshake
/// takes less on a slow machine, too.
const SHORT: Duration = Duration::from_secs(2);
/// What a machine under load may add to a deadline.
const LEEWAY: Duration = Duration::from_secs(60);
const MOST_GROWTH: usize = 64 * 1024 * 1024;

fn connector() -> SseConnector {
    SseConnector::new().expect("an http client")
}

fn request(server: &HostileSse) -> ConnectRequest {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", "Bearer s3cret".parse().expect("a value"));
    ConnectRequest::detached(&server.endpoint(), headers)
}

async fn connect(mischief: Mischief) -> ConnectError {
    connect_within(CONNECT_TIMEOUT, mischief).await
}

async fn connect_within(limit: Duration, mischief: Mischief) -> ConnectError {
    let server = HostileSse::start(mischief);
    let request = request(&server).with_deadline(Instant::now() + limit);
    let connector = connector();
    let connected = timeout(limit + LEEWAY, connector.connect(&request)).await;
    connected.expect("an end").expect_err("an error")
}

/// Connects to such a server and returns the failure of the first call.
async fn call(connector: SseConnector, mischief: Mischief) -> CallFailure {
    let server = HostileSse::start(mischief);
    let request = request(&server);
    let session = connector.connect(&request).await.expect("a session");
    let increment = CallToolRequest::new(CallToolRequestParams::new("increment"));
    let increment = ClientRequest::CallToolRequest(increment);
    let called = session.driver().call(increment, None);
    let called = timeout(CONNECT_TIMEOUT + LEEWAY, called).await;
    let failure = called.expect("an end").expect_err("no answer");
    assert_ne!(failure.session(), SessionCondition::Fine);
    failure
}

/// Announces an endpoint on another server, which must receive nothing.
async fn announce_foreign(announced: impl Fn(&HostileSse) -> String) -> ConnectError {
    let victim = HostileSse::start(Mischief::StallsAfterEndpoint);
    let error = connect(Mischief::Announces(announced(&victim))).await;
    assert_eq!(
        victim.requests(),
        [""; 0],
        "the other origin received a request"
    );
    error
}

fn announcement(error: &ConnectError) -> AnnouncementError {
    assert_eq!(error.kind(), &FaultKind::Protocol, "{error:?}");
    let source = std::error::Error::source(error).expect("a source");
    *source.downcast_ref().expect("an announcement")
}

/// Samples the memory in use on a thread of its own.
struct Gauge {
    before: usize,
    end: Sender<()>,
    watcher: JoinHandle<usize>,
}

impl Gauge {
    fn start() -> Self {
        let (end, ended) = channel::<()>();
        let watcher = thread::spawn(move || {
            let mut highest = memory();
            while ended.recv_timeout(Duration::from_millis(1)) == Err(RecvTimeoutError::Timeout) {
                highest = highest.max(memory());
            }
            highest
        });
        Self {
            before: memory(),
            end,
            watcher,
        }
    }

    /// Stops and returns the highest growth, in bytes.
    fn stop(self) -> usize {
        drop(self.end);
        let highest = self.watcher.join().expect("a figure");
        highest.saturating_sub(self.before)
    }
}

/// The resident memory of this process, in bytes.
fn memory() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0_usize) * 4096
}

#[tokio::test]
async fn an_endpoint_of_another_origin_is_rejected_and_receives_nothing() {
    for error in [
        announce_foreign(|victim| format!("http://{}/m", victim.address())).await,
        announce_foreign(|victim| format!("//{}/m", victim.address())).await,
        announce_foreign(|victim| format!("https://{}/m", victim.address())).await,
        announce_foreign(|victim| format!("http://user:pw@{}/m", victim.address())).await,
        announce_foreign(|victim| format!("http://localhost:{}/m", victim.address().port())).await,
    ] {
        assert_eq!(announcement(&error), AnnouncementError::CrossOrigin);
        assert!(!format!("{error} {error:?}").contains("/m"), "{error:?}");
    }
}

#[tokio::test]
async fn a_redirect_to_another_origin_is_not_followed() {
    let victim = HostileSse::start(Mischief::StallsAfterEndpoint);
    let to = format!("http://{}/sse", victim.address());
    let error = connect(Mischief::Redirects(to)).await;
    assert_eq!(error.kind().label(), "redirected");
    assert_eq!(victim.requests(), [""; 0]);
}

#[tokio::test]
async fn a_second_endpoint_ends_the_session_unless_it_equals_the_first() {
    let victim = HostileSse::start(Mischief::StallsAfterEndpoint);
    for other in [
        format!("http://{}/m", victim.address()),
        "/messages?sessionId=other".to_owned(),
    ] {
        let failure = call(connector(), Mischief::AnnouncesAgain(other)).await;
        assert_eq!(failure.kind(), &FaultKind::Protocol);
        assert_eq!(failure.outcome(), Outcome::Unknown);
    }
    assert_eq!(victim.requests(), [""; 0]);
    let again = "event: endpoint\ndata: /messages?sessionId=hostile\n\n";
    let failure = call(connector(), Mischief::Ends(again)).await;
    assert_eq!(
        failure.kind(),
        &FaultKind::SessionGone,
        "only the end of the stream ended it"
    );
}

#[tokio::test]
async fn a_message_before_the_endpoint_is_a_protocol_violation() {
    let error = connect(Mischief::SpeaksFirst).await;
    assert_eq!(error.kind(), &FaultKind::Protocol);
}

#[tokio::test]
async fn a_stalled_stream_ends_at_the_deadline() {
    for mischief in [
        Mischief::StallsBeforeEndpoint,
        Mischief::StallsAfterEndpoint,
    ] {
        let error = connect_within(SHORT, mischief.clone()).await;
        assert_eq!(error.kind(), &FaultKind::Timeout, "{mischief:?}");
    }
}

#[tokio::test]
async fn a_stream_that_stalls_in_a_call_ends_after_the_idle_timeout() {
    let connector = connector().with_idle_timeout(SHORT);
    let failure = call(connector, Mischief::StallsInCall).await;
    assert_eq!(failure.kind(), &FaultKind::Timeout);
    assert_eq!(failure.outcome(), Outcome::Unknown);
}

#[tokio::test]
async fn a_message_that_is_never_accepted_ends_after_the_post_timeout() {
    let connector = connector().with_post_timeout(SHORT);
    let failure = call(connector, Mischief::SwallowsCalls).await;
    assert_eq!(failure.kind(), &FaultKind::Timeout);
    assert_eq!(failure.outcome(), Outcome::Unknown);
}

#[tokio::test]
async fn a_gigabyte_in_one_event_or_header_ends_in_an_error_with_bounded_memory() {
    // Warm-up: allocates what any first connect allocates.
    connect(Mischief::SpeaksFirst).await;
    let gauge = Gauge::start();
    let error = connect(Mischief::EndlessAnnouncement).await;
    let limit = 4 * 1024 * 1024;
    assert_eq!(error.kind(), &FaultKind::TooLarge { limit });
    let failure = call(connector(), Mischief::EndlessEvent).await;
    assert_eq!(failure.kind(), &FaultKind::TooLarge { limit });
    assert_eq!(failure.outcome(), Outcome::Unknown);
    let error = connect(Mischief::EndlessHeaders).await;
    assert_eq!(error.kind(), &FaultKind::Protocol);
    let growth = gauge.stop();
    println!("grew by {} KiB", growth / 1024);
    assert!(growth < MOST_GROWTH, "grew by {growth} bytes");
}
