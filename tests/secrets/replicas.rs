//! What replicas share shows no secret.

use std::time::Duration;

use mcp_pool_testkit::server::{CounterServer, Modes};
use mcp_session_pool::{
    Fleet, FleetSecret, HandleError, InMemoryDirectory, RedisDirectory, RedisFailure, Scope,
    Selector, SessionHandle, SessionPool, StreamableHttpConnector,
    extend::{
        Beat, Claim, ClaimRequest, DirectoryError, FleetKey, FleetMark, ParkedSession, Removal,
        Removed, ReplicaId, Revoked, SealError, SessionDirectory, SessionRef, SessionSeal, Sharing,
    },
};

use crate::{
    common::{call, close},
    request,
    shown::{ShowingConnector, Shown},
};

/// Shows two replicas, one after the other, and everything that passes between them and a directory.
/// Returns their server.
pub(crate) async fn show(shown: &Shown) -> CounterServer {
    let server = CounterServer::start_as(Modes::default().legacy_only());
    let directory = InMemoryDirectory::new();
    let secret = FleetSecret::new([1; 32], 1, *b"pl4nted-key-of-a-fleet-32-bytes!");
    for count in [1, 2] {
        let fleet = Fleet::new(directory.clone(), secret.clone());
        let fleet = fleet.with_budget(Duration::from_secs(5));
        shown.show(&fleet);
        let connector = StreamableHttpConnector::new().expect("an http client");
        let builder = SessionPool::builder()
            .connector(ShowingConnector(connector, shown.clone()))
            .observer(shown.clone())
            .fleet(fleet);
        shown.show(&builder);
        let pool = builder.build().expect("a pool");
        let client = pool.client(request(&server)).await.expect("a client");
        let counted = call(&client, "increment").await;
        shown.show(&pool.revoke_everywhere(&Selector::gateway("none")).await.1);
        assert_eq!(counted.expect("a count"), count, "it goes on");
        close(&pool).await;
    }
    shown.show(&directory);
    shown.show(&secret);
    show_steps(&directory, &secret, shown).await;
    show_redis(shown).await;
    show_handles(&server, &secret, shown).await;
    server
}

async fn show_steps(directory: &InMemoryDirectory, secret: &FleetSecret, shown: &Shown) {
    let (key, mark): (FleetKey, FleetMark) = (secret.key(&[1; 32]), secret.mark(&[1; 32]));
    let lease = Duration::from_secs(60);
    let claim = ClaimRequest {
        key,
        marks: vec![mark],
        sharing: Sharing::Exclusive,
        replica: ReplicaId::random(),
        lease,
        session: SessionRef::random(),
        reserve_for: lease,
    };
    shown.show(&key);
    shown.show(&mark);
    shown.show(&claim);
    shown.show(&claim.replica);
    shown.show(&claim.session);
    shown.show(&claim.sharing);
    let parked = ParkedSession::from_bytes(*b"pl4nted-token");
    let sealed = secret.seal(&key, &parked).expect("key material");
    shown.show(&parked);
    shown.show(&sealed);
    let reserved = directory.claim(&claim).await.expect("a claim");
    shown.show(&reserved);
    let Claim::Reserved(holding) = reserved else {
        panic!("not a reservation");
    };
    shown.show(&holding);
    shown.show(&holding.fence);
    directory
        .park(&holding, &sealed, lease)
        .await
        .expect("a parked session");
    shown.show(&directory.claim(&claim).await.expect("a claim"));
    let stale = directory.remove(&holding, Removal::Own).await;
    shown.fail(&stale.expect_err("its fence has risen"));
    let beat = directory.beat(&claim.replica, lease, None).await;
    shown.show::<Beat>(&beat.expect("a beat"));
    shown.show(&Revoked { mark, number: 1 });
    let other = secret.open(&secret.key(&[2; 32]), &sealed);
    shown.fail::<SealError>(&other.expect_err("it is another key's"));
    shown.show(&Removal::Own);
    shown.show(&Removed::Nothing);
}

async fn show_handles(server: &CounterServer, secret: &FleetSecret, shown: &Shown) {
    let fleet = Fleet::of_handles(secret.clone());
    shown.show(&fleet);
    let pool = SessionPool::builder()
        .connector(StreamableHttpConnector::new().expect("an http client"))
        .observer(shown.clone())
        .fleet(fleet)
        .build()
        .expect("a pool");
    let talk = |name: &str| request(server).with_scope(Scope::conversation(name));
    let client = pool.client(talk("pl4nted-conversation")).await;
    let client = client.expect("a client");
    let handle = pool.seal(&client, Duration::from_secs(60)).await;
    let handle = handle.expect("a handle");
    shown.show::<SessionHandle>(&handle);
    let resumed = pool.resume(&handle, talk("other")).await;
    shown.fail::<HandleError>(&resumed.expect_err("another conversation's"));
    let text = SessionHandle::from_text("pl4nted-token");
    shown.show(&text);
    let resumed = pool.resume(&text, talk("pl4nted-conversation")).await;
    shown.fail(&resumed.expect_err("no handle"));
    let lost = pool.revoke_everywhere(&Selector::All).await;
    shown.show(&lost.1);
    close(&pool).await;
}

async fn show_redis(shown: &Shown) {
    let url = "redis://pl4nted-principal:pl4nted-key@127.0.0.1:1/0";
    let redis = RedisDirectory::new(url).expect("a url");
    shown.show(&redis);
    let lease = Duration::from_secs(1);
    let beat = redis.beat(&ReplicaId::random(), lease, None).await;
    shown.fail::<DirectoryError>(&beat.expect_err("no server"));
    let wrong = RedisDirectory::new("http://pl4nted-principal:pl4nted-key@host/");
    shown.fail::<RedisFailure>(&wrong.expect_err("no url of a server"));
}
