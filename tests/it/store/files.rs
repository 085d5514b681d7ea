//! Opening files: what is there, what is damaged, what is of another version.

use super::*;

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
