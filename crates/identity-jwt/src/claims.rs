//! The claims of a token: which of them make an identity, and their checks.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use mcp_pool_core::extend::Identity;
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::Value;

use crate::{
    JwtConfigError, JwtRefusal,
    time::UnixTime,
    verified_claims::{VerifiedClaims, present},
};

/// A claim that is part of an identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JwtClaim {
    name: Arc<str>,
    required: bool,
}

impl JwtClaim {
    /// A claim that every token must have. A token without it is refused.
    #[must_use]
    pub fn required(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            required: true,
        }
    }

    /// A claim that counts if it is present. Absent (or null) is a value of its
    /// own.
    #[must_use]
    pub fn optional(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            required: false,
        }
    }

    /// The name of the claim.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The claims of an identity: sorted, each once, the issuer always included.
#[derive(Clone, Debug)]
pub(crate) struct ClaimList(Vec<JwtClaim>);

impl ClaimList {
    pub(crate) fn new(chosen: Vec<JwtClaim>) -> Result<Self, JwtConfigError> {
        let mut by_name = BTreeMap::from([(Arc::from("iss"), true)]);
        for claim in chosen {
            if claim.name.is_empty() {
                return Err(JwtConfigError::ClaimUnnamed);
            }
            if VOLATILE.contains(&claim.name()) {
                return Err(JwtConfigError::ClaimVolatile { claim: claim.name });
            }
            *by_name.entry(claim.name).or_insert(false) |= claim.required;
        }
        if !by_name
            .iter()
            .any(|(name, required)| *required && &**name != "iss")
        {
            return Err(JwtConfigError::NoRequiredClaim);
        }
        let claims = by_name
            .into_iter()
            .map(|(name, required)| JwtClaim { name, required });
        Ok(Self(claims.collect()))
    }
}

/// The values that the claims of a token must have.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// Separates identities verified here from those verified upstream.
    pub(crate) domain: &'static str,
    /// `None` for any.
    pub(crate) issuers: Option<BTreeSet<String>>,
    /// `None` for any.
    pub(crate) audiences: Option<BTreeSet<String>>,
    pub(crate) leeway: Duration,
    pub(crate) claims: ClaimList,
}

/// The identity of an accepted token, its claims, and the token's `exp`.
pub(crate) struct Verified {
    pub(crate) identity: Identity,
    pub(crate) claims: VerifiedClaims,
    pub(crate) expires: UnixTime,
}

impl Rules {
    /// Checks a payload and makes its identity. Pure: `now` is an argument.
    pub(crate) fn apply(&self, payload: &[u8], now: UnixTime) -> Result<Verified, JwtRefusal> {
        let claims: Claims = serde_json::from_slice(payload).map_err(|_| JwtRefusal::Malformed)?;
        let expires = claims
            .time("exp")?
            .ok_or_else(|| JwtRefusal::missing("exp"))?;
        if now >= expires.plus(self.leeway) {
            return Err(JwtRefusal::Expired);
        }
        if claims
            .time("nbf")?
            .is_some_and(|start| now.plus(self.leeway) < start)
        {
            return Err(JwtRefusal::NotYetValid);
        }
        self.check_issuer(&claims)?;
        self.check_audience(&claims)?;
        Ok(Verified {
            identity: self.identity(&claims)?,
            claims: VerifiedClaims::new(claims.0, payload.len()),
            expires,
        })
    }

    fn check_issuer(&self, claims: &Claims) -> Result<(), JwtRefusal> {
        let issuer = match claims.value("iss") {
            None => return Err(JwtRefusal::missing("iss")),
            Some(Value::String(issuer)) => issuer,
            Some(_) => return Err(JwtRefusal::unusable("iss")),
        };
        match &self.issuers {
            Some(accepted) if !accepted.contains(issuer) => Err(JwtRefusal::WrongIssuer),
            _ => Ok(()),
        }
    }

    fn check_audience(&self, claims: &Claims) -> Result<(), JwtRefusal> {
        let Some(accepted) = &self.audiences else {
            return Ok(());
        };
        let matches = match claims.value("aud") {
            None => return Err(JwtRefusal::missing("aud")),
            Some(Value::String(one)) => accepted.contains(one),
            Some(Value::Array(several)) => several
                .iter()
                .filter_map(Value::as_str)
                .any(|one| accepted.contains(one)),
            Some(_) => return Err(JwtRefusal::unusable("aud")),
        };
        if matches {
            Ok(())
        } else {
            Err(JwtRefusal::WrongAudience)
        }
    }

    /// Two parts for each claim: its name, and a byte for the type followed by
    /// the value. `from_parts` puts the length before each part, so that no two
    /// lists of parts have the same bytes.
    fn identity(&self, claims: &Claims) -> Result<Identity, JwtRefusal> {
        let mut parts = Vec::with_capacity(2 * self.claims.0.len());
        for claim in &self.claims.0 {
            parts.push(claim.name.as_bytes().to_vec());
            parts.push(part(claim, claims.value(&claim.name))?);
        }
        Ok(Identity::from_parts(self.domain, parts))
    }
}

