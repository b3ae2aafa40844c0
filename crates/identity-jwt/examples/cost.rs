//! What an identity costs: a token seen before and a new one, against bare jsonwebtoken in the same
//! run. `cargo run --release -p mcp-pool-identity-jwt --example cost`

#![allow(clippy::unwrap_used)]

use std::{collections::HashMap, hint::black_box, time::Duration};

use jsonwebtoken::{DecodingKey, Validation, decode};
use mcp_pool_core::IdentityExtractor;
use mcp_pool_identity_jwt::{JwksSettings, JwtIdentity, JwtKeys};
use serde_json::{Value, json};
use tokio::time::Instant;

#[path = "../tests/it/support.rs"]
#[allow(dead_code, reason = "it has more than is needed here")]
mod support;

#[path = "../tests/it/server.rs"]
#[allow(dead_code, reason = "it has more than is needed here")]
mod server;

use server::KeyServer;
use support::{AUDIENCE, ISSUER, Rsa, bearer, claims};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let key = Rsa::first();
    let token = |n: usize| {
        let padding = format!("{n:06}{}", "x".repeat(PADDING));
        key.token(&claims("alice", json!({"jti": padding})))
    };
    let tokens: Vec<_> = (0..FIRST * PASSES).map(token).collect();
    println!(
        "a token of {} bytes, RS256, median of {PASSES}",
        tokens[0].len()
    );
    let server = KeyServer::start(vec![key.jwk("k")]).await;
    let (mut seen, mut first, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    let mut fetched = Vec::new();
    for pass in tokens.chunks(FIRST) {
        let identity = extractor(key);
        first.push(verify(&identity, pass).await);
        seen.push(recall(&identity, &pass[0]).await);
        bare.push(bare_jsonwebtoken(key, pass));
        let remote = server.extractor(JwksSettings::default());
        remote.identify(&pass[0]).await.unwrap();
        fetched.push(recall(&remote, &pass[0]).await);
    }
    let (seen, first, bare) = (median(seen), median(first), median(bare));
    let fetched = median(fetched);
    let ratio = |cost: Duration| cost.as_secs_f64() / bare.as_secs_f64();
    println!("bare jsonwebtoken      {bare:>10.0?}  1.000");
    println!("first seen             {first:>10.0?}  {:.3}", ratio(first));
    println!("seen before, given key {seen:>10.0?}  {:.3}", ratio(seen));
    println!(
        "seen before, key set   {fetched:>10.0?}  {:.3}",
        ratio(fetched)
    );
}

fn extractor(key: &Rsa) -> JwtIdentity {
    JwtIdentity::builder(JwtKeys::pem(key.pem()).unwrap())
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .build()
        .unwrap()
}

/// Each token once, from the headers to the identity.
async fn verify(identity: &JwtIdentity, tokens: &[String]) -> Duration {
    let requests: Vec<_> = tokens.iter().map(|token| bearer(token)).collect();
    let start = Instant::now();
    for headers in &requests {
        black_box(identity.extract(headers).await.unwrap().unwrap());
    }
    start.elapsed() / u32::try_from(tokens.len()).unwrap()
}

/// One token over and over, from the headers to the identity.
async fn recall(identity: &JwtIdentity, token: &str) -> Duration {
    let headers = bearer(token);
    let start = Instant::now();
    for _ in 0..SEEN {
        black_box(
            identity
                .extract(black_box(&headers))
                .await
                .unwrap()
                .unwrap(),
        );
    }
    start.elapsed() / SEEN
}

fn bare_jsonwebtoken(key: &Rsa, tokens: &[String]) -> Duration {
    let decoding = DecodingKey::from_rsa_pem(key.pem().as_bytes()).unwrap();
    let mut validation = Validation::new(jsonwebtoken::Algorithm::RS256);
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[ISSUER]);
    validation.validate_nbf = true;
    let start = Instant::now();
    for token in tokens {
        let claims = decode::<HashMap<String, Value>>(token, &decoding, &validation);
        black_box(claims.unwrap());
    }
    start.elapsed() / u32::try_from(tokens.len()).unwrap()
}

fn median(mut costs: Vec<Duration>) -> Duration {
    costs.sort();
    costs[costs.len() / 2]
}

const PASSES: usize = 9;
const FIRST: usize = 500;
const SEEN: u32 = 200_000;
/// Brings a token to 900 bytes.
const PADDING: usize = 261;
