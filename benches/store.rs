//! Which kind of commit the store should make: what each costs, and what each saves after a SIGKILL.
//!
//! `cargo bench --bench store` prints one table. The rows are those of invoices: one large, the others indexes.

#![expect(
    clippy::cast_precision_loss,
    reason = "counts for a table, far below 2^52"
)]

#[path = "invoices/disk.rs"]
mod disk;
#[path = "invoices/report.rs"]
mod report;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use redb::{Database, ReadableDatabase, ReadableTableMetadata, TableDefinition};
use sha2::{Digest, Sha256};

use disk::{Meter, MeteredFile};
use report::{Report, per_second};

/// As in the store.
const CACHE_BYTES: usize = 16 * 1_024 * 1_024;

/// One record and its indexes.
const TABLES: [&str; 8] = [
    "record", "owner", "time", "agenda", "hash", "address", "journal", "object",
];

/// Bytes of a record and of an index's value.
const RECORD_BYTES: usize = 900;
const INDEX_BYTES: usize = 32;

/// Rows in the file that is killed.
const ROWS: [usize; 2] = [100_000, 1_000_000];

/// Rounds of commits; the middle one's rate is shown.
const ROUNDS: usize = 9;
const ROUND_COMMITS: usize = 30;

/// What a commit does.
#[derive(Clone, Copy)]
enum Kind {
    OnePhase,
    TwoPhase,
    QuickRepair,
}

impl Kind {
    const ALL: [Self; 3] = [Self::OnePhase, Self::TwoPhase, Self::QuickRepair];

    const fn name(self) -> &'static str {
        match self {
            Self::OnePhase => "one-phase",
            Self::TwoPhase => "two-phase",
            Self::QuickRepair => "two-phase with quick repair",
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, child, kind, rows, path] = &arguments[..]
        && child == "child"
    {
        let kind = Kind::ALL[kind.parse::<usize>().expect("a number")];
        let rows = rows.parse().expect("a number");
        fill_until_killed(kind, rows, Path::new(path));
    }
    let folder = tempfile::tempdir_in(target()).expect("a folder");
    let mut report = Report::default();
    for (records, millis) in [(1, 0), (32, 0), (32, 2)] {
        commits(records, millis, folder.path(), &mut report);
    }
    for rows in ROWS {
        for kind in Kind::ALL {
            open_after_kill(kind, rows, folder.path(), &mut report);
        }
    }
    println!("\n{}", report.table());
}

/// Rate and syncs of commits of so many records, on the disk as it is or on a slower one. The kinds take turns, so
/// that whatever else the disk has to do falls on all of them.
fn commits(records: usize, millis: u64, folder: &Path, report: &mut Report) {
    let mut files: Vec<File> = Kind::ALL
        .map(|kind| {
            File::new(
                kind,
                &folder.join(format!("{} {records} {millis}", kind.name())),
            )
        })
        .into();
    for _ in 0..ROUNDS {
        for file in &mut files {
            file.round(records, millis);
        }
    }
    for mut file in files {
        file.rates.sort_unstable_by(f64::total_cmp);
        let slow = match millis {
            0 => String::new(),
            millis => format!(", {millis} ms added to every sync"),
        };
        let commits = ROUNDS * ROUND_COMMITS;
        report.add(
            format!("{}, {records} records a commit{slow}", file.kind.name()),
            per_second(file.rates[file.rates.len() / 2]),
            format!("{:.2} fsyncs a commit", file.syncs as f64 / commits as f64),
        );
    }
}

/// A file for one kind of commits.
struct File {
    kind: Kind,
    db: Database,
    meter: Arc<Meter>,
    next: usize,
    syncs: u64,
    rates: Vec<f64>,
}

