//! The modules of a crate, and what a path in one of them leads to.

use std::collections::BTreeMap;

use syn::{Item, ItemMod};

use super::{
    super::source::{Code, is_for_tests},
    scope::{Entry, Scope, Space},
};

/// The modules of a crate. The first one is its root.
pub(in super::super) struct Modules<'c>(Vec<Module<'c>>);

/// A module: a file, or a part of one.
pub(in super::super) struct Module<'c> {
    pub(in super::super) file: &'c str,
    pub(in super::super) items: &'c [Item],
    parent: usize,
    scope: Scope,
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Target<'c> {
    /// An item, by the file that defines it.
    Item(&'c str),
    /// A module, by its number.
    Module(usize),
}

/// Where the files of child modules are searched.
struct Folder<'s, 'c> {
    path: String,
    codes: &'s BTreeMap<&'c str, Code<'c>>,
}

impl<'c> Modules<'c> {
    /// Reads the modules below `src/`, beginning with `lib.rs` or `main.rs`.
    pub(super) fn read(source: &str, codes: &'c BTreeMap<&str, Code<'c>>) -> Option<Self> {
        let mut roots = ["lib.rs", "main.rs"].into_iter();
        let root = roots.find_map(|name| codes.get(format!("{source}{name}").as_str()))?;
        let mut modules = Self(Vec::new());
        modules.add(root.path, &root.file.items, 0);
        let path = source.to_owned();
        modules.descend(0, &Folder { path, codes });
        Some(modules)
    }

    /// Each module with its number.
    pub(in super::super) fn iter(&self) -> impl Iterator<Item = (usize, &Module<'c>)> {
        self.0.iter().enumerate()
    }

    /// Resolves a path in a module.
    ///
    /// Returns `None` for another crate, a variable or a primitive type.
    pub(in super::super) fn resolve(
        &self,
        module: usize,
        path: &[String],
        space: Space,
    ) -> Option<Target<'c>> {
        let mut search = Search {
            modules: &self.0,
            open: Vec::new(),
        };
        search.walk(module, path, space)
    }

    fn add(&mut self, file: &'c str, items: &'c [Item], parent: usize) -> usize {
        self.0.push(Module {
            file,
            items,
            parent,
            scope: Scope::of(items),
        });
        self.0.len() - 1
    }

    fn descend(&mut self, parent: usize, folder: &Folder<'c, 'c>) {
        let items = self.0[parent].items;
        for item in items {
            match item {
                Item::Mod(module) if !is_for_tests(&module.attrs) => {
                    self.child(parent, module, folder);
                }
                _ => {}
            }
        }
    }

    fn child(&mut self, parent: usize, module: &'c ItemMod, folder: &Folder<'c, 'c>) {
        let name = module.ident.to_string();
        let below = format!("{}{name}/", folder.path);
        let (file, items) = match &module.content {
            Some((_, items)) => (self.0[parent].file, items.as_slice()),
            None => {
                let beside = format!("{}{name}.rs", folder.path);
                let paths = [beside, format!("{below}mod.rs")];
                let mut codes = paths.iter().map(|path| folder.codes.get(path.as_str()));
                match codes.find_map(|code| code) {
                    Some(code) if !code.is_test() => (code.path, code.file.items.as_slice()),
                    _ => return,
                }
            }
        };
        let id = self.add(file, items, parent);
        self.0[parent].scope.add(name, Entry::Module(id));
        let folder = Folder {
            path: below,
            codes: folder.codes,
        };
        self.descend(id, &folder);
    }
}

/// One search for a name.
struct Search<'m, 'c> {
    modules: &'m [Module<'c>],
    /// The names under search, so that imports in a circle end.
    open: Vec<(usize, String, Space)>,
}

