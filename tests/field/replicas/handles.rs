//! Conversations that go on by handles, without a store.

use std::time::Duration;

use mcp_pool_testkit::server::{CounterServer, Modes};
use mcp_session_pool::{
    AcquireRequest, Endpoint, EvictMode, Fleet, FleetSecret, HandleError, Principal, Scope,
    Selector, SessionHandle, SessionPool, config::Lifecycle, error::CallError, extend::Reach,
};

use super::setup::{Directory, replica, replica_of};
use crate::setup::until;
use crate::setup::{call, close, pool, request};

const HOUR: Duration = Duration::from_secs(3600);

fn server() -> CounterServer {
    CounterServer::start_as(Modes::default().legacy_only())
}

fn secret() -> FleetSecret {
    FleetSecret::new([1; 32], 1, [2; 32])
}

/// A replica that shares nothing with others but the key material.
fn alone() -> SessionPool {
    replica_of(Fleet::of_handles(secret()))
}

fn talk(endpoint: Endpoint, user: &str, name: &str) -> AcquireRequest {
    request(endpoint, user).with_scope(Scope::conversation(name))
}

/// Counts once in alice's conversation, and seals it.
async fn sealed(pool: &SessionPool, server: &CounterServer, validity: Duration) -> SessionHandle {
    let client = pool.client(talk(server.endpoint(), "alice", "talk")).await;
    let client = client.expect("a client");
    assert_eq!(call(&client, "increment").await.expect("a count"), "1");
    pool.seal(&client, validity).await.expect("a handle")
}

/// Presents a handle as alice, in her conversation.
async fn resume(
    pool: &SessionPool,
    server: &CounterServer,
    handle: &SessionHandle,
) -> Result<String, HandleError> {
    let client = pool
        .resume(handle, talk(server.endpoint(), "alice", "talk"))
        .await?;
    Ok(call(&client, "increment").await.expect("a count"))
}

#[tokio::test]
async fn a_conversation_goes_on_at_every_replica_that_its_handle_comes_to() {
    let server = server();
    let pools = [alone(), alone(), alone()];
    let handle = sealed(&pools[0], &server, HOUR).await;
    let handle = SessionHandle::from_text(handle.as_str());
    for (pool, count) in [(1, "2"), (2, "3"), (0, "4"), (1, "5")] {
        let counted = resume(&pools[pool], &server, &handle).await;
        assert_eq!(counted.expect("a count"), count);
    }
    assert_eq!(server.count("initialize"), 1);
    for pool in &pools {
        close(pool).await;
    }
    assert_eq!(server.sessions_closed(), 0, "its handle is still valid");
    let heir = alone();
    let counted = resume(&heir, &server, &handle).await;
    assert_eq!(counted.expect("a count"), "6");
    close(&heir).await;
}

#[tokio::test]
async fn a_handle_is_refused_to_every_other_key() {
    let server = server();
    let pool = alone();
    let handle = sealed(&pool, &server, HOUR).await;
    let other = CounterServer::start_as(Modes::default().legacy_only());
    let endpoint = server.endpoint();
    let lifecycle = match endpoint.lifecycle() {
        Lifecycle::Auto => Lifecycle::Legacy,
        _ => Lifecycle::Auto,
    };
    let own = talk(endpoint.clone(), "alice", "talk");
    let others = [
        talk(endpoint.clone(), "bob", "talk"),
        talk(endpoint.clone(), "alice", "other"),
        talk(other.endpoint(), "alice", "talk"),
        talk(endpoint.clone().with_gateway("g"), "alice", "talk"),
        talk(endpoint.clone().with_lifecycle(lifecycle), "alice", "talk"),
        // Another principal with the same token, and the same principal with another one.
        AcquireRequest::new(endpoint.clone(), Principal::user("mallory"))
            .with_headers(bearer("alice-token"))
            .with_scope(Scope::conversation("talk")),
        own.with_headers(bearer("mallory-token")),
    ];
    for pool in [pool, alone()] {
        for request in &others {
            let refused = pool.resume(&handle, request.clone()).await;
            let error = refused.expect_err("another key's");
            assert!(
                matches!(error, HandleError::Forged),
                "{error:?} {request:?}"
            );
            assert!(error.is_of_handle());
        }
        let plain = pool
            .resume(&handle, request(endpoint.clone(), "alice"))
            .await;
        let error = plain.expect_err("no conversation");
        assert!(matches!(error, HandleError::NotAConversation), "{error:?}");
        close(&pool).await;
    }
}

