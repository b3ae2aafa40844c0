//! The health of an endpoint, asked for explicitly.

use std::sync::Arc;

use crate::{
    AcquireRequest, SessionPool,
    config::Probe,
    error::{AcquireError, CheckError},
    event::CloseReason,
    extend::ProbePlan,
};

/// Why an endpoint is not healthy.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HealthError {
    /// No session could be had.
    #[error("no session with the endpoint")]
    Acquire(#[source] Arc<AcquireError>),
    /// The session did not answer.
    #[error("the endpoint's session did not answer")]
    Check(#[source] CheckError),
}

pub(crate) async fn check_endpoint(
    pool: &SessionPool,
    request: &AcquireRequest,
) -> Result<(), HealthError> {
    let lease = pool
        .acquire(request)
        .await
        .map_err(|error| HealthError::Acquire(Arc::new(error)))?;
    let config = pool.config();
    if !config.health.explicit_health_rpc {
        return Ok(());
    }
    let plan = ProbePlan::new([Probe::ListTools], config.health.health_check_timeout);
    let result = plan.run(lease.peer()).await;
    if let Err(error) = result {
        lease.discard_broken(CloseReason::CheckFailed);
        return Err(HealthError::Check(error));
    }
    Ok(())
}
