//! How often a request is repeated with other credentials.

use mcp_pool_core::extend::CredentialRefusal;

/// How often one request was repeated, by the reason of its refusals. Each reason has a limit, so that
/// a server which refuses everything gets a few requests and no more.
#[derive(Debug, Default)]
pub(crate) struct Repetitions {
    renewals: u32,
    nonces: u32,
    step_ups: u32,
}

impl Repetitions {
    /// Admits one more repetition after this refusal. Returns false at the limit of its reason.
    pub(crate) fn admit(&mut self, refusal: &CredentialRefusal) -> bool {
        let (count, limit) = if refusal.is_insufficient_scope() {
            (&mut self.step_ups, MAX_STEP_UPS)
        } else if refusal.wants_nonce() {
            (&mut self.nonces, MAX_NONCES)
        } else {
            (&mut self.renewals, MAX_RENEWALS)
        };
        *count += 1;
        *count <= limit
    }
}

/// A credential that is refused when it is new is refused for another reason than its age.
const MAX_RENEWALS: u32 = 1;

/// A server gives the nonce that it wants with its refusal.
const MAX_NONCES: u32 = 1;

/// "No more than a few times" (revision 2026-07-28, authorization).
const MAX_STEP_UPS: u32 = 2;

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, StatusCode, header};

    use super::*;

    fn refusal(status: u16, challenge: &'static str) -> CredentialRefusal {
        let mut headers = HeaderMap::new();
        let challenge = HeaderValue::from_static(challenge);
        headers.insert(header::WWW_AUTHENTICATE, challenge);
        let status = StatusCode::from_u16(status).unwrap();
        CredentialRefusal::of_response(status, &headers).expect("a refusal")
    }

    #[test]
    fn each_reason_has_a_limit_of_its_own() {
        let mut repetitions = Repetitions::default();
        let scope = refusal(403, r#"Bearer error="insufficient_scope""#);
        let nonce = refusal(401, r#"DPoP error="use_dpop_nonce""#);
        let token = refusal(401, "Bearer");
        for (refusal, admitted) in [
            (&nonce, true),
            (&token, true),
            (&scope, true),
            (&scope, true),
            (&scope, false),
            (&token, false),
            (&nonce, false),
        ] {
            assert_eq!(repetitions.admit(refusal), admitted, "{refusal:?}");
        }
    }
}
