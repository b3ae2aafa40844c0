//! Switches that control a server.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::sync;

/// Switches that control a server at any time. All clones are one set of switches.
///
/// The conformance suite sets them, and the server that is the suite's [`Counterpart`](super::Counterpart)
/// reads them for each request. A server of your own begins with [`Switches::default`].
#[derive(Clone, Debug, Default)]
pub struct Switches(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    initialize_delay: Duration,
    tool_delay: Duration,
    gathering: Option<Arc<sync::Barrier>>,
    refusal: Option<Refusal>,
    tokens: Option<BTreeSet<String>>,
    hanging: BTreeSet<String>,
    lost_replies: Vec<String>,
    unknown_session: UnknownSession,
    stray_session: Option<HeaderValue>,
    executions: BTreeMap<String, u32>,
}

/// A response that the server gives instead of executing a request.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub(crate) method: Option<String>,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
}

/// The answer to an unknown session id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknownSession {
    /// 400 and a JSON-RPC error without an id, as several servers do.
    NamelessError,
    /// 404, as the specification requires.
    #[default]
    NotFound,
}

impl Refusal {
    /// Refuses every request with this status.
    #[must_use]
    pub fn new(status: StatusCode) -> Self {
        Self {
            method: None,
            status,
            headers: HeaderMap::new(),
        }
    }

    /// Limits the refusal to requests of this method.
    #[must_use]
    pub fn of(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers of the response.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Adds a header to the response.
    ///
    /// # Panics
    /// When `value` is not a valid header value.
    #[must_use]
    pub fn with_header(mut self, name: header::HeaderName, value: &str) -> Self {
        let value = value.parse().expect("the value of a header");
        self.headers.insert(name, value);
        self
    }
}

impl Switches {
    /// Delays the answer to `initialize` by this time.
    pub fn delay_initialize(&self, delay: Duration) {
        self.lock().initialize_delay = delay;
    }

    /// Delays the answer of the tool `wait` by this time.
    pub fn delay_tools(&self, delay: Duration) {
        self.lock().tool_delay = delay;
    }

    /// Has the tool `wait` answer only once this many calls run at the same time.
    pub fn gather(&self, calls: usize) {
        self.lock().gathering = Some(Arc::new(sync::Barrier::new(calls)));
    }

    /// How often the tool `record` was executed with each `id`, over all restarts.
    #[must_use]
    pub fn executions(&self) -> BTreeMap<String, u32> {
        self.lock().executions.clone()
    }

    /// Counts an execution of the tool `record` with this `id`.
    pub fn record(&self, id: &str) {
        *self.lock().executions.entry(id.to_owned()).or_default() += 1;
    }

    /// Refuses requests from now on.
    pub fn refuse(&self, refusal: Refusal) {
        self.lock().refusal = Some(refusal);
    }

    /// Ends every refusal and every hang.
    pub fn serve(&self) {
        let mut state = self.lock();
        state.refusal = None;
        state.hanging.clear();
    }

    /// Accepts only these bearer tokens; others get 401 and a challenge.
    pub fn accept_tokens<'t>(&self, tokens: impl IntoIterator<Item = &'t str>) {
        let tokens = tokens.into_iter().map(|token| format!("Bearer {token}"));
        self.lock().tokens = Some(tokens.collect());
    }

    /// Never answers requests of this method.
    ///
    /// Ends for later requests with [`serve`](Self::serve).
    pub fn hang(&self, method: &str) {
        self.lock().hanging.insert(method.to_owned());
    }

    /// Executes the next request of this method and breaks its response off.
    ///
    /// Over HTTP+SSE the stream that would carry the answer breaks off.
    pub fn lose_reply(&self, method: &str) {
        self.lock().lost_replies.push(method.to_owned());
    }

    /// Sets the answer to an unknown session id.
    pub fn answer_unknown_sessions(&self, with: UnknownSession) {
        self.lock().unknown_session = with;
    }

    /// Adds this session id, which belongs to no session, to every response.
    ///
    /// # Panics
    /// When `id` is not a valid header value.
    pub fn name_a_session(&self, id: &str) {
        let id = id.parse().expect("the value of a header");
        self.lock().stray_session = Some(id);
    }

    /// The session id that every response has, though it belongs to no session; `None` without one.
    #[must_use]
    pub fn stray_session(&self) -> Option<HeaderValue> {
        self.lock().stray_session.clone()
    }

    /// How late the tool `wait` answers.
    #[must_use]
    pub fn tool_delay(&self) -> Duration {
        self.lock().tool_delay
    }

    /// The barrier at which the calls of the tool `wait` gather; `None` where each answers alone.
    #[must_use]
    pub fn gathering(&self) -> Option<Arc<sync::Barrier>> {
        self.lock().gathering.clone()
    }

    /// How late `initialize` is answered.
    #[must_use]
    pub fn initialize_delay(&self) -> Duration {
        self.lock().initialize_delay
    }

    /// The answer to an unknown session id.
    #[must_use]
    pub fn unknown_session(&self) -> UnknownSession {
        self.lock().unknown_session
    }

    /// True where requests of this method are never answered.
    #[must_use]
    pub fn hangs(&self, method: &str) -> bool {
        self.lock().hanging.contains(method)
    }

    /// True when the reply to this request is lost. Consumes the switch: call once a request.
    #[must_use]
    pub fn loses_reply(&self, method: &str) -> bool {
        let mut state = self.lock();
        let at = state.lost_replies.iter().position(|lost| lost == method);
        at.map(|at| state.lost_replies.remove(at)).is_some()
    }

    /// The refusal of a request of this method with these headers; `None` where it is executed.
    #[must_use]
    pub fn refusal(&self, method: &str, headers: &HeaderMap) -> Option<Refusal> {
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
