//! A parser for the tables in the documentation of the crate.

use std::collections::{BTreeMap, BTreeSet};

/// A row of a table, by column.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) unit: String,
    /// The attributes that every point has.
    pub(crate) always: BTreeSet<String>,
    /// The attributes that some points have.
    pub(crate) sometimes: BTreeSet<String>,
}

impl Row {
    pub(crate) fn attributes(&self) -> BTreeSet<String> {
        self.always.union(&self.sometimes).cloned().collect()
    }
}

/// The rows of the table below a heading, by name.
pub(crate) fn below(heading: &str) -> BTreeMap<String, Row> {
    let section = README
        .split(&format!("## {heading}\n"))
        .nth(1)
        .and_then(|rest| rest.split("\n## ").next())
        .expect("a section of this name");
    let lines: Vec<&str> = section
        .lines()
        .filter(|line| line.starts_with('|'))
        .collect();
    let columns = cells(lines[0]);
    let rows = lines[2..].iter().map(|line| row(&columns, &cells(line)));
    rows.map(|row| (row.name.clone(), row)).collect()
}

fn cells(line: &str) -> Vec<String> {
    let line = line.trim_matches('|');
    line.split('|').map(|cell| cell.trim().to_owned()).collect()
}

fn row(columns: &[String], cells: &[String]) -> Row {
    let cell = |name: &str| {
        let index = columns.iter().position(|column| column == name);
        index.map_or("", |index| cells[index].as_str())
    };
    let (mut always, mut sometimes) = (BTreeSet::new(), BTreeSet::new());
    for attribute in cell("attributes").split(", ") {
        let (set, attribute) = match attribute.strip_suffix('?') {
            Some(attribute) => (&mut sometimes, attribute),
            None => (&mut always, attribute),
        };
        if attribute == "U" {
            always.extend(UPSTREAM.map(str::to_owned));
            sometimes.insert("server.port".to_owned());
        } else {
            set.insert(attribute.trim_matches('`').to_owned());
        }
    }
    Row {
        name: cell("name").trim_matches('`').to_owned(),
        kind: cell(&columns[1]).to_owned(),
        unit: cell("unit").to_owned(),
        always,
        sometimes,
    }
}

pub(crate) const README: &str = include_str!("../../README.md");

const UPSTREAM: [&str; 4] = [
    "mcp.pool.name",
    "mcp.pool.transport",
    "mcp.pool.upstream",
    "server.address",
];
