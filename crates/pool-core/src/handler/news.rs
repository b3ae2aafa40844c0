//! What has changed on a server, as far as the sessions of one key have heard.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

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

    /// The list that a notification says has changed.
    pub(crate) fn changed_by(notification: &ServerNotification) -> Option<Self> {
        match notification {
            ServerNotification::PromptListChangedNotification(_) => Some(Self::Prompts),
            ServerNotification::ResourceListChangedNotification(_) => Some(Self::Resources),
            ServerNotification::ToolListChangedNotification(_) => Some(Self::Tools),
            _ => None,
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// What has changed, as far as the sessions of one key have heard.
pub(crate) struct News {
    /// The lists of whose change the handler is about to be told.
    pending: AtomicU8,
    /// Names the state of the tool list; no two states of any key have the same name.
    tools: AtomicU64,
}

impl News {
    /// Nothing has changed yet. `name` is the first state's.
    pub(crate) fn new(name: u64) -> Self {
        Self {
            pending: AtomicU8::new(0),
            tools: AtomicU64::new(name),
        }
    }

    /// Names the state of the tool list as it is now known.
    pub(crate) fn tools(&self) -> u64 {
        self.tools.load(Ordering::Acquire)
    }

    /// The tool list has changed; the new state has this name.
    pub(crate) fn note_tools_changed(&self, name: u64) {
        self.tools.store(name, Ordering::Release);
    }

    /// Whether whoever asks is to tell the handler, rather than somebody who is about to already.
    pub(crate) fn begin(&self, list: ListKind) -> bool {
        self.pending.fetch_or(list.bit(), Ordering::AcqRel) & list.bit() == 0
    }

    /// The handler is told; a change from now on is another one.
    pub(crate) fn end(&self, list: ListKind) {
        self.pending.fetch_and(!list.bit(), Ordering::AcqRel);
    }
}