fn bearer(token: &str) -> http::HeaderMap {
    crate::common::headers(&[("authorization", &format!("Bearer {token}"))])
}

#[tokio::test]
async fn a_handle_of_which_any_letter_was_changed_or_cut_is_refused() {
    let server = server();
    let pool = alone();
    let handle = sealed(&pool, &server, HOUR).await;
    let text = handle.as_str().as_bytes();
    let refuse = async |bytes: Vec<u8>| {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let changed = SessionHandle::from_text(text);
        let request = talk(server.endpoint(), "alice", "talk");
        let error = pool.resume(&changed, request).await.expect_err("changed");
        let is_refused = matches!(error, HandleError::Forged | HandleError::UnknownKey);
        assert!(is_refused, "{error:?}");
    };
    for place in 0..text.len() {
        for bit in 0..7 {
            let mut bytes = text.to_vec();
            bytes[place] ^= 1 << bit;
            refuse(bytes).await;
        }
        refuse(text[..place].to_vec()).await;
    }
    for other in ["", "-", "A", "!!!!", "AQAAAAE"] {
        refuse(other.as_bytes().to_vec()).await;
    }
    refuse(vec![b'A'; 3 * 1024 * 1024]).await;
    let counted = resume(&pool, &server, &handle).await;
    assert_eq!(counted.expect("unchanged"), "2");
    close(&pool).await;
}

#[tokio::test]
async fn two_handles_that_are_swapped_are_refused() {
    let server = server();
    let pool = alone();
    let mut handles = Vec::new();
    for name in ["one", "two"] {
        let client = pool.client(talk(server.endpoint(), "alice", name)).await;
        let client = client.expect("a client");
        handles.push(pool.seal(&client, HOUR).await.expect("a handle"));
    }
    handles.reverse();
    for (name, handle) in ["one", "two"].iter().zip(&handles) {
        let request = talk(server.endpoint(), "alice", name);
        let refused = pool.resume(handle, request).await;
        assert!(matches!(refused, Err(HandleError::Forged)), "{refused:?}");
    }
    close(&pool).await;
}

#[tokio::test]
async fn a_handle_expires() {
    let server = server();
    let pool = alone();
    let handle = sealed(&pool, &server, Duration::from_millis(100)).await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    for pool in [pool, alone()] {
        let refused = resume(&pool, &server, &handle).await;
        assert!(matches!(refused, Err(HandleError::Expired)), "{refused:?}");
        close(&pool).await;
    }
    // No replica can go on with it.
    assert_eq!(server.sessions_closed(), 1);
}

#[tokio::test]
async fn a_handle_outlives_a_rotation_of_the_key_that_sealed_it_for_as_long_as_that_key_opens() {
    let server = server();
    let pool = alone();
    let handle = sealed(&pool, &server, HOUR).await;
    close(&pool).await;
    let next = FleetSecret::new([1; 32], 2, [3; 32]);
    let rotated = replica_of(Fleet::of_handles(next.clone().with_former(1, [2; 32])));
    let counted = resume(&rotated, &server, &handle).await;
    assert_eq!(counted.expect("a former key opens"), "2");
    close(&rotated).await;
    let later = replica_of(Fleet::of_handles(next));
    let refused = resume(&later, &server, &handle).await;
    assert!(
        matches!(refused, Err(HandleError::UnknownKey)),
        "{refused:?}"
    );
    close(&later).await;
    let other = replica_of(Fleet::of_handles(FleetSecret::new([9; 32], 1, [2; 32])));
    let refused = resume(&other, &server, &handle).await;
    assert!(matches!(refused, Err(HandleError::Forged)), "{refused:?}");
    close(&other).await;
}

