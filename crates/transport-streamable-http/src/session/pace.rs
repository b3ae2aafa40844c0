//! The pauses before a stream is opened again.

use std::time::Duration;

/// The pauses before a stream is opened again. Pure.
///
/// They begin with what the server asks for, and grow while its streams bring nothing, so that no
/// server can have a client reconnect without end.
#[derive(Debug)]
pub(super) struct Pace {
    shortest: Duration,
    /// How many streams in a row may bring nothing; `None`: any number.
    patience: Option<u32>,
    idle: u32,
}

impl Pace {
    /// For the answer to a call: three streams without an event end it.
    pub(super) fn of_answer() -> Self {
        Self {
            shortest: Duration::from_millis(200),
            patience: Some(3),
            idle: 0,
        }
    }

    /// For the standalone stream, which is opened again as long as its session lives.
    pub(super) fn of_standalone() -> Self {
        Self {
            shortest: Duration::from_secs(1),
            patience: None,
            idle: 0,
        }
    }

    /// An event came, or the stream lasted.
    pub(super) fn note_event(&mut self) {
        self.idle = 0;
    }

    /// The pause before the next stream; `None` where there is to be no other.
    pub(super) fn pause(&mut self, asked: Option<Duration>) -> Option<Duration> {
        if self.patience.is_some_and(|patience| self.idle >= patience) {
            return None;
        }
        let first = asked.unwrap_or(self.shortest).max(self.shortest);
        let pause = first.saturating_mul(2_u32.pow(self.idle.min(10)));
        self.idle += 1;
        Some(pause.min(LONGEST))
    }
}

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
    fn an_event_begins_the_pauses_anew() {
        let mut pace = Pace::of_answer();
        for _ in 0..10 {
            assert_eq!(pace.pause(None), Some(Duration::from_millis(200)));
            pace.note_event();
        }
    }
}
