//! The pauses before a stream is opened again.

use std::time::Duration;

/// The pauses before a stream is opened again. Pure.
///
/// They begin with what the server asks for, and grow while its streams bring nothing on: of an answer,
/// no event; of the standalone stream, none that lasts. Those of an answer grow with their number too,
/// and end, so that no server can have a client reconnect without end.
#[derive(Debug)]
pub(super) struct Pace {
    shortest: Duration,
    /// How many streams in a row may bring nothing on; `None`: any number.
    patience: Option<u32>,
    /// How many streams there may be.
    most: Option<u32>,
    idle: u32,
    count: u32,
}

impl Pace {
    /// For the answer to a call: three streams without an event end it, and any 64 streams. That is
    /// ten minutes at least for a server that has its client poll for the answer.
    pub(super) fn of_answer() -> Self {
        Self {
            shortest: Duration::from_millis(200),
            patience: Some(3),
            most: Some(64),
            idle: 0,
            count: 0,
        }
    }

    /// For the standalone stream, which is opened again as long as its session lives.
    pub(super) fn of_standalone() -> Self {
        Self {
            shortest: Duration::from_secs(1),
            patience: None,
            most: None,
            idle: 0,
            count: 0,
        }
    }

    /// The last stream brought something on.
    pub(super) fn note_progress(&mut self) {
        self.idle = 0;
    }

    /// The pause before the next stream; `None` where there is to be no other.
    pub(super) fn pause(&mut self, asked: Option<Duration>) -> Option<Duration> {
        let is_over = |count, most: Option<u32>| most.is_some_and(|most| count >= most);
        if is_over(self.idle, self.patience) || is_over(self.count, self.most) {
            return None;
        }
        let first = asked.unwrap_or(self.shortest).max(self.shortest);
        let by_count = match self.most {
            Some(_) => self.count / EACH_LENGTH,
            None => 0,
        };
        let doublings = self.idle.max(by_count).min(10);
        let pause = first.saturating_mul(2_u32.pow(doublings));
        self.idle += 1;
        self.count += 1;
        Some(pause.min(LONGEST))
    }
}

/// How many streams of an answer have pauses of one length.
const EACH_LENGTH: u32 = 6;
const LONGEST: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(pace: &mut Pace, asked: Option<u64>) -> Vec<Option<u128>> {
        let asked = asked.map(Duration::from_millis);
        (0..4)
            .map(|_| pace.pause(asked).map(|pause| pause.as_millis()))
            .collect()
    }

    #[test]
    fn the_pause_is_what_the_server_asks_for_within_bounds_and_grows_while_nothing_comes() {
        let mut pace = Pace::of_answer();
        let expected = [Some(500), Some(1_000), Some(2_000), None];
        assert_eq!(pauses(&mut pace, Some(500)), expected);
        let expected = [Some(200), Some(400), Some(800), None];
        assert_eq!(pauses(&mut Pace::of_answer(), Some(1)), expected);
        let expected = [Some(30_000); 4];
        assert_eq!(pauses(&mut Pace::of_standalone(), Some(u64::MAX)), expected);
    }

    #[test]
    fn a_stream_that_lasted_begins_the_pauses_of_the_standalone_stream_anew() {
        let mut pace = Pace::of_standalone();
        for _ in 0..100 {
            assert_eq!(pace.pause(None), Some(Duration::from_secs(1)));
            pace.note_progress();
        }
    }

    #[test]
    fn the_streams_of_an_answer_end_although_events_come() {
        let mut pace = Pace::of_answer();
        let asked = Some(Duration::from_millis(1));
        let mut pauses = Vec::new();
        while let Some(pause) = pace.pause(asked) {
            pauses.push(pause);
            pace.note_progress();
        }
        assert_eq!(pauses.len(), 64);
        assert!(pauses.is_sorted());
        assert_eq!(pauses[5], Duration::from_millis(200));
        assert_eq!(pauses[6], Duration::from_millis(400));
        let all: Duration = pauses.iter().sum();
        assert!(all > Duration::from_secs(600), "{all:?}");
    }
}
