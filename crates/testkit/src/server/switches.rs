//! What a server does on purpose.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::sync::Barrier;

/// What a server does on purpose. Cheap to clone; all clones are one set of switches, which may be
/// turned at any time.
#[derive(Clone, Debug, Default)]
pub struct Switches(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    initialize_delay: Duration,
    tool_delay: Duration,
    gathering: Option<Arc<Barrier>>,
    refusal: Option<Refusal>,
    tokens: Option<BTreeSet<String>>,
    hanging: BTreeSet<String>,
    lost_replies: Vec<String>,
    unknown_session: UnknownSession,
    stray_session: Option<HeaderValue>,
}

/// A response that a server gives instead of doing what it was asked to.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub(crate) method: Option<String>,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
}

/// How a server answers a session id that it does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknownSession {
    /// By 400 and a JSON-RPC error without an id, as several servers do.
    NamelessError,
    /// By 404, as the specification demands.
    #[default]
    NotFound,
}

impl Refusal {
    /// Every request gets this status.
    #[must_use]
    pub fn new(status: StatusCode) -> Self {
        Self {
            method: None,
            status,
            headers: HeaderMap::new(),
        }
    }

    /// Only requests of this method do.
    #[must_use]
    pub fn of(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// With a header.
    ///
    /// # Panics
    /// When the value is not one that a header can have.
    #[must_use]
    pub fn with_header(mut self, name: header::HeaderName, value: &str) -> Self {
        let value = value.parse().expect("the value of a header");
        self.headers.insert(name, value);
        self
    }
}

impl Switches {
    /// `initialize` is answered only after this time.
    pub fn delay_initialize(&self, delay: Duration) {
        self.lock().initialize_delay = delay;
    }

    /// The tool `wait` answers after this time.
    pub fn delay_tools(&self, delay: Duration) {
        self.lock().tool_delay = delay;
    }

    /// The tool `wait` answers only when this many calls wait at the same time, and then all of
    /// them.
    pub fn gather(&self, calls: usize) {
        self.lock().gathering = Some(Arc::new(Barrier::new(calls)));
    }

    /// Requests are refused from now on.
    pub fn refuse(&self, refusal: Refusal) {
        self.lock().refusal = Some(refusal);
    }

    /// Requests are served again.
    pub fn serve(&self) {
        let mut state = self.lock();
        state.refusal = None;
        state.hanging.clear();
    }

    /// Only these bearer tokens are accepted; others get 401 and a challenge.
    pub fn accept_tokens<'t>(&self, tokens: impl IntoIterator<Item = &'t str>) {
        let tokens = tokens.into_iter().map(|token| format!("Bearer {token}"));
        self.lock().tokens = Some(tokens.collect());
    }

    /// Requests of this method are never answered, until [`serve`](Self::serve) is called for those
    /// that come after it.
    pub fn hang(&self, method: &str) {
        self.lock().hanging.insert(method.to_owned());
    }

    /// The next request of this method is executed, and its response breaks off; over HTTP+SSE the
    /// stream does, on which the answer would come.
    pub fn lose_reply(&self, method: &str) {
        self.lock().lost_replies.push(method.to_owned());
    }

    /// How a session id that is not known is answered.
    pub fn answer_unknown_sessions(&self, with: UnknownSession) {
        self.lock().unknown_session = with;
    }

    /// Every response names this session id, which is that of no session.
    ///
    /// # Panics
    /// When it is not what a header can hold.
    pub fn name_a_session(&self, id: &str) {
        let id = id.parse().expect("the value of a header");
        self.lock().stray_session = Some(id);
    }

    pub(crate) fn stray_session(&self) -> Option<HeaderValue> {
        self.lock().stray_session.clone()
    }

    pub(crate) fn tool_delay(&self) -> Duration {
        self.lock().tool_delay
    }

    pub(crate) fn gathering(&self) -> Option<Arc<Barrier>> {
        self.lock().gathering.clone()
    }

    pub(crate) fn initialize_delay(&self) -> Duration {
        self.lock().initialize_delay
    }

    pub(crate) fn unknown_session(&self) -> UnknownSession {
        self.lock().unknown_session
    }

    pub(crate) fn hangs(&self, method: &str) -> bool {
        self.lock().hanging.contains(method)
    }

    /// Whether the reply to this request is to be lost; asked once for each request.
    pub(crate) fn loses_reply(&self, method: &str) -> bool {
        let mut state = self.lock();
        let at = state.lost_replies.iter().position(|lost| lost == method);
        at.map(|at| state.lost_replies.remove(at)).is_some()
    }

    pub(crate) fn refusal(&self, method: &str, headers: &HeaderMap) -> Option<Refusal> {
        let state = self.lock();
        if let Some(refusal) = &state.refusal
            && refusal.method.as_deref().is_none_or(|only| only == method)
        {
            return Some(refusal.clone());
        }
        let tokens = state.tokens.as_ref()?;
        let token = headers.get(header::AUTHORIZATION);
        let token = token.and_then(|value| value.to_str().ok()).unwrap_or("");
        (!tokens.contains(token)).then(|| {
            Refusal::new(StatusCode::UNAUTHORIZED)
                .with_header(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
