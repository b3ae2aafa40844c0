//! The paths that the code of a module names.

use std::collections::HashSet;

use syn::{
    Arm, Attribute, ExprPath, Field, FieldValue, ImplItem, ImplItemFn, Item, ItemFn, ItemUse,
    Local, Macro, PatIdent, Path, TraitItem, TraitItemFn, Visibility,
    visit::{self, Visit},
};

use super::{
    super::source::is_for_tests,
    mention::Mention,
    scope::{Space, attributes},
    tokens,
    uses::{Binding, leaves},
};

/// Every path in the items of a module.
///
/// Child modules and test code are left out.
pub(super) fn mentions(items: &[Item]) -> Vec<Mention> {
    let mut mentions = Mentions::default();
    for item in items {
        mentions.visit_item(item);
    }
    mentions.found
}

#[derive(Default)]
struct Mentions {
    found: Vec<Mention>,
    /// The variables of the enclosing function. None of them is an item.
    variables: HashSet<String>,
}

impl Mentions {
    fn add(&mut self, path: &Path, space: Space) {
        if path.leading_colon.is_some() {
            return;
        }
        let segments: Vec<_> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        let line = path.segments[0].ident.span().start().line;
        self.push(Mention::inline(segments, space, line));
    }

    fn push(&mut self, mention: Mention) {
        let is_variable = mention.space == Space::Value
            && mention.path.len() == 1
            && self.variables.contains(&mention.path[0]);
        if !is_variable {
            self.found.push(mention);
        }
    }

    /// Visits a function with its variables known.
    fn within(&mut self, variables: Variables, visit: impl FnOnce(&mut Self)) {
        let outer = self.variables.clone();
        self.variables.extend(variables.0);
        visit(self);
        self.variables = outer;
    }
}

impl<'a> Visit<'a> for Mentions {
    fn visit_item(&mut self, item: &'a Item) {
        if !is_for_tests(attributes(item)) && !matches!(item, Item::Mod(_)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'a ImplItem) {
        let attributes: &[Attribute] = match item {
            ImplItem::Const(item) => &item.attrs,
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            ImplItem::Macro(item) => &item.attrs,
            _ => &[],
        };
        if !is_for_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_trait_item(&mut self, item: &'a TraitItem) {
        let attributes: &[Attribute] = match item {
            TraitItem::Fn(item) => &item.attrs,
            _ => &[],
        };
        if !is_for_tests(attributes) {
            visit::visit_trait_item(self, item);
        }
    }

    fn visit_field(&mut self, field: &'a Field) {
        if !is_for_tests(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_field_value(&mut self, field: &'a FieldValue) {
        if !is_for_tests(&field.attrs) {
            visit::visit_field_value(self, field);
        }
    }

    fn visit_arm(&mut self, arm: &'a Arm) {
        if !is_for_tests(&arm.attrs) {
            visit::visit_arm(self, arm);
        }
    }

    fn visit_local(&mut self, local: &'a Local) {
        if !is_for_tests(&local.attrs) {
            visit::visit_local(self, local);
        }
    }

    fn visit_item_fn(&mut self, function: &'a ItemFn) {
        let mut variables = Variables::default();
        variables.visit_item_fn(function);
        self.within(variables, |this| visit::visit_item_fn(this, function));
    }

    fn visit_impl_item_fn(&mut self, function: &'a ImplItemFn) {
        let mut variables = Variables::default();
        variables.visit_impl_item_fn(function);
        self.within(variables, |this| visit::visit_impl_item_fn(this, function));
    }

    fn visit_trait_item_fn(&mut self, function: &'a TraitItemFn) {
        let mut variables = Variables::default();
        variables.visit_trait_item_fn(function);
        self.within(variables, |this| visit::visit_trait_item_fn(this, function));
    }

    fn visit_item_use(&mut self, import: &'a ItemUse) {
        let is_reexport = !matches!(import.vis, Visibility::Inherited);
        for leaf in leaves(import) {
            let space = match leaf.binding {
                Binding::Name(_) => Space::Any,
                Binding::Glob => Space::Type,
            };
            self.found.push(Mention {
                path: leaf.path,
                space,
                line: leaf.line,
                is_reexport,
            });
        }
    }

    // Neither names an item: `pub(in path)`, and attributes, whose paths are mostly of macros.
    fn visit_visibility(&mut self, _: &'a Visibility) {}
    fn visit_attribute(&mut self, _: &'a Attribute) {}

    fn visit_path(&mut self, path: &'a Path) {
        self.add(path, Space::Type);
        visit::visit_path(self, path);
    }

    fn visit_expr_path(&mut self, expression: &'a ExprPath) {
        let space = match &expression.qself {
            // `<Type as Trait>::name`
            Some(_) => Space::Type,
            None => Space::Value,
        };
        self.add(&expression.path, space);
        if let Some(qself) = &expression.qself {
            self.visit_qself(qself);
        }
        for segment in &expression.path.segments {
            self.visit_path_segment(segment);
        }
    }

    fn visit_pat_ident(&mut self, pattern: &'a PatIdent) {
        let name = pattern.ident.to_string();
        if is_constant(&name) {
            let line = pattern.ident.span().start().line;
            self.push(Mention::inline(vec![name], Space::Value, line));
        }
        visit::visit_pat_ident(self, pattern);
    }

    fn visit_macro(&mut self, call: &'a Macro) {
        self.add(&call.path, Space::Macro);
        for mention in tokens::paths(call.tokens.clone()) {
            self.push(mention);
        }
    }
}

/// True for the name of a constant or a variant in a pattern.
///
/// Other names in a pattern are variables.
fn is_constant(name: &str) -> bool {
    name.starts_with(char::is_uppercase)
}

/// The variables of a function, those of its closures included.
#[derive(Default)]
struct Variables(HashSet<String>);

impl<'a> Visit<'a> for Variables {
    fn visit_pat_ident(&mut self, pattern: &'a PatIdent) {
        let name = pattern.ident.to_string();
        if !is_constant(&name) {
            self.0.insert(name);
        }
        visit::visit_pat_ident(self, pattern);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let items = syn::parse_file(text).unwrap().items;
        let paths = mentions(&items).into_iter();
        paths.map(|mention| mention.path.join("::")).collect()
    }

    #[test]
    fn types_values_patterns_and_macros_are_mentioned() {
        assert_eq!(
            found("fn f(a: x::A) -> B<C> { match g() { D::E(h) => h, LIMIT => k!(l::M), } }"),
            ["x::A", "B", "C", "g", "D::E", "LIMIT", "k", "l::M"]
        );
    }

    #[test]
    fn variables_attributes_and_visibilities_are_not() {
        assert!(found("#[a::b] pub(in c::d) fn f(g: &str) { g; let h = 1; h; }")[..] == ["str"]);
    }

    #[test]
    fn code_for_tests_is_not() {
        let text = "#[cfg(test)] use a::B;\n#[test] fn f() { g() }\n\
            struct S { #[cfg(test)] h: I }\nimpl S { #[cfg(test)] fn j() { k() } }\n\
            #[cfg(test)] mod tests { use l::M; }\n";
        assert_eq!(found(text), ["S"]);
    }
}
