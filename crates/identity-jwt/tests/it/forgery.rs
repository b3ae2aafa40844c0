//! A forged token gives no identity, and is refused for its own reason.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mcp_pool_core::{
    error::ExtractFault,
    extend::{Identity, IdentityExtractor},
};
use mcp_pool_identity_jwt::{JwtIdentity, JwtKeys, JwtRefusal, OpaqueTokens};
use serde_json::{Value, json};

use crate::support::{AUDIENCE, ISSUER, Rsa, assemble, bearer, claims, ec, ed, hs256, in_secs};

fn extractor(keys: JwtKeys) -> JwtIdentity {
    JwtIdentity::builder(keys)
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .build()
        .unwrap()
}

async fn extract(identity: &JwtIdentity, token: &str) -> Result<Option<Identity>, JwtRefusal> {
    identity
        .extract(&bearer(token))
        .await
        .map_err(|error| JwtRefusal::of(&error).unwrap().clone())
}

fn missing(claim: &str) -> JwtRefusal {
    JwtRefusal::ClaimMissing {
        claim: claim.into(),
    }
}

/// The payload of `inner` with header and signature of `outer`.
fn with_payload_of(outer: &str, inner: &str) -> String {
    let part = |token: &str, index: usize| token.split('.').nth(index).unwrap().to_owned();
    format!("{}.{}.{}", part(outer, 0), part(inner, 1), part(outer, 2))
}

/// Each token is refused for this reason, the second time from the cache. A
/// good token is accepted before and after.
async fn assert_refused<const N: usize>(cases: [(&str, String, JwtRefusal); N]) {
    let issuer = Rsa::first();
    let identity = extractor(JwtKeys::pem(issuer.pem()).unwrap());
    let good = issuer.token(&claims("alice", json!({})));
    assert!(extract(&identity, &good).await.unwrap().is_some());
    for (name, token, refusal) in cases {
        for _ in 0..2 {
            let result = extract(&identity, &token).await;
            assert_eq!(result, Err(refusal.clone()), "{name}");
        }
    }
    assert!(extract(&identity, &good).await.unwrap().is_some());
}

fn unusable(claim: &str) -> JwtRefusal {
    JwtRefusal::ClaimUnusable {
        claim: claim.into(),
    }
}

#[tokio::test]
async fn a_token_that_the_issuer_did_not_sign_is_refused() {
    let (issuer, attacker) = (Rsa::first(), Rsa::second());
    let alice = claims("alice", json!({}));
    let good = issuer.token(&alice);
    let bob = issuer.token(&claims("bob", json!({})));
    let mallory = attacker.token(&claims("mallory", json!({})));
    let header = json!({"alg": "RS256"});
    let own_key = json!({"alg": "RS256", "jwk": attacker.jwk("a"), "jku": "http://127.0.0.1:1/"});
    let unsigned = assemble(&header, &alice, |_| vec![]);
    let wrong = JwtRefusal::WrongSignature;
    assert_refused([
        ("unsigned", unsigned, wrong.clone()),
        ("wrong key", attacker.token(&alice), wrong.clone()),
        ("own key", attacker.sign(&own_key, &alice), wrong.clone()),
        (
            "another's sub",
            with_payload_of(&mallory, &good),
            wrong.clone(),
        ),
        ("swapped", with_payload_of(&good, &bob), wrong.clone()),
        ("truncated", good[..good.len() - 10].to_owned(), wrong),
    ])
    .await;
}

#[tokio::test]
async fn a_token_with_an_algorithm_that_its_key_lacks_is_refused() {
    let issuer = Rsa::first();
    let alice = claims("alice", json!({}));
    let hs = json!({"alg": "HS256"});
    let alg = |name: &str| assemble(&json!({"alg": name}), &alice, |_| vec![]);
    let no = JwtRefusal::AlgorithmNotAllowed;
    assert_refused([
        ("none", alg("none"), no.clone()),
        ("nOnE", alg("nOnE"), no.clone()),
        ("empty", alg(""), no.clone()),
        ("es256", alg("ES256"), no.clone()),
        (
            "pem",
            hs256(issuer.pem().as_bytes(), &hs, &alice),
            no.clone(),
        ),
        (
            "pem, trimmed",
            hs256(issuer.pem().trim().as_bytes(), &hs, &alice),
            no.clone(),
        ),
        ("der", hs256(&issuer.der(), &hs, &alice), no),
    ])
    .await;
}

