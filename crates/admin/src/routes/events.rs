//! The samples as they come.

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::State,
    response::sse::{Event, Sse},
};
use futures::{Stream, stream};

use super::{failure::Failure, shown::Shown};
use crate::samples::Sample;

/// A stream with each sample. It ends with the pool.
pub(super) async fn events(
    State(shown): State<Shown>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    let permit = Arc::clone(&shown.streams).try_acquire_owned();
    let permit = permit.map_err(|_| Failure::TooMany)?;
    let latest = shown.samples.latest().ok_or(Failure::Closed)?;
    let events = stream::unfold((latest, permit), async |(mut latest, permit)| {
        latest.changed().await.ok()?;
        let sample = latest.borrow_and_update().clone();
        Some((Ok(event(sample.as_deref())), (latest, permit)))
    });
    Ok(Sse::new(events))
}

fn event(sample: Option<&Sample>) -> Event {
    let json = serde_json::to_string(&sample).unwrap_or_default();
    Event::default().event("sample").data(json)
}
