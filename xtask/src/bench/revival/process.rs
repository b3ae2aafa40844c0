//! The process that revives.

use std::{io::Read, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use mcp_session_pool::{
    AcquireRequest, Endpoint, Fleet, FleetSecret, Principal, Scope, SessionPool,
    StreamableHttpConnector,
    config::Lifecycle,
    extend::{ClaimRequest, FleetKey, ReplicaId, SealedSession, SessionRef, Sharing},
};
use tokio::{runtime::Builder, time::Instant};

use super::one_record::{OneRecord, holding};
use crate::{Result, statistics::percentile};

/// The session to revive; its record comes over the standard input.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The endpoint.
    #[arg(long)]
    url: String,
    /// How often to revive it.
    #[arg(long)]
    times: usize,
}

/// Revives the session in one pool after the other, and prints the median time of an acquire in
/// nanoseconds.
pub(crate) fn revive(options: &Options) -> Result {
    let mut record = String::new();
    std::io::stdin().read_to_string(&mut record)?;
    let sealed = SealedSession::from_bytes(STANDARD.decode(record.trim())?);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let times = runtime.block_on(time(options, &sealed))?;
    println!("{}", percentile(times, 50));
    Ok(())
}

async fn time(options: &Options, sealed: &SealedSession) -> Result<Vec<u64>> {
    let connector = StreamableHttpConnector::new()?;
    let request = request(&options.url)?;
    let mut times = Vec::new();
    for _ in 0..options.times {
        let directory = OneRecord::of(holding(&any_claim()), sealed.clone());
        let pool = pool(&connector, &directory)?;
        // The first acquire of a key creates it, which is no part of a revival.
        pool.resolve_key(&request).await?;
        let began = Instant::now();
        let lease = pool.acquire(&request).await?;
        times.push(u64::try_from(began.elapsed().as_nanos())?);
        drop(lease);
        pool.close(Duration::from_secs(5)).await;
        drop(pool);
        // The tasks of this pool end on the thread that is timed, and are no part of the next revival.
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
    }
    Ok(times)
}

/// A claim of a record whose key does not count.
fn any_claim() -> ClaimRequest {
    ClaimRequest {
        key: FleetKey::from_bytes([0; 32]),
        marks: Vec::new(),
        sharing: Sharing::Shared,
        replica: ReplicaId::random(),
        lease: Duration::ZERO,
        session: SessionRef::random(),
        reserve_for: Duration::ZERO,
    }
}

/// A pool of the fleet over this directory.
pub(super) fn pool(
    connector: &StreamableHttpConnector,
    directory: &OneRecord,
) -> Result<SessionPool> {
    let fleet = Fleet::new(directory.clone(), secret()).with_budget(Duration::from_secs(5));
    let builder = SessionPool::builder().connector(connector.clone());
    Ok(builder.fleet(fleet).build()?)
}

pub(super) fn secret() -> FleetSecret {
    FleetSecret::new([1; 32], 1, [2; 32])
}

/// A request of the conversation.
pub(super) fn request(url: &str) -> Result<AcquireRequest> {
    let endpoint = Endpoint::streamable_http(url)?.with_lifecycle(Lifecycle::Legacy);
    let request = AcquireRequest::new(endpoint, Principal::user("alice"));
    Ok(request.with_scope(Scope::conversation("talk")))
}

/// More turns of the runtime than the tasks of a pool need to end.
const TURNS: u32 = 100;
