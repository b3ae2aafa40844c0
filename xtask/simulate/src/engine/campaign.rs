//! Many seeds, each a world of its own.

use std::{
    collections::BTreeMap,
    hash::Hasher,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::time::Instant;

use super::super::options::Options;
use super::coverage::Coverage;
use super::fleet::{self, FleetCounts};
use super::history::{Findings, Fnv, Violation};
use super::plan::{Step, plan};
use super::shrink::shrink;
use super::watch::watch;
use super::world::{Settings, simulate};
use crate::Result;

/// What a world of replicas broke: a name, and what happened.
type Broken = (&'static str, String);

/// The results of many seeds.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) seeds: u64,
    pub(super) steps: u64,
    pub(super) coverage: Coverage,
    /// By the name of the violation.
    pub(super) failures: BTreeMap<&'static str, Failure>,
    /// Violations of allowed names.
    pub(super) accepted: u64,
    /// The worlds of replicas.
    pub(super) fleet: FleetCounts,
    /// The hashes of all histories, in the order of their seeds.
    hashes: BTreeMap<u64, u64>,
}

/// The first seed that broke a promise, and how many did.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) seed: u64,
    pub(super) seeds: u64,
    pub(super) violation: Violation,
    /// True where it was found in a world of replicas, which cannot be shortened.
    pub(super) is_of_fleet: bool,
}

/// The shortest failing history that was found.
pub(super) struct Shrunk {
    pub(super) steps: Vec<u32>,
    pub(super) findings: Findings,
}

/// A seed whose two runs differ, with the first line that does.
pub(super) struct Difference {
    pub(super) seed: u64,
    pub(super) line: usize,
    pub(super) first: String,
    pub(super) second: String,
}

/// Runs every seed of the options.
///
/// # Errors
/// When a world cannot be built.
pub(super) fn run_all(options: &Options) -> Result<Tally> {
    let (next, found) = (AtomicU64::new(options.seed), AtomicBool::new(false));
    let tally = Mutex::new(Tally::default());
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = options.threads.unwrap_or(cores);
    let error = Mutex::new(None);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                if let Err(failed) = work(options, &next, &found, &tally) {
                    let text = failed.to_string();
                    error
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .replace(text);
                }
            });
        }
    });
    if let Some(error) = error.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error.into());
    }
    Ok(tally.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn work(options: &Options, next: &AtomicU64, found: &AtomicBool, tally: &Mutex<Tally>) -> Result {
    let mut own = Tally::default();
    let began = Instant::now();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        let is_found = options.first && found.load(Ordering::Relaxed);
        if seed >= options.end() || is_over(options, began) || is_found {
            break;
        }
        let steps = steps(options, seed);
        let findings = run(&settings(options, seed, false), &steps)?;
        own.add(seed, steps.len() as u64, findings);
        if options.only.is_empty() && seed.is_multiple_of(FLEET_EVERY) {
            let _watched = watch(seed);
            let (counts, broken) = fleet::simulate(seed, options.steps)?;
            own.steps += u64::from(options.steps);
            own.add_fleet(seed, &counts, broken);
        }
        found.fetch_or(!own.failures.is_empty(), Ordering::Relaxed);
    }
    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    tally.merge(own);
    Ok(())
}

/// True once the time of a run is over.
fn is_over(options: &Options, began: Instant) -> bool {
    let limit = options.seconds.map(Duration::from_secs);
    limit.is_some_and(|limit| began.elapsed() >= limit)
}

/// Runs one seed and keeps its history.
///
/// # Errors
/// When the world cannot be built.
pub(super) fn run_one(options: &Options, seed: u64) -> Result<Findings> {
    run(&settings(options, seed, true), &steps(options, seed))
}