impl<'c> Search<'_, 'c> {
    fn walk(&mut self, module: usize, path: &[String], space: Space) -> Option<Target<'c>> {
        let (first, rest) = path.split_first()?;
        let space_of = |index: usize| match index + 1 == path.len() {
            true => space,
            false => Space::Type,
        };
        let mut here = match first.as_str() {
            "crate" => Target::Module(0),
            "self" => Target::Module(module),
            "super" => Target::Module(self.modules[module].parent),
            name => self.lookup(module, name, space_of(0))?,
        };
        for (index, name) in (1..).zip(rest) {
            let Target::Module(id) = here else {
                // What follows an item is a variant or an associated item.
                break;
            };
            here = match name.as_str() {
                "super" => Target::Module(self.modules[id].parent),
                name => self.lookup(id, name, space_of(index))?,
            };
        }
        Some(here)
    }

    fn lookup(&mut self, module: usize, name: &str, space: Space) -> Option<Target<'c>> {
        let search = (module, name.to_owned(), space);
        if self.open.contains(&search) {
            return None;
        }
        self.open.push(search);
        let found = self
            .declared(module, name, space)
            .unwrap_or_else(|| self.through_globs(module, name, space));
        self.open.pop();
        found
    }

    /// What a module itself declares or imports by that name.
    ///
    /// The inner `None` is a name of another crate.
    fn declared(&mut self, module: usize, name: &str, space: Space) -> Option<Option<Target<'c>>> {
        let Module { scope, file, .. } = &self.modules[module];
        let mut found = None;
        let mut is_imported = false;
        for entry in scope.names.get(name)? {
            let target = match entry {
                Entry::Item(spaces) if fits(spaces, space) => Some(Target::Item(file)),
                Entry::Module(id) if fits(&[Space::Type], space) => Some(Target::Module(*id)),
                Entry::Use(path) => {
                    is_imported = true;
                    self.walk(module, path, space)
                }
                _ => None,
            };
            match target {
                Some(Target::Item(_)) => return Some(target),
                Some(Target::Module(_)) => found = target,
                None => {}
            }
        }
        (found.is_some() || is_imported).then_some(found)
    }

    fn through_globs(&mut self, module: usize, name: &str, space: Space) -> Option<Target<'c>> {
        let Module { scope, file, .. } = &self.modules[module];
        for path in &scope.globs {
            if let Some(Target::Module(id)) = self.walk(module, path, Space::Type)
                && let Some(target) = self.lookup(id, name, space)
            {
                return Some(target);
            }
        }
        scope.made.contains(name).then_some(Target::Item(file))
    }
}

fn fits(spaces: &[Space], wanted: Space) -> bool {
    wanted == Space::Any || spaces.contains(&wanted)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{super::names::with_package, Space},
        *,
    };

    /// The file that a path in `lib.rs` leads to.
    fn file_of(path: &str, files: &[(&str, &str)]) -> Option<String> {
        let path: Vec<_> = path.split("::").map(str::to_owned).collect();
        with_package(files, |package| {
            match package.modules.resolve(0, &path, Space::Any)? {
                Target::Item(file) => Some(package.short(file).to_owned()),
                Target::Module(_) => Some("a module".to_owned()),
            }
        })
    }

    #[test]
    fn reexports_are_followed_to_the_file_that_defines() {
        let files = [
            (
                "lib.rs",
                "mod a; pub use a::B as C; mod x { pub use super::a::*; }",
            ),
            ("a/mod.rs", "mod b; pub(crate) use b::{self as inner, B};"),
            ("a/b.rs", "pub struct B; pub fn f() {}"),
        ];
        for path in [
            "C",
            "crate::C::new",
            "a::B",
            "x::B",
            "a::inner::f",
            "self::x::B",
        ] {
            assert_eq!(file_of(path, &files).as_deref(), Some("a/b.rs"), "{path}");
        }
        assert_eq!(file_of("a::inner", &files).as_deref(), Some("a module"));
        assert_eq!(file_of("std::fmt", &files), None);
    }

    #[test]
    fn a_function_wins_over_a_module_of_the_same_name() {
        let files = [
            ("lib.rs", "mod connect; pub use connect::connect;"),
            ("connect.rs", "pub fn connect() {}"),
        ];
        assert_eq!(file_of("connect", &files).as_deref(), Some("connect.rs"));
    }

    #[test]
    fn what_a_macro_defines_stands_in_the_file_of_the_call() {
        let files = [
            ("lib.rs", "mod e; pub use e::*; use e::Opened as O;"),
            ("e.rs", "event! { Opened { key: Key } }"),
        ];
        for path in ["Opened", "O", "e::Opened"] {
            assert_eq!(file_of(path, &files).as_deref(), Some("e.rs"), "{path}");
        }
        assert_eq!(file_of("Key", &files), None);
    }

    #[test]
    fn imports_in_a_circle_lead_nowhere() {
        let files = [
            ("lib.rs", "mod a; pub use a::*; pub use rmcp;"),
            ("a.rs", "pub use super::*; pub use super::B;"),
        ];
        assert_eq!(file_of("B", &files), None);
        assert_eq!(file_of("rmcp", &files), None);
    }
}
