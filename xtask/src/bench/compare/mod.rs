//! A run beside an earlier one.

mod comparison;
mod figure;

pub(super) use self::comparison::Comparison;