/// Finds a short list of steps that breaks the same promise.
///
/// # Errors
/// When the world cannot be built.
pub(super) fn shorten(options: &Options, failure: &Failure) -> Result<Shrunk> {
    let name = failure.violation.name;
    let all = steps(options, failure.seed);
    let until = failure.violation.step.map_or(u32::MAX, |step| step);
    let prefix: Vec<Step> = all
        .into_iter()
        .filter(|step| step.number <= until)
        .collect();
    let quiet = settings(options, failure.seed, false);
    let breaks = |steps: &[Step]| {
        let findings = run(&quiet, steps);
        findings.is_ok_and(|findings| findings.violation.is_some_and(|found| found.name == name))
    };
    let shrunk = shrink(&prefix, MOST_RUNS, breaks);
    Ok(Shrunk {
        steps: shrunk.iter().map(|step| step.number).collect(),
        findings: run(&settings(options, failure.seed, true), &shrunk)?,
    })
}

/// Runs the first seeds twice and compares their histories.
///
/// # Errors
/// When a world cannot be built.
pub(super) fn compare(options: &Options) -> Result<Vec<Difference>> {
    let mut differences = Vec::new();
    for seed in options.seed..options.end().min(options.seed.saturating_add(COMPARED)) {
        let (first, second) = (run_one(options, seed)?, run_one(options, seed)?);
        if first.hash == second.hash {
            continue;
        }
        let pairs = first.lines.iter().zip(&second.lines);
        let same = pairs.take_while(|(one, other)| one == other).count();
        let line = |findings: &Findings| findings.lines.get(same).cloned().unwrap_or_default();
        differences.push(Difference {
            seed,
            line: same,
            first: line(&first),
            second: line(&second),
        });
    }
    Ok(differences)
}

fn run(settings: &Settings, steps: &[Step]) -> Result<Findings> {
    let _watched = watch(settings.seed);
    simulate(settings, steps)
}

fn steps(options: &Options, seed: u64) -> Vec<Step> {
    let mut steps = plan(seed, options.steps);
    if !options.only.is_empty() {
        steps.retain(|step| options.only.contains(&step.number));
    }
    steps
}

fn settings(options: &Options, seed: u64, keeps_text: bool) -> Settings {
    Settings {
        seed,
        keeps_text,
        allowed: Arc::from(options.allow.clone()),
    }
}

impl Tally {
    fn add(&mut self, seed: u64, steps: u64, findings: Findings) {
        self.seeds += 1;
        let ran = findings.violation.as_ref().and_then(|found| found.step);
        self.steps += ran.map_or(steps, |step| u64::from(step) + 1);
        self.coverage.add(&findings.coverage);
        self.accepted += findings.accepted;
        self.hashes.insert(seed, findings.hash);
        if let Some(violation) = findings.violation {
            let failure = Failure {
                seed,
                seeds: 1,
                violation,
                is_of_fleet: false,
            };
            self.fail(failure);
        }
    }

    /// Adds a world of replicas, and what was broken in it.
    fn add_fleet(&mut self, seed: u64, counts: &FleetCounts, broken: Option<Broken>) {
        self.fleet.add(counts);
        if let Some((name, detail)) = broken {
            self.fail(Failure {
                seed,
                seeds: 1,
                violation: Violation {
                    name,
                    detail,
                    step: None,
                },
                is_of_fleet: true,
            });
        }
    }

    fn fail(&mut self, failure: Failure) {
        let name = failure.violation.name;
        let Some(known) = self.failures.get_mut(name) else {
            self.failures.insert(name, failure);
            return;
        };
        let seeds = known.seeds + failure.seeds;
        if failure.seed < known.seed {
            *known = failure;
        }
        known.seeds = seeds;
    }

    fn merge(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.steps += other.steps;
        self.coverage.add(&other.coverage);
        self.accepted += other.accepted;
        self.fleet.add(&other.fleet);
        self.hashes.extend(other.hashes);
        for failure in other.failures.into_values() {
            self.fail(failure);
        }
    }

    /// One hash of all histories.
    pub(super) fn hash(&self) -> u64 {
        let mut hash = Fnv::default();
        for one in self.hashes.values() {
            hash.write_u64(*one);
        }
        hash.finish()
    }
}

/// Of so many seeds, one simulates a fleet of replicas as well, which takes three times as long as a single
/// pool.
const FLEET_EVERY: u64 = 10;

/// The seeds that run twice.
const COMPARED: u64 = 20;

/// The runs that shrink one history.
const MOST_RUNS: usize = 3_000;

/// The seeds from which on every state must be reached.
pub(super) const ALL_STATES: u64 = 1_000;
