//! What a run did: its steps as one hash, how often each thing happened, and what went wrong.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;

/// The record of a run.
#[derive(Default)]
pub struct Log(Mutex<Lines>);

#[derive(Clone, Default)]
struct Lines {
    hash: Hash,
    steps: u64,
    printed: bool,
    counts: BTreeMap<String, u64>,
    violations: Vec<String>,
}

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// All its steps.
    pub hash: u64,
    /// How many there were.
    pub steps: u64,
    /// How often what happened.
    pub counts: BTreeMap<String, u64>,
    /// Promises broken.
    pub violations: Vec<String>,
}

/// FNV-1a over all that is written to it.
#[derive(Clone)]
struct Hash(u64);

impl Default for Hash {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl fmt::Write for Hash {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}

impl Log {
    /// A log that prints its lines, or does not.
    pub fn new(printed: bool) -> Self {
        let lines = Lines {
            printed,
            ..Lines::default()
        };
        Self(Mutex::new(lines))
    }

    fn with<R>(&self, look: impl FnOnce(&mut Lines) -> R) -> R {
        look(&mut self.0.lock().expect("no panic inside"))
    }

    /// Something was done.
    pub fn step(&self, what: fmt::Arguments<'_>) {
        self.with(|lines| {
            lines.steps += 1;
            if lines.printed {
                println!("{:>5} {what}", lines.steps);
            }
            fmt::Write::write_fmt(&mut lines.hash, what).expect("hashing does not fail");
        });
    }

    /// Something happened that is counted.
    pub fn count(&self, what: &str) {
        self.with(|lines| match lines.counts.get_mut(what) {
            Some(count) => *count += 1,
            None => {
                lines.counts.insert(what.to_owned(), 1);
            }
        });
    }

    /// A promise is broken.
    pub fn violation(&self, what: String) {
        self.with(|lines| {
            if lines.printed {
                println!("VIOLATION {what}");
            }
            if !lines.violations.contains(&what) {
                lines.violations.push(what);
            }
        });
    }

    /// Whether something is broken already.
    pub fn is_broken(&self) -> bool {
        self.with(|lines| !lines.violations.is_empty())
    }

    /// What it came to.
    pub fn outcome(&self) -> Outcome {
        self.with(|lines| Outcome {
            hash: lines.hash.0,
            steps: lines.steps,
            counts: lines.counts.clone(),
            violations: lines.violations.clone(),
        })
    }
}

/// Writes a step into a log: `step!(log, "…", …)`.
macro_rules! step {
    ($log:expr, $($what:tt)*) => { $log.step(format_args!($($what)*)) };
}
pub(crate) use step;
