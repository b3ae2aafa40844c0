//! The jobs: what users do with a server, and what is checked of it.

mod counted;
mod crowd;
mod direct;
mod outcome;
mod users;

use mcp_session_pool::extend::ServerMessages;

pub(super) use self::{outcome::Outcome, users::must};
use super::{
    rows::{Job, Row},
    server::Server,
};
use crate::Result;

/// Runs a job with the server of a row.
///
/// # Errors
/// The first check that failed.
pub(super) async fn run(job: Job, row: &Row) -> Result<Outcome> {
    let mut server = Server::start(row, job).await?;
    match job {
        Job::Counted => counted::run(row, &mut server).await,
        Job::Crowd => crowd::run(row, &server).await,
        Job::Plain => direct::run(row, &mut server, None).await,
        Job::Listening => {
            let (handlers, _messages) = ServerMessages::channel(MESSAGES);
            direct::run(row, &mut server, Some(handlers)).await
        }
    }
}

/// The messages of a server that are kept; the others are dropped.
const MESSAGES: usize = 1_024;
