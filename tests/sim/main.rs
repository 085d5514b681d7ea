//! The simulator: the whole gateway in one thread over a fake world and a crashing disk. A seed decides everything,
//! and an oracle looks at every commit.
//!
//! Without arguments: the seeds that once failed, some hundred others, some of them twice, and every planted bug.
//! `SEEDS` runs so many and counts what happened; `--seed S` runs one and prints its steps; `--sabotage` plants the
//! bugs one after the other and says how many seeds each took.

#[allow(
    dead_code,
    reason = "the fakes are whole; each test binary uses its part"
)]
#[path = "../support/mod.rs"]
mod support;

mod actors;
mod chain;
mod dice;
mod disk;
mod endpoints;
mod executor;
mod expected;
mod house;
mod log;
mod network;
mod node;
mod notes;
mod oracle;
mod panics;
mod runs;
mod world;

use std::process::ExitCode;

use runs::Runs;
use tollway::sabotage::Bug;
use world::Beginning;

/// Seeds of an ordinary test run.
const SEEDS: u64 = 400;

/// Seeds of an ordinary test run that are run twice, to see that nothing but the seed decides.
const TWICE: u64 = 24;

/// Seeds that each failed once.
const KNOWN: &str = include_str!("seeds.txt");

/// Seeds within which an ordinary test run has to find every planted bug.
const SABOTAGE_SEEDS: u64 = 600;

/// Seeds within which it has to be found at all.
const SABOTAGE_SEEDS_MAX: u64 = 5_000;

/// Seeds that are run together while a planted bug is looked for.
const SABOTAGE_STEP: u64 = 16;

/// What is wanted.
enum Wanted {
    Everything,
    Sabotage,
    Seeds(u64),
    One(u64),
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let mut wanted = Wanted::Everything;
    while let Some(argument) = arguments.next() {
        let number = |text: Option<String>| text.and_then(|text| text.parse().ok());
        match argument.as_str() {
            "--seed" => match number(arguments.next()) {
                Some(seed) => wanted = Wanted::One(seed),
                None => return usage(),
            },
            "--sabotage" => wanted = Wanted::Sabotage,
            // Flags and filters of the usual test harness have no meaning here.
            other if other.starts_with('-') => {}
            other => match other.parse() {
                Ok(seeds) => wanted = Wanted::Seeds(seeds),
                Err(_) if "simulator".contains(other) => {}
                Err(_) => return ExitCode::SUCCESS,
            },
        }
    }
    panics::note_all();
    let beginning = Beginning::new();
    let passed = match wanted {
        Wanted::One(seed) => one(seed, &beginning),
        Wanted::Seeds(seeds) => many(1..=seeds, &beginning),
        Wanted::Sabotage => sabotage(SABOTAGE_SEEDS_MAX, &beginning),
        Wanted::Everything => {
            let known = known();
            let once = runs::all(&known, None, &beginning);
            once.print();
            once.violations.is_empty()
                & twice(&beginning)
                & sabotage(SABOTAGE_SEEDS, &beginning)
                & many(1..=SEEDS, &beginning)
        }
    };
    if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn usage() -> ExitCode {
    eprintln!("sim [SEEDS] [--seed S] [--sabotage]");
    ExitCode::FAILURE
}

fn known() -> Vec<u64> {
    let seeds = KNOWN.lines().filter_map(|line| {
        let seed = line.split('#').next().unwrap_or_default().trim();
        (!seed.is_empty()).then(|| seed.parse().expect("seeds.txt holds numbers"))
    });
    seeds.collect()
}

fn one(seed: u64, beginning: &Beginning) -> bool {
    let outcome = runs::run_caught(seed, true, None, beginning);
    for what in &outcome.violations {
        println!("violation: {what}");
    }
    println!("{} violations", outcome.violations.len());
    outcome.violations.is_empty()
}

/// The same seed twice is the same run, step by step.
fn twice(beginning: &Beginning) -> bool {
    let seeds: Vec<u64> = (1..=TWICE).collect();
    let (first, second) = (
        runs::all(&seeds, None, beginning),
        runs::all(&seeds, None, beginning),
    );
    let same = first.hashes == second.hashes;
    for (seed, hash) in &first.hashes {
        if second.hashes.get(seed) != Some(hash) {
            println!("seed {seed} does not run the same way twice");
        }
    }
    same
}

/// Plants every bug and looks how soon the oracle finds it.
fn sabotage(seeds_max: u64, beginning: &Beginning) -> bool {
    let mut all = true;
    for bug in Bug::ALL {
        let found = (1..=seeds_max)
            .step_by(usize::try_from(SABOTAGE_STEP).expect("small"))
            .find_map(|first| caught(first, bug, beginning));
        all &= found.is_some();
        match found {
            Some((seed, what)) => println!("sabotage: {}: {seed} seeds: {what}", bug.name()),
            None => println!("sabotage: {}: not found in {seeds_max} seeds", bug.name()),
        }
    }
    all
}

/// The first of some seeds that goes wrong with a bug, and does not without it.
fn caught(first: u64, bug: Bug, beginning: &Beginning) -> Option<(u64, String)> {
    let seeds: Vec<u64> = (first..first + SABOTAGE_STEP).collect();
    let runs = runs::all(&seeds, Some(bug), beginning);
    let (seed, what) = runs.violations.into_iter().find(|(seed, _)| {
        let without = runs::run_caught(*seed, false, None, beginning);
        without.violations.is_empty()
    })?;
    Some((seed, what.into_iter().next()?))
}

fn many(seeds: std::ops::RangeInclusive<u64>, beginning: &Beginning) -> bool {
    let seeds: Vec<u64> = seeds.collect();
    let runs: Runs = runs::all(&seeds, None, beginning);
    let missing = expected::missing(&runs.counts, seeds.len());
    runs.print_counts();
    for name in &missing {
        println!("{name}: 0");
    }
    runs.print();
    runs.violations.is_empty() && missing.is_empty()
}
