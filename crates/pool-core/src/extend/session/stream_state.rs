//! Whether a session has a stream for messages that belong to no call.

/// Whether a session has a stream for the messages of its server that belong to no call.
///
/// Messages that belong to a call come on the stream of the call, whatever this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum ServerStream {
    /// There is none: the session wants none, the protocol has none, or the server refuses it.
    Absent,
    /// It is open.
    Open,
    /// It is requested, or broke off and will be opened again.
    Pending,
}

impl ServerStream {
    /// A short word for labels and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Open => "open",
            Self::Pending => "pending",
        }
    }

    pub(super) fn of(number: u8) -> Self {
        [Self::Open, Self::Pending]
            .into_iter()
            .find(|state| *state as u8 == number)
            .unwrap_or(Self::Absent)
    }
}
