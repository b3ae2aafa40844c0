//! Forged tokens.

use mcp_session_pool::{
    PoolConfig, SessionPool,
    config::OnExtractError,
    jwt::{JwtIdentity, JwtKeys},
};
use serde_json::json;

use crate::{
    common::builder,
    tokens::{self, Rsa},
};

/// The token of Alice, and every forgery that Mallory can make of it.
pub(crate) fn forgeries() -> (String, Vec<(&'static str, String)>) {
    let (issuer, attacker) = (Rsa::first(), Rsa::second());
    let alice = tokens::claims("alice", json!({}));
    let good = issuer.token(&alice);
    let mallory = attacker.token(&tokens::claims("mallory", json!({})));
    let part = |token: &str, at: usize| token.split('.').nth(at).expect("three").to_owned();
    let parts = |payload: &str, signature: &str| {
        format!(
            "{}.{}.{}",
            part(&good, 0),
            part(payload, 1),
            part(signature, 2)
        )
    };
    let none = |alg: &str| tokens::assemble(&json!({ "alg": alg }), &alice, |_| vec![]);
    let claiming = |changes| issuer.token(&tokens::claims("alice", changes));
    let hmac = json!({"alg": "HS256"});
    let forged = vec![
        (
            "unsigned",
            tokens::assemble(&json!({"alg": "RS256"}), &alice, |_| vec![]),
        ),
        ("none", none("none")),
        ("None", none("None")),
        (
            "key as secret",
            tokens::hs256(issuer.pem().as_bytes(), &hmac, &alice),
        ),
        ("wrong key", attacker.token(&alice)),
        ("her sub, his signature", parts(&good, &mallory)),
        (
            "his claims, her signature",
            parts(&issuer.token(&json!({"sub": "alice"})), &good),
        ),
        (
            "wrong issuer",
            claiming(json!({"iss": "https://elsewhere/"})),
        ),
        ("wrong audience", claiming(json!({"aud": "elsewhere"}))),
        ("expired", claiming(json!({"exp": tokens::in_secs(-3600)}))),
        (
            "not yet valid",
            claiming(json!({"nbf": tokens::in_secs(3600)})),
        ),
    ];
    (good, forged)
}

/// A pool that identifies callers by the verified claims of their tokens.
pub(crate) fn verified(config: PoolConfig, on_error: OnExtractError) -> SessionPool {
    let keys = JwtKeys::pem(Rsa::first().pem()).expect("a key");
    let identity = JwtIdentity::builder(keys).issuer(tokens::ISSUER);
    let identity = identity.audience(tokens::AUDIENCE).build();
    let config = config.with_on_extract_error(on_error);
    let pool = builder(config).extractor(identity.expect("an extractor"));
    pool.build().expect("a pool")
}
