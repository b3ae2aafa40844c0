//! The readers of what comes from callers, and of the keys that verify it.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use mcp_pool_core::extend::{HeaderIdentity, IdentityExtractor};
use mcp_pool_identity_jwt::{JwtIdentity, JwtKeys};

use super::outcome::{Property, headers, shape_of};

/// Headers have the identity of their identity headers: of the same ones the same, of others another.
pub(crate) fn header_identity(input: &[u8]) -> u64 {
    let identity = HeaderIdentity::default();
    let headers = headers(input, |line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        Some((name, line[colon + 1..].trim_ascii()))
    });
    let own = identity.of(&headers);
    assert_eq!(own, identity.of(&headers.clone()));
    let names = identity.names();
    let known: Vec<_> = names
        .iter()
        .filter(|name| headers.contains_key(*name))
        .collect();
    assert_eq!(own.is_anonymous(), known.is_empty());
    let mut other = headers.clone();
    other.insert("x-of-no-identity", HeaderValue::from_static("1"));
    assert_eq!(own, identity.of(&other));
    for name in names {
        let mut other = headers.clone();
        other.append(name, HeaderValue::from_static("one more"));
        assert_ne!(own, identity.of(&other), "{name} is part of the identity");
    }
    shape_of(&(known, headers.len().min(8)))
}

/// No text but the signed one is accepted as a token, whatever the signed one is changed to.
pub(crate) fn jwt() -> Property {
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET);
    let claims =
        serde_json::json!({"sub": "alice", "iss": "fuzz", "aud": "fuzz", "exp": 4_102_444_800_u64});
    let signed = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key);
    let keys = JwtKeys::secret(SECRET).expect("a key");
    let builder = JwtIdentity::builder(keys).issuer("fuzz").audience("fuzz");
    let extractor = builder.build().expect("an extractor");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let signed = signed.expect("a token");
    let extract = move |token: &[u8]| {
        let value = [b"Bearer ", token].concat();
        let value = HeaderValue::from_bytes(&value).ok()?;
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value)]);
        Some(runtime.block_on(extractor.extract(&headers)))
    };
    let own = extract(signed.as_bytes()).expect("a header value");
    assert!(matches!(own, Ok(Some(_))), "{own:?}");
    Box::new(move |input| {
        // The first byte is the length of what is cut off the signed token, and the rest goes on from there.
        let (cut, rest) = input
            .split_first()
            .map_or((0, input), |(cut, rest)| (*cut, rest));
        let kept = signed.len() - usize::from(cut).min(signed.len());
        let token = [&signed.as_bytes()[..kept], rest].concat();
        match extract(&token) {
            None => 1,
            Some(Ok(None)) => 2,
            Some(Ok(Some(_))) => {
                assert_eq!(
                    token.trim_ascii(),
                    signed.as_bytes(),
                    "a forged token is accepted"
                );
                3
            }
            Some(Err(error)) => shape_of(&error.to_string()),
        }
    })
}

/// Whatever a key set holds, it is read or refused.
pub(crate) fn jwks(input: &[u8]) -> u64 {
    match JwtKeys::jwks(input) {
        Ok(_) => 1,
        Err(error) => shape_of(&error.to_string()),
    }
}

/// The secret of the tokens, which no one else has.
const SECRET: &[u8] = b"a secret of thirty-two bytes and more";
