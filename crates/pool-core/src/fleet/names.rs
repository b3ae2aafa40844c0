//! What a fleet calls a key.

use crate::{
    extend::{FleetKey, FleetMark, SessionSeal},
    types::{Digest, DigestKey, PoolKey, Scope, Selector},
};

/// What a fleet calls a key, and what revocations select it by.
#[derive(Clone)]
pub(crate) struct FleetName {
    pub(crate) key: FleetKey,
    pub(crate) marks: Vec<FleetMark>,
}

impl FleetName {
    /// The name of a key. `profile` and `declared` are those that the key was made with.
    pub(crate) fn of(
        seal: &dyn SessionSeal,
        key: &PoolKey,
        profile: &str,
        declared: &[u8],
    ) -> Self {
        let digest = key.portable_digest(profile, declared);
        Self {
            key: seal.key(digest.as_bytes()),
            marks: marks(seal, key),
        }
    }
}

/// What revocations select a key by: one mark for each selector that selects it.
pub(crate) fn marks(seal: &dyn SessionSeal, key: &PoolKey) -> Vec<FleetMark> {
    let mut selectors = vec![Selector::All, Selector::endpoint(key.endpoint())];
    if let Some(gateway) = key.endpoint().gateway() {
        selectors.push(Selector::gateway(gateway));
    }
    if let Scope::Conversation(id) = key.scope() {
        selectors.push(Selector::Conversation(id.clone()));
    }
    // A shared session has no owner.
    if *key.scope() != Scope::Shared {
        selectors.push(Selector::identity(key.identity()));
        selectors.push(Selector::principal(key.principal()));
    }
    let marks = selectors.iter().map(|selector| mark(seal, selector));
    marks.collect()
}

/// The mark of a selector.
pub(crate) fn mark(seal: &dyn SessionSeal, selector: &Selector) -> FleetMark {
    seal.mark(digest(selector).as_bytes())
}

fn digest(selector: &Selector) -> Digest {
    let of = |kind: &str| {
        DigestKey::portable()
            .digest("revocation")
            .field(kind.as_bytes())
    };
    let digest = match selector {
        Selector::All => of("all"),
        Selector::Conversation(id) => of("conversation").field(id.as_str().as_bytes()),
        // The keys of every transport, as an eviction selects them.
        Selector::Endpoint(endpoint) => of("endpoint")
            .field(endpoint.url().as_str().as_bytes())
            .optional(endpoint.gateway().map(str::as_bytes)),
        Selector::Gateway(name) => of("gateway").field(name.as_bytes()),
        Selector::Identity(identity) => of("identity").field(identity.digest().as_bytes()),
        Selector::Principal(principal) => principal.digest_into(of("principal")),
    };
    digest.finish()
}
