//! The outcomes of the fake's steps.

use std::time::Duration;

use mcp_pool_core::error::FaultKind;
use tokio::sync::watch;

/// The outcome of a step of the fake.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Behaviour {
    /// The step fails at once.
    Fail(FaultKind),
    /// The step waits until another behaviour is set, and then follows that one.
    Never,
    /// The step succeeds at once.
    Ok,
    /// The step succeeds after this time.
    Slow(Duration),
}

/// Runs a step as its behaviour requires.
///
/// # Errors
/// The fault of [`Behaviour::Fail`].
pub(super) async fn play(step: &watch::Sender<Behaviour>) -> Result<(), FaultKind> {
    let mut step = step.subscribe();
    let behaviour = step.wait_for(|now| *now != Behaviour::Never).await;
    let behaviour = behaviour.map_or(Behaviour::Never, |now| now.clone());
    match behaviour {
        Behaviour::Ok => Ok(()),
        Behaviour::Slow(pause) => {
            tokio::time::sleep(pause).await;
            Ok(())
        }
        Behaviour::Fail(kind) => Err(kind),
        // The remote control is gone, so no other behaviour can be set.
        Behaviour::Never => futures::future::pending().await,
    }
}
