//! The promises of every credential source.

use std::{
    collections::HashSet,
    fmt::Debug,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use futures::future::join_all;
use http::{HeaderMap, Method, StatusCode};
use mcp_pool_core::{
    AcquireRequest, Endpoint, Principal, SessionPool, TransportKind,
    error::{ConnectError, CredentialError},
    extend::{
        ConnectRequest, Connector, CredentialRefusal, CredentialSource, Credentials, RequestTarget,
        Session,
    },
};

use super::helpers::{LONG, bounded, header_map, poll_times, secrets};
use crate::fake::{self, FakeConnector};

/// A credential source and the requests that it is for.
pub trait CredentialCase: Sync {
    /// The source.
    fn source(&self) -> Arc<dyn CredentialSource>;
    /// An endpoint that the source has credentials for, with a transport that is not detected.
    fn endpoint(&self) -> Endpoint {
        fake::endpoint("upstream")
    }
    /// The headers with which this user comes to the gateway: `alice`, `bob` or `carol`. Each user has
    /// secrets of its own.
    fn caller(&self, user: &str) -> HeaderMap {
        header_map(&[("authorization", &format!("Bearer the-secret-of-{user}"))])
    }
    /// An endpoint that gets none of the credentials of [`endpoint`](Self::endpoint). `None` for a source
    /// that passes on what the caller sends.
    fn foreign_endpoint(&self) -> Option<Endpoint> {
        None
    }
    /// The headers of a caller for whom the source has no credential. `None` where it always has one.
    fn caller_without_credential(&self) -> Option<HeaderMap> {
        None
    }
}

/// Every request of a user gets headers, and requests at the same time get the same ones.
pub async fn a_request_gets_headers(case: &dyn CredentialCase) {
    let alice = sessions(case).of(case, "alice").await;
    let first = headers(&alice).await.expect("headers");
    let at_once = join_all((0..8).map(|_| headers(&alice))).await;
    for other in at_once {
        assert_eq!(*other.expect("headers"), *first);
    }
}

/// Headers that have not changed are the same value in memory, since the pool compares addresses.
pub async fn unchanged_headers_are_not_made_anew(case: &dyn CredentialCase) {
    let alice = sessions(case).of(case, "alice").await;
    let first = headers(&alice).await.expect("headers");
    let second = headers(&alice).await.expect("headers");
    assert!(Arc::ptr_eq(&first, &second));
}

/// What is sent for a user holds nothing of another user's secrets, also at the same time.
pub async fn nothing_of_a_user_is_sent_for_another(case: &dyn CredentialCase) {
    let sessions = sessions(case);
    let users = ["alice", "bob", "carol"];
    let credentials = join_all(users.map(|user| sessions.of(case, user))).await;
    let sent = join_all(credentials.iter().cycle().take(12).map(headers)).await;
    for (index, sent) in sent.into_iter().enumerate() {
        let sent = sent.expect("headers");
        let others = users.iter().filter(|user| **user != users[index % 3]);
        for other in others {
            let secret = &case.caller(other);
            assert!(!holds_any(&sent, secret), "a secret of {other} is sent");
        }
    }
}

/// An endpoint that a credential was not meant for does not get it.
pub async fn an_endpoint_gets_no_credential_of_another(case: &dyn CredentialCase) {
    let Some(foreign) = case.foreign_endpoint() else {
        return;
    };
    let own = sessions(case).of(case, "alice").await;
    let own = headers(&own).await.expect("headers");
    let foreign = Sessions::at(case, foreign).of(case, "alice").await;
    if let Ok(sent) = headers(&foreign).await {
        assert!(!holds_any(&sent, &own), "a credential went elsewhere");
    }
}

/// After a refusal the source answers in the end, and requests of other users go on.
pub async fn a_refusal_is_answered_and_concerns_no_other_user(case: &dyn CredentialCase) {
    let sessions = sessions(case);
    let alice = sessions.of(case, "alice").await;
    let bob = sessions.of(case, "bob").await;
    let of_bob = headers(&bob).await.expect("headers");
    for challenge in ["Bearer", r#"Bearer error="invalid_token""#] {
        let rejected = headers(&alice).await.expect("headers");
        let challenge = header_map(&[("www-authenticate", challenge)]);
        let refusal = CredentialRefusal::of_response(StatusCode::UNAUTHORIZED, &challenge);
        let refusal = refusal.expect("a refusal");
        let url = case.endpoint().url().clone();
        let target = RequestTarget::http(&Method::POST, &url);
        let renewed = alice.renewed(target, &rejected, &refusal);
        let (_answer, _) = bounded("the answer to a refusal", LONG, renewed).await;
    }
    assert_eq!(*headers(&bob).await.expect("headers"), *of_bob);
}

/// A caller without a credential gets an error that shows nothing of its request.
pub async fn a_caller_without_credential_gets_an_error(case: &dyn CredentialCase) {
    let Some(caller) = case.caller_without_credential() else {
        return;
    };
    let mallory = sessions(case).with("mallory", caller.clone()).await;
    let error = headers(&mallory).await.expect_err("no credential");
    hides(&error, &error.to_string(), &caller);
    let alice = sessions(case).of(case, "alice").await;
    headers(&alice).await.expect("headers of others");
}

/// A request that is dropped at any await loses nothing for the next one.
pub async fn a_dropped_request_loses_no_credential(case: &dyn CredentialCase) {
    let alice = sessions(case).of(case, "alice").await;
    for polls in 0..6 {
        poll_times(polls, headers(&alice)).await;
        headers(&alice).await.expect("headers");
    }
}

/// A pool over the source, and the credentials that its connects got.
struct Sessions {
    pool: SessionPool,
    endpoint: Endpoint,
    opened: Opened,
}

type Opened = Arc<Mutex<Vec<(Principal, Credentials)>>>;

fn sessions(case: &dyn CredentialCase) -> Sessions {
    Sessions::at(case, case.endpoint())
}

impl Sessions {
    fn at(case: &dyn CredentialCase, endpoint: Endpoint) -> Self {
        let opened = Opened::default();
        let (inner, _) = fake::connector_of(endpoint.transport().clone());
        let connector = Keeping {
            inner,
            opened: Arc::clone(&opened),
        };
        let builder = SessionPool::builder().connector(connector);
        let pool = builder.credentials(case.source()).build();
        Self {
            pool: pool.expect("a pool"),
            endpoint,
            opened,
        }
    }

    async fn of(&self, case: &dyn CredentialCase, user: &str) -> Credentials {
        self.with(user, case.caller(user)).await
    }

    /// The credentials of a session that is opened for this user.
    async fn with(&self, user: &str, caller: HeaderMap) -> Credentials {
        let user = Principal::user(user);
        let request = AcquireRequest::new(self.endpoint.clone(), user.clone());
        let lease = self.pool.acquire(&request.with_headers(caller)).await;
        drop(lease.expect("a session of the fake"));
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let own = opened.iter().rev().find(|(owner, _)| *owner == user);
        own.expect("the session of the user").1.clone()
    }
}

/// A fake connector that keeps the credentials of each connect.
struct Keeping {
    inner: FakeConnector,
    opened: Opened,
}

impl Keeping {
    fn keep(&self, request: &ConnectRequest) {
        let owner = request.key().principal().clone();
        let credentials = request.credentials().clone();
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.push((owner, credentials));
    }
}

#[async_trait]
impl Connector for Keeping {
    fn kind(&self) -> TransportKind {
        self.inner.kind()
    }

    async fn connect(&self, request: &ConnectRequest) -> Result<Session, ConnectError> {
        self.keep(request);
        self.inner.connect(request).await
    }
}

async fn headers(credentials: &Credentials) -> Result<Arc<HeaderMap>, CredentialError> {
    let url = "http://upstream.test/mcp".parse().expect("a URL");
    let target = RequestTarget::http(&Method::POST, &url);
    let headers = credentials.headers(target);
    bounded("the headers of a request", LONG, headers).await.0
}

fn holds_any(sent: &HeaderMap, others: &HeaderMap) -> bool {
    let others: HashSet<_> = secrets(others).into_iter().collect();
    let mut sent = secrets(sent).into_iter();
    sent.any(|word| others.contains(&word))
}

fn hides(shown: &impl Debug, text: &str, headers: &HeaderMap) {
    let shown = format!("{shown:?} {shown:#?} {text}");
    for secret in secrets(headers) {
        assert!(!shown.contains(&secret), "a part of a header is shown");
    }
}

/// Mounts the suite of credential sources: one test a promise, each with a
/// [`CredentialCase`](crate::conformance::CredentialCase) of its own.
///
/// `credential_suite!(case)` mounts all of it, `credential_suite!(case, a_promise another_promise)` a part. A
/// source whose headers differ from request to request, since each has a proof of its own, cannot keep
/// `unchanged_headers_are_not_made_anew`, `a_request_gets_headers` and
/// `a_refusal_is_answered_and_concerns_no_other_user`.
#[macro_export]
macro_rules! credential_suite {
    ($make:expr) => {
        $crate::credential_suite!($make,
            a_request_gets_headers
            unchanged_headers_are_not_made_anew
            nothing_of_a_user_is_sent_for_another
            an_endpoint_gets_no_credential_of_another
            a_refusal_is_answered_and_concerns_no_other_user
            a_caller_without_credential_gets_an_error
            a_dropped_request_loses_no_credential
        );
    };
    ($make:expr, $($promise:ident)+) => {
        $(
            #[tokio::test]
            async fn $promise() {
                $crate::conformance::$promise(&$make).await;
            }
        )+
    };
}
