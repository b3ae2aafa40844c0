//! Rules on Rust code.

use syn::{
    Expr, ExprCall, ExprMethodCall, ItemImpl, ItemUse, UseTree,
    visit::{self, Visit},
};

use super::{
    source::{Code, Token},
    violation::Violation,
};

/// A file has one purpose and fits on a few screens.
pub(super) fn short_files(code: &Code) -> Vec<Violation> {
    let (lines, most) = if code.is_test() {
        (code.lines, MAX_TEST_LINES)
    } else {
        (code.lines_of_code(), MAX_LINES)
    };
    if lines <= most {
        return Vec::new();
    }
    let remedy = format!("{lines} lines without its tests; split it, {most} are enough");
    vec![Violation::new(code.path, most + 1, "short_files", remedy)]
}

/// The core names no transport, no token format and no telemetry.
///
/// Those are crates beside it.
pub(super) fn core_names_no_transport(code: &Code) -> Vec<Violation> {
    if !code.path.starts_with("crates/pool-core/src/") {
        return Vec::new();
    }
    let foreign = |token: &&Token| {
        FOREIGN_TO_CORE.contains(&token.text.as_str()) || token.text.starts_with("opentelemetry")
    };
    let remedy = |token: &Token| format!("`{}` belongs to a crate beside the core", token.text);
    let named = code.tokens.iter().filter(foreign);
    let rule = "core_names_no_transport";
    named
        .map(|token| Violation::new(code.path, token.line, rule, remedy(token)))
        .collect()
}

/// A test that does not run, or that passes by failing, shows nothing.
pub(super) fn no_dodged_tests(code: &Code) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (attribute, remedy) in DODGES {
        for line in code.occurrences(&["#", "[", attribute]) {
            violations.push(Violation::new(code.path, line, "no_dodged_tests", remedy));
        }
    }
    violations
}

/// Merged code is complete.
pub(super) fn no_holes(code: &Code) -> Vec<Violation> {
    let holes = HOLES.iter().flat_map(|hole| code.occurrences(&[hole, "!"]));
    let violation = |line| Violation::new(code.path, line, "no_holes", "write it, or leave it out");
    holes.map(violation).collect()
}

/// One function is not checked by the compiler.
pub(super) fn unsafe_in_one_place(code: &Code) -> Vec<Violation> {
    if code.path == UNSAFE {
        return Vec::new();
    }
    let remedy = "write it without: the workspace has one function that needs it";
    let violation = |line| Violation::new(code.path, line, "unsafe_in_one_place", remedy);
    let lines = code.occurrences(&["unsafe"]).into_iter();
    lines.map(violation).collect()
}

/// Only tokio's clock can be paused by a test.
pub(super) fn paused_clock(code: &Code) -> Vec<Violation> {
    let mut lines = code.occurrences(&["std", ":", ":", "time", ":", ":", "Instant"]);
    let mut imports = Imports::default();
    imports.visit_file(&code.file);
    lines.extend(imports.0);
    lines.sort_unstable();
    lines.dedup();
    let remedy = "use `tokio::time::Instant`, which follows the paused clock of tests";
    let violation = |line| Violation::new(code.path, line, "paused_clock", remedy);
    lines.into_iter().map(violation).collect()
}

/// A value may be dropped outside of a runtime.
pub(super) fn no_spawn_in_drop(code: &Code) -> Vec<Violation> {
    let mut spawns = SpawnsInDrop::default();
    spawns.visit_file(&code.file);
    let remedy = "`drop` needs no runtime: send to a task that exists already";
    let violation = |line| Violation::new(code.path, line, "no_spawn_in_drop", remedy);
    spawns.lines.into_iter().map(violation).collect()
}

/// The lines that import `std::time::Instant`.
#[derive(Default)]
struct Imports(Vec<usize>);

impl Imports {
    fn walk(&mut self, tree: &UseTree, path: &mut Vec<String>) {
        match tree {
            UseTree::Path(segment) => {
                path.push(segment.ident.to_string());
                self.walk(&segment.tree, path);
                path.pop();
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.walk(tree, path)),
            UseTree::Name(name) => self.leaf(&name.ident, path),
            UseTree::Rename(renamed) => self.leaf(&renamed.ident, path),
            _ => {}
        }
    }

    fn leaf(&mut self, name: &syn::Ident, path: &[String]) {
        if path == ["std", "time"] && name == "Instant" {
            self.0.push(name.span().start().line);
        }
    }
}

/// The lines of an `impl Drop` that spawn.
#[derive(Default)]
struct SpawnsInDrop {
    in_drop: bool,
    lines: Vec<usize>,
}

impl SpawnsInDrop {
    fn note(&mut self, name: &syn::Ident) {
        if self.in_drop && name.to_string().starts_with("spawn") {
            self.lines.push(name.span().start().line);
        }
    }
}

impl<'a> Visit<'a> for Imports {
    fn visit_item_use(&mut self, import: &'a ItemUse) {
        self.walk(&import.tree, &mut Vec::new());
    }
}

