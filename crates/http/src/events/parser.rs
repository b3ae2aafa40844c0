//! Parsing of server-sent events, as the WHATWG standard describes it.

use std::{collections::VecDeque, time::Duration};

use super::ends::EventEnds;

/// One event with data.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// The name of the event; `message` where the server gives none.
    pub name: String,
    /// The data: its lines, joined by line feeds.
    pub data: String,
    /// True for an event that was too large: the data is only its beginning and its end, for what
    /// can be recognised in them.
    pub is_cut: bool,
}

/// Parses the bytes of an event stream, in chunks of any size.
///
/// The parser is as liberal as the standard: it ignores comments, unknown fields and lines without
/// a colon, and takes every kind of line end. An event without data sets the last event id, and is
/// not an event otherwise.
#[derive(Debug, Default)]
pub struct EventParser {
    /// The bytes of the line that is not complete.
    line: Vec<u8>,
    name: String,
    data: String,
    has_data: bool,
    last_id: Option<String>,
    retry: Option<Duration>,
    /// A line feed that comes next belongs to the line before.
    after_return: bool,
    began: bool,
    /// Bytes since the last blank line.
    size: usize,
    cuts_events: bool,
    /// The ends of an event that is too large, while it is read.
    cut: Option<EventEnds>,
    events: VecDeque<Event>,
}

/// An event has more bytes than allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTooLarge;

impl EventParser {
    /// Cuts an event that is too large, and goes on with the next one.
    #[must_use]
    pub fn cutting_events(mut self) -> Self {
        self.cuts_events = true;
        self
    }

    /// Parses a chunk.
    ///
    /// # Errors
    /// [`EventTooLarge`]: an event has more than `max` bytes; more than 16 times `max` where events
    /// are [cut](Self::cutting_events). Events that were complete before it can still be taken.
    pub fn feed(&mut self, mut chunk: &[u8], max: usize) -> Result<(), EventTooLarge> {
        while !chunk.is_empty() {
            if self.after_return {
                self.after_return = false;
                if let Some(rest) = chunk.strip_prefix(b"\n") {
                    chunk = rest;
                    continue;
                }
            }
            let end = chunk.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let taken = end.unwrap_or(chunk.len());
            self.size = self.size.saturating_add(taken + 1);
            if self.size > max {
                self.cut_event(max)?;
            }
            match &mut self.cut {
                Some(cut) => cut.push(&mut self.line, &chunk[..taken]),
                None => self.line.extend_from_slice(&chunk[..taken]),
            }
            let Some(end) = end else {
                // The line goes on in the next chunk.
                self.size -= 1;
                return Ok(());
            };
            self.after_return = chunk[end] == b'\r';
            chunk = &chunk[end + 1..];
            self.end_line();
        }
        Ok(())
    }

    /// The next complete event.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The last event, where the stream ended without the blank line after it. The standard drops
    /// such an event; here its reader decides by the data whether it is complete.
    pub fn finish(&mut self) -> Option<Event> {
        if !self.line.is_empty() {
            self.end_line();
        }
        self.dispatch();
        self.next_event()
    }

