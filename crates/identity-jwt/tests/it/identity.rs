//! Tokens of one caller have one identity, tokens of two callers have two.

use std::{collections::HashSet, time::Duration};

use mcp_pool_core::extend::{Identity, IdentityExtractor};
use mcp_pool_identity_jwt::{
    JwtClaim, JwtConfigError, JwtIdentity, JwtIdentityBuilder, JwtKeys, JwtRefusal,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{AUDIENCE, ISSUER, assemble, bearer, claims, hs256, in_secs};

const SECRET: [u8; 32] = [7; 32];

fn builder() -> JwtIdentityBuilder {
    JwtIdentity::builder(JwtKeys::secret(SECRET).unwrap())
        .any_issuer()
        .audience(AUDIENCE)
}

async fn identity_of(extractor: &JwtIdentity, subject: &str, changes: Value) -> Identity {
    let token = hs256(&SECRET, &json!({"alg": "HS256"}), &claims(subject, changes));
    let identity = extractor.extract(&bearer(&token)).await.unwrap();
    identity.unwrap()
}

#[tokio::test]
async fn two_hundred_tokens_of_one_user_are_one_identity() {
    let extractor = builder().build().unwrap();
    let mut seen = HashSet::new();
    for n in 0..200 {
        let changes = json!({
            "jti": format!("token-{n}"), "iat": in_secs(n), "exp": in_secs(300 + n),
            "scope": format!("scope-{n}"), "aud": ["more", AUDIENCE],
        });
        seen.insert(identity_of(&extractor, "alice", changes).await);
    }
    assert_eq!(seen.len(), 1);
}

#[tokio::test]
async fn callers_that_differ_in_one_claim_differ() {
    let extractor = builder().build().unwrap();
    let cases = [
        ("alice", json!({})),
        ("bob", json!({})),
        ("alice", json!({"iss": "https://second.example/"})),
        ("alice", json!({"tenant_id": "one"})),
        ("alice", json!({"tenant_id": "two"})),
        ("alice", json!({"tenant_id": ""})),
        ("alice", json!({"tenant_id": 1})),
        ("alice", json!({"tenant_id": "1"})),
        ("alice", json!({"tenant_id": true})),
        ("alice", json!({"tenant_id": "true"})),
        ("alice", json!({"tenant_id": u64::MAX})),
        ("alice", json!({"tenant_id": u64::MAX - 1})),
        ("Alice", json!({})),
        ("alice ", json!({})),
    ];
    let mut seen = HashSet::new();
    for (subject, changes) in &cases {
        assert!(
            seen.insert(identity_of(&extractor, subject, changes.clone()).await),
            "{subject} {changes}"
        );
    }
    let anonymous = Identity::anonymous();
    assert!(!seen.contains(&anonymous));
}

#[tokio::test]
async fn claims_do_not_collide_by_running_together() {
    let extractor = builder()
        .claims([
            JwtClaim::required("sub"),
            JwtClaim::optional("a"),
            JwtClaim::optional("ab"),
        ])
        .tenant_claim("t")
        .build()
        .unwrap();
    let cases = [
        ("alice", json!({"t": "one"})),
        ("aliceone", json!({"t": ""})),
        ("aliceone", json!({})),
        ("alice", json!({"t": "one", "a": ""})),
        ("alice", json!({"a": "b", "t": "one"})),
        ("alice", json!({"ab": "", "t": "one"})),
        ("alice", json!({"a": "bt", "t": "one"})),
        ("alice\u{0}t\u{1}one", json!({})),
        ("alice\",\"t\":\"one", json!({})),
        ("x", json!({"iss": "y"})),
        ("y", json!({"iss": "x"})),
        ("", json!({"iss": "xy", "sub": "z"})),
        ("", json!({"iss": "x", "sub": "yz"})),
    ];
    let mut seen = HashSet::new();
    for (subject, changes) in &cases {
        assert!(
            seen.insert(identity_of(&extractor, subject, changes.clone()).await),
            "{subject} {changes}"
        );
    }
}

#[tokio::test]
async fn the_order_of_configured_claims_is_irrelevant() {
    let claims = |names: [&'static str; 2]| {
        builder()
            .claims(names.map(JwtClaim::required))
            .build()
            .unwrap()
    };
    let changes = json!({"team": "red"});
    assert_eq!(
        identity_of(&claims(["sub", "team"]), "alice", changes.clone()).await,
        identity_of(&claims(["team", "sub"]), "alice", changes).await,
    );
}

#[tokio::test]
async fn the_issuer_is_part_of_every_identity() {
    let extractor = builder()
        .claims([JwtClaim::required("email")])
        .build()
        .unwrap();
    let of = |issuer: &str| json!({"iss": issuer, "email": "a@example.com"});
    assert_ne!(
        identity_of(&extractor, "alice", of("https://one.example/")).await,
        identity_of(&extractor, "alice", of("https://two.example/")).await,
    );
}

#[tokio::test]
async fn a_null_claim_is_an_absent_one() {
    let extractor = builder().build().unwrap();
    let header = json!({"alg": "HS256"});
    let mut with_null = claims("alice", json!({}));
    with_null["tenant_id"] = Value::Null;
    let token = hs256(&SECRET, &header, &with_null);
    let null = extractor.identify(&token).await.unwrap().unwrap();
    assert_eq!(null, identity_of(&extractor, "alice", json!({})).await);
}

#[test]
fn a_claim_that_changes_with_every_token_cannot_be_configured() {
    for name in ["jti", "iat", "exp", "nbf", "nonce", "at_hash", "c_hash"] {
        let claims = [JwtClaim::required("sub"), JwtClaim::optional(name)];
        let refused = builder().claims(claims).build().unwrap_err();
        assert_eq!(
            refused,
            JwtConfigError::ClaimVolatile { claim: name.into() }
        );
        let refused = builder().tenant_claim(name).build().unwrap_err();
        assert_eq!(
            refused,
            JwtConfigError::ClaimVolatile { claim: name.into() }
        );
    }
}

#[test]
fn a_configuration_that_merges_callers_is_refused() {
    let optional = builder().claims([JwtClaim::optional("sub")]).build();
    assert_eq!(optional.unwrap_err(), JwtConfigError::NoRequiredClaim);
    let none = builder().claims([]).build();
    assert_eq!(none.unwrap_err(), JwtConfigError::NoRequiredClaim);
    let issuer = builder().claims([JwtClaim::required("iss")]).build();
    assert_eq!(issuer.unwrap_err(), JwtConfigError::NoRequiredClaim);
    let unnamed = builder().claims([JwtClaim::required("")]).build();
    assert_eq!(unnamed.unwrap_err(), JwtConfigError::ClaimUnnamed);
}

#[test]
fn issuer_and_audience_must_be_set_or_waived() {
    let keys = || JwtKeys::secret(SECRET).unwrap();
    let no_issuer = JwtIdentity::builder(keys()).audience("a").build();
    assert_eq!(no_issuer.unwrap_err(), JwtConfigError::IssuerUnset);
    let no_audience = JwtIdentity::builder(keys()).issuer("i").build();
    assert_eq!(no_audience.unwrap_err(), JwtConfigError::AudienceUnset);
    let none_left = builder().algorithms([]).build();
    assert_eq!(none_left.unwrap_err(), JwtConfigError::NoAlgorithm);
    let leeway = builder().leeway(Duration::from_secs(601)).build();
    assert!(matches!(
        leeway.unwrap_err(),
        JwtConfigError::Bound {
            field: "leeway",
            ..
        }
    ));
}

#[tokio::test]
async fn an_identity_expires_with_its_token() {
    let extractor = builder().build().unwrap();
    let before = Instant::now();
    let exp = in_secs(300);
    for _ in 0..2 {
        let identity = identity_of(&extractor, "alice", json!({"exp": exp})).await;
        let left = identity.expires_at().unwrap() - before;
        // `in_secs` drops a fraction of a second. The rest is the time that the test took.
        assert!(left >= Duration::from_secs(298), "{left:?}");
        assert!(
            left <= Duration::from_secs(301) + before.elapsed(),
            "{left:?}"
        );
    }
    let endless = identity_of(&extractor, "alice", json!({"exp": u64::MAX})).await;
    assert_eq!(endless.expires_at(), None);
}

#[tokio::test]
async fn claims_verified_upstream_are_checked_without_the_signature() {
    let extractor = JwtIdentity::verified_upstream()
        .issuer(ISSUER)
        .build()
        .unwrap();
    let header = json!({"alg": "RS256", "kid": "unknown"});
    let unchecked = |changes: Value| {
        assemble(&header, &claims("alice", changes), |_| {
            b"signature".to_vec()
        })
    };
    let alice = extractor.identify(&unchecked(json!({}))).await.unwrap();
    assert!(alice.is_some());
    for (changes, refusal) in [
        (json!({"exp": in_secs(-60)}), JwtRefusal::Expired),
        (json!({"nbf": in_secs(60)}), JwtRefusal::NotYetValid),
        (json!({"iss": "other"}), JwtRefusal::WrongIssuer),
    ] {
        let result = extractor.identify(&unchecked(changes)).await;
        assert_eq!(result, Err(refusal));
    }
    for unsigned in [
        assemble(&json!({"alg": "none"}), &claims("alice", json!({})), |_| {
            vec![1]
        }),
        assemble(&header, &claims("alice", json!({})), |_| vec![]),
    ] {
        let result = extractor.identify(&unsigned).await;
        assert_eq!(result, Err(JwtRefusal::AlgorithmNotAllowed));
    }
    // The same claims, verified here, are another identity.
    let verified = identity_of(&builder().build().unwrap(), "alice", json!({})).await;
    assert_ne!(alice.unwrap(), verified);
}
