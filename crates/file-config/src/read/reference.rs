//! References to secrets.

use super::node::Node;
use crate::secret::{Place, SecretRef};

/// A reference to a secret; `None` where the table is none.
pub(super) fn read_reference(node: &mut Node<'_>) -> Option<SecretRef> {
    let prefix = node.text("prefix").unwrap_or_default();
    let place = match (node.text("env"), node.text("file")) {
        (Some(name), None) => Place::Variable(name),
        (None, Some(path)) => Place::File(path.into()),
        _ => return None,
    };
    Some(SecretRef { place, prefix })
}
