//! The names that a module declares or imports.

use std::collections::{HashMap, HashSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Fields, Item, ItemMod, ItemUse,
    visit::{self, Visit},
};

use super::{
    super::source::is_for_tests,
    uses::{Binding, leaves},
};

/// The kinds of names, which do not collide with each other in Rust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Space {
    Type,
    Value,
    Macro,
    /// Any of them, as in a `use`.
    Any,
}

/// What a name stands for in a module.
pub(super) enum Entry {
    /// An item that the module defines.
    Item(&'static [Space]),
    /// A child module, by its number.
    Module(usize),
    /// The path of a `use`.
    Use(Vec<String>),
}

/// The names of a module.
#[derive(Default)]
pub(super) struct Scope {
    pub(super) names: HashMap<String, Vec<Entry>>,
    pub(super) globs: Vec<Vec<String>>,
    /// Names that a macro call of the module may define.
    pub(super) made: HashSet<String>,
}

impl Scope {
    /// Reads the items of a module, except for its child modules.
    pub(super) fn of(items: &[Item]) -> Self {
        let mut scope = Self::default();
        for item in items.iter().filter(|item| !is_for_tests(attributes(item))) {
            scope.read(item);
        }
        scope
    }

    pub(super) fn add(&mut self, name: String, entry: Entry) {
        self.names.entry(name).or_default().push(entry);
    }

    fn read(&mut self, item: &Item) {
        const BOTH: &[Space] = &[Space::Type, Space::Value];
        let (ident, spaces): (_, &'static [Space]) = match item {
            Item::Const(item) => (&item.ident, &[Space::Value]),
            Item::Enum(item) => (&item.ident, &[Space::Type]),
            Item::Fn(item) => (&item.sig.ident, &[Space::Value]),
            Item::Static(item) => (&item.ident, &[Space::Value]),
            Item::Struct(item) if !matches!(item.fields, Fields::Named(_)) => (&item.ident, BOTH),
            Item::Struct(item) => (&item.ident, &[Space::Type]),
            Item::Trait(item) => (&item.ident, &[Space::Type]),
            Item::TraitAlias(item) => (&item.ident, &[Space::Type]),
            Item::Type(item) => (&item.ident, &[Space::Type]),
            Item::Union(item) => (&item.ident, &[Space::Type]),
            Item::Macro(item) => match &item.ident {
                Some(ident) => (ident, &[Space::Macro]),
                None => return declared(&item.mac.tokens, true, &mut self.made),
            },
            Item::Use(import) => return self.import(import),
            _ => return self.visit_item(item),
        };
        self.add(ident.to_string(), Entry::Item(spaces));
        self.visit_item(item);
    }

    fn import(&mut self, import: &ItemUse) {
        for leaf in leaves(import) {
            match leaf.binding {
                Binding::Name(name) => self.add(name, Entry::Use(leaf.path)),
                Binding::Glob => self.globs.push(leaf.path),
            }
        }
    }
}

/// Finds the globs inside of functions. They count for the whole module.
impl Visit<'_> for Scope {
    fn visit_item_use(&mut self, import: &ItemUse) {
        let globs = leaves(import)
            .into_iter()
            .filter(|leaf| leaf.binding == Binding::Glob);
        self.globs.extend(globs.map(|leaf| leaf.path));
    }

    fn visit_item(&mut self, item: &Item) {
        if !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, _: &ItemMod) {}
}

/// The attributes of an item.
pub(super) fn attributes(item: &Item) -> &[syn::Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The names that a macro call may define.
///
/// Those outside of any bracket, and those that follow the keyword of a declaration.
fn declared(tokens: &TokenStream, is_outermost: bool, names: &mut HashSet<String>) {
    let mut follows_keyword = false;
    for tree in tokens.clone() {
        match tree {
            TokenTree::Ident(ident) => {
                let text = ident.to_string();
                let is_keyword = KEYWORDS.contains(&text.as_str());
                if !is_keyword && (is_outermost || follows_keyword) {
                    names.insert(text);
                }
                follows_keyword = is_keyword;
            }
            TokenTree::Group(group) => {
                follows_keyword = false;
                declared(&group.stream(), false, names);
            }
            _ => follows_keyword = false,
        }
    }
}

const KEYWORDS: [&str; 7] = ["const", "enum", "fn", "static", "struct", "trait", "type"];

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        Scope::of(&syn::parse_file(text).unwrap().items)
    }

    #[test]
    fn items_imports_and_names_made_by_macros_are_read() {
        let scope = scope(
            "struct A; use b::C as D; use e::*; macro_rules! m { () => {} }\n\
             event! { F { g: H } }\nthread_local! { static I: J = K; }\n\
             fn l() { use n::*; }\n",
        );
        let mut names: Vec<_> = scope.names.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["A", "D", "l", "m"]);
        assert_eq!(scope.globs, [["e"], ["n"]]);
        let mut made: Vec<_> = scope.made.iter().map(String::as_str).collect();
        made.sort_unstable();
        assert_eq!(made, ["F", "I", "J", "K"]);
    }

    #[test]
    fn items_for_tests_are_left_out() {
        let scope = scope("#[cfg(test)] struct A; #[cfg(all(test, unix))] use b::C;");
        assert!(scope.names.is_empty());
    }
}
