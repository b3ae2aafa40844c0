//! Keys that the application gives.

use mcp_pool_identity_jwt::{JwtKeyError, JwtKeys};

use crate::support::Rsa;

#[test]
fn a_private_key_is_refused() {
    let pem = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert_eq!(JwtKeys::pem(pem).err(), Some(JwtKeyError::Private));
    let pem = pem.replace("PRIVATE", "RSA PRIVATE");
    assert_eq!(JwtKeys::pem(pem).err(), Some(JwtKeyError::Private));
}

#[test]
fn a_short_secret_is_refused() {
    let short = JwtKeys::secret([1; 31]).err();
    assert!(matches!(short, Some(JwtKeyError::Weak { bits: 248, .. })));
}

#[test]
fn a_text_that_is_no_public_key_is_refused() {
    let pem = Rsa::first().pem();
    for text in [
        String::new(),
        "a secret instead of a key".to_owned(),
        pem.replace("PUBLIC KEY", "CERTIFICATE"),
        format!("{pem}{pem}"),
        pem.replacen("MII", "AAA", 1),
    ] {
        let error = JwtKeys::pem(&text).err();
        assert!(
            matches!(
                error,
                Some(JwtKeyError::Malformed { .. } | JwtKeyError::Unsupported)
            ),
            "{error:?} {text}"
        );
    }
    assert!(JwtKeys::der(b"no der").is_err());
    assert!(JwtKeys::jwks("{}").is_err());
    assert_eq!(
        JwtKeys::jwks(r#"{"keys":[]}"#).err(),
        Some(JwtKeyError::NoUsableKey)
    );
}
