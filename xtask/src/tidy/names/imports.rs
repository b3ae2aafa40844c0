//! From which file each file takes a name.

use super::mentions::mentions;
use super::modules::{Modules, Target};

/// A name that one file takes from another.
#[derive(Debug)]
pub(in super::super) struct Import<'c> {
    pub(in super::super) from: &'c str,
    pub(in super::super) to: &'c str,
    pub(in super::super) line: usize,
    pub(in super::super) name: String,
    /// True where the file only hands the name on.
    pub(in super::super) is_reexport: bool,
}

/// Every import of a crate, in the order of its modules.
pub(super) fn imports<'c>(modules: &Modules<'c>) -> Vec<Import<'c>> {
    let mut imports = Vec::new();
    for (id, module) in modules.iter() {
        for mention in mentions(module.items) {
            let Some(Target::Item(to)) = modules.resolve(id, &mention.path, mention.space) else {
                continue;
            };
            if to != module.file {
                imports.push(Import {
                    from: module.file,
                    to,
                    line: mention.line,
                    name: name_of(&mention.path),
                    is_reexport: mention.is_reexport,
                });
            }
        }
    }
    imports
}

/// The name of the item in a path: its first type, or else its last word.
fn name_of(path: &[String]) -> String {
    let is_type = |word: &&String| word.starts_with(char::is_uppercase);
    let name = path.iter().find(is_type).or_else(|| path.last());
    name.cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::with_package;

    /// Each import as `from:line name to`, a re-export with `pub`.
    fn imports(files: &[(&str, &str)]) -> Vec<String> {
        with_package(files, |package| {
            let shown = package.imports.iter().map(|import| {
                let (from, to) = (package.short(import.from), package.short(import.to));
                let mark = if import.is_reexport { "pub " } else { "" };
                format!("{from}:{} {mark}{} {to}", import.line, import.name)
            });
            shown.collect()
        })
    }

    #[test]
    fn a_parent_that_only_hands_on_imports_nothing_else() {
        let files = [
            ("lib.rs", "mod a;"),
            (
                "a/mod.rs",
                "mod b;\nmod c;\npub use b::B;\nfn f(c: c::C) {}",
            ),
            ("a/b.rs", "pub struct B;"),
            ("a/c.rs", "use super::B;\npub struct C(B, crate::a::f);"),
        ];
        assert_eq!(
            imports(&files),
            [
                "a/mod.rs:3 pub B a/b.rs",
                "a/mod.rs:4 C a/c.rs",
                "a/c.rs:1 B a/b.rs",
                "a/c.rs:2 B a/b.rs",
            ]
        );
    }

    #[test]
    fn a_parent_that_uses_what_it_hands_on_imports_it() {
        let files = [
            (
                "lib.rs",
                "mod b;\npub use b::B;\nfn f(b: B) { let b = b::g; }",
            ),
            ("b.rs", "pub struct B; pub fn g() {}"),
        ];
        let own = imports(&files).into_iter().filter(|i| !i.contains("pub"));
        assert_eq!(
            own.collect::<Vec<_>>(),
            ["lib.rs:3 B b.rs", "lib.rs:3 g b.rs"]
        );
    }

    #[test]
    fn names_through_globs_macros_and_inline_modules_are_imports() {
        let files = [
            ("lib.rs", "mod a;\nmod b { pub use super::a::A; }\nmod c;"),
            ("a.rs", "pub struct A; pub fn g() {}"),
            (
                "c.rs",
                "use crate::b::*;\nfn f() { format!(\"{}\", A::new()) }",
            ),
        ];
        assert_eq!(imports(&files), ["lib.rs:2 pub A a.rs", "c.rs:2 A a.rs"]);
    }
}
