//! Where an `impl` stands.

use syn::{Item, ItemImpl, Path, Type};

use super::super::{
    names::{Package, Space, Target},
    source::is_for_tests,
    violation::Violation,
};

/// An inherent `impl` stands in the folder of its type or below it.
///
/// So does the `impl` of a trait of the crate for a type of the crate. A type of `x.rs` directly
/// below `src` has the folder `x`.
///
/// What a macro makes is not seen.
pub(super) fn impl_in_own_folder(package: &Package) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (id, module) in package.modules.iter() {
        for item in module.items {
            let Item::Impl(block) = item else {
                continue;
            };
            let Some(home) = home(package, id, block) else {
                continue;
            };
            let (home, file) = (package.short(home), package.short(module.file));
            if !is_within(file, folder(home)) {
                let line = block.impl_token.span.start().line;
                let remedy = format!("the type is defined in `{home}`; move the `impl` there");
                violations.push(Violation::new(module.file, line, RULE, remedy));
            }
        }
    }
    violations
}

/// The file of the type, where the rule applies.
fn home<'c>(package: &Package<'c>, module: usize, block: &ItemImpl) -> Option<&'c str> {
    let find = |path: &Path| {
        let path: Vec<_> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        match package.modules.resolve(module, &path, Space::Type)? {
            Target::Item(file) => Some(file),
            Target::Module(_) => None,
        }
    };
    if is_for_tests(&block.attrs) {
        return None;
    }
    if let Some((implemented, _)) = &block.trait_ {
        find(implemented)?;
    }
    let mut own = &*block.self_ty;
    while let Type::Reference(reference) = own {
        own = &reference.elem;
    }
    match own {
        Type::Path(path) if path.qself.is_none() => find(&path.path),
        _ => None,
    }
}

/// The folder of a file below `src`, without the last slash.
fn folder(file: &str) -> &str {
    match file.rsplit_once('/') {
        Some((folder, _)) => folder,
        None if file == "lib.rs" || file == "main.rs" => "",
        None => file.strip_suffix(".rs").unwrap_or(file),
    }
}

fn is_within(file: &str, folder: &str) -> bool {
    let rest = file.strip_prefix(folder);
    folder.is_empty() || rest.is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
}

const RULE: &str = "impl_in_own_folder";

#[cfg(test)]
mod tests {
    use super::{super::super::names::with_package, *};

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let show = |violation: &Violation| violation.to_string();
        with_package(files, |package| {
            impl_in_own_folder(package).iter().map(show).collect()
        })
    }

    const LIB: (&str, &str) = ("lib.rs", "mod pool; mod key; mod scope;");

    #[test]
    fn an_impl_beside_its_type_or_below_is_fine() {
        let files = [
            LIB,
            (
                "pool/mod.rs",
                "mod close; pub struct Pool; pub trait Close {}",
            ),
            (
                "pool/close.rs",
                "use super::*; impl Pool {} impl Close for Pool {}",
            ),
            (
                "key.rs",
                "pub struct Key; impl Key {} impl<T> crate::pool::Close for Vec<T> {}",
            ),
            ("scope.rs", "impl std::fmt::Debug for crate::key::Key {}"),
        ];
        assert!(found(&files).is_empty());
    }

    #[test]
    fn an_impl_in_another_folder_is_found() {
        let files = [
            LIB,
            (
                "pool/mod.rs",
                "pub struct Pool;\nuse crate::key::Key;\nimpl Key {}\n",
            ),
            ("key.rs", "pub struct Key; pub trait Named {}"),
            (
                "scope.rs",
                "use crate::key::Named;\nimpl Named for crate::pool::Pool {}",
            ),
        ];
        let found = found(&files);
        assert!(
            found[0].starts_with("crates/a/src/pool/mod.rs:3: impl_in"),
            "{found:?}"
        );
        assert!(
            found[1].starts_with("crates/a/src/scope.rs:2: impl_in"),
            "{found:?}"
        );
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn an_impl_for_tests_is_free() {
        let files = [
            LIB,
            ("key.rs", "pub struct Key;"),
            ("pool.rs", "#[cfg(test)] impl crate::key::Key {}"),
        ];
        assert!(found(&files).is_empty());
    }
}
