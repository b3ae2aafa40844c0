//! Reading of lines, in bounded memory.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, BufReader};

/// Reads lines, in bounded memory.
pub(crate) struct LineReader<R> {
    reader: BufReader<R>,
    limits: LineLimits,
    line: Vec<u8>,
    /// The bytes of the line so far, those included that were dropped.
    len: usize,
    /// The end of a line that is too long.
    tail: Vec<u8>,
}

/// The limits of lines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineLimits {
    /// Bytes of a line that is kept whole.
    pub(crate) whole: usize,
    /// Bytes of the two ends that are kept of a longer one.
    pub(crate) ends: usize,
    /// Bytes after which a line is not read to its end; `None`: no limit.
    pub(crate) endless: Option<usize>,
}

/// One line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'l> {
    /// The beginning and the end of a line that is too long.
    Cut(&'l [u8], &'l [u8]),
    /// A line without an end in sight. The reader is of no use any more.
    Endless,
    /// The whole line.
    Whole(&'l [u8]),
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    pub(crate) fn new(reader: R, limits: LineLimits) -> Self {
        Self {
            reader: BufReader::new(reader),
            limits,
            line: Vec::new(),
            len: 0,
            tail: Vec::new(),
        }
    }

    /// The next line; the rest of the stream where it ends without a line feed. `None`: the end.
    ///
    /// # Errors
    /// The stream cannot be read.
    ///
    /// # Cancel safety
    /// Not cancel safe: a part of a line may be lost.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.begin();
        loop {
            let chunk = self.reader.fill_buf().await?;
            if chunk.is_empty() {
                return Ok((self.len > 0).then(|| self.line()));
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let read = end.map_or(chunk.len(), |end| end + 1);
            // The line feed is no part of the line.
            let part = end.unwrap_or(chunk.len());
            add(&chunk[..part], self.limits, &mut self.line, &mut self.tail);
            self.len += part;
            std::pin::Pin::new(&mut self.reader).consume(read);
            if end.is_some() {
                return Ok(Some(self.line()));
            }
            if self.limits.endless.is_some_and(|most| self.len > most) {
                return Ok(Some(Line::Endless));
            }
        }
    }

    fn begin(&mut self) {
        self.line.clear();
        self.line.shrink_to(USUAL);
        self.tail.clear();
        self.len = 0;
    }

    fn line(&self) -> Line<'_> {
        let LineLimits { whole, ends, .. } = self.limits;
        match self.len <= whole {
            true => Line::Whole(&self.line),
            false => {
                let from = self.tail.len().saturating_sub(ends);
                Line::Cut(&self.line[..ends.min(self.line.len())], &self.tail[from..])
            }
        }
    }
}

/// Adds a part of a line to its beginning, and to its end once that is another one.
fn add(part: &[u8], limits: LineLimits, line: &mut Vec<u8>, tail: &mut Vec<u8>) {
    let free = limits.whole.saturating_sub(line.len());
    let (kept, rest) = part.split_at(free.min(part.len()));
    line.extend_from_slice(kept);
    if rest.is_empty() {
        return;
    }
    if tail.is_empty() {
        let from = line.len().saturating_sub(limits.ends);
        tail.extend_from_slice(&line[from..]);
    }
    tail.extend_from_slice(&rest[rest.len().saturating_sub(limits.ends)..]);
    let surplus = tail.len().saturating_sub(limits.ends);
    drop(tail.drain(..surplus));
}

/// The memory that a reader keeps between lines.
const USUAL: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: LineLimits = LineLimits {
        whole: 8,
        ends: 3,
        endless: Some(64),
    };

    /// The lines of a text that comes in parts of this size.
    async fn lines(text: &[u8], size: usize) -> Vec<String> {
        let mut reader = LineReader::new(text, LIMITS);
        reader.reader = BufReader::with_capacity(size, text);
        let mut lines = Vec::new();
        while let Some(line) = reader.next().await.expect("it is read") {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            lines.push(match line {
                Line::Whole(line) => text(line),
                Line::Cut(start, end) => format!("{}…{}", text(start), text(end)),
                Line::Endless => "endless".to_owned(),
            });
            if lines.last().is_some_and(|line| line == "endless") {
                break;
            }
        }
        lines
    }

    #[tokio::test]
    async fn lines_are_the_same_however_they_come() {
        let text = b"one\n\n12345678\n123456789\nabcdefghijklmnopq\r\nlast";
        for size in [1, 2, 3, 5, 7, 16, 100] {
            assert_eq!(
                lines(text, size).await,
                ["one", "", "12345678", "123…789", "abc…pq\r", "last"],
                "{size}"
            );
        }
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_given_up() {
        let text = "x".repeat(100);
        for size in [1, 10, 64] {
            assert_eq!(lines(text.as_bytes(), size).await, ["endless"], "{size}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_read_beyond_its_limits(text in ".{0,200}", size in 1_usize..40) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let read = runtime.block_on(lines(text.as_bytes(), size));
            for line in read {
                prop_assert!(line.len() <= 24, "{}", line);
            }
        }
    }
}