#[tokio::test]
async fn a_malformed_token_is_refused() {
    let issuer = Rsa::first();
    let alice = claims("alice", json!({}));
    let good = issuer.token(&alice);
    let cut = good.rfind('.').unwrap() - 3;
    let critical = issuer.sign(&json!({"alg": "RS256", "crit": ["exp"]}), &alice);
    assert_refused([
        ("truncated", good[..cut].to_owned(), JwtRefusal::Malformed),
        ("fourth part", format!("{good}.e30"), JwtRefusal::Malformed),
        ("not base64", format!("{good}="), JwtRefusal::Malformed),
        (
            "two",
            format!("{good}, Bearer {good}"),
            JwtRefusal::Malformed,
        ),
        ("text", issuer.token(&json!("text")), JwtRefusal::Malformed),
        ("critical", critical, JwtRefusal::CriticalExtension),
    ])
    .await;
}

#[tokio::test]
async fn a_token_for_another_time_issuer_or_audience_is_refused() {
    let changed = |changes: Value| Rsa::first().token(&claims("alice", changes));
    let elsewhere = json!({"iss": "https://elsewhere.example/"});
    assert_refused([
        ("issuer", changed(elsewhere), JwtRefusal::WrongIssuer),
        ("no issuer", changed(json!({"iss": null})), missing("iss")),
        (
            "issuers",
            changed(json!({"iss": [ISSUER]})),
            unusable("iss"),
        ),
        (
            "audience",
            changed(json!({"aud": "other"})),
            JwtRefusal::WrongAudience,
        ),
        (
            "audiences",
            changed(json!({"aud": ["other", 1]})),
            JwtRefusal::WrongAudience,
        ),
        ("no audience", changed(json!({"aud": null})), missing("aud")),
        ("audience 1", changed(json!({"aud": 1})), unusable("aud")),
        (
            "expired",
            changed(json!({"exp": in_secs(-60)})),
            JwtRefusal::Expired,
        ),
        ("no expiry", changed(json!({"exp": null})), missing("exp")),
        (
            "text",
            changed(json!({"exp": "4000000000"})),
            unusable("exp"),
        ),
        ("negative", changed(json!({"exp": -1})), unusable("exp")),
        (
            "early",
            changed(json!({"nbf": in_secs(120)})),
            JwtRefusal::NotYetValid,
        ),
        ("start", changed(json!({"nbf": "now"})), unusable("nbf")),
    ])
    .await;
}

#[tokio::test]
async fn a_token_without_a_usable_subject_is_refused() {
    let changed = |subject: Value| {
        let mut claims = claims("alice", json!({}));
        claims["sub"] = subject;
        Rsa::first().token(&claims)
    };
    let huge: Value = serde_json::from_str("123456789012345678901234567890").unwrap();
    assert_refused([
        ("none", changed(json!(null)), missing("sub")),
        ("empty", changed(json!("")), missing("sub")),
        ("list", changed(json!(["alice"])), unusable("sub")),
        ("object", changed(json!({"a": 1})), unusable("sub")),
        ("fraction", changed(json!(1.5)), unusable("sub")),
        ("beyond 64 bits", changed(huge), unusable("sub")),
    ])
    .await;
}

#[tokio::test]
async fn a_claim_named_twice_is_refused() {
    let secret = [7; 32];
    let identity = extractor(JwtKeys::secret(secret).unwrap());
    let text = claims("alice", json!({})).to_string();
    let payload = text.replacen('{', r#"{"sub":"bob","#, 1);
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &secret);
    let signature = aws_lc_rs::hmac::sign(&key, message.as_bytes());
    let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
    assert_eq!(extract(&identity, &token).await, Err(JwtRefusal::Malformed));
}

#[tokio::test]
async fn a_token_with_the_id_of_another_key_is_refused() {
    let (one, other) = (Rsa::first(), Rsa::second());
    let keys = JwtKeys::any_of([
        JwtKeys::pem(one.pem()).unwrap().with_id("one"),
        JwtKeys::der(other.der()).unwrap().with_id("other"),
    ]);
    let identity = extractor(keys.unwrap());
    let alice = claims("alice", json!({}));
    assert!(
        extract(&identity, &one.token_of("one", &alice))
            .await
            .is_ok()
    );
    assert!(
        extract(&identity, &other.token_of("other", &alice))
            .await
            .is_ok()
    );
    assert!(extract(&identity, &other.token(&alice)).await.is_ok());
    assert_eq!(
        extract(&identity, &one.token_of("other", &alice)).await,
        Err(JwtRefusal::WrongSignature)
    );
    assert_eq!(
        extract(&identity, &one.token_of("third", &alice)).await,
        Err(JwtRefusal::UnknownKey)
    );
}

