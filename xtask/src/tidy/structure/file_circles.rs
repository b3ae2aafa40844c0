//! Files that import each other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::super::{names::Package, violation::Violation};

/// No file imports itself by way of others.
///
/// Handing a name on by `pub use` is no import here. Reported once for each group of files that
/// depend on each other, with a shortest circle.
pub(super) fn no_file_circles(package: &Package) -> Vec<Violation> {
    let graph = Graph::of(package);
    let mut seen = BTreeSet::new();
    let mut violations = Vec::new();
    for &file in graph.arrows.keys() {
        let group = match seen.contains(file) {
            true => BTreeSet::new(),
            false => graph.group(file),
        };
        if group.len() > 1 {
            violations.push(violation(package, &graph, &group));
            seen.extend(group);
        }
    }
    violations
}

fn violation(package: &Package, graph: &Graph, group: &BTreeSet<&str>) -> Violation {
    let circles = group.iter().filter_map(|file| graph.circle(file));
    let circle = circles.min_by_key(Vec::len).unwrap_or_default();
    let mut shown = Vec::new();
    for pair in circle.windows(2) {
        let (_, name) = &graph.arrows[pair[0]][pair[1]];
        shown.push(format!("{} → (`{name}`) ", package.short(pair[0])));
    }
    let last = circle.last().map_or("", |file| package.short(file));
    let mut remedy = format!("{}{last}", shown.concat());
    if group.len() + 1 > circle.len() {
        remedy += &format!("; {} files depend on each other in all", group.len());
    }
    let line = graph.arrows[circle[0]][circle[1]].0;
    Violation::new(circle[0], line, "no_file_circles", remedy)
}

/// The imports between files, each with the line and name of the first one.
struct Graph<'p> {
    arrows: BTreeMap<&'p str, BTreeMap<&'p str, (usize, &'p str)>>,
}

impl<'p> Graph<'p> {
    fn of(package: &'p Package) -> Self {
        let mut arrows: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for import in package.imports.iter().filter(|import| !import.is_reexport) {
            let others = arrows.entry(import.from).or_default();
            others
                .entry(import.to)
                .or_insert((import.line, import.name.as_str()));
        }
        Self { arrows }
    }

    /// The files that a file depends on and that depend on it, itself included.
    fn group(&self, file: &'p str) -> BTreeSet<&'p str> {
        let reached = self.reached(file);
        let is_mutual = |other: &&str| self.reached(other).contains(file);
        let mut group: BTreeSet<_> = reached.into_iter().filter(is_mutual).collect();
        group.insert(file);
        group
    }

    fn reached(&self, file: &str) -> BTreeSet<&'p str> {
        let mut reached = BTreeSet::new();
        let mut next: Vec<_> = self.targets(file).collect();
        while let Some(file) = next.pop() {
            if reached.insert(file) {
                next.extend(self.targets(file));
            }
        }
        reached
    }

    /// A shortest circle through a file, which stands at both of its ends.
    fn circle(&self, file: &'p str) -> Option<Vec<&'p str>> {
        let mut came_from = BTreeMap::new();
        let mut queue = VecDeque::from([file]);
        while let Some(from) = queue.pop_front() {
            for to in self.targets(from) {
                if to == file {
                    return Some(way(file, from, &came_from));
                }
                came_from.entry(to).or_insert_with(|| {
                    queue.push_back(to);
                    from
                });
            }
        }
        None
    }

    fn targets(&self, file: &str) -> impl Iterator<Item = &'p str> {
        self.arrows
            .get(file)
            .into_iter()
            .flat_map(BTreeMap::keys)
            .copied()
    }
}

/// The way from a file to the last one before it, closed to a circle.
fn way<'p>(file: &'p str, last: &'p str, came_from: &BTreeMap<&'p str, &'p str>) -> Vec<&'p str> {
    let mut way = vec![file, last];
    while way[way.len() - 1] != file {
        way.push(came_from[way[way.len() - 1]]);
    }
    way.reverse();
    way
}

#[cfg(test)]
mod tests {
    use super::{super::super::names::with_package, *};

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let show = |violation: &Violation| violation.to_string();
        with_package(files, |package| {
            no_file_circles(package).iter().map(show).collect()
        })
    }

    #[test]
    fn a_chain_and_a_parent_that_hands_on_are_fine() {
        let files = [
            ("lib.rs", "mod a; pub use a::A;"),
            ("a/mod.rs", "mod b; pub use b::B; mod c; pub struct A;"),
            ("a/b.rs", "pub struct B(super::A);"),
            (
                "a/c.rs",
                "use super::{A, B}; #[cfg(test)] mod tests { use super::*; }",
            ),
        ];
        assert!(found(&files).is_empty());
    }

    #[test]
    fn the_shortest_circle_of_a_group_is_shown() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "\npub struct A(crate::b::B);"),
            ("b.rs", "use crate::c; pub struct B(c::C);"),
            ("c.rs", "pub struct C(crate::a::A, crate::b::B);"),
        ];
        assert_eq!(
            found(&files),
            [
                "crates/a/src/b.rs:1: no_file_circles: b.rs → (`C`) c.rs → (`B`) b.rs; \
              3 files depend on each other in all"
            ]
        );
    }

    #[test]
    fn a_parent_and_a_child_that_use_each_other_are_a_circle() {
        let files = [
            ("lib.rs", "mod a;"),
            ("a/mod.rs", "mod b;\npub use b::B;\npub struct A(B);"),
            ("a/b.rs", "pub struct B; fn f(a: super::A) {}"),
        ];
        assert_eq!(
            found(&files),
            ["crates/a/src/a/b.rs:1: no_file_circles: a/b.rs → (`A`) a/mod.rs → (`B`) a/b.rs"]
        );
    }

    #[test]
    fn each_group_is_reported_once() {
        let pair = |a: &str, b: &str| format!("pub struct {a}(crate::{}::{b});", b.to_lowercase());
        let texts = [
            pair("A", "B"),
            pair("B", "A"),
            pair("C", "D"),
            pair("D", "C"),
        ];
        let files = [
            ("lib.rs", "mod a; mod b; mod c; mod d;"),
            ("a.rs", &texts[0]),
            ("b.rs", &texts[1]),
            ("c.rs", &texts[2]),
            ("d.rs", &texts[3]),
        ];
        assert_eq!(found(&files).len(), 2);
    }
}
