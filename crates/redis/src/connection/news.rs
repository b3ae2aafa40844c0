//! The news of revocations.

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use redis::{RedisResult, aio::PubSubStream};
use tokio::{sync::Mutex, time::sleep};

use super::source::Source;

/// The news of revocations, over a connection of their own. It is opened when it is first needed, and
/// opened again when it breaks.
pub(crate) struct News {
    source: Source,
    channel: String,
    /// Kept while no pool waits, so that what comes meanwhile is not lost.
    stream: Mutex<Option<PubSubStream>>,
}

impl News {
    pub(crate) fn of(source: Source, prefix: &str) -> Arc<Self> {
        Arc::new(Self {
            source,
            channel: format!("{prefix}n"),
            stream: Mutex::default(),
        })
    }

    /// Waits for the next news.
    pub(crate) async fn next(&self) {
        let mut stream = self.stream.lock().await;
        loop {
            if stream.is_none() {
                *stream = self.subscribe().await.ok();
            }
            if let Some(open) = stream.as_mut()
                && open.next().await.is_some()
            {
                return;
            }
            *stream = None;
            sleep(PAUSE).await;
        }
    }

    async fn subscribe(&self) -> RedisResult<PubSubStream> {
        let mut connection = self.source.listener().await?.get_async_pubsub().await?;
        connection.subscribe(&self.channel).await?;
        Ok(connection.into_on_message())
    }
}

/// Between two attempts to listen.
const PAUSE: Duration = Duration::from_secs(1);
