//! What selects, groups and accompanies shows no secret either.

use mcp_session_pool::{
    AffinityScope, ConversationId, Endpoint, EvictMode, PoolConfig, Principal, Selector,
    extend::{Fair, Fifo, Flight, Identity, SessionMetadata, Share, SingleFlight},
};

use crate::{common, shown::Shown};

/// Shows selectors, groups of settings, flights, metadata and the views of a pool.
pub(crate) async fn show(shown: &Shown) {
    let endpoint = Endpoint::streamable_http("https://a/?k=pl4nted-query").expect("an endpoint");
    shown.show(&AffinityScope::Key);
    let affinity = endpoint
        .clone()
        .with_affinity("pl4nted token", AffinityScope::Key);
    shown.fail(&affinity.expect_err("no name of a header"));
    for selector in [
        Selector::principal(&Principal::user("pl4nted-principal")),
        Selector::identity(&Identity::from_parts("test", ["pl4nted-token"])),
        Selector::Conversation(ConversationId::new("pl4nted-conversation")),
        Selector::endpoint(&endpoint),
        Selector::All,
    ] {
        shown.show(&selector);
    }
    shown.show(&EvictMode::Force);
    let principal = Principal::user("pl4nted-principal").in_tenant("pl4nted-tenant");
    shown.show(&Share::of_tenant(&principal));
    shown.show(&Share::of_principal(&principal));
    shown.show(&Share::of_all());
    shown.show(&Fair);
    shown.show(&Fifo);
    let config = PoolConfig::default();
    shown.show(&config.breaker);
    shown.show(&config.health);
    shown.show(&config.identity);
    shown.show(&config.limits);
    shown.show(&config.timeouts);
    shown.show(&config.tool_cache);
    let flights: SingleFlight<&str> = SingleFlight::default();
    let (leader, follower) = (flights.join(), flights.join());
    shown.show(&leader);
    let (Flight::Leader(leader), Flight::Follower(follower)) = (leader, follower) else {
        panic!("the first leads, the second follows");
    };
    shown.show(&leader);
    shown.show(&follower);
    leader.finish("pl4nted-token");
    shown.show(&flights);
    let metadata = SessionMetadata::default();
    metadata.insert("pl4nted-token");
    shown.show(&metadata);
    let pool = common::builder(config).observer(shown.clone());
    let pool = pool.build().expect("a pool");
    let limits = pool.limits();
    shown.show(&limits);
    let fewer = limits.with_max_total_sessions(7);
    pool.resize(fewer).expect("valid limits");
    let none = limits.with_max_sessions_per_key(0);
    shown.fail(&pool.resize(none).expect_err("none at all"));
    shown.show(&pool.status());
    shown.show(&pool.downgrade());
}
