//! The store: one writer, one commit for many jobs, answers after the commit, and files that can't be opened.

mod disk;

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

#[test]
fn a_file_opens_again_with_its_rows_and_its_sequence() {
    let dir = tempfile::tempdir().expect("a directory");
    for run in 1..=3 {
        write_once(dir.path(), |tx| {
            tx.announce(SHOP, vec![Fact::StoreCreated], Timestamp(5));
        });
        let (store, _writer) = open(dir.path()).expect("opens");
        assert_eq!(journal::last_sequence(&store.snapshot()), run);
    }
}

#[test]
fn a_second_process_is_turned_away() {
    let dir = tempfile::tempdir().expect("a directory");
    let first = open(dir.path()).expect("opens");
    assert!(matches!(open(dir.path()), Err(OpenError::InUse)));
    drop(first);
    assert!(open(dir.path()).is_ok());
}

#[test]
fn a_file_of_a_later_version_is_left_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    write_once(dir.path(), |tx| {
        tx.put(Table::Meta, b"format", &9_u64.to_be_bytes());
    });
    let refused = open(dir.path()).map(|_| ()).expect_err("too new");
    assert!(
        matches!(refused, OpenError::TooNew { found: 9, known: 2 }),
        "{refused}"
    );
}

#[test]
fn a_file_of_the_first_format_gets_the_payers_indexes() {
    let dir = tempfile::tempdir().expect("a directory");
    let waiting = samples::payout();
    let id = waiting.id;
    write_once(dir.path(), move |tx| {
        tollway::store::payout::put(tx, &waiting);
        tx.put(Table::Meta, b"format", &1_u64.to_be_bytes());
        for table in [Table::PayoutQueue, Table::PayoutExpiries] {
            let mut rows = Vec::new();
            tx.scan(table, &[], Order::Ascending, &mut |row, _| {
                rows.push(row.to_vec());
                std::ops::ControlFlow::Continue(())
            });
            assert_eq!(rows.len(), 1, "{table:?}");
            tx.remove(table, &rows[0]);
        }
    });
    let (store, _writer) = open(dir.path()).expect("it is brought up to date, and fits");
    let (over, next) = payout_queue::expired(&store.snapshot(), samples::now(), 10);
    assert_eq!((over, next.is_some()), (vec![], true));
    let lines = payout_queue::lines(&store.snapshot(), Lane::Node);
    let mut found = Vec::new();
    for line in lines {
        payout_queue::waiting(&store.snapshot(), Lane::Node, line, &mut |waiting| {
            found.push(waiting.payout.payout);
            std::ops::ControlFlow::Continue(())
        });
    }
    assert_eq!(found, [id]);
}

