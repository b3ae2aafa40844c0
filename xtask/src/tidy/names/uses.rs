//! The paths of a `use`.

use syn::{ItemUse, UseTree};

/// One path of a `use`, with groups taken apart.
#[derive(Debug, PartialEq)]
pub(super) struct Leaf {
    pub(super) path: Vec<String>,
    pub(super) binding: Binding,
    pub(super) line: usize,
}

/// The name that a path gets by its `use`.
#[derive(Debug, PartialEq)]
pub(super) enum Binding {
    Name(String),
    /// `*`: every name of the module or enum.
    Glob,
}

/// The paths of a `use`.
///
/// A path that begins with `::` leads to another crate and is left out.
pub(super) fn leaves(import: &ItemUse) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    if import.leading_colon.is_none() {
        walk(&import.tree, &[], &mut leaves);
    }
    leaves
}

fn walk(tree: &UseTree, prefix: &[String], leaves: &mut Vec<Leaf>) {
    let with = |ident: &syn::Ident| {
        let mut path = prefix.to_vec();
        // `a::{self}` is `a`.
        if ident != "self" || prefix.is_empty() {
            path.push(ident.to_string());
        }
        path
    };
    match tree {
        UseTree::Path(part) => walk(&part.tree, &with(&part.ident), leaves),
        UseTree::Group(group) => {
            for tree in &group.items {
                walk(tree, prefix, leaves);
            }
        }
        UseTree::Name(name) => {
            let path = with(&name.ident);
            let binding = path.last().cloned().unwrap_or_default();
            leaves.push(Leaf {
                path,
                binding: Binding::Name(binding),
                line: name.ident.span().start().line,
            });
        }
        UseTree::Rename(renamed) => leaves.push(Leaf {
            path: with(&renamed.ident),
            binding: Binding::Name(renamed.rename.to_string()),
            line: renamed.ident.span().start().line,
        }),
        UseTree::Glob(glob) => leaves.push(Leaf {
            path: prefix.to_vec(),
            binding: Binding::Glob,
            line: glob.star_token.spans[0].start().line,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        let leaves = leaves(&syn::parse_str(text).unwrap());
        let shown = leaves.into_iter().map(|leaf| {
            let binding = match leaf.binding {
                Binding::Name(name) => name,
                Binding::Glob => "*".to_owned(),
            };
            format!("{} as {binding}", leaf.path.join("::"))
        });
        shown.collect()
    }

    #[test]
    fn groups_renames_globs_and_self_are_taken_apart() {
        assert_eq!(
            paths("use crate::{a::{self, B, C as D}, e::*};"),
            [
                "crate::a as a",
                "crate::a::B as B",
                "crate::a::C as D",
                "crate::e as *"
            ]
        );
        assert_eq!(paths("use super::x;"), ["super::x as x"]);
    }

    #[test]
    fn a_path_from_the_root_of_all_crates_is_left_out() {
        assert!(paths("use ::serde::Serialize;").is_empty());
    }
}