    /// The id of the last event that has one, from which the stream can be resumed.
    #[must_use]
    pub fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// The pause before reconnecting that the server asks for.
    #[must_use]
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Begins to keep only the ends of the event, or goes on with that.
    fn cut_event(&mut self, max: usize) -> Result<(), EventTooLarge> {
        if !self.cuts_events || self.size > max.saturating_mul(LONGEST_CUT) {
            return Err(EventTooLarge);
        }
        if self.cut.is_none() {
            self.cut = Some(EventEnds::of(&self.data, &self.line));
            self.data.clear();
        }
        Ok(())
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if let Some(cut) = &mut self.cut
            && !line.is_empty()
        {
            return cut.end_line(&line);
        }
        let mut line = line.as_slice();
        if !self.began {
            self.began = true;
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        if line.is_empty() {
            return self.dispatch();
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (field, value) = match colon {
            // A comment.
            Some(0) => return,
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        self.field(field, &String::from_utf8_lossy(value));
    }

    fn field(&mut self, field: &[u8], value: &str) {
        match field {
            b"data" => {
                if self.has_data {
                    self.data.push('\n');
                }
                self.has_data = true;
                self.data.push_str(value);
            }
            b"event" => value.clone_into(&mut self.name),
            b"id" if !value.contains('\0') => {
                self.last_id = (!value.is_empty()).then(|| value.to_owned());
            }
            b"retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry = value.parse().ok().map(Duration::from_millis);
            }
            _ => {}
        }
    }

    fn dispatch(&mut self) {
        self.size = 0;
        self.has_data = false;
        let name = std::mem::take(&mut self.name);
        let mut data = std::mem::take(&mut self.data);
        let cut = self.cut.take();
        let is_cut = cut.is_some();
        if let Some(cut) = cut {
            data = cut.into_text();
        }
        if data.is_empty() {
            return;
        }
        let name = match name.is_empty() {
            true => MESSAGE.to_owned(),
            false => name,
        };
        self.events.push_back(Event { name, data, is_cut });
    }
}

/// How often the limit fits into an event that is cut. A longer one is never read to its end.
const LONGEST_CUT: usize = 16;
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// The name of an event that the server gives none.
const MESSAGE: &str = "message";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn events(chunks: &[&[u8]]) -> (Vec<(String, String)>, EventParser) {
        let mut parser = EventParser::default();
        for chunk in chunks {
            parser.feed(chunk, usize::MAX).expect("no limit");
        }
        let mut events = Vec::new();
        while let Some(event) = parser.next_event() {
            events.push((event.name, event.data));
        }
        (events, parser)
    }

    fn data(text: &str) -> Vec<String> {
        let (events, _) = events(&[text.as_bytes()]);
        events.into_iter().map(|(_, data)| data).collect()
    }

    #[test]
    fn every_line_end_separates_lines_and_events() {
        for end in ["\n", "\r", "\r\n"] {
            let text = ["data: 1", "", "data: 2", "data: 3", "", ""].join(end);
            assert_eq!(data(&text), ["1", "2\n3"], "{end:?}");
        }
    }

    #[test]
    fn comments_unknown_fields_and_lines_without_a_colon_are_ignored() {
        let text = "\u{feff}: hi\nfoo: bar\nnonsense\ndata:x\nretry: soon\n\n";
        assert_eq!(data(text), ["x"]);
    }

    #[test]
    fn an_event_without_data_sets_the_id_alone() {
        let (seen, parser) = events(&[b"id: 7\nretry: 250\ndata:\n\nevent: ping\n\n"]);
        assert!(seen.is_empty());
        assert_eq!(parser.last_id(), Some("7"));
        assert_eq!(parser.retry(), Some(Duration::from_millis(250)));
    }

    #[test]
    fn an_event_has_a_name_and_is_a_message_by_default() {
        let (seen, _) = events(&[b"event: endpoint\ndata: /m\n\ndata: x\n\n"]);
        let expected = [("endpoint", "/m"), ("message", "x")];
        assert_eq!(
            seen,
            expected.map(|(name, data)| (name.to_owned(), data.to_owned()))
        );
    }

    #[test]
    fn an_event_that_is_too_large_is_an_error_and_hides_none_before_it() {
        let mut parser = EventParser::default();
        let text = format!("data: 1\n\ndata: {}", "x".repeat(100));
        assert_eq!(parser.feed(text.as_bytes(), 50), Err(EventTooLarge));
        assert_eq!(
            parser.next_event().map(|event| event.data).as_deref(),
            Some("1")
        );
        let mut exact = EventParser::default();
        assert_eq!(exact.feed(b"data: 1\n\n", 9), Ok(()));
    }

    #[test]
    fn an_event_that_is_cut_shows_its_ends_and_hides_no_event_after_it() {
        let text = format!(
            "event: x\ndata: {{1{}2}}\nid: 7\n\ndata: 3\n\n",
            "x".repeat(9_000)
        );
        for size in [1, 7, 100_000] {
            let mut parser = EventParser::default().cutting_events();
            for chunk in text.as_bytes().chunks(size) {
                assert_eq!(parser.feed(chunk, 5_000), Ok(()));
            }
            let cut = parser.next_event().expect("the large event");
            assert!(cut.is_cut && cut.name == "x", "{size}");
            assert!(cut.data.len() < 3_000, "{}", cut.data.len());
            assert!(cut.data.contains("{1x"), "{size} {}", cut.data);
            assert!(cut.data.contains("x2}"), "{size} {}", cut.data);
            let next = parser.next_event().expect("the next event");
            assert_eq!(next.data, "3");
            assert!(!next.is_cut);
        }
    }

    #[test]
    fn an_event_without_end_is_not_read_for_ever() {
        let mut parser = EventParser::default().cutting_events();
        let chunk = [b'x'; 100];
        let fed = (0..1_000).find(|_| parser.feed(&chunk, 1_000).is_err());
        assert_eq!(fed, Some(159));
        assert!(parser.line.len() < 10_000);
    }

    #[test]
    fn the_last_event_needs_no_blank_line() {
        let (_, mut parser) = events(&[b"data: 1"]);
        assert_eq!(
            parser.finish().map(|event| event.data).as_deref(),
            Some("1")
        );
        assert_eq!(parser.finish(), None);
    }

    proptest! {
        #[test]
        fn chunks_of_any_size_give_the_same_events(
            text in "(data|id|event|:|x)?[: a-c\r\n]{0,80}",
            cut in 0_usize..80,
        ) {
            let bytes = text.as_bytes();
            let cut = cut.min(bytes.len());
            let (whole, _) = events(&[bytes]);
            let (cut_up, _) = events(&[&bytes[..cut], &bytes[cut..]]);
            prop_assert_eq!(whole, cut_up);
        }
    }
}
