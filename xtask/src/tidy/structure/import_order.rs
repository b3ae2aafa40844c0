//! The order of the folders, which imports follow.

use std::collections::BTreeSet;

use super::{
    super::{
        names::{Import, Package},
        violation::Violation,
    },
    folder_order::{Order, folder},
};

/// A file imports from its own folder and from folders before it.
///
/// Reported once for each pair of files.
pub(super) fn import_order(package: &Package) -> Vec<Violation> {
    let Some(order) = Order::of(package.root) else {
        return Vec::new();
    };
    let mut violations = unknown_folders(package, order);
    let mut pairs = BTreeSet::new();
    for import in &package.imports {
        if is_upward(package, order, import) && pairs.insert((import.from, import.to)) {
            let to = package.short(import.to);
            let (own, other) = (folder(package.short(import.from)), folder(to));
            let remedy = format!(
                "`{}` is defined in `{to}`, and `{other}` comes after `{own}`; \
                 move it down, or pass it in",
                import.name
            );
            violations.push(Violation::new(import.from, import.line, RULE, remedy));
        }
    }
    violations
}

fn is_upward(package: &Package, order: &Order, import: &Import) -> bool {
    let (from, to) = (package.short(import.from), package.short(import.to));
    let ranks = order.rank(from).zip(order.rank(to));
    ranks.is_some_and(|(from, to)| from < to)
}

/// Reported once for each folder, at its first file.
fn unknown_folders(package: &Package, order: &Order) -> Vec<Violation> {
    let mut folders = BTreeSet::new();
    let mut violations = Vec::new();
    for code in &package.files {
        let file = package.short(code.path);
        if !code.is_test() && order.rank(file).is_none() && folders.insert(folder(file)) {
            let remedy = format!("the order of the folders does not name `{}`", folder(file));
            violations.push(Violation::new(code.path, 1, RULE, remedy));
        }
    }
    violations
}

const RULE: &str = "import_order";

#[cfg(test)]
mod tests {
    use super::{super::super::names::with_package_at, *};

    fn found(root: &str, files: &[(&str, &str)]) -> Vec<String> {
        let show = |violation: &Violation| violation.to_string();
        with_package_at(root, files, |package| {
            import_order(package).iter().map(show).collect()
        })
    }

    const CORE: &str = "crates/pool-core";

    #[test]
    fn imports_from_the_ground_and_the_own_folder_are_fine() {
        let files = [
            ("lib.rs", "mod types; mod pool; pub use pool::Pool;"),
            (
                "types.rs",
                "pub struct Key;\n#[cfg(test)]\nuse crate::pool::Pool;",
            ),
            (
                "pool/mod.rs",
                "mod lease; pub struct Pool(crate::types::Key, lease::Lease);",
            ),
            (
                "pool/lease.rs",
                "/// See [`crate::client`].\npub struct Lease; use super::Pool;",
            ),
        ];
        assert!(found(CORE, &files).is_empty());
    }

    #[test]
    fn an_import_from_above_is_found_through_reexports() {
        let files = [
            ("lib.rs", "mod types; mod pool; pub use pool::*;"),
            (
                "types.rs",
                "use std::fmt;\nfn f(a: crate::Pool, b: crate::Pool) {}",
            ),
            ("pool/mod.rs", "mod inner; pub use inner::Pool;"),
            ("pool/inner.rs", "pub struct Pool;"),
        ];
        let found = found(CORE, &files);
        let begin = "crates/pool-core/src/types.rs:2: import_order: `Pool` is defined in \
            `pool/inner.rs`, and `pool` comes after `types`";
        assert!(found[0].starts_with(begin), "{found:?}");
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn a_folder_outside_of_the_order_is_found_once() {
        let files = [
            ("lib.rs", "mod odd;"),
            ("odd/mod.rs", "mod b;"),
            ("odd/b.rs", ""),
        ];
        let found = found(CORE, &files);
        assert!(found[0].contains("does not name `odd`"), "{found:?}");
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn a_crate_without_an_order_is_free() {
        assert!(found("crates/a", &[("lib.rs", "mod odd;"), ("odd.rs", "")]).is_empty());
    }
}
