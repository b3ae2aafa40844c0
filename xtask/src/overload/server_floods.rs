//! What a server that floods leaves behind.

use mcp_session_pool::{
    AcquireRequest, PooledClient, Principal, SessionPool, SseConnector, StreamableHttpConnector,
};

use super::report::Figure;
use crate::{
    Result,
    faults::{Class, call},
    soak::{Resources, Server},
};

/// Has servers send so many messages before an answer. What this process needs more afterwards than after
/// a flood before.
pub(super) async fn measure(messages: usize) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for kind in KINDS {
        let name = format!("mcp-overload-flood-{kind}-{}", std::process::id());
        let journal = std::env::temp_dir().join(name);
        let mut server = Server::start(kind, journal.clone(), None).await?;
        let pool = SessionPool::builder()
            .connector(StreamableHttpConnector::new()?)
            .connector(SseConnector::new()?)
            .build()?;
        let request = AcquireRequest::new(server.endpoint(), Principal::user("user"));
        let client = pool.client(request).await?;
        for flood in FLOODS {
            let order = format!("{flood}={messages}");
            flood_once(&mut server, &client, &order).await?;
            let before = Resources::settled(None).await?;
            flood_once(&mut server, &client, &order).await?;
            let after = Resources::settled(Some(&before)).await?;
            let name = format!("{flood}_{kind}");
            let more = |what: &str, before: usize, after: usize, most: f64| {
                let more = after as f64 - before as f64;
                Figure::new(format!("{name}_more_{what}"), more).at_most(most)
            };
            let kilobytes = [before.rss_kb, after.rss_kb].map(|kb| kb as usize);
            figures.extend([
                more("tasks", before.tasks, after.tasks, 0.0),
                more("fds", before.fds, after.fds, 0.0),
                more("kilobytes", kilobytes[0], kilobytes[1], MOST_KB),
            ]);
        }
        drop(client);
        pool.close(std::time::Duration::from_secs(5)).await;
        server.kill().await?;
        std::fs::remove_file(journal)?;
    }
    Ok(figures)
}

/// One call that is flooded, and one that shows that the client is as before.
async fn flood_once(server: &mut Server, client: &PooledClient, order: &str) -> Result {
    server.arm(order).await?;
    let flooded = call(client, Class::Change, "flooded".to_owned()).await;
    let after = call(client, Class::Change, "after".to_owned()).await;
    match after.error {
        None => Ok(()),
        Some(error) => Err(format!("{order}: {error}, after {:?}", flooded.error).into()),
    }
}

const KINDS: [&str; 3] = ["events", "stateless", "sse"];
/// Notifications, and requests.
const FLOODS: [&str; 2] = ["flood", "request_flood"];
/// What an allocator keeps.
const MOST_KB: f64 = 4_096.0;
