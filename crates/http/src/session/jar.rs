//! The cookies of one session.

use http::{HeaderMap, HeaderValue, header};
use reqwest::Url;
use tokio::time::Instant;

use super::cookie::{Received, SessionCookie, StoredCookie};

/// The cookies of one session, of one origin, bounded in number and size.
#[derive(Default)]
pub(super) struct CookieJar(Vec<StoredCookie>);

impl CookieJar {
    /// Keeps the cookies that a response from `url` sets. One for which there is no room is dropped.
    pub(super) fn store(&mut self, response: &HeaderMap, url: &Url, now: Received) {
        for header in response.get_all(header::SET_COOKIE) {
            let text = header.to_str().ok().filter(|text| text.len() <= MAX_TEXT);
            let cookie = text.and_then(|text| StoredCookie::parse(text, url, now));
            if let Some(cookie) = cookie {
                self.keep(cookie, now.at);
            }
        }
    }

    /// The cookies that are valid, for another process.
    pub(super) fn leave(&self, now: Received) -> Vec<SessionCookie> {
        let valid = self.0.iter().filter(|it| !it.has_expired(now.at));
        valid.map(|cookie| cookie.leave(now)).collect()
    }

    /// Keeps the cookies of a session that another process had.
    pub(super) fn arrive(&mut self, cookies: Vec<SessionCookie>, now: Received) {
        for cookie in cookies {
            self.keep(StoredCookie::arrive(cookie, now), now.at);
        }
    }

    fn keep(&mut self, cookie: StoredCookie, now: Instant) {
        self.0
            .retain(|kept| !cookie.replaces(kept) && !kept.has_expired(now));
        let size: usize = self.0.iter().map(StoredCookie::size).sum();
        let has_room = self.0.len() < MAX_COOKIES && size + cookie.size() <= MAX_TOTAL;
        if has_room && cookie.size() <= MAX_COOKIE && !cookie.has_expired(now) {
            self.0.push(cookie);
        }
    }

    /// Adds the cookies for a request to this path. Those that the caller sends stay as they are.
    pub(super) fn add_to(&self, headers: &mut HeaderMap, path: &str, now: Instant) {
        let sent = pairs_of(headers);
        let is_sent = |name: &str| sent.iter().any(|pair| name_of(pair) == name);
        let mut kept: Vec<_> = self
            .0
            .iter()
            .filter(|it| it.is_for(path) && !it.has_expired(now) && !is_sent(&it.name))
            .collect();
        if kept.is_empty() {
            return;
        }
        // The longest path first (RFC 6265 section 5.4).
        kept.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let kept = kept.iter().map(|it| format!("{}={}", it.name, it.value));
        let all: Vec<String> = sent.iter().cloned().chain(kept).collect();
        if let Ok(mut value) = HeaderValue::try_from(all.join("; ")) {
            value.set_sensitive(true);
            headers.insert(header::COOKIE, value);
        }
    }
}

/// The cookies in the headers of a caller. A value that is no text is left out.
fn pairs_of(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::COOKIE).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    let pairs = texts.flat_map(|text| text.split(';')).map(str::trim);
    let pairs = pairs.filter(|pair| !pair.is_empty());
    pairs.map(str::to_owned).collect()
}

fn name_of(pair: &str) -> &str {
    pair.split_once('=').map_or(pair, |(name, _)| name).trim()
}

