//! Keys behind a URL: fetched once, refreshed, and kept for a limited time
//! while the source is down.

use std::time::Duration;

use mcp_pool_core::{error::ExtractFault, extend::IdentityExtractor};
use mcp_pool_identity_jwt::{JwksSettings, JwtIdentity, JwtRefusal};
use serde_json::json;

use crate::{
    server::{Answer, KeyServer},
    support::{Rsa, bearer, claims, hs256, in_secs},
};

const MINUTE: Duration = Duration::from_secs(60);

/// Longer than any test takes, unless the test moves the clock.
fn settings() -> JwksSettings {
    let mut settings = JwksSettings::default();
    settings.refresh_every = 10 * MINUTE;
    settings.cooldown = 5 * MINUTE;
    settings.keep_stale = 60 * MINUTE;
    settings.timeout = 20 * MINUTE;
    settings
}

fn without_cooldown() -> JwksSettings {
    let mut settings = settings();
    settings.cooldown = Duration::ZERO;
    settings
}

/// Moves the clock of tokio forward; it then runs on.
async fn advance(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// Waits for background work, for up to a minute.
async fn until(mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..30_000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("the condition did not become true");
}

async fn check(identity: &JwtIdentity, token: &str) -> Result<(), JwtRefusal> {
    identity.identify(token).await.map(|found| {
        found.expect("a JWT");
    })
}

#[tokio::test]
async fn fifty_callers_with_an_unknown_key_cause_one_fetch() {
    let (old, new) = (Rsa::first(), Rsa::second());
    let server = KeyServer::start(vec![old.jwk("old")]).await;
    let identity = server.extractor(without_cooldown());
    identity.prefetch().await.unwrap();
    assert_eq!(server.fetches(), 1);
    server.answer(Answer::Keys(vec![old.jwk("old"), new.jwk("new")]));
    server.hold();
    let callers: Vec<_> = (0..50)
        .map(|n| {
            let (identity, user) = (identity.clone(), format!("user-{n}"));
            let headers = bearer(&new.token_of("new", &claims(&user, json!({}))));
            tokio::spawn(async move { identity.extract(&headers).await })
        })
        .collect();
    until(async || server.fetches() == 2).await;
    // All fifty callers have run and wait.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    server.release();
    let mut seen = std::collections::HashSet::new();
    for caller in callers {
        assert!(seen.insert(caller.await.unwrap().unwrap().unwrap()));
    }
    assert_eq!(server.fetches(), 2);
}

#[tokio::test]
async fn fifty_first_callers_cause_one_fetch() {
    let key = Rsa::first();
    let server = KeyServer::start(vec![key.jwk("k")]).await;
    let identity = server.extractor(without_cooldown());
    let token = key.token_of("k", &claims("alice", json!({})));
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let (identity, token) = (identity.clone(), token.clone());
            tokio::spawn(async move { check(&identity, &token).await })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), Ok(()));
    }
    assert_eq!(server.fetches(), 1);
}

#[tokio::test]
async fn a_second_unknown_key_within_the_cooldown_causes_no_fetch() {
    let (known, unknown) = (Rsa::first(), Rsa::second());
    let server = KeyServer::start(vec![known.jwk("known")]).await;
    let identity = server.extractor(settings());
    identity.prefetch().await.unwrap();
    let token = |id: &str| unknown.token_of(id, &claims("alice", json!({})));
    for n in 0..20 {
        let refusal = check(&identity, &token(&format!("unknown-{n}"))).await;
        assert_eq!(refusal, Err(JwtRefusal::UnknownKey));
    }
    assert_eq!(server.fetches(), 1);
    advance(6 * MINUTE).await;
    for n in 0..20 {
        let refusal = check(&identity, &token(&format!("unknown-{n}"))).await;
        assert_eq!(refusal, Err(JwtRefusal::UnknownKey));
    }
    assert_eq!(server.fetches(), 2);
}

#[tokio::test]
async fn a_token_that_no_key_can_verify_causes_no_fetch() {
    let key = Rsa::first();
    let server = KeyServer::start(vec![key.jwk("k")]).await;
    let identity = server.extractor(without_cooldown());
    assert_eq!(identity.identify("opaque").await, Ok(None));
    assert_eq!(server.fetches(), 0);
    identity.prefetch().await.unwrap();
    let alice = claims("alice", json!({}));
    let good = key.token_of("k", &alice);
    let hs = hs256(key.pem().as_bytes(), &json!({"alg": "HS256"}), &alice);
    assert_eq!(
        check(&identity, &hs).await,
        Err(JwtRefusal::AlgorithmNotAllowed)
    );
    assert_eq!(
        check(&identity, &good[..good.len() - 10]).await,
        Err(JwtRefusal::WrongSignature)
    );
    assert_eq!(server.fetches(), 1);
}

