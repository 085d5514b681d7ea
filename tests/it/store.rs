//! The store: one writer, one commit for many jobs, answers after the commit, and files that can't be opened.

mod disk;
mod files;

use std::path::Path;
use std::sync::{Arc, Mutex};

use disk::CountingDisk;
use tollway::domain::fact::Fact;
use tollway::domain::ids::StoreId;
use tollway::domain::money::Parts;
use tollway::domain::pull_payment::Budget;
use tollway::domain::time::Timestamp;
use tollway::store::payout_queue::{self, Lane};
use tollway::store::writer::{COMMIT_BATCH_MAX, QUEUE_MAX};
use tollway::store::{
    OpenError, Order, Rows, Store, Table, Turn, Tx, Wake, WriteError, Writer, journal, pull_payment,
};

use crate::samples;

const SHOP: StoreId = StoreId([7; 32]);

fn open(path: &Path) -> Result<(Store, Writer), OpenError> {
    Store::open(&path.join("tollway.redb"))
}

fn in_memory() -> (Store, Writer, CountingDisk) {
    let disk = CountingDisk::default();
    let (store, writer) = Store::open_backend(disk.clone()).expect("opens");
    (store, writer, disk)
}

fn put(key: &'static [u8], value: &'static [u8]) -> impl FnOnce(&mut Tx<'_>) + Send {
    move |tx| tx.put(Table::Meta, key, value)
}

fn meta(store: &Store, key: &[u8]) -> Option<Vec<u8>> {
    store.snapshot().get(Table::Meta, key)
}

