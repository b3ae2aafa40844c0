//! No output at any level contains a part of a token or of a key.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use mcp_pool_core::extend::IdentityExtractor;
use mcp_pool_identity_jwt::{JwksSettings, JwtIdentity, JwtKeys};
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    server::{Answer, KeyServer},
    support::{AUDIENCE, ISSUER, Rsa, bearer, claims, hs256, in_secs},
};

/// Stores what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// An error with all of its sources.
fn printed(error: &dyn std::error::Error) -> String {
    let mut text = format!("{error} {error:?} {error:#?}\n");
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!("{error} {error:?}\n"));
        source = error.source();
    }
    text
}

/// Every run of twelve characters of a secret counts as a part of the secret.
fn assert_absent(text: &str, secret: &str) {
    let secret: Vec<char> = secret.chars().collect();
    for part in secret.windows(12.min(secret.len())) {
        let part: String = part.iter().collect();
        assert!(!text.contains(&part), "{part} in:\n{text}");
    }
}

/// One token for each path through the extractor.
fn tokens(secret: &[u8]) -> Vec<String> {
    let (key, other) = (Rsa::first(), Rsa::second());
    let user = "subject-in-the-clear";
    let secrets = |changes| claims(user, changes);
    vec![
        key.token_of("key-id-in-the-clear", &secrets(json!({}))),
        key.token_of(
            "key-id-in-the-clear",
            &secrets(json!({"exp": in_secs(-60)})),
        ),
        key.token_of(
            "key-id-in-the-clear",
            &secrets(json!({"aud": "audience-in-the-clear"})),
        ),
        key.token_of(
            "key-id-in-the-clear",
            &secrets(json!({"sub": ["subject-in-the-clear"]})),
        ),
        other.token_of("key-id-in-the-clear", &secrets(json!({}))),
        other.token_of("unknown-id-in-the-clear", &secrets(json!({}))),
        hs256(secret, &json!({"alg": "HS256"}), &secrets(json!({}))),
        hs256(
            b"another",
            &json!({"alg": "alg-in-the-clear"}),
            &secrets(json!({})),
        ),
        "opaque-token-in-the-clear".to_owned(),
        "long-token-in-the-clear".repeat(1000),
    ]
}

#[tokio::test]
async fn no_error_debug_or_log_shows_a_token_or_a_key() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    // For all threads: the logs of other tests must not show these secrets either.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let key = Rsa::first();
    let secret = "a shared secret of more than 32 bytes";
    let server = KeyServer::start(vec![key.jwk("key-id-in-the-clear")]).await;
    let mut settings = JwksSettings::default();
    settings.cooldown = Duration::ZERO;
    let remote = server.extractor(settings);
    let given = JwtIdentity::builder(JwtKeys::secret(secret).unwrap())
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .build()
        .unwrap();
    let tokens = tokens(secret.as_bytes());
    let mut text = String::new();
    for extractor in [&remote, &given] {
        for token in &tokens {
            match extractor.extract(&bearer(token)).await {
                Ok(identity) => text.push_str(&format!("{identity:?}\n")),
                Err(error) => text.push_str(&printed(&error)),
            }
        }
        text.push_str(&format!("{extractor:?} {extractor:#?}\n"));
    }
    server.answer(Answer::Body("body-in-the-clear".to_owned()));
    let _ = remote.identify(&tokens[UNKNOWN_KEY]).await;
    text.push_str(&log.text());
    assert!(text.contains("verification keys fetched"), "{text}");
    assert!(text.contains("could not be fetched"), "{text}");
    for token in &tokens {
        assert_absent(&text, token);
    }
    for shown in ["-in-the-clear", "hidden", secret] {
        assert!(!text.contains(shown), "{shown} in:\n{text}");
    }
    let modulus = key.jwk("")["n"].as_str().unwrap().to_owned();
    assert_absent(&text, &modulus);
}

#[tokio::test]
async fn debug_names_types_origins_and_counts_and_no_more() {
    let secret = "a shared secret of more than 32 bytes";
    let keys = || JwtKeys::secret(secret).unwrap();
    let user = "subject-in-debug";
    let token = hs256(
        secret.as_bytes(),
        &json!({"alg": "HS256"}),
        &claims(user, json!({})),
    );
    let builder = || {
        JwtIdentity::builder(keys())
            .issuer(ISSUER)
            .audience(AUDIENCE)
    };
    let given = builder().build().unwrap();
    let two = JwtKeys::any_of([keys(), JwtKeys::der(Rsa::first().der()).unwrap()]).unwrap();
    let two = JwtIdentity::builder(two).any_issuer().any_audience();
    let verified = given.verify(&token).await.unwrap().unwrap();
    let upstream = JwtIdentity::verified_upstream().build().unwrap();
    let url = JwtKeys::url("http://127.0.0.1:9/path?code=hidden").unwrap();
    let remote = JwtIdentity::builder(url).any_issuer().any_audience();
    for (text, shown) in [
        (
            format!("{:?}", builder()),
            &["JwtIdentityBuilder {", "JwtKeys(1 given)"][..],
        ),
        (
            format!("{given:?}"),
            &[
                "JwtIdentity {",
                "1 given keys",
                "TokenCache {",
                "refused: 0",
            ],
        ),
        (format!("{:?}", two.build().unwrap()), &["2 given keys"]),
        (format!("{upstream:?}"), &["verified upstream"]),
        (
            format!("{:?}", remote.build().unwrap()),
            &["RemoteKeys {", r#"Fetcher { origin: "http://127.0.0.1:9""#],
        ),
        // The claims of `claims`.
        (format!("{:?}", verified.claims()), &["VerifiedClaims(6)"]),
    ] {
        for part in shown {
            assert!(text.contains(part), "{part} in: {text}");
        }
        for hidden in [user, secret, "path", "hidden"] {
            assert!(!text.contains(hidden), "{hidden} in: {text}");
        }
        assert_absent(&text, &token);
    }
}

/// Index of the token that makes the extractor fetch newer keys.
const UNKNOWN_KEY: usize = 5;
