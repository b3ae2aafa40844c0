//! The words in which servers report a session that they do not know.

/// Whether a text of a server reports that it does not know the session. Pure.
///
/// The specification gives a status and no text (revision 2025-11-25, transports, session management),
/// and servers write it in many ways. The words alone prove nothing.
#[must_use]
pub fn names_lost_session(text: &str) -> bool {
    let text: String = text
        .chars()
        .take(MAX_READ)
        .collect::<String>()
        .to_ascii_lowercase();
    if text.contains("server not initialized") || text.contains("server is not initialized") {
        return true;
    }
    let names_session = text.contains("session") && !text.contains("session limit");
    names_session && LOST.iter().any(|words| text.contains(words))
}

const LOST: [&str; 21] = [
    "not found",
    "not exist",
    "not be found",
    "not known",
    "not initialized",
    "not recognized",
    "not valid",
    "no valid",
    "no active",
    "no such",
    "no session",
    "unknown",
    "unrecognized",
    "invalid",
    "expired",
    "missing",
    "required",
    "terminated",
    "closed",
    "gone",
    "ended",
];
/// A report of a lost session is short.
const MAX_READ: usize = 2_048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_a_lost_session_is_known_by_its_words() {
        for text in [
            "Session not found",
            "Bad Request: No valid session ID provided",
            "Bad Request: Mcp-Session-Id header is required",
            "Bad Request: Server not initialized",
            "Unauthorized: Session not found",
            "invalid session id",
            "Missing session ID",
            "Session has been terminated",
            "The session does not exist",
            "SESSION EXPIRED",
            "could not be found: session 5",
        ] {
            assert!(names_lost_session(text), "{text}");
        }
    }

    #[test]
    fn other_refusals_are_none() {
        for text in [
            "",
            "Bad Request",
            "tool not found",
            "invalid arguments",
            "404 page not found",
            "session limit reached: no further session, close one that is not required",
            "the session is busy",
        ] {
            assert!(!names_lost_session(text), "{text}");
        }
        let long = format!("{}session not found", "x".repeat(MAX_READ));
        assert!(!names_lost_session(&long));
    }
}