#[tokio::test]
async fn each_type_of_key_verifies_its_own_algorithms_only() {
    let alice = claims("alice", json!({}));
    let rsa = Rsa::first();
    let ps256 = rsa.sign(&json!({"alg": "PS256"}), &alice);
    let (ec_key, es256) = ec(&alice);
    let (ed_key, eddsa) = ed(&alice);
    let secret = [9; 32];
    let hs = hs256(&secret, &json!({"alg": "HS256"}), &alice);
    let jwk = |key: &Value| JwtKeys::jwks(json!({"keys": [key]}).to_string()).unwrap();
    let keys = [
        ("rsa", JwtKeys::pem(rsa.pem()).unwrap(), 0),
        ("ec", jwk(&ec_key), 1),
        ("ed", jwk(&ed_key), 2),
        ("secret", JwtKeys::secret(secret).unwrap(), 3),
    ];
    let tokens = [ps256, es256, eddsa, hs];
    for (name, keys, own) in keys {
        let identity = extractor(keys);
        for (index, token) in tokens.iter().enumerate() {
            let result = extract(&identity, token).await;
            if index == own {
                assert!(result.unwrap().is_some(), "{name}");
            } else {
                assert_eq!(
                    result,
                    Err(JwtRefusal::AlgorithmNotAllowed),
                    "{name} {index}"
                );
            }
        }
    }
}

#[tokio::test]
async fn configured_algorithms_restrict_those_of_a_key() {
    let rsa = Rsa::first();
    let alice = claims("alice", json!({}));
    let identity = JwtIdentity::builder(JwtKeys::pem(rsa.pem()).unwrap())
        .any_issuer()
        .any_audience()
        .algorithms([mcp_pool_identity_jwt::Algorithm::PS256])
        .build()
        .unwrap();
    assert_eq!(
        extract(&identity, &rsa.token(&alice)).await,
        Err(JwtRefusal::AlgorithmNotAllowed)
    );
    let ps256 = rsa.sign(&json!({"alg": "PS256"}), &alice);
    assert!(extract(&identity, &ps256).await.unwrap().is_some());
}

#[tokio::test]
async fn an_overlong_token_is_refused_before_it_is_decoded() {
    let identity = extractor(JwtKeys::secret([7; 32]).unwrap());
    // Not a JWT. If the extractor decoded it, the result would be `Ok(None)`.
    let long = "x".repeat(16 * 1024 + 1);
    assert_eq!(
        extract(&identity, &long).await,
        Err(JwtRefusal::TooLong { limit: 16 * 1024 })
    );
    assert_eq!(extract(&identity, &long[1..]).await, Ok(None));
}

#[tokio::test]
async fn a_token_that_is_no_jwt_is_ignored_or_refused_as_configured() {
    let keys = JwtKeys::secret([7; 32]).unwrap();
    let identity = extractor(keys.clone());
    assert_eq!(extract(&identity, "opaque").await, Ok(None));
    let strict = JwtIdentity::builder(keys)
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .opaque_tokens(OpaqueTokens::Refuse)
        .build()
        .unwrap();
    assert_eq!(extract(&strict, "opaque").await, Err(JwtRefusal::NotAJwt));
    for headers in [Default::default(), {
        let mut headers = http::HeaderMap::new();
        headers.insert("authorization", "Basic YTpi".parse().unwrap());
        headers
    }] {
        assert_eq!(strict.extract(&headers).await.unwrap(), None);
    }
}

#[tokio::test]
async fn several_authorization_headers_are_refused() {
    let rsa = Rsa::first();
    let identity = extractor(JwtKeys::pem(rsa.pem()).unwrap());
    let mut headers = bearer(&rsa.token(&claims("alice", json!({}))));
    headers.append("authorization", "Basic YTpi".parse().unwrap());
    let error = identity.extract(&headers).await.unwrap_err();
    assert_eq!(error.fault(), ExtractFault::Credential);
    assert_eq!(
        JwtRefusal::of(&error),
        Some(&JwtRefusal::SeveralAuthorizations)
    );
}

#[tokio::test]
async fn a_token_within_the_leeway_is_valid() {
    let rsa = Rsa::first();
    let identity = extractor(JwtKeys::pem(rsa.pem()).unwrap());
    for changes in [json!({"exp": in_secs(-10)}), json!({"nbf": in_secs(20)})] {
        let token = rsa.token(&claims("alice", changes.clone()));
        assert!(
            extract(&identity, &token).await.unwrap().is_some(),
            "{changes}"
        );
    }
}
