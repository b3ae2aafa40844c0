//! The holders of shares, and how they compare.

mod account;
mod standing;

pub(crate) use account::{Account, LimitKind, Member};
pub(super) use standing::{Rival, Standing};
