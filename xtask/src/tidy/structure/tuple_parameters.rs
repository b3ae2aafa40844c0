//! Parameters that hold two values.

use syn::{
    FnArg, ImplItemFn, Item, ItemFn, ItemImpl, ItemMod, Signature, TraitItemFn, Type,
    visit::{self, Visit},
};

use super::super::{
    names::{Package, Space, Target},
    source::is_for_tests,
    violation::Violation,
};

/// No parameter is a tuple of two or more.
///
/// Such a tuple hides a parameter too many, or a type without a name. Closures are free, and so are
/// the methods of a trait of another crate.
///
/// A type alias of a tuple is not seen.
pub(super) fn no_tuple_parameters(package: &Package) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (id, module) in package.modules.iter() {
        let mut parameters = Parameters {
            package,
            module: id,
            found: Vec::new(),
        };
        for item in module.items {
            parameters.visit_item(item);
        }
        let violation = |Found { function, line }| {
            let remedy = format!("`{function}`: pass the values one by one, or give them a type");
            Violation::new(module.file, line, "no_tuple_parameters", remedy)
        };
        violations.extend(parameters.found.into_iter().map(violation));
    }
    violations
}

struct Parameters<'p, 'c> {
    package: &'p Package<'c>,
    module: usize,
    found: Vec<Found>,
}

struct Found {
    function: String,
    line: usize,
}

impl Parameters<'_, '_> {
    fn check(&mut self, signature: &Signature) {
        for input in &signature.inputs {
            if let FnArg::Typed(parameter) = input
                && is_tuple(&parameter.ty)
            {
                self.found.push(Found {
                    function: signature.ident.to_string(),
                    line: parameter.colon_token.span.start().line,
                });
            }
        }
    }

    fn is_foreign(&self, block: &ItemImpl) -> bool {
        block.trait_.as_ref().is_some_and(|(implemented, _)| {
            let path: Vec<_> = implemented
                .segments
                .iter()
                .map(|segment| segment.ident.to_string())
                .collect();
            let modules = &self.package.modules;
            let found = modules.resolve(self.module, &path, Space::Type);
            !matches!(found, Some(Target::Item(_)))
        })
    }
}

impl<'a> Visit<'a> for Parameters<'_, '_> {
    fn visit_item(&mut self, item: &'a Item) {
        let attributes = match item {
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !is_for_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    // A module of its own.
    fn visit_item_mod(&mut self, _: &'a ItemMod) {}

    fn visit_item_fn(&mut self, function: &'a ItemFn) {
        self.check(&function.sig);
        visit::visit_item_fn(self, function);
    }

    fn visit_item_impl(&mut self, block: &'a ItemImpl) {
        if !self.is_foreign(block) {
            visit::visit_item_impl(self, block);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'a ImplItemFn) {
        if !is_for_tests(&function.attrs) {
            self.check(&function.sig);
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_trait_item_fn(&mut self, function: &'a TraitItemFn) {
        self.check(&function.sig);
        visit::visit_trait_item_fn(self, function);
    }
}

fn is_tuple(parameter: &Type) -> bool {
    match parameter {
        Type::Tuple(tuple) => tuple.elems.len() > 1,
        Type::Reference(reference) => is_tuple(&reference.elem),
        Type::Paren(inner) => is_tuple(&inner.elem),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::super::names::with_package, *};

    fn lines(text: &str) -> Vec<usize> {
        with_package(&[("lib.rs", text)], |package| {
            Violation::lines(&no_tuple_parameters(package))
        })
    }

    #[test]
    fn a_tuple_is_found_in_functions_methods_and_own_traits() {
        let text = "fn a((b, c): (B, C)) {}\nimpl A {\n    fn d(&self, e: &(E, F)) {}\n}\n\
            trait G {\n    fn h(i: (I, I));\n}\nimpl G for A {\n    fn h(i: (I, I)) {}\n}\n\
            mod j {\n    fn k(\n        l: u8,\n        m: (u8, u8),\n    ) {}\n}\n";
        assert_eq!(lines(text), [1, 3, 6, 9, 14]);
    }

    #[test]
    fn closures_foreign_traits_tests_and_lists_of_tuples_are_free() {
        let text = "fn a(b: (), c: (C,), d: &[(D, E)]) { |(f, g): (F, G)| f; }\n\
            impl std::iter::Extend<(A, B)> for C { fn extend_one(&mut self, h: (A, B)) {} }\n\
            #[cfg(test)]\nmod tests { fn i(j: (J, K)) {} }\n#[test]\nfn l(m: (M, N)) {}\n";
        assert!(lines(text).is_empty());
    }
}
