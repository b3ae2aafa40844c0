//! Other pools, and what gateways write themselves.

mod keyed;
mod trivial;

pub(super) use self::{
    keyed::{ByHand, KeyedPools},
    trivial::Trivial,
};