#[tokio::test]
async fn a_withdrawn_key_invalidates_its_cached_tokens() {
    let (old, new) = (Rsa::first(), Rsa::second());
    let server = KeyServer::start(vec![old.jwk("old")]).await;
    let identity = server.extractor(settings());
    let stolen = old.token_of("old", &claims("alice", json!({})));
    assert_eq!(check(&identity, &stolen).await, Ok(()));
    assert_eq!(check(&identity, &stolen).await, Ok(()));
    server.answer(Answer::Keys(vec![new.jwk("new")]));
    advance(11 * MINUTE).await;
    // The call that starts the refresh does not wait for it.
    assert_eq!(check(&identity, &stolen).await, Ok(()));
    until(async || check(&identity, &stolen).await.is_err()).await;
    assert_eq!(check(&identity, &stolen).await, Err(JwtRefusal::UnknownKey));
    let fresh = new.token_of("new", &claims("alice", json!({})));
    assert_eq!(check(&identity, &fresh).await, Ok(()));
    assert_eq!(server.fetches(), 2);
}

#[tokio::test]
async fn a_token_is_checked_again_with_each_change_of_the_keys() {
    let (first, second) = (Rsa::first(), Rsa::second());
    let server = KeyServer::start(vec![first.jwk("a")]).await;
    let identity = server.extractor(settings());
    let lasting = claims("alice", json!({"exp": in_secs(3_600 * 24)}));
    let of_first = first.token_of("a", &lasting);
    assert_eq!(check(&identity, &of_first).await, Ok(()));
    for (key, is_valid) in [(second, false), (first, true), (second, false)] {
        server.answer(Answer::Keys(vec![key.jwk("a")]));
        advance(11 * MINUTE).await;
        // The call that starts the refresh has the result of the keys before.
        let _ = check(&identity, &of_first).await;
        until(async || check(&identity, &of_first).await.is_ok() == is_valid).await;
    }
    assert_eq!(server.fetches(), 4);
}

#[tokio::test]
async fn a_refresh_delays_no_caller() {
    let key = Rsa::first();
    let server = KeyServer::start(vec![key.jwk("k")]).await;
    let identity = server.extractor(settings());
    let seen = key.token_of("k", &claims("alice", json!({})));
    assert_eq!(check(&identity, &seen).await, Ok(()));
    server.answer(Answer::Never);
    advance(11 * MINUTE).await;
    // A cached token, and a new token of a known key, while the fetch hangs.
    assert_eq!(check(&identity, &seen).await, Ok(()));
    until(async || server.fetches() == 2).await;
    let first = key.token_of("k", &claims("bob", json!({})));
    assert_eq!(check(&identity, &first).await, Ok(()));
    assert_eq!(check(&identity, &seen).await, Ok(()));
    assert_eq!(server.fetches(), 2);
}

#[tokio::test]
async fn stale_keys_are_used_while_the_source_is_down_for_a_limited_time() {
    let key = Rsa::first();
    let server = KeyServer::start(vec![key.jwk("k")]).await;
    let identity = server.extractor(settings());
    let token = |user: &str| key.token_of("k", &claims(user, json!({"exp": 4_000_000_000u64})));
    let seen = token("alice");
    assert_eq!(check(&identity, &seen).await, Ok(()));
    server.answer(Answer::Status(503));
    // 10 minutes fresh, 60 minutes stale.
    for n in 0..6 {
        advance(11 * MINUTE).await;
        assert_eq!(check(&identity, &seen).await, Ok(()), "{n}");
        let first = token(&format!("user-{n}"));
        assert_eq!(check(&identity, &first).await, Ok(()), "{n}");
        let fetches = n + 2;
        until(async || server.fetches() >= fetches).await;
    }
    advance(5 * MINUTE).await;
    for token in [&seen, &token("late")] {
        let error = identity.extract(&bearer(token)).await.unwrap_err();
        assert_eq!(error.fault(), ExtractFault::Unavailable);
        assert_eq!(JwtRefusal::of(&error), Some(&JwtRefusal::KeysUnavailable));
    }
    // The source works again.
    server.answer(Answer::Keys(vec![key.jwk("k")]));
    advance(6 * MINUTE).await;
    assert_eq!(check(&identity, &seen).await, Ok(()));
}

#[tokio::test]
async fn a_failed_first_fetch_is_tried_again_after_a_second() {
    let key = Rsa::first();
    let server = KeyServer::start(vec![key.jwk("k")]).await;
    server.answer(Answer::Status(500));
    let identity = server.extractor(settings());
    let token = key.token_of("k", &claims("alice", json!({})));
    assert_eq!(identity.prefetch().await, Err(JwtRefusal::KeysUnavailable));
    server.answer(Answer::Keys(vec![key.jwk("k")]));
    advance(Duration::from_secs(1)).await;
    assert_eq!(check(&identity, &token).await, Ok(()));
    assert_eq!(server.fetches(), 2);
}

