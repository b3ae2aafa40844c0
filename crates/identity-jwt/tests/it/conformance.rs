//! The conformance suite of extractors on this one.

use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderMap;
use mcp_pool_core::extend::IdentityExtractor;
use mcp_pool_identity_jwt::{JwtIdentity, JwtKeys};
use mcp_pool_testkit::{conformance::ExtractorCase, extractor_suite};
use serde_json::json;

use crate::support::{AUDIENCE, ISSUER, Rsa, bearer, claims, in_secs};

/// The extractor of one issuer, and its tokens.
struct Case {
    extractor: JwtIdentity,
    tokens: AtomicU64,
}

fn case() -> Case {
    let keys = JwtKeys::pem(Rsa::first().pem()).unwrap();
    let extractor = JwtIdentity::builder(keys)
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .build()
        .unwrap();
    Case {
        extractor,
        tokens: AtomicU64::new(0),
    }
}

impl ExtractorCase for Case {
    fn extractor(&self) -> &dyn IdentityExtractor {
        &self.extractor
    }

    fn headers(&self, user: &str) -> HeaderMap {
        let number = self.tokens.fetch_add(1, Ordering::SeqCst);
        let claims = claims(user, json!({ "jti": format!("token-{number}") }));
        bearer(&Rsa::first().token(&claims))
    }

    fn refused(&self) -> Vec<(&'static str, HeaderMap)> {
        let issuer = Rsa::first();
        let good = issuer.token(&claims("mallory", json!({})));
        let ended = claims("mallory", json!({ "exp": in_secs(-600) }));
        let foreign = claims("mallory", json!({ "iss": "https://other.example/" }));
        vec![
            (
                "forged",
                bearer(&Rsa::second().token(&claims("mallory", json!({})))),
            ),
            ("ended", bearer(&issuer.token(&ended))),
            ("of another issuer", bearer(&issuer.token(&foreign))),
            ("cut", bearer(&good[..good.len() / 2])),
        ]
    }
}

extractor_suite!(case());