/// Writes rows into a file of its own, in one batch, and closes it.
fn write_once(dir: &Path, job: impl FnOnce(&mut Tx<'_>) + Send + 'static) {
    let (store, mut writer) = open(dir).expect("opens");
    store.enqueue("test", job, |()| {});
    assert_eq!(writer.turn(false).expect("commits"), Turn::Ran(1));
}

#[test]
fn a_batch_has_one_commit_however_many_jobs_are_in_it() {
    let syncs_of = |jobs: usize| {
        let (store, mut writer, disk) = in_memory();
        for number in 0..jobs {
            let job = move |tx: &mut Tx<'_>| tx.put(Table::Meta, &number.to_be_bytes(), b"x");
            store.enqueue("test", job, |()| {});
        }
        let before = disk.syncs();
        assert_eq!(writer.turn(false).expect("commits"), Turn::Ran(jobs));
        disk.syncs() - before
    };
    let one = syncs_of(1);
    assert!(one > 0, "a commit is durable");
    assert_eq!(syncs_of(COMMIT_BATCH_MAX), one);
    assert_eq!(syncs_of(0), 0);
}

#[test]
fn a_batch_without_a_write_has_no_commit() {
    let (store, mut writer, disk) = in_memory();
    store.enqueue("test", |tx| tx.has(Table::Meta, b"a"), |_| {});
    let before = disk.syncs();
    assert_eq!(writer.turn(false).expect("runs"), Turn::Ran(1));
    assert_eq!(disk.syncs(), before);
}

#[test]
fn a_batch_is_bounded_and_the_rest_comes_next() {
    let (store, mut writer, _) = in_memory();
    for _ in 0..=COMMIT_BATCH_MAX {
        store.enqueue("test", put(b"a", b"x"), |()| {});
    }
    assert_eq!(
        writer.turn(false).expect("runs"),
        Turn::Ran(COMMIT_BATCH_MAX)
    );
    assert_eq!(writer.turn(false).expect("runs"), Turn::Ran(1));
    assert_eq!(writer.turn(false).expect("runs"), Turn::Ran(0));
    store.close();
    assert_eq!(writer.turn(false).expect("runs"), Turn::Closed);
}

#[test]
fn an_answer_comes_after_the_commit_that_it_speaks_of() {
    let (store, mut writer, disk) = in_memory();
    let syncs_before = disk.syncs();
    let seen = Arc::new(Mutex::new(Vec::new()));
    for key in [b"a", b"b"] {
        let (store_then, seen, disk) = (store.clone(), seen.clone(), disk.clone());
        store.enqueue(
            "test",
            move |tx| tx.put(Table::Meta, key, b"x"),
            move |()| {
                // Both rows are there at the first answer: they share the commit.
                let both = meta(&store_then, b"a").is_some() && meta(&store_then, b"b").is_some();
                seen.lock()
                    .expect("free")
                    .push((both, disk.syncs() > syncs_before));
            },
        );
    }
    assert!(meta(&store, b"a").is_none());
    writer.turn(false).expect("commits");
    assert_eq!(*seen.lock().expect("free"), [(true, true), (true, true)]);
}

#[test]
fn jobs_run_in_the_order_they_were_queued_and_see_those_before() {
    let (store, mut writer, _) = in_memory();
    let order = Arc::new(Mutex::new(Vec::new()));
    for number in 0..5_u8 {
        let order = order.clone();
        store.enqueue(
            "test",
            move |tx| {
                let before = tx.get(Table::Meta, b"last");
                tx.put(Table::Meta, b"last", &[number]);
                before
            },
            move |before| order.lock().expect("free").push(before),
        );
    }
    writer.turn(false).expect("commits");
    let expected = [
        None,
        Some(vec![0]),
        Some(vec![1]),
        Some(vec![2]),
        Some(vec![3]),
    ];
    assert_eq!(*order.lock().expect("free"), expected);
}

#[test]
fn a_kill_takes_a_suffix_of_the_history_and_never_a_hole() {
    let dir = tempfile::tempdir().expect("a directory");
    {
        let (store, mut writer) = open(dir.path()).expect("opens");
        for number in 0..=COMMIT_BATCH_MAX {
            let key = u32::try_from(number).expect("small").to_be_bytes();
            store.enqueue("test", move |tx| tx.put(Table::Ldk, &key, b"x"), |()| {});
        }
        // The last job is queued and not run when the process ends.
        writer.turn(false).expect("commits");
    }
    let (store, _writer) = open(dir.path()).expect("opens");
    let snapshot = store.snapshot();
    let there = |number: usize| {
        let key = u32::try_from(number).expect("small").to_be_bytes();
        snapshot.has(Table::Ldk, &key)
    };
    assert!((0..COMMIT_BATCH_MAX).all(there));
    assert!(!there(COMMIT_BATCH_MAX));
}

#[test]
fn a_refusal_changes_nothing_and_one_after_a_write_ends_the_process() {
    // (writes before it refuses, what the turn comes to)
    for (writes, fatal) in [(false, false), (true, true)] {
        let (store, mut writer, _) = in_memory();
        let refused = store.try_write("refusing", move |tx| {
            if writes {
                tx.put(Table::Meta, b"a", b"x");
            }
            Err::<(), _>(WriteError::Busy)
        });
        let mut refused = Box::pin(refused);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(refused.as_mut().poll(&mut context).is_pending());
        let turn = writer.turn(false);
        assert_eq!(turn.is_err(), fatal, "writes: {writes}");
        if let Err(why) = turn {
            assert!(why.0.contains("wrote before it refused"), "{why}");
        } else {
            let answer = refused.as_mut().poll(&mut context);
            assert_eq!(answer, std::task::Poll::Ready(Err(WriteError::Busy)));
        }
        assert!(meta(&store, b"a").is_none());
    }
}

#[test]
fn a_panic_before_the_first_write_costs_one_answer() {
    let (store, mut writer, _) = in_memory();
    let answers = Arc::new(Mutex::new(Vec::new()));
    for number in 0..3 {
        let answers = answers.clone();
        store.enqueue(
            "test",
            move |tx| {
                assert_ne!(number, 1, "a bug");
                tx.put(Table::Meta, &[number], b"x");
                number
            },
            move |number| answers.lock().expect("free").push(number),
        );
    }
    assert_eq!(writer.turn(false).expect("goes on"), Turn::Ran(3));
    assert_eq!(*answers.lock().expect("free"), [0, 2]);
    assert!(meta(&store, &[0]).is_some() && meta(&store, &[2]).is_some());
}

#[test]
fn a_panic_after_a_write_ends_the_process_and_takes_its_batch_along() {
    let (store, mut writer, _) = in_memory();
    store.enqueue("test", put(b"before", b"x"), |()| panic!("answered"));
    store.enqueue(
        "half-done",
        |tx: &mut Tx<'_>| {
            tx.put(Table::Meta, b"half", b"x");
            panic!("a bug");
        },
        |()| {},
    );
    let fatal = writer
        .turn(false)
        .expect_err("nobody knows what was written");
    assert!(fatal.0.contains("half-done"), "{fatal}");
    assert!(meta(&store, b"before").is_none() && meta(&store, b"half").is_none());
}

