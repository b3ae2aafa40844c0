//! Faults and their requests as text.

use std::{error::Error, fmt, str::FromStr, time::Duration};

use super::{armed::When, fault::Fault};

/// A text that is no fault, or that names no request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderError(String);

impl Fault {
    /// Every fault as text, by an example. [`FromStr`] reads it.
    pub const EXAMPLES: &[&str] = &[
        "refuse=1s",
        "slow_accept=1s",
        "restart_with_sessions=1s",
        "restart_without_sessions=1s",
        "sessions_forgotten",
        "half_open",
        "stopped=1s",
        "renewed_certificate",
        "untrusted_certificate=1s",
        "closed_before",
        "reset_before",
        "status=503",
        "redirect=307",
        "redirect_elsewhere=307",
        "slow=150ms",
        "late=5s",
        "hang_after_headers",
        "closed_in_body",
        "reset_in_body",
        "reset_after_body",
        "reply_lost",
        "status_after=502",
        "byte_at_a_time=100us",
        "oversized=1000000",
        "garbage",
        "wrong_id",
        "duplicate",
        "stray",
        "wrong_content_type",
        "flood=1000",
        "request_flood=100",
    ];
}

impl FromStr for Fault {
    type Err = OrderError;

    /// Reads `name` or `name=value`, as in [`Fault::EXAMPLES`]. Times are whole numbers of `us`, `ms` or `s`.
    fn from_str(text: &str) -> Result<Self, OrderError> {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        if value.is_empty() {
            return plain(name)
                .ok_or_else(|| OrderError::new("no such fault without a value", text));
        }
        let time = || time(value);
        let number = || number(value);
        Ok(match name {
            "refuse" => Self::Refuse(time()?),
            "slow_accept" => Self::SlowAccept(time()?),
            "restart_with_sessions" | "restart_without_sessions" => Self::Restart {
                down: time()?,
                keeps_sessions: name == "restart_with_sessions",
            },
            "stopped" => Self::Stopped(time()?),
            "untrusted_certificate" => Self::UntrustedCertificate(time()?),
            "expired_certificate" => Self::ExpiredCertificate(time()?),
            "status" => Self::Status(status(value, 200..=599)?),
            "redirect" | "redirect_elsewhere" => Self::Redirect {
                status: status(value, 300..=308)?,
                elsewhere: name == "redirect_elsewhere",
            },
            "slow" => Self::Slow(time()?),
            "late" => Self::Late(time()?),
            "status_after" => Self::StatusAfter(status(value, 200..=599)?),
            "byte_at_a_time" => Self::ByteAtATime(time()?),
            "oversized" => Self::Oversized(number()?),
            "flood" => Self::Flood(number()?),
            "request_flood" => Self::RequestFlood(number()?),
            _ => return Err(OrderError::new("no such fault with a value", text)),
        })
    }
}

/// A fault without a value.
fn plain(name: &str) -> Option<Fault> {
    Some(match name {
        "sessions_forgotten" => Fault::SessionsForgotten,
        "half_open" => Fault::HalfOpen,
        "renewed_certificate" => Fault::RenewedCertificate,
        "closed_before" => Fault::ClosedBefore,
        "reset_before" => Fault::ResetBefore,
        "hang_after_headers" => Fault::HangAfterHeaders,
        "closed_in_body" => Fault::ClosedInBody,
        "reset_in_body" => Fault::ResetInBody,
        "reset_after_body" => Fault::ResetAfterBody,
        "reply_lost" => Fault::ReplyLost,
        "garbage" => Fault::Garbage,
        "wrong_id" => Fault::WrongId,
        "duplicate" => Fault::Duplicate,
        "stray" => Fault::Stray,
        "wrong_content_type" => Fault::WrongContentType,
        _ => return None,
    })
}

impl FromStr for When {
    type Err = OrderError;

    /// Reads `method#3` for the third request of a method, `method:5s` for all of a time, and `*:5s` for
    /// those of any method. A method alone is its next request.
    fn from_str(text: &str) -> Result<Self, OrderError> {
        let (method, length) = match text.split_once(':') {
            Some((method, length)) => (method, Some(time(length)?)),
            None => (text, None),
        };
        let (method, nth) = match method.split_once('#') {
            Some((method, nth)) => (method, Some(number(nth)? as u64)),
            None => (method, None),
        };
        match (method, nth, length) {
            ("", ..) | (_, Some(0), _) | (_, Some(_), Some(_)) | ("*", _, None) => {
                Err(OrderError::new("names no request", text))
            }
            ("*", None, Some(length)) => Ok(Self::For(None, length)),
            (method, None, Some(length)) => Ok(Self::For(Some(method.to_owned()), length)),
            (method, nth, None) => Ok(Self::Nth(method.to_owned(), nth.unwrap_or(1))),
        }
    }
}

impl OrderError {
    fn new(what: &str, text: &str) -> Self {
        Self(format!("{what}: {text}"))
    }
}

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for OrderError {}

fn time(text: &str) -> Result<Duration, OrderError> {
    let refused = || OrderError::new("no time in us, ms or s", text);
    let end = text.find(|it: char| !it.is_ascii_digit());
    let (digits, unit) = text.split_at(end.ok_or_else(refused)?);
    let count: u64 = digits.parse().map_err(|_| refused())?;
    match unit {
        "us" => Ok(Duration::from_micros(count)),
        "ms" => Ok(Duration::from_millis(count)),
        "s" => Ok(Duration::from_secs(count)),
        _ => Err(refused()),
    }
}

fn number(text: &str) -> Result<usize, OrderError> {
    let number = text.parse();
    number.map_err(|_| OrderError::new("no number", text))
}

fn status(text: &str, of: std::ops::RangeInclusive<u16>) -> Result<u16, OrderError> {
    let status = text.parse().ok().filter(|status| of.contains(status));
    status.ok_or_else(|| OrderError::new("no such status", text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_read_as_the_fault_of_its_name() {
        for example in Fault::EXAMPLES {
            let fault: Fault = example.parse().expect(example);
            let name = example.split('=').next().unwrap_or_default();
            let words: Vec<&str> = name.split('_').collect();
            let read = fault.name();
            assert!(
                words.iter().all(|word| read.contains(word)),
                "{example}: {read}"
            );
        }
    }

    #[test]
    fn an_order_that_is_no_fault_is_refused() {
        for wrong in [
            "",
            "slow",
            "slow=5",
            "slow=ms",
            "garbage=1",
            "status=99",
            "redirect=200",
            "later",
        ] {
            assert!(wrong.parse::<Fault>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_requests_of_a_fault_are_the_nth_or_those_of_a_time() {
        let second = Duration::from_secs(1);
        let call = || "tools/call".to_owned();
        let read = |text: &str| text.parse::<When>();
        assert_eq!(read("tools/call#3"), Ok(When::Nth(call(), 3)));
        assert_eq!(read("tools/call"), Ok(When::Nth(call(), 1)));
        assert_eq!(read("tools/call:1s"), Ok(When::For(Some(call()), second)));
        assert_eq!(read("*:1000ms"), Ok(When::For(None, second)));
        for wrong in ["", "*", "ping#0", "ping#1:1s", "ping#", "ping:1", ":1s"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
