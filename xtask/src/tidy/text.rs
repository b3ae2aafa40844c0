//! Rules on any text.

use super::violation::Violation;

/// A note for later does no work: the work is done, or left out.
pub(super) fn left_for_later(path: &str, text: &str) -> Vec<Violation> {
    let marked = |line: &&str| {
        let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.any(|word| MARKS.contains(&word))
    };
    per_line(text, marked, |line| {
        Violation::new(path, line, "left_for_later", "do it now, or leave it out")
    })
}

/// A path of one machine is wrong on another.
pub(super) fn machine_paths(path: &str, text: &str) -> Vec<Violation> {
    let named = |line: &&str| HOMES.iter().any(|home| names_root(line, home));
    per_line(text, named, |line| {
        Violation::new(
            path,
            line,
            "machine_paths",
            "name no path of one machine; make it relative",
        )
    })
}

/// The overview is the first page to read, so it stays short.
///
/// Fenced lists of files do not count.
pub(super) fn short_architecture(path: &str, text: &str) -> Vec<Violation> {
    let mut is_fenced = false;
    let is_counted = |line: &&str| {
        let is_fence = line.starts_with("```");
        is_fenced ^= is_fence;
        !is_fence && !is_fenced
    };
    let lines = text.lines().filter(is_counted).count();
    if path != "docs/architecture.md" || lines <= MAX_OVERVIEW {
        return Vec::new();
    }
    let remedy = format!("{lines} lines; keep it to {MAX_OVERVIEW}, details belong to the crates");
    vec![Violation::new(
        path,
        MAX_OVERVIEW + 1,
        "short_architecture",
        remedy,
    )]
}

/// moka is only a map: no code awaits inside of it.
///
/// So no caller waits for the I/O of another. Without the feature there is no `moka::future`.
pub(super) fn no_io_in_moka(path: &str, text: &str) -> Vec<Violation> {
    if !path.ends_with("Cargo.toml") {
        return Vec::new();
    }
    let awaits = |line: &&str| line.starts_with("moka") && line.contains("\"future\"");
    per_line(text, awaits, |line| {
        let remedy = "leave `future` out; await outside of the cache";
        Violation::new(path, line, "no_io_in_moka", remedy)
    })
}

fn per_line(
    text: &str,
    wrong: impl Fn(&&str) -> bool,
    violation: impl Fn(usize) -> Violation,
) -> Vec<Violation> {
    let lines = (1..).zip(text.lines());
    lines
        .filter(|(_, line)| wrong(line))
        .map(|(number, _)| violation(number))
        .collect()
}

/// True when the folder stands directly below the root of the file system.
///
/// In `example.com/home/` it does not.
fn names_root(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "_.-~}$*".contains(c))
    })
}

const MAX_OVERVIEW: usize = 150;

// Written in pieces, so that this file breaks no rule.
const MARKS: [&str; 3] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];

const HOMES: [&str; 5] = [
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
    concat!("/t", "mp/"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(rule: fn(&str, &str) -> Vec<Violation>, text: &str) -> Vec<usize> {
        Violation::lines(&rule("notes.md", text))
    }

    #[test]
    fn a_note_for_later_is_found_in_any_file() {
        let text = concat!("fine\n// TO", "DO: later\n# FIX", "ME\n");
        assert_eq!(lines(left_for_later, text), [2, 3]);
    }

    #[test]
    fn a_word_that_merely_contains_a_mark_is_fine() {
        assert!(lines(left_for_later, concat!("MY_TO", "DO_LIST, todos")).is_empty());
    }

    #[test]
    fn a_path_of_one_machine_is_found() {
        for text in HOMES.map(|home| format!("see `{home}me`")) {
            assert_eq!(lines(machine_paths, &text), [1], "{text}");
        }
        assert_eq!(
            lines(machine_paths, concat!("\nfile:///ho", "me/me/x")),
            [2]
        );
    }

    #[test]
    fn a_path_of_a_url_or_below_a_folder_is_fine() {
        let text = concat!(
            "https://example.com/ho",
            "me/x\ntarget/t",
            "mp/x\n$ROOT/wo",
            "rk/"
        );
        assert!(lines(machine_paths, text).is_empty());
    }

    #[test]
    fn an_overview_may_have_150_lines_outside_of_lists() {
        let long = |lines| short_architecture("docs/architecture.md", &"x\n".repeat(lines));
        assert!(long(150).is_empty());
        assert_eq!(Violation::lines(&long(151)), [151]);
        let lists = "x\n".repeat(150) + "```text\nx\n```\n";
        assert!(short_architecture("docs/architecture.md", &lists).is_empty());
        assert!(short_architecture("docs/other.md", &"x\n".repeat(151)).is_empty());
    }

    #[test]
    fn a_cache_that_could_await_is_found() {
        let text =
            "[dependencies]\nmoka = { version = \"1\", features = [\"future\", \"sync\"] }\n";
        assert_eq!(Violation::lines(&no_io_in_moka("a/Cargo.toml", text)), [2]);
        assert!(no_io_in_moka("a/Cargo.toml", "moka = { features = [\"sync\"] }").is_empty());
        assert!(no_io_in_moka("notes.md", text).is_empty());
    }
}
