//! What the requests of one session share.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::SystemTime,
};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use mcp_pool_core::{Scope, extend::ConnectRequest};
use reqwest::Url;
use tokio::time::Instant;

use super::{
    cookie::{Received, SessionCookie},
    jar::CookieJar,
};

/// What the requests of one session share: the cookies that its server set, where the server has moved
/// for good, and the header that they are routed by.
///
/// One session has one, and gives it to [`send`](crate::send) with each of its requests. It is never
/// shared between sessions. `Debug` shows nothing of it.
#[derive(Default)]
pub struct HttpSession {
    /// Made for the first cookie or move, which most sessions never have.
    kept: OnceLock<Box<Mutex<Kept>>>,
    drops_cookies: bool,
    /// The header that the requests are routed by.
    affinity: Option<Box<(HeaderName, HeaderValue)>>,
}

#[derive(Default)]
struct Kept {
    /// The server that everything here is of.
    origin: Option<Url>,
    cookies: CookieJar,
    /// Addresses, and those that took their place (308).
    moves: Vec<Move>,
}

struct Move {
    from: Url,
    to: Url,
}

impl HttpSession {
    /// The state of a new session.
    ///
    /// A session of [`Scope::Shared`] keeps no cookies: its calls have the credentials of several
    /// callers, and a cookie that the server set for one would log in another.
    #[must_use]
    pub fn of(request: &ConnectRequest) -> Self {
        let affinity = request.affinity();
        Self {
            kept: OnceLock::new(),
            drops_cookies: *request.key().scope() == Scope::Shared,
            affinity: affinity.map(|(name, value)| Box::new((name.clone(), value.clone()))),
        }
    }

    /// The address that took the place of this one, where it has moved.
    pub(crate) fn moved(&self, url: &Url) -> Option<Url> {
        let kept = lock(self.kept.get()?);
        let next_of = |url: &Url| kept.moves.iter().find(|it| it.from == *url);
        let mut to = &next_of(url)?.to;
        // A server may move an address in a circle.
        for _ in 1..MAX_MOVES {
            let Some(next) = next_of(to) else { break };
            to = &next.to;
        }
        Some(to.clone())
    }

    /// Notes that an address has moved for good.
    pub(crate) fn note_move(&self, from: &Url, to: &Url) {
        let mut kept = self.lock();
        kept.moves.retain(|it| it.from != *from);
        if kept.moves.len() < MAX_MOVES {
            let (from, to) = (from.clone(), to.clone());
            kept.moves.push(Move { from, to });
        }
    }

    /// Keeps the cookies of a response from `url`.
    pub(crate) fn note_cookies(&self, url: &Url, response: &HeaderMap) {
        if self.drops_cookies || !response.contains_key(header::SET_COOKIE) {
            return;
        }
        let now = now();
        let mut kept = self.lock();
        if kept.is_of(url) {
            kept.origin.get_or_insert_with(|| url.clone());
            kept.cookies.store(response, url, now);
        }
    }

    /// The cookies that the server has set. What they stand for is not known: one may be a login.
    #[must_use]
    pub fn cookies(&self) -> Vec<SessionCookie> {
        let kept = self.kept.get();
        kept.map_or_else(Vec::new, |kept| lock(kept).cookies.leave(now()))
    }

    /// The same session with the cookies that its server at this URL set in another process.
    #[must_use]
    pub fn with_cookies(self, url: &Url, cookies: Vec<SessionCookie>) -> Self {
        if !self.drops_cookies && !cookies.is_empty() {
            let mut kept = self.lock();
            kept.origin = Some(url.clone());
            kept.cookies.arrive(cookies, now());
        }
        self
    }

    /// Adds the header that the requests of the session are routed by, in place of the caller's.
    pub(crate) fn add_affinity(&self, request: &mut reqwest::Request) {
        if let Some(affinity) = &self.affinity {
            let (name, value) = (**affinity).clone();
            request.headers_mut().insert(name, value);
        }
    }