const MAX_COOKIES: usize = 16;
/// The name, the value and the path of one cookie, in bytes.
const MAX_COOKIE: usize = 4096;
/// All cookies of a session, in bytes.
const MAX_TOTAL: usize = 16 * 1024;
/// A header that is longer is not read.
const MAX_TEXT: usize = 2 * MAX_COOKIE;

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    fn store(jar: &mut CookieJar, cookies: &[&str]) {
        let mut response = HeaderMap::new();
        for cookie in cookies {
            response.append(header::SET_COOKIE, cookie.parse().unwrap());
        }
        let now = Received {
            at: Instant::now(),
            date: SystemTime::now(),
        };
        jar.store(&response, &"http://e/api/mcp".parse().unwrap(), now);
    }

    /// The cookies of a request to `path` whose caller sends these.
    fn sent(jar: &CookieJar, path: &str, caller: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for cookies in caller {
            headers.append(header::COOKIE, cookies.parse().unwrap());
        }
        jar.add_to(&mut headers, path, Instant::now());
        let values: Vec<_> = headers.get_all(header::COOKIE).iter().collect();
        assert!(values.len() <= caller.len().max(1));
        let texts: Vec<_> = values.iter().map(|value| value.to_str().unwrap()).collect();
        (!texts.is_empty()).then(|| texts.join(" | "))
    }

    #[test]
    fn cookies_are_sent_to_their_paths_the_longest_path_first() {
        let mut jar = CookieJar::default();
        store(
            &mut jar,
            &["a=1; Path=/", "b=2", "c=3; Path=/api/mcp", "d=4; Path=/x"],
        );
        assert_eq!(sent(&jar, "/api/mcp", &[]).unwrap(), "c=3; b=2; a=1");
        assert_eq!(sent(&jar, "/", &[]).unwrap(), "a=1");
        assert_eq!(sent(&CookieJar::default(), "/", &[]), None);
    }

    #[test]
    fn a_later_cookie_replaces_an_earlier_one_and_an_ended_one_deletes_it() {
        let mut jar = CookieJar::default();
        store(&mut jar, &["a=1", "a=2", "b=1"]);
        assert_eq!(sent(&jar, "/api/mcp", &[]).unwrap(), "a=2; b=1");
        store(&mut jar, &["a=; Max-Age=0"]);
        assert_eq!(sent(&jar, "/api/mcp", &[]).unwrap(), "b=1");
        store(&mut jar, &["b=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT"]);
        assert_eq!(sent(&jar, "/api/mcp", &[]), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cookie_is_not_sent_after_its_end() {
        let mut jar = CookieJar::default();
        store(&mut jar, &["a=1; Max-Age=10"]);
        assert!(sent(&jar, "/api/mcp", &[]).is_some());
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(sent(&jar, "/api/mcp", &[]), None);
    }

    #[test]
    fn a_cookie_of_the_caller_is_never_replaced() {
        let mut jar = CookieJar::default();
        store(&mut jar, &["login=server", "route=1"]);
        for (caller, expected) in [
            (&["login=alice"][..], "login=alice; route=1"),
            (&["x=\"y\";login=alice"], "x=\"y\"; login=alice; route=1"),
            (&["x=1", "login=alice"], "x=1; login=alice; route=1"),
            (&["login"], "login; route=1"),
            (&["Login=alice"], "Login=alice; login=server; route=1"),
            (&["login=alice; route=2"], "login=alice; route=2"),
        ] {
            assert_eq!(sent(&jar, "/api/mcp", caller).unwrap(), expected);
        }
    }

    #[test]
    fn cookies_are_bounded_in_number_and_size_and_those_there_stay() {
        let mut jar = CookieJar::default();
        let names: Vec<String> = (0..40).map(|number| format!("n{number}=1")).collect();
        store(
            &mut jar,
            &names.iter().map(String::as_str).collect::<Vec<_>>(),
        );
        assert_eq!(jar.0.len(), MAX_COOKIES);
        store(&mut jar, &["n3=2"]);
        assert!(sent(&jar, "/api/mcp", &[]).unwrap().contains("n3=2"));

        let mut jar = CookieJar::default();
        let large = format!("large={}", "x".repeat(MAX_COOKIE));
        let padded = format!("a=1; {}", " ".repeat(MAX_TEXT));
        store(&mut jar, &[&large, &padded, "small=1"]);
        assert_eq!(sent(&jar, "/api/mcp", &[]).unwrap(), "small=1");
        for number in 0..MAX_COOKIES {
            let cookie = format!("n{number}={}", "x".repeat(MAX_COOKIE - 100));
            store(&mut jar, &[&cookie]);
        }
        let total: usize = jar.0.iter().map(StoredCookie::size).sum();
        assert!(total <= MAX_TOTAL, "{total}");
        assert_eq!(jar.0.len(), 5);
    }
}
