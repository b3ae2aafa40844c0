//! The servers: their sources, their arguments and their expected behaviour.
//!
//! A new server is a new row.

mod gateways;
mod kinds;
mod languages;
mod more;
mod package;
mod packages;
mod row;
mod usual;

pub(super) use self::{
    package::{Package, Program, Registry},
    packages::{EVERYTHING, INSPECTOR, KUBERNETES, PYTHON_1, PYTHON_2},
    row::{Call, Job, Keeps, Row, Source},
};

/// Every server, in the order of the report.
pub(super) fn rows() -> impl Iterator<Item = &'static Row> {
    let rows = usual::ROWS.iter().chain(more::ROWS);
    rows.chain(languages::ROWS).chain(gateways::ROWS)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_job_has_a_name_of_its_own() {
        let names = rows().flat_map(|row| row.jobs(true).map(|job| row.name_of(job)));
        let names: Vec<_> = names.collect();
        let distinct: BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
    }

    #[test]
    fn a_usual_run_calls_each_sdk_and_a_bridge() {
        let jobs: usize = rows().map(|row| row.jobs(false).count()).sum();
        assert_eq!(jobs, usual::ROWS.len() + 1);
    }
}
