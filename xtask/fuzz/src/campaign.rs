//! A run over the targets.

use std::{
    collections::HashSet,
    fs,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::Instant;

use super::{
    Options, Result,
    mutation::mutate,
    numbers::Numbers,
    outcome::Property,
    targets::{TARGETS, Target},
};

/// Runs the targets of the options, one on each core at a time.
///
/// # Errors
/// An input broke a property, a corpus is missing, or no target has the name.
pub(crate) fn run(options: &Options) -> Result {
    let chosen = |target: &&Target| {
        let only = options.only.as_deref();
        only.is_none_or(|only| only == target.name)
    };
    let targets: Vec<&Target> = TARGETS.iter().filter(chosen).collect();
    if targets.is_empty() {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        return Err(format!("the targets are {}", names.join(", ")).into());
    }
    if let (Some(path), [target]) = (&options.input, &*targets) {
        let shape = (target.property)()(&fs::read(path)?);
        println!("{}: {shape:x}", target.name);
        return Ok(());
    }
    let seed = options.seed.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(0, |since| since.as_millis() as u64)
    });
    println!("seed {seed}");
    run_all(&targets, options.seconds, seed)
}

/// Has as many threads as cores take the targets.
fn run_all(targets: &[&Target], seconds: u64, seed: u64) -> Result {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let at_once = cores.min(targets.len());
    let share = Duration::from_secs(seconds) / targets.len() as u32;
    let next = AtomicUsize::new(0);
    let errors = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) = fuzz(target, share, seed) {
                        let mut errors = errors.lock().unwrap_or_else(PoisonError::into_inner);
                        errors.push(error.to_string());
                    }
                }
            });
        }
    });
    let errors = errors.into_inner().unwrap_or_else(PoisonError::into_inner);
    match errors.is_empty() {
        true => Ok(()),
        false => Err(errors.join("\n").into()),
    }
}

/// Mutates the inputs of a target for some time.
fn fuzz(target: &Target, time: Duration, seed: u64) -> Result {
    let property = (target.property)();
    let mut corpus = corpus(target)?;
    let (own, mut shapes) = (corpus.len(), HashSet::new());
    for input in &corpus {
        shapes.insert(check(target, &property, input)?);
    }
    let mut numbers = Numbers::new(seed ^ target.name.len() as u64);
    let (began, mut runs) = (Instant::now(), 0_u64);
    while began.elapsed() < time {
        for _ in 0..BATCH {
            let base = &corpus[numbers.below(corpus.len())];
            let other = &corpus[numbers.below(corpus.len())];
            let input = mutate(&mut numbers, base, other, target.words);
            let shape = check(target, &property, &input)?;
            if shapes.insert(shape) && corpus.len() < MOST_INPUTS {
                corpus.push(input);
            }
        }
        runs += BATCH;
    }
    println!(
        "{:<16}{runs:>12} inputs of {own} in the corpus, {} outcomes",
        target.name,
        shapes.len()
    );
    Ok(())
}

/// Checks one input. Returns the shape of its outcome.
///
/// # Errors
/// The property does not hold; the input is in a file.
fn check(target: &Target, property: &Property, input: &[u8]) -> Result<u64> {
    let _watched = Watched::begin(target, input);
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| property(input)));
    outcome.map_err(|_| {
        let path = keep(target, input);
        let again = path.as_deref().map_or_else(
            || "it could not be kept".to_owned(),
            |path| {
                let path = path.display();
                format!(
                    "again by: cargo xtask fuzz --only {} --input {path}",
                    target.name
                )
            },
        );
        format!("{}: an input breaks the property; {again}", target.name).into()
    })
}

/// Writes an input to a file.
fn keep(target: &Target, input: &[u8]) -> Option<PathBuf> {
    let folder = Path::new("target/fuzz");
    fs::create_dir_all(folder).ok()?;
    let path = folder.join(target.name);
    fs::write(&path, input).ok()?;
    Some(path)
}

/// The inputs of the target's corpus.
fn corpus(target: &Target) -> Result<Vec<Vec<u8>>> {
    let mut inputs = Vec::new();
    for folder in target.corpus {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(folder);
        let files =
            fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for file in files {
            inputs.push(fs::read(file?.path())?);
        }
    }
    // The order of a folder is that of its file system.
    inputs.sort();
    match inputs.is_empty() {
        true => Err(format!("{}: the corpus is empty", target.name).into()),
        false => Ok(inputs),
    }
}

/// An input under check; ends when it is dropped. One that takes too long ends the process, since no panic
/// would show it.
struct Watched(std::sync::Arc<AtomicBool>);

impl Watched {
    fn begin(target: &Target, input: &[u8]) -> Self {
        thread_local! {
            static WATCH: Watch = Watch::start();
        }
        WATCH.with(|watch| watch.begin(target, input))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// What a thread checks now.
struct Watch {
    is_busy: std::sync::Arc<AtomicBool>,
    /// The number of the input, and the input.
    current: std::sync::Arc<Mutex<(u64, &'static str, Vec<u8>)>>,
}

impl Watch {
    fn start() -> Self {
        let watch = Self {
            is_busy: std::sync::Arc::default(),
            current: std::sync::Arc::new(Mutex::new((0, "", Vec::new()))),
        };
        let (is_busy, current) = (watch.is_busy.clone(), watch.current.clone());
        thread::spawn(move || {
            let mut last = 0;
            loop {
                thread::sleep(LONGEST);
                let current = current.lock().unwrap_or_else(PoisonError::into_inner);
                let (number, name, input) = &*current;
                if is_busy.load(Ordering::Acquire) && *number == last {
                    eprintln!("fuzz: {name}: an input takes more than {LONGEST:?}: {input:?}");
                    std::process::exit(1);
                }
                last = *number;
            }
        });
        watch
    }

    fn begin(&self, target: &Target, input: &[u8]) -> Watched {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.0 += 1;
        current.1 = target.name;
        current.2.clear();
        current.2.extend_from_slice(input);
        drop(current);
        self.is_busy.store(true, Ordering::Release);
        Watched(self.is_busy.clone())
    }
}

/// The inputs between two looks at the clock.
const BATCH: u64 = 256;
/// So many inputs are mutated further.
const MOST_INPUTS: usize = 4_096;
/// A thousand times what an input takes.
const LONGEST: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reader_keeps_its_property_for_its_corpus_and_for_changes_of_it() {
        for target in &TARGETS {
            fuzz(target, Duration::from_millis(50), 7).unwrap();
        }
    }

    #[test]
    fn an_input_that_breaks_a_property_is_an_error() {
        let target = Target {
            name: "broken",
            corpus: &["fuzz/corpus/messages"],
            words: &["\n\n"],
            property: || {
                Box::new(|input| {
                    assert!(!input.windows(2).any(|pair| pair == b"\n\n"));
                    0
                })
            },
        };
        let error = fuzz(&target, Duration::from_secs(60), 7).unwrap_err();
        assert!(error.to_string().contains("broken"), "{error}");
    }
}
