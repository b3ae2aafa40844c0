//! What happened in a world.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

use super::coverage::{Coverage, Sometimes};

/// One event of a world.
#[derive(Clone, Debug, Hash)]
pub(super) enum Event {
    /// An acquire got a session.
    Got(u64, u64),
    /// An acquire or a client ended without one.
    Failed(u64, &'static str),
    /// An acquire was dropped at its time.
    Left(u64),
    /// A client was made.
    Client(u64),
    /// A call ended.
    Called(u64, &'static str),
    /// An event of the pool: its name, the number of its key, and a detail.
    Pool(&'static str, usize, u64),
    /// The pool closed a session of the server, and why.
    Closed(u64, &'static str, &'static str),
}

/// A promise of the pool that a world broke.
#[derive(Clone, Debug)]
pub(super) struct Violation {
    pub(super) name: &'static str,
    pub(super) detail: String,
    /// The step after which it was found; `None` at the end of the world.
    pub(super) step: Option<u32>,
}

/// The history of a world: a hash of all events, their texts on request, and what was found.
///
/// All clones are one history. Its lock is the innermost one.
#[derive(Clone)]
pub(super) struct History(Arc<Mutex<State>>);

struct State {
    began: Instant,
    hash: Fnv,
    lines: Option<Vec<String>>,
    step: Option<u32>,
    coverage: Coverage,
    violation: Option<Violation>,
    allowed: Arc<[String]>,
    accepted: u64,
}

/// The results of a history.
pub(super) struct Findings {
    pub(super) hash: u64,
    pub(super) lines: Vec<String>,
    pub(super) coverage: Coverage,
    pub(super) violation: Option<Violation>,
    /// The violations of allowed names.
    pub(super) accepted: u64,
}

impl History {
    /// A history that begins now. `keeps_text`: whether the events are kept as text.
    pub(super) fn begin(keeps_text: bool, allowed: Arc<[String]>) -> Self {
        Self(Arc::new(Mutex::new(State {
            began: Instant::now(),
            hash: Fnv::default(),
            lines: keeps_text.then(Vec::new),
            step: None,
            coverage: Coverage::default(),
            violation: None,
            allowed,
            accepted: 0,
        })))
    }

    pub(super) fn note(&self, event: &Event) {
        let mut state = self.lock();
        let at = state.began.elapsed();
        at.hash(&mut state.hash);
        event.hash(&mut state.hash);
        if let Some(lines) = &mut state.lines {
            lines.push(format!("{:>9.3}s  {event}", at.as_secs_f64()));
        }
    }

    /// The number of the current step; `None` at the end of the world.
    pub(super) fn current_step(&self) -> Option<u32> {
        self.lock().step
    }

    /// Begins a step.
    pub(super) fn begin_step(&self, number: Option<u32>) {
        self.lock().step = number;
    }

    /// Notes what the current step does. The text is made only where texts are kept.
    pub(super) fn step(&self, text: impl FnOnce() -> String) {
        let step = self.lock().step;
        let number = step.unwrap_or(u32::MAX);
        if self.keeps_text() {
            // The hash is the same without the text.
            let at = self.lock().began.elapsed().as_secs_f64();
            let shown = step.map_or_else(String::new, |step| format!("[{step}] "));
            let line = format!("{at:>9.3}s  {shown}{}", text());
            if let Some(lines) = &mut self.lock().lines {
                lines.push(line);
            }
        }
        number.hash(&mut self.lock().hash);
    }

    pub(super) fn reach(&self, state: Sometimes) {
        self.lock().coverage.reach(state);
    }

    /// Notes a violation; the first one counts. One of an allowed name is only counted.
    pub(super) fn violate(&self, name: &'static str, detail: impl FnOnce() -> String) {
        let mut state = self.lock();
        if state.allowed.iter().any(|allowed| allowed == name) {
            state.accepted += 1;
        } else if state.violation.is_none() {
            let step = state.step;
            state.violation = Some(Violation {
                name,
                detail: detail(),
                step,
            });
        }
    }

    pub(super) fn is_violated(&self) -> bool {
        self.lock().violation.is_some()
    }

    pub(super) fn findings(&self) -> Findings {
        let mut state = self.lock();
        Findings {
            hash: state.hash.finish(),
            lines: state.lines.take().unwrap_or_default(),
            coverage: std::mem::take(&mut state.coverage),
            violation: state.violation.take(),
            accepted: state.accepted,
        }
    }

    fn keeps_text(&self) -> bool {
        self.lock().lines.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Got(id, session) => write!(f, "      #{id} gets session {session}"),
            Self::Failed(id, error) => write!(f, "      #{id} fails: {error}"),
            Self::Left(id) => write!(f, "      #{id} leaves at its time"),
            Self::Client(id) => write!(f, "      #{id} is a client"),
            Self::Called(call, outcome) => write!(f, "      call {call}: {outcome}"),
            Self::Pool(event, key, detail) => {
                write!(f, "         pool: {event}, key {key}, {detail}")
            }
            Self::Closed(session, reason, outcome) => {
                write!(
                    f,
                    "         pool: closed session {session}: {reason}, {outcome}"
                )
            }
        }
    }
}

/// A hash that is the same in every process (FNV-1a).
#[derive(Clone, Copy)]
pub(super) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