#[test]
fn a_full_disk_ends_the_process_and_a_clean_start_follows_when_there_is_room() {
    let (store, mut writer, disk) = in_memory();
    store.enqueue("test", put(b"before", b"x"), |()| {});
    writer.turn(false).expect("commits");
    disk.set_full(true);
    let answered = Arc::new(Mutex::new(0_u32));
    let fatal = (0_u32..)
        .find_map(|number| {
            let answered = answered.clone();
            store.enqueue(
                "test",
                move |tx| tx.put(Table::Ldk, &number.to_be_bytes(), &vec![7; 100_000]),
                move |()| *answered.lock().expect("free") += 1,
            );
            writer.turn(false).err()
        })
        .expect("it is full");
    assert!(fatal.0.contains("the database file failed"), "{fatal}");
    assert!(fatal.0.contains("storage"), "{fatal}");
    // Whatever comes now fails as well: the process ends with the first.
    store.enqueue("test", put(b"after", b"x"), |()| panic!("answered"));
    assert!(writer.turn(false).is_err());
    drop((store, writer));

    // Still full: it is said so, and not called damage.
    match Store::open_backend(disk.clone()).map(|_| ()) {
        Ok(()) | Err(OpenError::Refused(_)) => {}
        other => panic!("{other:?}"),
    }
    disk.set_full(false);
    let (store, mut writer) = Store::open_backend(disk).expect("opens");
    let kept = *answered.lock().expect("free");
    let snapshot = store.snapshot();
    // What was answered is there, and what was not has left no trace.
    for number in 0..=kept {
        let there = snapshot.has(Table::Ldk, &number.to_be_bytes());
        assert_eq!(there, number < kept, "{number} of {kept}");
    }
    assert!(meta(&store, b"before").is_some() && meta(&store, b"after").is_none());
    store.enqueue("test", put(b"after", b"x"), |()| {});
    writer.turn(false).expect("commits again");
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

#[test]
fn a_damaged_file_is_refused_and_never_made_anew() {
    /// How a file is damaged.
    type Damage = fn(&mut Vec<u8>);
    let rows: &[(&str, Damage)] = &[
        ("not ours", |bytes| {
            *bytes = b"hello, I am a text file".repeat(9);
        }),
        ("magic number", |bytes| bytes[..9].fill(0)),
        ("cut in the header", |bytes| bytes.truncate(100)),
        ("cut in half", |bytes| bytes.truncate(bytes.len() / 2)),
        ("cut by a byte", |bytes| bytes.truncate(bytes.len() - 1)),
        ("empty", Vec::clear),
        ("both commit slots", |bytes| bytes[64..320].fill(0x5a)),
    ];
    for (name, damage) in rows {
        let dir = tempfile::tempdir().expect("a directory");
        write_once(dir.path(), put(b"a", b"x"));
        let path = dir.path().join("tollway.redb");
        let mut bytes = std::fs::read(&path).expect("reads");
        damage(&mut bytes);
        std::fs::write(&path, &bytes).expect("writes");
        let refused = open(dir.path()).map(|_| ());
        assert!(
            matches!(refused, Err(OpenError::Damaged(_))),
            "{name}: {refused:?}"
        );
        assert_eq!(std::fs::read(&path).expect("reads"), bytes, "{name}");
    }
}

#[test]
fn a_row_that_cant_be_read_is_refused_with_its_kind() {
    let id = samples::payout().id;
    for (table, key, kind) in [
        (
            Table::Payouts,
            id.as_bytes().to_vec(),
            "Payout can't be read",
        ),
        (Table::Tills, vec![0; 4], "a till:"),
    ] {
        let dir = tempfile::tempdir().expect("a directory");
        let key = [SHOP.as_bytes().to_vec(), key].concat();
        write_once(dir.path(), move |tx: &mut Tx<'_>| {
            tx.put(table, &key, &[1, 0x80]);
        });
        let refused = open(dir.path()).map(|_| ());
        let Err(OpenError::Damaged(why) | OpenError::Inconsistent(why)) = refused else {
            panic!("{kind}: {refused:?}");
        };
        assert!(why.contains(kind), "{why}");
    }
}

#[test]
fn a_file_that_contradicts_itself_is_not_opened() {
    /// What is wrong with the rows.
    type Wrong = fn(&mut Tx<'_>);
    let rows: &[(&str, Wrong)] = &[
        ("P8 the budget", |tx| {
            let mut lying = samples::pull_payment();
            lying.budget = Budget {
                reserved: Parts(5),
                ..lying.budget
            };
            pull_payment::put(tx, &lying);
        }),
        ("missing among the open", |tx| {
            let payout = samples::payout();
            tollway::store::payout::put(tx, &payout);
            let row = [&payout.store.0[..], &payout.id.0].concat();
            tx.remove(Table::PayoutsOpen, &row);
        }),
        ("P3 the hash", |tx| {
            let payout = samples::payout();
            tollway::store::payout::put(tx, &payout);
            let hash = tollway::store::payout::hash_owner(tx, samples::HASH).map(|_| samples::HASH);
            tx.remove(Table::PayoutHashes, &hash.expect("it was put").0);
        }),
        ("P1 payout", |tx| {
            let mut payout = samples::payout();
            payout.stage = tollway::domain::payout::Stage::InProgress;
            let row = [&payout.store.0[..], &payout.id.0].concat();
            let record = tollway::store::codec::encode(&payout);
            tx.put(Table::Payouts, &row, &record);
            tx.put(Table::PayoutsOpen, &row, &[]);
        }),
        ("version 9 is unknown", |tx| {
            tx.put(Table::PullPayments, &[1; 52], &[9, 0x80]);
        }),
    ];
    for (said, wrong) in rows {
        let dir = tempfile::tempdir().expect("a directory");
        write_once(dir.path(), wrong);
        match open(dir.path()).map(|_| ()) {
            Err(OpenError::Inconsistent(why)) => assert!(why.contains(said), "{said}: {why}"),
            other => panic!("{said}: {other:?}"),
        }
    }
}
