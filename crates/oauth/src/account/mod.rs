//! What is known of a principal's tokens for an endpoint.

mod accounts;
mod current;
mod key;
mod state;

pub(crate) use accounts::Accounts;
pub(crate) use current::{Current, Moment};
pub(crate) use key::AccountKey;
pub(crate) use state::Account;
