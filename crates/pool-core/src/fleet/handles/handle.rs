//! A handle as text.

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::extend::SealedSession;

/// A sealed session of a conversation, as a text that a gateway may hand to its own client: the letters,
/// digits, `-` and `_` of base64url.
///
/// It opens for the same caller, conversation and endpoint alone, until it expires. Made by
/// [`SessionPool::seal`](crate::SessionPool::seal), used by
/// [`SessionPool::resume`](crate::SessionPool::resume). `Debug` shows its length alone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SessionHandle(Arc<str>);

impl SessionHandle {
    /// A handle that a client sent, whatever it is.
    #[must_use]
    pub fn from_text(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text. A secret of the client that carries it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn of(sealed: &SealedSession) -> Self {
        Self(URL_SAFE_NO_PAD.encode(sealed.as_bytes()).into())
    }

    /// The sealed session. `None`: it is no text that a pool made.
    pub(crate) fn sealed(&self) -> Option<SealedSession> {
        if self.0.len() > LONGEST {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(self.0.as_bytes()).ok()?;
        Some(SealedSession::from_bytes(bytes))
    }
}

impl fmt::Debug for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionHandle({} letters)", self.0.len())
    }
}

/// More than any result of `initialize` needs.
const LONGEST: usize = 1024 * 1024;
