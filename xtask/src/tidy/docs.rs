//! Rules on the docs of public functions.
//!
//! Functions that a macro defines are not read; review their docs in the macro.

use syn::{
    Attribute, Expr, ExprLit, ImplItem, ItemFn, ItemImpl, ItemMod, ItemTrait, Lit, Meta,
    ReturnType, Signature, TraitItem, Type, Visibility,
    visit::{self, Visit},
};

use super::{
    source::{Code, is_test_module},
    violation::Violation,
};

/// A caller must know the effect of dropping a future before it is ready.
pub(super) fn cancel_safety(code: &Code) -> Vec<Violation> {
    if SUITES.iter().any(|suite| code.path.starts_with(suite)) {
        // Its functions are tests, and no caller drops a test.
        return Vec::new();
    }
    let lacking = |function: &Function| {
        function.signature.asyncness.is_some() && !has_section(function.docs, "# Cancel safety")
    };
    let remedy = "describe under `# Cancel safety` the effect of dropping the future";
    check(code, lacking, "cancel_safety", remedy)
}

/// A caller must know the errors to expect.
pub(super) fn errors(code: &Code) -> Vec<Violation> {
    let lacking = |function: &Function| {
        returns_result(function.signature) && !has_section(function.docs, "# Errors")
    };
    check(
        code,
        lacking,
        "errors",
        "name each error and its cause under `# Errors`",
    )
}

fn check(
    code: &Code,
    lacking: impl Fn(&Function) -> bool,
    rule: &'static str,
    remedy: &str,
) -> Vec<Violation> {
    if !code.is_library() {
        return Vec::new();
    }
    let mut public = PublicFunctions::default();
    public.visit_file(&code.file);
    let violation = |function: &Function| {
        let name = &function.signature.ident;
        let line = name.span().start().line;
        Violation::new(code.path, line, rule, format!("`{name}`: {remedy}"))
    };
    public
        .0
        .iter()
        .filter(|function| lacking(function))
        .map(violation)
        .collect()
}

/// The functions that a user of a crate may call or must write.
///
/// Methods that implement a trait are not among them: the trait has their docs.
#[derive(Default)]
struct PublicFunctions<'a>(Vec<Function<'a>>);

struct Function<'a> {
    signature: &'a Signature,
    docs: &'a [Attribute],
}

impl<'a> PublicFunctions<'a> {
    fn add(&mut self, visibility: &Visibility, signature: &'a Signature, docs: &'a [Attribute]) {
        if matches!(visibility, Visibility::Public(_)) {
            self.0.push(Function { signature, docs });
        }
    }
}

impl<'a> Visit<'a> for PublicFunctions<'a> {
    fn visit_item_mod(&mut self, module: &'a ItemMod) {
        if !is_test_module(module) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, function: &'a ItemFn) {
        self.add(&function.vis, &function.sig, &function.attrs);
    }

    fn visit_item_impl(&mut self, block: &'a ItemImpl) {
        if block.trait_.is_some() {
            return;
        }
        for item in &block.items {
            if let ImplItem::Fn(method) = item {
                self.add(&method.vis, &method.sig, &method.attrs);
            }
        }
    }

    fn visit_item_trait(&mut self, declared: &'a ItemTrait) {
        for item in &declared.items {
            if let TraitItem::Fn(method) = item {
                self.add(&declared.vis, &method.sig, &method.attrs);
            }
        }
    }
}

fn has_section(docs: &[Attribute], heading: &str) -> bool {
    let mut lines = docs.iter().filter_map(doc_text);
    lines.any(|text| text.lines().any(|line| line.trim() == heading))
}

fn doc_text(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else {
        return None;
    };
    match &pair.value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) if pair.path.is_ident("doc") => Some(text.value()),
        _ => None,
    }
}

fn returns_result(signature: &Signature) -> bool {
    let ReturnType::Type(_, returned) = &signature.output else {
        return false;
    };
    let Type::Path(path) = &**returned else {
        return false;
    };
    path.path
        .segments
        .last()
        .is_some_and(|last| last.ident == "Result")
}

const SUITES: [&str; 2] = ["crates/directory/src/conformance/", "crates/testkit/"];

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(rule: fn(&Code) -> Vec<Violation>, text: &str) -> Vec<usize> {
        Violation::lines(&rule(&Code::parse("crates/a/src/a.rs", text).unwrap()))
    }

    #[test]
    fn public_async_functions_need_a_section_on_cancel_safety() {
        let text = "pub async fn a() {}\nimpl A {\n    pub async fn b(&self) {}\n}\n\
            pub trait T {\n    async fn c();\n}\n";
        assert_eq!(lines(cancel_safety, text), [1, 3, 6]);
    }

    #[test]
    fn private_sync_and_trait_impl_functions_need_no_section() {
        let text = "async fn a() {}\npub(crate) async fn b() {}\npub fn c() {}\n\
            impl T for A { async fn d() {} }\n#[cfg(test)]\nmod tests { pub async fn e() {} }\n\
            trait Own { async fn f(); }\n";
        assert!(lines(cancel_safety, text).is_empty());
    }

    #[test]
    fn the_section_is_enough() {
        let text = "/// Does it.\n///\n/// # Cancel safety\n/// Nothing is lost.\n\
            pub async fn a() {}\n/** Does it.\n# Cancel safety\nYes. */\npub async fn b() {}\n";
        assert!(lines(cancel_safety, text).is_empty());
        let spoken = "/// Has no # Cancel safety\npub async fn a() {}\n";
        assert_eq!(lines(cancel_safety, spoken), [2]);
    }

    #[test]
    fn public_functions_that_may_fail_need_a_section_on_errors() {
        let text = "pub fn a() -> Result<(), E> {}\npub async fn b() -> io::Result<()> {}\n\
            /// # Errors\n/// Never.\npub fn c() -> Result<(), E> {}\npub fn d() -> ResultSet {}\n";
        assert_eq!(lines(errors, text), [1, 2]);
    }

    #[test]
    fn only_crates_need_the_sections() {
        let code = Code::parse("tests/src/a.rs", "pub async fn a() {}").unwrap();
        assert!(cancel_safety(&code).is_empty());
    }
}
