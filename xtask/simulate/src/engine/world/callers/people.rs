//! The users and endpoints of a world.

use std::{fmt, num::NonZeroU32, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue};
use mcp_pool_core::{
    AcquireRequest, Endpoint, PoolConfig, PoolKey, Principal, Scope, Selector,
    extend::{HeaderIdentity, Identity},
};
use mcp_pool_testkit::fake;
use tokio::time::Instant;

use super::super::super::numbers::Numbers;
use super::super::extractor::{ENDS, Extractor, USER};

/// The users and endpoints of a world.
pub(in super::super) struct People {
    began: Instant,
    users: usize,
    endpoints: Vec<Endpoint>,
    extracts: bool,
    headers: HeaderIdentity,
    acquire_timeout: Duration,
    slots: (u32, u32),
    /// True where the users with even numbers are of one tenant.
    has_tenant: bool,
}

/// A caller: a request, and what is known of its key without the pool.
pub(in super::super) struct Caller {
    pub(in super::super) request: AcquireRequest,
    pub(in super::super) limit: Duration,
    /// The most leases that may be held of one of its sessions.
    pub(in super::super) slots: u32,
    pub(in super::super) scope: Scope,
    /// When the credential ends; `None` for never.
    pub(in super::super) ends_at: Option<Instant>,
    /// The number of the user.
    pub(in super::super) user: usize,
    principal: Principal,
    /// The identity by the extractor, and by the headers.
    identities: [Identity; 2],
    name: String,
}

impl People {
    pub(in super::super) fn new(
        numbers: &mut Numbers,
        config: &PoolConfig,
        extracts: bool,
    ) -> Self {
        let two = NonZeroU32::MIN.saturating_add(1);
        let three = two.saturating_add(1);
        let mut endpoints = vec![
            fake::endpoint("a"),
            fake::endpoint("b")
                .with_gateway("g")
                .with_max_concurrent_per_session(two),
            fake::endpoint("c")
                .declared_stateless_and_public()
                .with_max_concurrent_per_session(three),
        ];
        endpoints.rotate_left(numbers.below(3));
        endpoints.truncate(1 + numbers.below(3));
        let limits = &config.limits;
        Self {
            began: Instant::now(),
            users: 1 + numbers.below(4),
            endpoints,
            extracts,
            headers: HeaderIdentity::new(config.identity.identity_headers.clone()),
            acquire_timeout: config.timeouts.acquire_timeout,
            slots: (
                limits.max_concurrent_per_session.get(),
                limits.max_concurrent_per_conversation.get(),
            ),
            has_tenant: limits.max_calls_per_tenant > 0,
        }
    }

    /// A caller, whose credential ends at some time or never.
    pub(in super::super) fn caller(&self, numbers: &mut Numbers) -> Caller {
        let number = numbers.below(self.users);
        let user = format!("u{number}");
        let endpoint = numbers.pick(&self.endpoints);
        let scope = match numbers.below(10) {
            0..5 => Scope::Identity,
            5..9 if endpoint.is_declared_stateless_and_public() => Scope::Shared,
            5..8 => Scope::conversation("c1"),
            _ => Scope::conversation("c2"),
        };
        let token = match self.extracts {
            true => numbers.below(100),
            false => numbers.below(2),
        };
        let ends_after = (self.extracts && numbers.chance(60))
            .then(|| self.began.elapsed() + numbers.millis(2_000));
        let headers = self.headers(&user, token, ends_after);
        let principal = self.principal(number);
        let identities = [Extractor::identity(&user), self.headers.of(&headers)];
        let (name, slots) = (
            format!("{user} at {} {scope:?} token {token}", endpoint.host()),
            self.slots(&endpoint, &scope),
        );
        let request = AcquireRequest::new(endpoint, principal.clone())
            .with_headers(headers)
            .with_scope(scope.clone());
        let own = numbers.chance(50).then(|| numbers.millis(300));
        Caller {
            request: match own {
                Some(limit) => request.with_timeout(limit),
                None => request,
            },
            limit: own.unwrap_or(self.acquire_timeout),
            slots,
            scope,
            ends_at: ends_after.map(|after| self.began + whole_millis(after)),
            user: number,
            principal,
            identities,
            name,
        }
    }

    fn headers(&self, user: &str, token: usize, ends_after: Option<Duration>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut insert = |name: &'static str, value: String| {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        };
        insert("authorization", format!("{user}-{token}"));
        if self.extracts {
            insert(USER, user.to_owned());
        }
        if let Some(after) = ends_after {
            insert(ENDS, after.as_millis().to_string());
        }
        headers
    }

    fn slots(&self, endpoint: &Endpoint, scope: &Scope) -> u32 {
        let own = endpoint.max_concurrent_per_session().map(NonZeroU32::get);
        own.unwrap_or(match scope {
            Scope::Conversation(_) => self.slots.1,
            _ => self.slots.0,
        })
    }

    fn principal(&self, number: usize) -> Principal {
        let user = Principal::user(format!("u{number}"));
        match self.has_tenant && number.is_multiple_of(2) {
            true => user.in_tenant("t"),
            false => user,
        }
    }

    /// An endpoint of the world.
    pub(in super::super) fn endpoint(&self, numbers: &mut Numbers) -> Endpoint {
        numbers.pick(&self.endpoints)
    }

    /// A selector of any kind.
    pub(in super::super) fn selector(&self, numbers: &mut Numbers) -> Selector {
        let number = numbers.below(self.users);
        let user = format!("u{number}");
        match numbers.below(6) {
            0 => Selector::All,
            1 => Selector::conversation(numbers.pick(&["c1", "c2"])),
            2 => Selector::endpoint(&numbers.pick(&self.endpoints)),
            3 => Selector::gateway("g"),
            4 if self.extracts => Selector::identity(&Extractor::identity(&user)),
            _ => Selector::principal(&self.principal(number)),
        }
    }
}

impl Caller {
    /// True when the key is the caller's own.
    pub(in super::super) fn owns(&self, key: &PoolKey) -> bool {
        let is_same = key.endpoint() == self.request.endpoint() && *key.scope() == self.scope;
        is_same && (self.scope == Scope::Shared || self.is_principal_of(key))
    }

    /// True when the key has the identity by the extractor, whose credential may end.
    pub(in super::super) fn is_extracted(&self, key: &PoolKey) -> bool {
        self.scope != Scope::Shared && self.identities[0] == *key.identity()
    }

    fn is_principal_of(&self, key: &PoolKey) -> bool {
        *key.principal() == self.principal && self.identities.contains(key.identity())
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} within {:?}", self.name, self.limit)
    }
}

/// The callers of a world so far. A request is used several times, since the pool remembers in it
/// what it resolved.
#[derive(Default)]
pub(in super::super) struct Callers(Vec<Arc<Caller>>);

impl Callers {
    /// One of the callers so far, or a new one.
    pub(in super::super) fn pick(
        &mut self,
        numbers: &mut Numbers,
        new: impl FnOnce(&mut Numbers) -> Caller,
    ) -> Arc<Caller> {
        if !self.0.is_empty() && numbers.chance(70) {
            return numbers.pick(&self.0);
        }
        let caller = Arc::new(new(numbers));
        self.0.push(Arc::clone(&caller));
        caller
    }
}

fn whole_millis(time: Duration) -> Duration {
    Duration::from_millis(time.as_millis() as u64)
}