    /// Adds the cookies of the session to a request.
    pub(crate) fn add_cookies(&self, request: &mut reqwest::Request) {
        let Some(kept) = self.kept.get() else {
            return;
        };
        let kept = lock(kept);
        if kept.is_of(request.url()) {
            let path = request.url().path().to_owned();
            let headers = request.headers_mut();
            kept.cookies.add_to(headers, &path, Instant::now());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        lock(self.kept.get_or_init(Box::default))
    }
}

impl Kept {
    /// True for the server that the cookies are of, and for any before the first cookie.
    fn is_of(&self, url: &Url) -> bool {
        let origin = self.origin.as_ref();
        origin.is_none_or(|origin| origin.origin() == url.origin())
    }
}

impl fmt::Debug for HttpSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSession").finish_non_exhaustive()
    }
}

fn now() -> Received {
    Received {
        at: Instant::now(),
        date: SystemTime::now(),
    }
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The addresses of a session that may move. It uses two at most, and each may move again.
const MAX_MOVES: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_session_has_cookies_once_its_server_has_set_one() {
        let session = HttpSession::default();
        let url = "https://e.com/mcp".parse().unwrap();
        session.note_cookies(&url, &HeaderMap::new());
        assert!(session.cookies().is_empty());
        let mut response = HeaderMap::new();
        let cookie = HeaderValue::from_static("login=alice");
        response.insert(header::SET_COOKIE, cookie);
        session.note_cookies(&url, &response);
        assert_eq!(session.cookies().len(), 1);
    }

    #[tokio::test]
    async fn the_cookies_of_a_session_go_with_it_and_end_as_they_would_have() {
        let session = HttpSession::default();
        let url = "https://e.com/mcp".parse().unwrap();
        let mut response = HeaderMap::new();
        for cookie in [
            "route=a; Path=/",
            "short=b; Max-Age=60",
            "over=c; Max-Age=0",
        ] {
            let cookie = HeaderValue::from_static(cookie);
            response.append(header::SET_COOKIE, cookie);
        }
        session.note_cookies(&url, &response);
        let left = session.cookies();
        let names: Vec<_> = left.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["route", "short"]);
        assert_eq!(left[0].expires_at, None);
        let ends_in = left[1]
            .expires_at
            .unwrap()
            .duration_since(SystemTime::now());
        assert!(ends_in.unwrap().as_secs() >= 58);
        assert!(!format!("{left:?}").contains("route"));
        let there = HttpSession::default().with_cookies(&url, left.clone());
        let again = there.cookies();
        assert_eq!(again[0], left[0]);
        assert_eq!(again.len(), 2);
        for (to, sent) in [("https://e.com/mcp", true), ("https://f.com/mcp", false)] {
            let mut request = reqwest::Request::new(http::Method::POST, to.parse().unwrap());
            there.add_cookies(&mut request);
            assert_eq!(request.headers().contains_key(header::COOKIE), sent, "{to}");
        }
        let mut past = left;
        past[1].expires_at = Some(SystemTime::UNIX_EPOCH);
        let there = HttpSession::default().with_cookies(&url, past);
        assert_eq!(there.cookies().len(), 1);
    }

    /// The cookies of a request to `url`, of a session whose server at `https://e.com/mcp` has set one.
    fn sent_to(url: &str) -> Option<String> {
        let session = HttpSession::default();
        let mut response = HeaderMap::new();
        let cookie = HeaderValue::from_static("login=alice; Path=/");
        response.insert(header::SET_COOKIE, cookie);
        session.note_cookies(&"https://e.com/mcp".parse().unwrap(), &response);
        let mut request = reqwest::Request::new(http::Method::POST, url.parse().unwrap());
        session.add_cookies(&mut request);
        let sent = request.headers().get(header::COOKIE);
        sent.map(|sent| sent.to_str().unwrap().to_owned())
    }

    #[tokio::test]
    async fn the_cookies_of_a_session_are_sent_to_the_origin_that_set_them_alone() {
        for url in [
            "https://e.com/mcp",
            "https://e.com:443/other",
            "https://E.com/",
        ] {
            assert_eq!(sent_to(url).as_deref(), Some("login=alice"), "{url}");
        }
        for url in [
            "http://e.com/mcp",
            "https://e.com:8443/mcp",
            "https://a.e.com/mcp",
            "https://f.com/mcp",
        ] {
            assert_eq!(sent_to(url), None, "{url}");
        }
    }
}
