//! The claims of a token: which of them make an identity, and whether they hold now.

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

use crate::{JwtConfigError, JwtRefusal, time::UnixTime};

/// A claim that is part of an identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JwtClaim {
    name: Arc<str>,
    required: bool,
}

impl JwtClaim {
    /// A claim that every token must have; one without it is refused.
    #[must_use]
    pub fn required(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            required: true,
        }
    }

    /// A claim that counts where it is there. Absent (or null) is a value of its own.
    #[must_use]
    pub fn optional(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            required: false,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Claims to be put into an identity, sorted and each once, the issuer always among them.
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

/// What the claims of a token must say.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// Keeps identities apart that were taken on different trust.
    pub(crate) domain: &'static str,
    /// `None` for any.
    pub(crate) issuers: Option<BTreeSet<String>>,
    /// `None` for any.
    pub(crate) audiences: Option<BTreeSet<String>>,
    pub(crate) leeway: Duration,
    pub(crate) claims: ClaimList,
}

impl Rules {
    /// The identity behind a payload, and until when it holds. Pure: `now` is an argument.
    pub(crate) fn apply(
        &self,
        payload: &[u8],
        now: UnixTime,
    ) -> Result<(Identity, UnixTime), JwtRefusal> {
        let claims: Claims = serde_json::from_slice(payload).map_err(|_| JwtRefusal::Malformed)?;
        let expires = claims
            .time("exp")?
            .ok_or_else(|| JwtRefusal::missing("exp"))?;
        if now >= expires.after(self.leeway) {
            return Err(JwtRefusal::Expired);
        }
        if claims
            .time("nbf")?
            .is_some_and(|start| now.after(self.leeway) < start)
        {
            return Err(JwtRefusal::NotYetValid);
        }
        self.check_issuer(&claims)?;
        self.check_audience(&claims)?;
        Ok((self.identity(&claims)?, expires))
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
        let meant = match claims.value("aud") {
            None => return Err(JwtRefusal::missing("aud")),
            Some(Value::String(one)) => accepted.contains(one),
            Some(Value::Array(several)) => several
                .iter()
                .filter_map(Value::as_str)
                .any(|one| accepted.contains(one)),
            Some(_) => return Err(JwtRefusal::unusable("aud")),
        };
        if meant {
            Ok(())
        } else {
            Err(JwtRefusal::WrongAudience)
        }
    }

    /// Two parts for each claim: its name, and its value behind a byte that says of which kind it
    /// is. The parts are told apart by their lengths, so that nothing runs into its neighbour.
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
    /// A claim's value; null is none.
    fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A claim that is a time; fractions of seconds are dropped.
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

/// Refuses an object that names a claim twice: two readers may believe different ones.
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

/// A claim's value as bytes that no value of another kind has.
fn part(claim: &JwtClaim, value: Option<&Value>) -> Result<Vec<u8>, JwtRefusal> {
    let (kind, text) = match value {
        None if claim.required => return Err(JwtRefusal::missing(&claim.name)),
        None => (KIND_ABSENT, String::new()),
        // An issuer that leaves a subject empty would make one caller of many.
        Some(Value::String(text)) if text.is_empty() && claim.required => {
            return Err(JwtRefusal::missing(&claim.name));
        }
        Some(Value::String(text)) => (KIND_TEXT, text.clone()),
        // Beyond 64 bits a number loses digits, and two callers would become one.
        Some(Value::Number(number)) if number.is_u64() || number.is_i64() => {
            (KIND_INTEGER, number.to_string())
        }
        Some(Value::Bool(truth)) => (KIND_TRUTH, truth.to_string()),
        Some(_) => return Err(JwtRefusal::unusable(&claim.name)),
    };
    let mut bytes = Vec::with_capacity(1 + text.len());
    bytes.push(kind);
    bytes.extend_from_slice(text.as_bytes());
    Ok(bytes)
}

fn whole_seconds(secs: f64) -> Option<u64> {
    // The cast saturates: a time beyond all clocks stays beyond them.
    (secs >= 0.0).then_some(secs as u64)
}

/// Claims that each token has anew.
const VOLATILE: [&str; 7] = ["at_hash", "c_hash", "exp", "iat", "jti", "nbf", "nonce"];

const KIND_ABSENT: u8 = 0;
const KIND_TEXT: u8 = 1;
const KIND_INTEGER: u8 = 2;
const KIND_TRUTH: u8 = 3;
