//! Two real nodes over disks whose power goes between any two of their writes, with what was not synced lost in part.
//!
//! `TOLLWAY_DISK_ROUNDS` says how often (3 if not set), `TOLLWAY_DISK_SEED` repeats a run's choices.

mod end;
mod life;
mod mend;
mod power;
mod side;

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use self::life::Purpose;
use crate::bitcoind::{self, Bitcoind};
use crate::dice::Dice;
use crate::house::Plot;

/// Where the child finds its files.
const FOLDER: &str = "TOLLWAY_TEST_DISK_FOLDER";
/// Purpose, seed, and operations until the power goes, if it does.
const LIFE: &str = "TOLLWAY_TEST_DISK_LIFE";

/// At which operation the power goes, round by round: among dozens of payments, at the first ones, during a start.
const OPERATIONS: [std::ops::Range<u64>; 3] = [5_000..15_000, 1_000..5_000, 0..1_000];

/// Longer than a life takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// LDK 0.2.7 may persist a monitor's update before the one that comes first, and panics at the next start until then.
const OUT_OF_ORDER: &str = "ChannelMonitorUpdates out of order";

/// Runs in a process of its own, which ends when the power of its disks does.
#[tokio::test(flavor = "multi_thread")]
async fn powered_child() {
    let Some(folder) = env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    bitcoind::log();
    let life = env::var(LIFE).unwrap();
    let mut words = life.split(' ');
    let purpose = match words.next() {
        Some("Begin") => Purpose::Begin,
        Some("Pay") => Purpose::Pay,
        _ => Purpose::Compare,
    };
    let mut numbers = words.map(|word| word.parse().unwrap());
    let seed = numbers.next().unwrap();
    life::live(&folder, purpose, seed, numbers.next()).await;
}

/// How a life ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Done,
    Power,
    /// The node did not start, for a reason of LDK's own.
    OutOfOrder,
}

#[tokio::test(flavor = "multi_thread")]
async fn power_goes_between_any_two_writes_and_no_payment_is_lost_or_doubled() {
    let Some(bitcoind) = Bitcoind::start() else {
        return;
    };
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let rounds = number("TOLLWAY_DISK_ROUNDS").unwrap_or(3);
    let seed = number("TOLLWAY_DISK_SEED").unwrap_or_else(|| {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap();
        u64::from(now.subsec_nanos())
    });
    let begin = Instant::now();
    println!("power: {rounds} rounds, seed {seed}");
    let folder = tempfile::tempdir().unwrap();
    for (seed, name) in [(1, "one"), (2, "two")] {
        let mut plot = Plot::new(&folder, seed, &bitcoind);
        plot.folder.push(name);
        fs::create_dir(&plot.folder).unwrap();
        plot.write();
    }

    let dice = Dice::of(seed);
    let begun = live(&folder, Purpose::Begin, dice.number(), None);
    assert_eq!(begun, End::Done);
    let (mut cuts, mut starts, mut out_of_order) = (0, 0, 0);
    for (_, window) in (0..rounds).zip(OPERATIONS.iter().cycle()) {
        let operations = dice.between(window.start, window.end - 1);
        match live(&folder, Purpose::Pay, dice.number(), Some(operations)) {
            End::Power => cuts += 1,
            End::OutOfOrder => out_of_order += 1,
            End::Done => panic!("the power did not go"),
        }
        starts += u32::from(folder.path().join("started").exists());
    }
    while live(&folder, Purpose::Compare, dice.number(), None) == End::OutOfOrder {
        out_of_order += 1;
        assert!(out_of_order < rounds + 3, "LDK never starts again");
    }

    println!("the last life is in {}", kept(folder.path()).display());
    let report = fs::read_to_string(folder.path().join("report")).unwrap();
    println!("{report}");
    println!("power cuts: {cuts}, of them after both nodes had started: {starts}");
    println!("starts that LDK refused: {out_of_order}");
    println!("{rounds} rounds in {} s", begin.elapsed().as_secs());
    let differences: Vec<&str> = (report.lines())
        .filter(|line| line.starts_with("DIFFERS"))
        .collect();
    println!("{} differences", differences.len());
    assert!(differences.is_empty(), "seed {seed}: {differences:?}");
}

/// A life in a process of its own.
fn live(folder: &tempfile::TempDir, purpose: Purpose, seed: u64, operations: Option<u64>) -> End {
    let folder = folder.path();
    let begin = Instant::now();
    for note in ["end", "started"] {
        let _ = fs::remove_file(folder.join(note));
    }
    let said = File::create(folder.join("said")).unwrap();
    let operations = operations.map(|count| format!(" {count}"));
    let life = format!("{purpose:?} {seed}{}", operations.unwrap_or_default());
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["crashing_disk::powered_child", "--exact", "--nocapture"])
        .env(FOLDER, folder)
        .env(LIFE, &life)
        .stdout(Stdio::from(said.try_clone().unwrap()))
        .stderr(Stdio::from(said))
        .spawn()
        .unwrap();
    while child.try_wait().unwrap().is_none() {
        if begin.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("the life '{life}' does not end: {}", said_last(folder));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let end = fs::read_to_string(folder.join("end")).unwrap_or_default();
    println!(
        "{life}: {} after {} ms",
        end.trim_end().replace('\n', ", "),
        begin.elapsed().as_millis()
    );
    match end.lines().next() {
        Some("done") => End::Done,
        Some(why) if why.starts_with("power") => End::Power,
        Some(_) if end.contains(OUT_OF_ORDER) => End::OutOfOrder,
        Some(_) | None => panic!("the life '{life}' ended by itself: {}", said_last(folder)),
    }
}

/// The end of what a life said. The whole of the last one is kept.
fn said_last(folder: &Path) -> String {
    let said = fs::read_to_string(folder.join("said")).unwrap_or_default();
    let from = said.lines().count().saturating_sub(40);
    let last: Vec<&str> = said.lines().skip(from).collect();
    format!(
        "all of it is in {}\n{}",
        kept(folder).display(),
        last.join("\n")
    )
}

/// What a life said, where it stays after the test.
fn kept(folder: &Path) -> PathBuf {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("crashing-disk.log");
    fs::copy(folder.join("said"), &kept).unwrap();
    kept
}