impl File {
    /// With some rows in it, as a file in use has.
    fn new(kind: Kind, path: &Path) -> Self {
        let meter = Arc::new(Meter::default());
        let db = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create_with_backend(MeteredFile::open(path, meter.clone()))
            .expect("a new file");
        let mut next = 0;
        for _ in 0..20 {
            commit(&db, kind, &mut next, 300);
        }
        Self {
            kind,
            db,
            meter,
            next,
            syncs: 0,
            rates: Vec::new(),
        }
    }

    fn round(&mut self, records: usize, millis: u64) {
        self.meter.slow_down(millis);
        let (syncs, begin) = (self.meter.syncs(), Instant::now());
        for _ in 0..ROUND_COMMITS {
            commit(&self.db, self.kind, &mut self.next, records);
        }
        self.rates
            .push(ROUND_COMMITS as f64 / begin.elapsed().as_secs_f64());
        self.syncs += self.meter.syncs() - syncs;
    }
}

/// A process of its own fills a file and is killed while it commits; this one opens it.
fn open_after_kill(kind: Kind, rows: usize, folder: &Path, report: &mut Report) {
    let path = folder.join(format!("{} {rows}", kind.name()));
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["child", &(kind as usize).to_string(), &rows.to_string()])
        .arg(&path)
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program runs");
    let said = BufReader::new(child.stdout.take().expect("a pipe"));
    let line = said.lines().next();
    assert!(
        matches!(line, Some(Ok(word)) if word == "filled"),
        "the child fills the file"
    );
    // It goes on to commit: the kill falls into one of them.
    std::thread::sleep(Duration::from_millis(50));
    child.kill().expect("SIGKILL");
    child.wait().expect("it is gone");

    let bytes = std::fs::metadata(&path).expect("the file").len();
    let begin = Instant::now();
    let db = Database::builder()
        .set_cache_size(CACHE_BYTES)
        .create(&path)
        .expect("it opens after a kill");
    let took = begin.elapsed();
    let txn = db.begin_read().expect("a snapshot");
    let found: u64 = TABLES
        .iter()
        .map(|name| {
            let table = txn.open_table(definition(name)).expect("a table");
            table.len().expect("its length")
        })
        .sum();
    assert!(found >= rows as u64, "nothing that was committed is lost");
    report.expect(
        format!(
            "{}, open after SIGKILL, {rows} rows, {} MB",
            kind.name(),
            bytes / 1_000_000
        ),
        format!("{} ms", took.as_millis()),
        "under 1 s",
        took < Duration::from_secs(1),
    );
    std::fs::remove_file(&path).expect("the file");
}

fn fill_until_killed(kind: Kind, rows: usize, path: &Path) -> ! {
    let db = Database::builder()
        .set_cache_size(CACHE_BYTES)
        .create(path)
        .expect("a new file");
    let mut next = 0;
    while next * TABLES.len() < rows {
        commit(&db, kind, &mut next, 500);
    }
    println!("filled");
    loop {
        commit(&db, kind, &mut next, 32);
    }
}

#[expect(clippy::disallowed_methods, reason = "redb itself is measured here")]
fn commit(db: &Database, kind: Kind, next: &mut usize, records: usize) {
    let mut txn = db.begin_write().expect("a transaction");
    match kind {
        Kind::OnePhase => {}
        Kind::TwoPhase => txn.set_two_phase_commit(true),
        Kind::QuickRepair => txn.set_quick_repair(true),
    }
    for (number, name) in TABLES.iter().enumerate() {
        let mut table = txn.open_table(definition(name)).expect("a table");
        let bytes = if number == 0 {
            RECORD_BYTES
        } else {
            INDEX_BYTES
        };
        for record in *next..*next + records {
            // Ids are random: rows land all over the tree.
            let key = Sha256::digest(format!("{name} {record}"));
            let value = vec![7; bytes];
            table.insert(&key[..], &value[..]).expect("a row");
        }
    }
    txn.commit().expect("a commit");
    *next += records;
}

const fn definition(name: &str) -> TableDefinition<'_, &'static [u8], &'static [u8]> {
    TableDefinition::new(name)
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target"),
        PathBuf::from,
    )
}