#[tokio::test]
async fn a_revocation_refuses_the_handles_from_before_it_in_this_process_alone() {
    let server = server();
    let alice = Selector::principal(&Principal::user("alice"));
    for selector in [alice, Selector::conversation("talk"), Selector::All] {
        let pools = [alone(), alone()];
        let handle = sealed(&pools[0], &server, HOUR).await;
        let counted = resume(&pools[1], &server, &handle).await;
        assert_eq!(counted.expect("a count"), "2");
        let (_, reach) = pools[0].revoke_everywhere(&selector).await;
        assert_eq!(reach, Reach::LocalOnly);
        let refused = resume(&pools[0], &server, &handle).await;
        assert!(matches!(refused, Err(HandleError::Revoked)), "{refused:?}");
        // A conversation that begins after it is another one.
        tokio::time::sleep(Duration::from_millis(5)).await;
        let handle = sealed(&pools[0], &server, HOUR).await;
        let counted = resume(&pools[0], &server, &handle).await;
        assert_eq!(counted.expect("a count"), "2");
        for pool in &pools {
            pool.evict(&Selector::All, EvictMode::Graceful);
            close(pool).await;
        }
    }
}

#[tokio::test]
async fn the_handle_of_an_ended_session_is_refused_where_its_end_is_known() {
    let server = server();
    let pools = [alone(), alone()];
    let handle = sealed(&pools[0], &server, HOUR).await;
    let request = || talk(server.endpoint(), "alice", "talk");
    let there = pools[1].resume(&handle, request()).await.expect("a client");
    server.forget_sessions();
    let lost = call(&there, "increment").await;
    assert!(matches!(lost, Err(CallError::SessionLost)), "{lost:?}");
    let mut refused = Ok(String::new());
    for _ in 0..6_000 {
        refused = resume(&pools[1], &server, &handle).await;
        if refused.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(matches!(refused, Err(HandleError::Ended)), "{refused:?}");
    for pool in &pools {
        close(pool).await;
    }
}

#[tokio::test]
async fn a_session_without_a_handle_ends_with_its_replica() {
    let server = server();
    let pool = alone();
    let client = pool.client(talk(server.endpoint(), "alice", "talk")).await;
    let client = client.expect("a client");
    call(&client, "increment").await.expect("a count");
    let identity = pool.client(request(server.endpoint(), "bob")).await;
    call(&identity.expect("a client"), "increment")
        .await
        .expect("a count");
    close(&pool).await;
    server.expect_no_session().await;
    assert_eq!(server.sessions_closed(), 2);
}

#[tokio::test]
async fn an_eviction_ends_a_session_whose_handle_is_still_valid() {
    let server = server();
    let pool = alone();
    let handle = sealed(&pool, &server, HOUR).await;
    pool.evict(&Selector::conversation("talk"), EvictMode::Graceful);
    until("the farewell", || server.sessions_closed() == 1).await;
    let refused = resume(&pool, &server, &handle).await;
    assert!(matches!(refused, Err(HandleError::Ended)), "{refused:?}");
    close(&pool).await;
}

#[tokio::test]
async fn what_cannot_be_sealed_is_an_error_by_its_kind() {
    let server = server();
    let handle = SessionHandle::from_text("AQAAAAE");
    for pool in [pool(Default::default()), replica(&Directory::default())] {
        let request = talk(server.endpoint(), "alice", "talk");
        let client = pool.client(request.clone()).await.expect("a client");
        let sealed = pool.seal(&client, HOUR).await;
        assert!(matches!(sealed, Err(HandleError::NoHandles)), "{sealed:?}");
        let resumed = pool.resume(&handle, request).await;
        assert!(
            matches!(resumed, Err(HandleError::NoHandles)),
            "{resumed:?}"
        );
        close(&pool).await;
    }
    let pool = alone();
    let client = pool.client(request(server.endpoint(), "alice")).await;
    let sealed = pool.seal(&client.expect("a client"), HOUR).await;
    assert!(
        matches!(sealed, Err(HandleError::NotAConversation)),
        "{sealed:?}"
    );
    let stateless = CounterServer::start_as(Modes::default().stateless_only());
    let endpoint = stateless.endpoint().with_lifecycle(Lifecycle::Stateless);
    let client = pool.client(talk(endpoint, "alice", "talk")).await;
    let sealed = pool.seal(&client.expect("a client"), HOUR).await;
    assert!(
        matches!(sealed, Err(HandleError::NotSealable)),
        "{sealed:?}"
    );
    let gone = Endpoint::streamable_http("http://127.0.0.1:1/mcp").expect("a URL");
    let client = pool.client(talk(gone, "alice", "talk")).await;
    let sealed = pool.seal(&client.expect("a client"), HOUR).await;
    assert!(matches!(sealed, Err(HandleError::Acquire(_))), "{sealed:?}");
    close(&pool).await;
}