#[tokio::test]
async fn the_pause_doubles_with_each_failed_fetch_up_to_the_cooldown() {
    let server = KeyServer::start(vec![]).await;
    server.answer(Answer::Status(500));
    let mut settings = settings();
    settings.cooldown = 30 * MINUTE;
    let identity = server.extractor(settings);
    let mut fetches = 0;
    let mut fetch_after = async |pause| {
        advance(pause).await;
        assert_eq!(identity.prefetch().await, Err(JwtRefusal::KeysUnavailable));
        fetches += 1;
        assert_eq!(server.fetches(), fetches, "{pause:?}");
    };
    fetch_after(Duration::ZERO).await;
    for doubled in 0..10 {
        fetch_after(Duration::from_secs(1 << doubled)).await;
    }
    // 1,024 seconds now; the machine may use up some of them.
    advance(8 * MINUTE).await;
    assert_eq!(identity.prefetch().await, Err(JwtRefusal::KeysUnavailable));
    assert_eq!(server.fetches(), 11);
    fetch_after(10 * MINUTE).await;
    // The double of it would be longer than the cooldown.
    fetch_after(31 * MINUTE).await;
}

#[tokio::test]
async fn an_unknown_key_is_not_the_callers_fault_while_the_source_is_down() {
    let (known, unknown) = (Rsa::first(), Rsa::second());
    let server = KeyServer::start(vec![known.jwk("known")]).await;
    let identity = server.extractor(without_cooldown());
    identity.prefetch().await.unwrap();
    server.answer(Answer::Status(503));
    let alice = claims("alice", json!({}));
    let token = unknown.token_of("unknown", &alice);
    let refusal = check(&identity, &token).await;
    assert_eq!(refusal, Err(JwtRefusal::KeysUnavailable));
    assert_eq!(server.fetches(), 2);
    let known = known.token_of("known", &alice);
    assert_eq!(check(&identity, &known).await, Ok(()));
}

#[tokio::test]
async fn a_dropped_caller_does_not_cancel_the_fetch() {
    let key = Rsa::first();
    let server = KeyServer::start(vec![key.jwk("k")]).await;
    server.hold();
    let identity = server.extractor(settings());
    let token = key.token_of("k", &claims("alice", json!({})));
    let caller = tokio::spawn({
        let (identity, token) = (identity.clone(), token.clone());
        async move { check(&identity, &token).await }
    });
    until(async || server.fetches() == 1).await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    server.release();
    assert_eq!(check(&identity, &token).await, Ok(()));
    assert_eq!(server.fetches(), 1);
}

#[tokio::test]
async fn an_answer_that_is_no_key_set_is_refused() {
    let key = Rsa::first();
    let elsewhere = KeyServer::start(vec![key.jwk("k")]).await;
    let long = format!("{}{}", json!({"keys": [key.jwk("k")]}), " ".repeat(1 << 20));
    for answer in [
        Answer::Body(long),
        Answer::Body("<html>".to_owned()),
        Answer::Keys(vec![]),
        Answer::Keys(vec![json!({"kty": "oct", "k": "c2VjcmV0".repeat(8)})]),
        Answer::Status(404),
        Answer::Redirect(elsewhere.url.clone()),
    ] {
        let server = KeyServer::start(vec![]).await;
        server.answer(answer);
        let identity = server.extractor(settings());
        assert_eq!(identity.prefetch().await, Err(JwtRefusal::KeysUnavailable));
        assert_eq!(server.fetches(), 1);
    }
    assert_eq!(elsewhere.fetches(), 0);
}

#[tokio::test]
async fn an_answer_from_another_origin_is_refused_with_any_client() {
    let key = Rsa::first();
    let elsewhere = KeyServer::start(vec![key.jwk("k")]).await;
    let server = KeyServer::start(vec![]).await;
    server.answer(Answer::Redirect(elsewhere.url.clone()));
    let identity = JwtIdentity::builder(mcp_pool_identity_jwt::JwtKeys::url(&server.url).unwrap())
        .any_issuer()
        .any_audience()
        .http_client(reqwest::Client::builder().no_proxy().build().unwrap())
        .build()
        .unwrap();
    assert_eq!(identity.prefetch().await, Err(JwtRefusal::KeysUnavailable));
    assert_eq!(elsewhere.fetches(), 1);
}

#[tokio::test]
async fn a_fetch_without_an_answer_ends_at_the_timeout() {
    let server = KeyServer::start(vec![]).await;
    server.answer(Answer::Never);
    let mut settings = settings();
    settings.timeout = Duration::from_millis(20);
    let identity = server.extractor(settings);
    assert_eq!(identity.prefetch().await, Err(JwtRefusal::KeysUnavailable));
}
