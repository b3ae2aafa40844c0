//! The servers: their sources, their arguments and their expected behaviour.
//!
//! A new server is a new row.

mod kinds;
mod more;
mod package;
mod packages;
mod row;
mod usual;

pub(super) use self::{
    package::{Package, Program, Registry},
    packages::EVERYTHING,
    row::{Call, Job, Keeps, Row, Source},
};

/// Every server, in the order of the report.
pub(super) fn rows() -> impl Iterator<Item = &'static Row> {
    usual::ROWS.iter().chain(more::ROWS)
}