impl<'a> Visit<'a> for SpawnsInDrop {
    fn visit_item_impl(&mut self, block: &'a ItemImpl) {
        let name = block
            .trait_
            .as_ref()
            .and_then(|(path, _)| path.segments.last());
        let outer = std::mem::replace(&mut self.in_drop, name.is_some_and(|n| n.ident == "Drop"));
        visit::visit_item_impl(self, block);
        self.in_drop = outer;
    }

    fn visit_expr_call(&mut self, call: &'a ExprCall) {
        if let Expr::Path(function) = &*call.func
            && let Some(name) = function.path.segments.last()
        {
            self.note(&name.ident);
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'a ExprMethodCall) {
        self.note(&call.method);
        visit::visit_expr_method_call(self, call);
    }
}

const UNSAFE: &str = "crates/transport-stdio/src/process/parent_death.rs";
const MAX_LINES: usize = 300;
const MAX_TEST_LINES: usize = 500;

const FOREIGN_TO_CORE: [&str; 3] = ["reqwest", "sse_stream", "jsonwebtoken"];

const HOLES: [&str; 2] = ["todo", "unimplemented"];

const DODGES: [(&str, &str); 2] = [
    ("ignore", "run the test, or delete it"),
    ("should_panic", "return an error and assert which one it is"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_at(path: &str, rule: fn(&Code) -> Vec<Violation>, text: &str) -> Vec<usize> {
        Violation::lines(&rule(&Code::parse(path, text).unwrap()))
    }

    fn lines(rule: fn(&Code) -> Vec<Violation>, text: &str) -> Vec<usize> {
        lines_at("crates/a/src/a.rs", rule, text)
    }

    #[test]
    fn a_file_may_have_300_lines_without_its_tests() {
        let tests = "#[cfg(test)]\nmod tests {\n".to_owned() + &"\n".repeat(400) + "}\n";
        let file = |lines| "fn a() {}\n".repeat(lines) + &tests;
        assert!(lines(short_files, &file(300)).is_empty());
        assert_eq!(lines(short_files, &file(301)), [301]);
    }

    #[test]
    fn a_file_of_tests_may_have_500_lines() {
        let file = |lines| "fn a() {}\n".repeat(lines);
        for path in [
            "tests/it/a.rs",
            "crates/a/tests/a.rs",
            "crates/a/src/b/tests.rs",
        ] {
            assert!(lines_at(path, short_files, &file(500)).is_empty(), "{path}");
            assert_eq!(lines_at(path, short_files, &file(501)), [501], "{path}");
        }
    }

    #[test]
    fn the_core_names_no_transport_outside_of_comments() {
        let text = "// reqwest\n/// `reqwest`\nuse reqwest::Client;\nuse opentelemetry_sdk as o;\n";
        let rule = core_names_no_transport;
        assert_eq!(lines_at("crates/pool-core/src/a.rs", rule, text), [3, 4]);
        assert!(lines_at("crates/telemetry/src/a.rs", rule, text).is_empty());
    }

    #[test]
    fn a_test_that_is_not_run_is_found() {
        let text = "#[test]\n#[ignore]\nfn a() {}\n#[ignore = \"slow\"]\nfn b() {}\n\
            #[should_panic(expected = \"x\")]\nfn c() {}\n#[serde(ignore)]\nstruct A;\n";
        assert_eq!(lines(no_dodged_tests, text), [2, 4, 6]);
    }

    #[test]
    fn a_hole_is_found_in_code_and_macros_but_not_in_strings() {
        let text = "fn a() { todo!() }\nmacro_rules! m { () => { unimplemented!(\"x\") } }\n\
            const A: &str = \"todo!()\";\n";
        assert_eq!(lines(no_holes, text), [1, 2]);
    }

    #[test]
    fn unsafe_code_is_found_outside_of_its_one_place() {
        let text = "// unsafe\nfn f() { unsafe { g() } }\nunsafe fn g() {}\n";
        assert_eq!(lines(unsafe_in_one_place, text), [2, 3]);
        assert!(lines_at(UNSAFE, unsafe_in_one_place, text).is_empty());
    }

    #[test]
    fn the_clock_of_std_is_found_in_every_notation() {
        let text = "use std::time::Instant;\nuse std::{sync::Arc, time::{Duration, Instant}};\n\
            fn a() { std::time::Instant::now(); }\nuse tokio::time::Instant as I;\n\
            use std::time::Duration as D;\n";
        assert_eq!(lines(paused_clock, text), [1, 2, 3]);
    }

    #[test]
    fn a_task_spawned_by_drop_is_found() {
        let text = "impl Drop for A {\n    fn drop(&mut self) {\n        tokio::spawn(f());\n\
            self.handle.spawn_blocking(f);\n        self.tasks.close();\n    }\n}\n\
            impl A { fn a() { tokio::spawn(f()); } }\n";
        assert_eq!(lines(no_spawn_in_drop, text), [3, 4]);
    }
}
