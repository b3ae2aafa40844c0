//! The order of the folders of a crate.

/// The folders directly below `src`, ground first.
///
/// A file imports from its own folder and from folders before it.
pub(in super::super) struct Order {
    /// The folder of the crate, such as `crates/pool-core`.
    pub(in super::super) root: &'static str,
    folders: &'static [&'static str],
}

impl Order {
    /// The order of a crate, where it has one.
    pub(in super::super) fn of(root: &str) -> Option<&'static Self> {
        ORDERS.iter().find(|order| order.root == root)
    }

    /// The position of a file, whose path is relative to `src`.
    ///
    /// `lib.rs` stands above all folders; `None` is a folder that the order does not name.
    pub(in super::super) fn rank(&self, file: &str) -> Option<usize> {
        if file == "lib.rs" {
            return Some(self.folders.len());
        }
        let folder = folder(file);
        self.folders.iter().position(|name| *name == folder)
    }
}

/// The folder of a file directly below `src`.
///
/// A file `x.rs` beside the folders counts as `x`.
pub(super) fn folder(file: &str) -> &str {
    let first = file.split('/').next().unwrap_or(file);
    first.strip_suffix(".rs").unwrap_or(first)
}

const ORDERS: &[Order] = &[Order {
    root: "crates/pool-core",
    folders: &[
        "types",
        "time",
        "error",
        "handler",
        "wire",
        "extend",
        "config",
        "trace",
        "limits",
        "upstream",
        "fleet",
        "context",
        "key",
        "detect",
        "acquire",
        "maintenance",
        "stats",
        "client",
        "pool",
    ],
}];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_rank_by_their_folder_and_the_root_ranks_last() {
        let order = Order::of("crates/pool-core").unwrap();
        assert_eq!(order.rank("types/scope.rs"), Some(0));
        assert_eq!(order.rank("time.rs"), Some(1));
        assert!(order.rank("key/slots/state.rs") < order.rank("pool/mod.rs"));
        assert!(order.rank("client/mod.rs") < order.rank("lib.rs"));
        assert_eq!(order.rank("elsewhere/mod.rs"), None);
        assert!(Order::of("crates/none").is_none());
    }
}
