//! The ends of an event that is too large to be kept.

/// The beginning and the end of an event that is too large to be kept.
///
/// A JSON-RPC message names its id in one of them, whichever order its members have.
#[derive(Debug)]
pub(crate) struct EventEnds {
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl EventEnds {
    /// The ends of what has come so far: of complete lines of data, and of the line that is not
    /// complete.
    pub(crate) fn of(data: &str, line: &[u8]) -> Self {
        let so_far = data.bytes().chain(line.iter().copied());
        Self {
            head: so_far.take(KEPT).collect(),
            tail: last(data.as_bytes()).to_vec(),
        }
    }

    /// Adds bytes to the line that is not complete, and keeps no more than its end.
    pub(crate) fn push(&mut self, line: &mut Vec<u8>, bytes: &[u8]) {
        if self.head.len() < KEPT {
            let missing = KEPT - self.head.len();
            self.head.extend(bytes.iter().take(missing));
        }
        line.extend_from_slice(last(bytes));
        if line.len() > 2 * KEPT {
            line.drain(..line.len() - KEPT);
        }
    }

    /// Adds a complete line.
    pub(crate) fn end_line(&mut self, line: &[u8]) {
        self.tail.extend_from_slice(last(line));
        if self.tail.len() > KEPT {
            self.tail.drain(..self.tail.len() - KEPT);
        }
    }

    /// Both ends as text.
    pub(crate) fn into_text(self) -> String {
        let (head, tail) = (
            String::from_utf8_lossy(&self.head),
            String::from_utf8_lossy(&self.tail),
        );
        format!("{head}\n{tail}")
    }
}

fn last(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.len().saturating_sub(KEPT)..]
}

/// The bytes that are kept of each end. An id and what stands around it need a tenth of them.
const KEPT: usize = 1024;
