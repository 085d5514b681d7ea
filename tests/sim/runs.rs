//! Many worlds, one a thread, and what they came to in all.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tollway::sabotage::{self, Bug};

use crate::log::Outcome;
use crate::panics;
use crate::world::{self, Beginning};

/// What many runs came to.
#[derive(Default)]
pub struct Runs {
    /// How often what happened, in all of them.
    pub counts: BTreeMap<String, u64>,
    /// The steps of each seed.
    pub hashes: BTreeMap<u64, u64>,
    /// What broke, by seed.
    pub violations: BTreeMap<u64, Vec<String>>,
    steps: u64,
    took: Duration,
}

/// Runs a seed. A failure of the simulator itself counts as one of the run.
pub fn run_caught(seed: u64, printed: bool, bug: Option<Bug>, beginning: &Beginning) -> Outcome {
    sabotage::plant(bug);
    let run = catch_unwind(AssertUnwindSafe(|| world::run(seed, printed, beginning)));
    run.unwrap_or_else(|_| Outcome {
        violations: panics::take(false),
        ..Outcome::default()
    })
}

/// Runs these seeds, as many at a time as there are cores.
pub fn all(seeds: &[u64], bug: Option<Bug>, beginning: &Beginning) -> Runs {
    let begin = Instant::now();
    let runs = Mutex::new(Runs::default());
    let next = AtomicUsize::new(0);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let outcome = run_caught(*seed, false, bug, beginning);
                    runs.lock().expect("no panic inside").add(*seed, outcome);
                }
            });
        }
    });
    let mut runs = runs.into_inner().expect("no panic inside");
    runs.took = begin.elapsed();
    runs
}

impl Runs {
    fn add(&mut self, seed: u64, outcome: Outcome) {
        for (what, count) in outcome.counts {
            *self.counts.entry(what).or_default() += count;
        }
        self.hashes.insert(seed, outcome.hash);
        self.steps += outcome.steps;
        if !outcome.violations.is_empty() {
            self.violations.insert(seed, outcome.violations);
        }
    }

    /// Prints how often what happened; how things ended comes last, without a word before it.
    pub fn print_counts(&self) {
        let mut ends = Vec::new();
        for (what, count) in &self.counts {
            match what.strip_prefix("ended: ") {
                Some(end) => ends.push((end, count)),
                None => println!("{what}: {count}"),
            }
        }
        println!("how what was promised ended:");
        for (end, count) in ends {
            println!("{end}: {count}");
        }
    }

    /// Prints what broke, and the sum of it.
    pub fn print(&self) {
        let seeds = self.hashes.len();
        let secs = self.took.as_secs_f64();
        let per_minute = f64::from(u32::try_from(seeds).expect("small")) * 60.0 / secs;
        println!(
            "{seeds} seeds, {} steps, {per_minute:.0} seeds/minute",
            self.steps
        );
        let mut count = 0;
        for (seed, violations) in &self.violations {
            for what in violations {
                println!(
                    "seed {seed}: {}",
                    what.chars().take(300).collect::<String>()
                );
                count += 1;
            }
        }
        println!("{count} violations");
    }
}
