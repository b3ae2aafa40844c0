//! Which transport an address speaks.

mod detection;
mod detector;
mod known_transport;

pub(crate) use detection::Requester;
pub(crate) use detector::Detector;
pub(crate) use known_transport::{DetectedTransport, KnownTransport};