#[tokio::test]
async fn requests_are_turned_away_when_too_many_wait_and_keepers_are_not() {
    let (store, mut writer, _) = in_memory();
    for _ in 0..QUEUE_MAX {
        store.enqueue("test", |_| {}, |()| {});
    }
    let turned_away = store.write("test", put(b"request", b"x")).await;
    assert_eq!(turned_away, Err(WriteError::Busy));
    let keeper = store.insist("test", put(b"keeper", b"x"));
    let work = async {
        while store.queue_len() > 0 {
            writer.turn(false).expect("commits");
        }
    };
    let (kept, ()) = futures::join!(keeper, work);
    assert_eq!(kept, Ok(()));
    assert!(meta(&store, b"keeper").is_some() && meta(&store, b"request").is_none());
}

#[tokio::test]
async fn a_closed_store_finishes_what_it_took_and_takes_no_more() {
    let (store, mut writer, _) = in_memory();
    store.enqueue("test", put(b"before", b"x"), |()| {});
    store.close();
    let late = store.insist("test", put(b"late", b"x")).await;
    assert_eq!(late, Err(WriteError::Failed));
    assert_eq!(writer.turn(true).expect("commits"), Turn::Ran(1));
    assert_eq!(writer.turn(true).expect("ends"), Turn::Closed);
    assert!(meta(&store, b"before").is_some() && meta(&store, b"late").is_none());
}

#[tokio::test]
async fn wakes_and_facts_are_told_after_the_commit() {
    let (store, mut writer, _) = in_memory();
    let mut live = store.signals().live();
    let tell = |tx: &mut Tx<'_>| {
        tx.announce(
            SHOP,
            vec![Fact::StoreCreated, Fact::StoreCreated],
            Timestamp(5),
        );
        tx.wake(Wake::LightningPayouts);
    };
    store.enqueue("test", tell, |()| {});
    assert!(live.try_recv().is_err());
    writer.turn(false).expect("commits");
    store.signals().woken(Wake::LightningPayouts).await;
    let told: Vec<u64> = (0..2)
        .map(|_| live.try_recv().expect("a fact").sequence)
        .collect();
    assert_eq!(told, [1, 2]);
    let kept = journal::after(&store.snapshot(), SHOP, 0, 10);
    assert_eq!(kept.len(), 2);
}

#[tokio::test]
async fn what_must_not_be_forgotten_wakes_the_marker() {
    /// What is committed.
    type Job = fn(&mut Tx<'_>);
    let rows: [(&str, Job, bool); 2] = [
        (
            "a fact",
            |tx| tx.announce(SHOP, vec![Fact::StoreCreated], Timestamp(5)),
            true,
        ),
        ("a row", |tx| tx.put(Table::Meta, b"a", b"x"), false),
    ];
    for (name, job, wakes) in rows {
        let (store, mut writer, _) = in_memory();
        store.enqueue("test", job, |()| {});
        writer.turn(false).expect("commits");
        let woken = futures::FutureExt::now_or_never(store.signals().woken(Wake::Mark));
        assert_eq!(woken.is_some(), wakes, "{name}");
    }
}