/// The claims of one token, each at most once.
struct Claims(BTreeMap<String, Value>);

impl Claims {
    fn value(&self, name: &str) -> Option<&Value> {
        present(&self.0, name)
    }

    /// The value of a claim that is a time, without fractions of a second.
    fn time(&self, name: &str) -> Result<Option<UnixTime>, JwtRefusal> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        value
            .as_u64()
            .or_else(|| whole_seconds(value.as_f64()?))
            .map(|secs| Some(UnixTime::from_secs(secs)))
            .ok_or_else(|| JwtRefusal::unusable(name))
    }
}

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Unique)
    }
}

/// Reads an object and refuses a claim that occurs twice. Two readers may
/// believe different ones.
struct Unique;

impl<'de> Visitor<'de> for Unique {
    type Value = Claims;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Claims, A::Error> {
        let mut claims = BTreeMap::new();
        while let Some((name, value)) = map.next_entry()? {
            if claims.insert(name, value).is_some() {
                return Err(A::Error::custom("a claim twice"));
            }
        }
        Ok(Claims(claims))
    }
}

/// The value of a claim as bytes that no value of another type has.
fn part(claim: &JwtClaim, value: Option<&Value>) -> Result<Vec<u8>, JwtRefusal> {
    let (type_byte, text) = match value {
        None if claim.required => return Err(JwtRefusal::missing(&claim.name)),
        None => (TYPE_ABSENT, String::new()),
        // An empty subject would turn many callers into one.
        Some(Value::String(text)) if text.is_empty() && claim.required => {
            return Err(JwtRefusal::missing(&claim.name));
        }
        Some(Value::String(text)) => (TYPE_TEXT, text.clone()),
        // A number of more than 64 bits loses digits: two callers could become one.
        Some(Value::Number(number)) if number.is_u64() || number.is_i64() => {
            (TYPE_INTEGER, number.to_string())
        }
        Some(Value::Bool(value)) => (TYPE_BOOL, value.to_string()),
        Some(_) => return Err(JwtRefusal::unusable(&claim.name)),
    };
    let mut bytes = Vec::with_capacity(1 + text.len());
    bytes.push(type_byte);
    bytes.extend_from_slice(text.as_bytes());
    Ok(bytes)
}

fn whole_seconds(secs: f64) -> Option<u64> {
    // The cast saturates: a time too large for a clock stays too large.
    (secs >= 0.0).then_some(secs as u64)
}

/// Claims that are different in each token.
const VOLATILE: [&str; 7] = ["at_hash", "c_hash", "exp", "iat", "jti", "nbf", "nonce"];

const TYPE_ABSENT: u8 = 0;
const TYPE_TEXT: u8 = 1;
const TYPE_INTEGER: u8 = 2;
const TYPE_BOOL: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    /// The `exp` that `rules` read from a payload with these times (JSON).
    fn expires(times: &str, now: u64, leeway: u64) -> Result<UnixTime, JwtRefusal> {
        let rules = Rules {
            domain: "test",
            issuers: None,
            audiences: None,
            leeway: Duration::from_secs(leeway),
            claims: ClaimList::new(vec![JwtClaim::required("sub")]).unwrap(),
        };
        let payload = format!(r#"{{"iss":"i","sub":"alice",{times}}}"#);
        let verified = rules.apply(payload.as_bytes(), UnixTime::from_secs(now))?;
        Ok(verified.expires)
    }

    #[test]
    fn a_token_starts_at_its_nbf_and_the_leeway_before_it_to_the_second() {
        let times = r#""nbf":500,"exp":1000"#;
        for (leeway, start) in [(0, 500), (30, 470)] {
            let early = expires(times, start - 1, leeway);
            assert_eq!(early, Err(JwtRefusal::NotYetValid), "{leeway}");
            let in_time = expires(times, start, leeway);
            assert_eq!(in_time, Ok(UnixTime::from_secs(1000)), "{leeway}");
        }
    }

    #[test]
    fn a_time_with_a_fraction_counts_without_it() {
        for (exp, secs) in [
            ("1000.0", 1000),
            ("1000.9", 1000),
            ("1e3", 1000),
            ("1e300", u64::MAX),
        ] {
            let times = format!(r#""nbf":999.9,"exp":{exp}"#);
            let read = expires(&times, 999, 0);
            assert_eq!(read, Ok(UnixTime::from_secs(secs)), "{exp}");
        }
        let over = expires(r#""exp":1000.9"#, 1000, 0);
        assert_eq!(over, Err(JwtRefusal::Expired));
        let negative = expires(r#""exp":-0.5"#, 0, 0);
        assert_eq!(negative, Err(JwtRefusal::unusable("exp")));
    }
}
