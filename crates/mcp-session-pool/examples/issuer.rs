//! An issuer of tokens for a first try of the example `gateway`, on this machine alone.
//!
//! It makes a key, serves its public half to the gateway, and prints a token for each user that is named. The key is
//! in memory only, and is gone with the process. Run it with the names of users: `--example issuer -- alice bob`.

use std::{error::Error, time::SystemTime};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use axum::{Json, Router, routing::get};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let issuer = Issuer::generate()?;
    let listener = TcpListener::bind(ADDRESS).await?;
    for user in std::env::args().skip(1) {
        println!("{user} {}", issuer.token(&user)?);
    }
    println!("keys at http://{ADDRESS}/jwks.json");
    let keys = issuer.keys();
    let app = Router::new().route("/jwks.json", get(async move || Json(keys)));
    Ok(axum::serve(listener, app).await?)
}

/// A key, and what is published of it.
pub(crate) struct Issuer(Ed25519KeyPair);

impl Issuer {
    pub(crate) fn generate() -> Result<Self, Box<dyn Error>> {
        Ok(Self(Ed25519KeyPair::generate()?))
    }

    /// The set of keys (RFC 7517) that verifies the tokens.
    pub(crate) fn keys(&self) -> Value {
        let public = URL_SAFE_NO_PAD.encode(self.0.public_key());
        json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": KEY, "x": public }] })
    }

    /// A token of this user for `first-try.yaml`, valid for an hour.
    pub(crate) fn token(&self, user: &str) -> Result<String, Box<dyn Error>> {
        let now = SystemTime::UNIX_EPOCH.elapsed()?.as_secs();
        let header = json!({ "alg": "EdDSA", "typ": "JWT", "kid": KEY });
        let claims = json!({
            "iss": format!("http://{ADDRESS}/"), "aud": AUDIENCE, "sub": user, "iat": now, "exp": now + HOUR,
        });
        let [header, claims] =
            [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let message = format!("{header}.{claims}");
        let signature = URL_SAFE_NO_PAD.encode(self.0.sign(message.as_bytes()));
        Ok(format!("{message}.{signature}"))
    }
}

const ADDRESS: &str = "127.0.0.1:8090";
const AUDIENCE: &str = "first-try";
/// The id of the key.
const KEY: &str = "first-try";
/// In seconds.
const HOUR: u64 = 3_600;
