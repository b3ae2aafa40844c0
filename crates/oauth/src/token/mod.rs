//! Token requests, and what they give.

mod request;
mod response;
mod tokens;

pub(crate) use request::TokenRequest;
pub(crate) use response::TokenResponse;
pub(crate) use tokens::{Issued, Tokens};
