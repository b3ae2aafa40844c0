//! The lists of a server.

use rmcp::model::ServerNotification;

/// A list that a server may change while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ListKind {
    /// `prompts/list`.
    Prompts,
    /// `resources/list`, and with it `resources/templates/list`.
    Resources,
    /// `tools/list`.
    Tools,
}

impl ListKind {
    /// A short word for labels and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prompts => "prompts",
            Self::Resources => "resources",
            Self::Tools => "tools",
        }
    }

    /// The list whose change a notification announces.
    pub(crate) fn changed_by(notification: &ServerNotification) -> Option<Self> {
        match notification {
            ServerNotification::PromptListChangedNotification(_) => Some(Self::Prompts),
            ServerNotification::ResourceListChangedNotification(_) => Some(Self::Resources),
            ServerNotification::ToolListChangedNotification(_) => Some(Self::Tools),
            _ => None,
        }
    }

    /// The bit that stands for the list in a set of lists.
    pub(crate) fn bit(self) -> u8 {
        1 << self as u8
    }
}
