//! The syntax of a token: its header in a request, and its three parts.
//! Nothing here is verified.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, header};
use serde_json::Value;

use crate::JwtRefusal;

/// The three parts of a signed token, borrowed from the request.
pub(crate) struct Token<'a> {
    /// The name of the algorithm in the header.
    pub(crate) algorithm: String,
    /// The key id in the header.
    pub(crate) key_id: Option<String>,
    /// Header, dot and payload: the bytes that were signed.
    pub(crate) message: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Token<'a> {
    /// Splits a token; `None` if it has not the form of a signed JWT.
    ///
    /// A JWT begins with the base64url of a JSON object that has an `alg`. A
    /// token of five parts with an `enc` is encrypted: only its recipient can
    /// read it.
    pub(crate) fn parse(text: &'a str) -> Result<Option<Self>, JwtRefusal> {
        let Some((first, rest)) = text.split_once('.') else {
            return Ok(None);
        };
        let Some(header) = decode(first).and_then(|json| serde_json::from_slice(&json).ok()) else {
            return Ok(None);
        };
        let RawHeader {
            alg: algorithm,
            kid,
            crit,
            enc,
        } = header;
        let parts = 2 + rest.matches('.').count();
        if parts == ENCRYPTED_PARTS && enc.is_some() {
            return Ok(None);
        }
        let Some((payload, signature)) = rest.split_once('.').filter(|_| parts == SIGNED_PARTS)
        else {
            return Err(JwtRefusal::Malformed);
        };
        if crit.is_some() {
            return Err(JwtRefusal::CriticalExtension);
        }
        let key_id = match kid {
            None => None,
            Some(Value::String(id)) => Some(id),
            Some(_) => return Err(JwtRefusal::Malformed),
        };
        Ok(Some(Self {
            algorithm,
            key_id,
            message: &text[..first.len() + 1 + payload.len()],
            payload,
            signature,
        }))
    }

    /// Refuses a token without a signature: no verifier can have checked it.
    pub(crate) fn require_signature(&self) -> Result<(), JwtRefusal> {
        if self.algorithm.eq_ignore_ascii_case("none") || self.signature()?.is_empty() {
            return Err(JwtRefusal::AlgorithmNotAllowed);
        }
        Ok(())
    }

    pub(crate) fn signature(&self) -> Result<Vec<u8>, JwtRefusal> {
        decode(self.signature).ok_or(JwtRefusal::Malformed)
    }

    pub(crate) fn payload(&self) -> Result<Vec<u8>, JwtRefusal> {
        decode(self.payload).ok_or(JwtRefusal::Malformed)
    }
}

/// Returns the bearer token of a request, if there is one.
pub(crate) fn bearer_token(headers: &HeaderMap) -> Result<Option<&str>, JwtRefusal> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(JwtRefusal::SeveralAuthorizations);
    }
    // A JWT is ASCII.
    let Ok(value) = value.to_str() else {
        return Ok(None);
    };
    let Some((scheme, token)) = value.split_once(' ') else {
        return Ok(None);
    };
    Ok(scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_matches(' ')))
}

#[derive(serde::Deserialize)]
struct RawHeader {
    alg: String,
    #[serde(default)]
    kid: Option<Value>,
    #[serde(default)]
    crit: Option<Value>,
    #[serde(default)]
    enc: Option<Value>,
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

const SIGNED_PARTS: usize = 3;
const ENCRYPTED_PARTS: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(json: &str) -> String {
        URL_SAFE_NO_PAD.encode(json)
    }

    #[test]
    fn a_text_without_the_form_of_a_jwt_is_ignored() {
        let header = encoded(r#"{"alg":"RS256"}"#);
        for text in [
            "",
            "opaque",
            "ghp_0123456789",
            "a.b.c",
            "..",
            &format!("{}.e30.x", encoded("{}")),
            &format!("{}.e30.x", encoded("[1]")),
            &format!(
                "{}.a.b.c.d",
                encoded(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#)
            ),
            &header,
        ] {
            assert!(matches!(Token::parse(text), Ok(None)), "{text}");
        }
    }

    #[test]
    fn a_text_that_only_begins_like_a_jwt_is_malformed() {
        let header = encoded(r#"{"alg":"RS256"}"#);
        for text in [
            format!("{header}."),
            format!("{header}.e30"),
            format!("{header}.a.b.c"),
            format!("{header}.a.b.c.d"),
            format!("{}.e30.x", encoded(r#"{"alg":"RS256","kid":1}"#)),
        ] {
            assert!(
                matches!(Token::parse(&text), Err(JwtRefusal::Malformed)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_critical_extension_is_refused() {
        let header = encoded(r#"{"alg":"RS256","crit":["b64"],"b64":false}"#);
        assert!(matches!(
            Token::parse(&format!("{header}.e30.x")),
            Err(JwtRefusal::CriticalExtension)
        ));
    }

    #[test]
    fn only_a_single_bearer_value_is_read() {
        let read = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, value.parse().unwrap());
            }
            bearer_token(&headers).map(|token| token.map(str::to_owned))
        };
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["Basic YTpi"]), Ok(None));
        assert_eq!(read(&["Bearer"]), Ok(None));
        assert_eq!(read(&["bEARER  t "]), Ok(Some("t".into())));
        assert_eq!(
            read(&["Bearer a", "Bearer a"]),
            Err(JwtRefusal::SeveralAuthorizations)
        );
    }
}
