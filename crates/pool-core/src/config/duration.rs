//! Durations in serde: a number of seconds, or humantime.

use std::{fmt, time::Duration};

use serde::{
    Deserializer,
    de::{Error, Visitor},
};

pub(super) use humantime_serde::serialize;

/// Reads a duration: `30`, `0.5`, `"30"` and `"30s"` are all durations, as in variables.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    from.deserialize_any(Form)
}

/// The duration in a text.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let seconds = |text: &str| Duration::try_from_secs_f64(text.parse().ok()?).ok();
    seconds(text).or_else(|| humantime::parse_duration(text).ok())
}

struct Form;

impl Visitor<'_> for Form {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Duration, E> {
        Ok(Duration::from_secs(seconds))
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Duration, E> {
        let seconds = u64::try_from(seconds);
        seconds
            .map(Duration::from_secs)
            .map_err(|_| E::custom(EXPECTED))
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Duration, E> {
        Duration::try_from_secs_f64(seconds).map_err(|_| E::custom(EXPECTED))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        // The text is not shown: it may be a secret in the wrong place.
        parse(text).ok_or_else(|| E::custom(EXPECTED))
    }
}

pub(super) const EXPECTED: &str = "a number of seconds or a duration such as `30s`";

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Deserialize)]
    struct Holder(#[serde(with = "super")] Duration);

    #[test]
    fn a_plain_number_is_seconds() {
        for (value, millis) in [
            (json!(30), 30_000),
            (json!(0.5), 500),
            (json!("30"), 30_000),
            (json!("5m"), 300_000),
        ] {
            let Holder(duration) = serde_json::from_value(value).unwrap();
            assert_eq!(duration, Duration::from_millis(millis));
        }
        for value in [json!(-1), json!("soon"), json!(-0.5), json!(true)] {
            assert!(serde_json::from_value::<Holder>(value).is_err());
        }
    }
}
