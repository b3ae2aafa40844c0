//! Endpoints as text and in serde.

use std::{fmt, num::NonZeroU32, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{
    affinity_scope::AffinityScope,
    endpoint::{Endpoint, EndpointError},
};
use crate::types::{era::Lifecycle, transport_kind::TransportKind};

/// As [`Endpoint::auto`].
impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(url: &str) -> Result<Self, EndpointError> {
        Self::auto(url)
    }
}

/// As [`Endpoint::auto`].
impl TryFrom<&str> for Endpoint {
    type Error = EndpointError;

    fn try_from(url: &str) -> Result<Self, EndpointError> {
        Self::auto(url)
    }
}

/// The settings of an endpoint in a configuration file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    url: String,
    #[serde(default = "auto")]
    transport: TransportKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gateway: Option<String>,
    #[serde(default)]
    lifecycle: Lifecycle,
    #[serde(default)]
    stateless_and_public: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_concurrent_per_session: Option<NonZeroU32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min_idle: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_calls: Option<NonZeroU32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_sessions: Option<NonZeroU32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    trusted_tool_hints: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    shareable_cookies: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    affinity: Option<AffinitySettings>,
}

/// The affinity of an endpoint in a configuration file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AffinitySettings {
    header: String,
    scope: AffinityScope,
}

impl AffinitySettings {
    fn of(endpoint: &Endpoint) -> Option<Self> {
        let (header, scope) = endpoint.affinity()?;
        Some(Self {
            header: header.as_str().to_owned(),
            scope,
        })
    }
}

fn auto() -> TransportKind {
    TransportKind::AUTO
}

/// A map of `url`, `transport` (`streamablehttp`, `sse` or a connector's own; default: `auto`),
/// `gateway`, `lifecycle`, `stateless_and_public`, `max_concurrent_per_session`, `min_idle`, `max_calls`,
/// `max_sessions`, `client`, `trusted_tool_hints`, `shareable_cookies` and `affinity` (a map of `header` and `scope`: `identity`
/// or `key`). The URL is complete, its query included.
impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let settings = Settings {
            url: self.url().to_string(),
            transport: self.transport().clone(),
            gateway: self.gateway().map(str::to_owned),
            lifecycle: self.lifecycle(),
            stateless_and_public: self.is_declared_stateless_and_public(),
            max_concurrent_per_session: self.max_concurrent_per_session(),
            min_idle: self.min_idle(),
            max_calls: self.max_calls(),
            max_sessions: self.max_sessions(),
            client: self.client().map(str::to_owned),
            trusted_tool_hints: self.has_trusted_tool_hints(),
            shareable_cookies: self.has_shareable_cookies(),
            affinity: AffinitySettings::of(self),
        };
        settings.serialize(serializer)
    }
}

/// A URL alone, as [`Endpoint::auto`], or the map that is serialised. No error shows the URL.
impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EndpointVisitor)
    }
}

struct EndpointVisitor;

impl<'de> Visitor<'de> for EndpointVisitor {
    type Value = Endpoint;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a URL, or a map with a `url`")
    }

    fn visit_str<E: Error>(self, url: &str) -> Result<Endpoint, E> {
        Endpoint::auto(url).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Endpoint, A::Error> {
        let settings = Settings::deserialize(MapAccessDeserializer::new(map))?;
        let endpoint = Endpoint::new(&settings.url, settings.transport);
        let mut endpoint = endpoint.map_err(A::Error::custom)?;
        if let Some(gateway) = settings.gateway {
            endpoint = endpoint.with_gateway(gateway);
        }
        if settings.stateless_and_public {
            endpoint = endpoint.declared_stateless_and_public();
        }
        if let Some(slots) = settings.max_concurrent_per_session {
            endpoint = endpoint.with_max_concurrent_per_session(slots);
        }
        if let Some(sessions) = settings.min_idle {
            endpoint = endpoint.with_min_idle(sessions);
        }
        if let Some(calls) = settings.max_calls {
            endpoint = endpoint.with_max_calls(calls);
        }
        if let Some(sessions) = settings.max_sessions {
            endpoint = endpoint.with_max_sessions(sessions);
        }
        if let Some(client) = settings.client {
            endpoint = endpoint.with_client(client);
        }
        if settings.trusted_tool_hints {
            endpoint = endpoint.with_trusted_tool_hints();
        }
        if settings.shareable_cookies {
            endpoint = endpoint.with_shareable_cookies();
        }
        if let Some(affinity) = settings.affinity {
            let with = endpoint.with_affinity(&affinity.header, affinity.scope);
            endpoint = with.map_err(A::Error::custom)?;
        }
        Ok(endpoint.with_lifecycle(settings.lifecycle))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://example.com/mcp?key=sekret";

    #[test]
    fn an_endpoint_survives_serde_with_all_its_settings() {
        let plain = Endpoint::streamable_http(URL).unwrap();
        let slots = NonZeroU32::new(7).unwrap();
        let full = Endpoint::sse(URL)
            .unwrap()
            .with_gateway("g")
            .with_lifecycle(Lifecycle::Legacy)
            .declared_stateless_and_public()
            .with_max_concurrent_per_session(slots)
            .with_min_idle(2)
            .with_max_calls(slots)
            .with_max_sessions(slots)
            .with_client("c")
            .with_trusted_tool_hints()
            .with_shareable_cookies()
            .with_affinity("x-route", AffinityScope::Identity)
            .unwrap();
        for endpoint in [plain, full, Endpoint::auto(URL).unwrap()] {
            let text = serde_json::to_string(&endpoint).unwrap();
            let again: Endpoint = serde_json::from_str(&text).unwrap();
            assert_eq!(again, endpoint, "{text}");
            assert_eq!(again.lifecycle(), endpoint.lifecycle());
        }
    }

    #[test]
    fn a_url_alone_is_an_endpoint_whose_transport_is_detected() {
        let auto = Endpoint::auto(URL).unwrap();
        assert_eq!(URL.parse::<Endpoint>().unwrap(), auto);
        assert_eq!(Endpoint::try_from(URL).unwrap(), auto);
        let text = serde_json::to_string(URL).unwrap();
        assert_eq!(serde_json::from_str::<Endpoint>(&text).unwrap(), auto);
        let map = format!(r#"{{"url": "{URL}"}}"#);
        assert_eq!(serde_json::from_str::<Endpoint>(&map).unwrap(), auto);
    }

    #[test]
    fn a_bad_endpoint_is_refused_without_showing_its_text() {
        for text in [
            r#""sekret""#,
            r#"{"url": "https://sekret@example.com/"}"#,
            r#"{"url": "https://example.com/#sekret"}"#,
            r#"{"transport": "sse"}"#,
        ] {
            let error = serde_json::from_str::<Endpoint>(text).unwrap_err();
            assert!(!error.to_string().contains("sekret"), "{error}");
        }
        let text = r#"{"url": "https://example.com/", "transprot": "sse"}"#;
        let error = serde_json::from_str::<Endpoint>(text).unwrap_err();
        assert!(error.to_string().contains("transprot"), "{error}");
    }

    #[test]
    fn a_url_of_any_scheme_is_an_endpoint_and_is_shown_without_its_query() {
        for (url, shown) in [
            ("stdio:memory", "stdio:memory"),
            ("unix:/run/mcp.sock?key=sekret", "unix:/run/mcp.sock"),
            (
                "ws://example.com:81/mcp?key=sekret",
                "ws://example.com:81/mcp",
            ),
        ] {
            let endpoint = Endpoint::new(url, TransportKind::new("own")).unwrap();
            assert_eq!(endpoint.to_string(), shown);
        }
    }
}
