//! How single calls get on.

use rmcp::model::ProgressNotificationParam;

use super::PooledClient;
use crate::handler::ProgressSink;

impl PooledClient {
    /// The same client, whose calls tell `sink` how they get on. Each call hears its own progress
    /// and no other's, however many run on one session; what the sink hears, the handlers do not.
    ///
    /// Servers report progress if they like to. The sink is called by the session's own tasks and
    /// must not block. A call's progress ends with the call.
    #[must_use]
    pub fn with_progress(
        &self,
        sink: impl Fn(ProgressNotificationParam) + Send + Sync + 'static,
    ) -> Self {
        Self {
            context: self.context.with_progress(ProgressSink::new(sink)),
            ..self.clone()
        }
    }
}
