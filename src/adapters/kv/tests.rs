use std::thread::JoinHandle;

use futures::FutureExt;
use ldk_node::lightning::io::ErrorKind;
use ldk_node::lightning::ln::channelmanager::PaymentId;
use ldk_node::lightning::util::persist::{KVStore, KVStoreSync};
use ldk_node::lightning::util::ser::Writeable;
use ldk_node::lightning_types::payment::PaymentHash;
use ldk_node::payment::{PaymentDetails, PaymentDirection, PaymentKind, PaymentStatus};
use tempfile::TempDir;

use super::{Durability, LdkStore, RELAXED_BYTES_MAX};
use crate::store::{Store, Turn, Wake, Writer, writer};

/// A store whose writer turns only when told to.
struct Held {
    _folder: TempDir,
    store: LdkStore,
    writer: Writer,
}

fn held() -> Held {
    let folder = tempfile::tempdir().unwrap();
    let (store, writer) = Store::open(&folder.path().join("tollway.redb")).unwrap();
    Held {
        store: LdkStore::new(store, folder.path().to_path_buf()),
        _folder: folder,
        writer,
    }
}

impl Held {
    fn get(&self, key: &str) -> Option<Vec<u8>> {
        match KVStoreSync::read(&self.store, "", "", key) {
            Ok(value) => Some(value),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::NotFound);
                None
            }
        }
    }

    fn keys(&self, primary: &str, secondary: &str) -> Vec<String> {
        let mut keys = KVStoreSync::list(&self.store, primary, secondary).unwrap();
        keys.sort();
        keys
    }

    fn turn(&mut self) -> usize {
        match self.writer.turn(false).unwrap() {
            Turn::Ran(jobs) => jobs,
            Turn::Closed => panic!("the store is open"),
        }
    }
}

#[test]
fn queued_writes_are_seen_and_the_last_one_stays() {
    let mut held = held();
    assert_eq!(held.get("manager"), None);
    // Called, never polled: the order is the order of the calls.
    drop(KVStore::write(&held.store, "", "", "manager", vec![1]));
    drop(KVStore::write(&held.store, "", "", "manager", vec![2]));
    assert_eq!(held.get("manager"), Some(vec![2]));
    assert!(!held.store.is_unused());
    assert_eq!(held.turn(), 2);
    assert_eq!(held.get("manager"), Some(vec![2]));

    drop(KVStore::remove(&held.store, "", "", "manager", true));
    assert_eq!(held.get("manager"), None);
    // A later write wins over a lazy removal.
    drop(KVStore::write(&held.store, "", "", "manager", vec![3]));
    held.turn();
    assert_eq!(held.get("manager"), Some(vec![3]));
    assert!(held.store.queued().by_key.is_empty());
}

#[test]
fn lists_show_one_namespace_with_what_is_queued() {
    let mut held = held();
    for (secondary, key) in [("a_0", "1"), ("a_0", "2"), ("a_00", "3")] {
        let primary = "monitor_updates";
        drop(KVStore::write(
            &held.store,
            primary,
            secondary,
            key,
            vec![0],
        ));
    }
    assert_eq!(held.keys("monitor_updates", "a_0"), ["1", "2"]);
    held.turn();
    assert_eq!(held.keys("monitor_updates", "a_0"), ["1", "2"]);
    let removal = KVStore::remove(&held.store, "monitor_updates", "a_0", "1", true);
    drop(removal);
    assert_eq!(held.keys("monitor_updates", "a_0"), ["2"]);
    held.turn();
    assert_eq!(held.keys("monitor_updates", "a_0"), ["2"]);
    assert_eq!(held.keys("monitor_updates", "a_00"), ["3"]);
    assert!(held.keys("monitor", "").is_empty());
}

#[test]
fn relaxed_writes_return_at_once_up_to_a_limit() {
    let mut held = held();
    // No thread drives the writer: if one of these waited, the test would hang.
    let events = vec![7; RELAXED_BYTES_MAX / 4];
    KVStoreSync::write(&held.store, "", "", "events", events.clone()).unwrap();
    KVStoreSync::write(&held.store, "", "", "events", events.clone()).unwrap();
    KVStoreSync::remove(&held.store, "monitors", "", "a_0", true).unwrap();
    assert_eq!(held.get("events"), Some(events));

    let too_much = vec![8; RELAXED_BYTES_MAX / 2 + 1];
    let mut write = KVStore::write(&held.store, "", "", "events", too_much.clone());
    assert!(futures::FutureExt::now_or_never(&mut write).is_none());
    held.turn();
    assert!(futures::FutureExt::now_or_never(&mut write).is_some());
    assert_eq!(held.get("events"), Some(too_much));
    assert_eq!(held.store.queued().relaxed_bytes, 0);
}

#[test]
fn durable_writes_answer_after_the_commit() {
    let mut held = held();
    let mut write = KVStore::write(&held.store, "", "", "manager", vec![1]);
    assert!(futures::FutureExt::now_or_never(&mut write).is_none());
    held.turn();
    assert!(matches!(
        futures::FutureExt::now_or_never(&mut write),
        Some(Ok(()))
    ));
}

#[test]
fn caches_stay_out_of_the_file() {
    let mut held = held();
    KVStoreSync::write(&held.store, "", "", "network_graph", vec![1]).unwrap();
    assert_eq!(held.turn(), 0);
    assert_eq!(held.get("network_graph"), Some(vec![1]));
    assert!(held.store.is_unused());
}

#[test]
fn what_was_waited_for_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tollway.redb");
    let open = || -> (Store, LdkStore, JoinHandle<()>) {
        let (store, writer) = Store::open(&path).unwrap();
        let ldk = LdkStore::new(store.clone(), folder.path().to_path_buf());
        (store, ldk, writer::spawn(writer).unwrap())
    };
    let close = |store: Store, ldk: LdkStore, thread: JoinHandle<()>| {
        store.close();
        thread.join().unwrap();
        drop((store, ldk));
    };

    let (store, ldk, thread) = open();
    KVStoreSync::write(&ldk, "monitors", "", "a_0", vec![1]).unwrap();
    KVStoreSync::write(&ldk, "monitors", "", "b_0", vec![2]).unwrap();
    KVStoreSync::remove(&ldk, "monitors", "", "a_0", false).unwrap();
    close(store, ldk, thread);

    let (store, ldk, thread) = open();
    assert_eq!(KVStoreSync::list(&ldk, "monitors", "").unwrap(), ["b_0"]);
    ldk.forget_all();
    assert!(ldk.is_unused());
    close(store, ldk, thread);
}

#[test]
fn only_a_monitor_wakes_the_marker() {
    for (primary, secondary, wakes) in [
        ("monitors", "", true),
        ("monitor_updates", "a_0", true),
        ("payments", "", false),
        ("", "", false),
    ] {
        let mut held = held();
        drop(KVStore::write(
            &held.store,
            primary,
            secondary,
            "manager",
            vec![1],
        ));
        held.turn();
        let store = held.store.store();
        let woken = store.signals().woken(Wake::Mark).now_or_never();
        assert_eq!(woken.is_some(), wakes, "{primary}");
    }
}

#[test]
fn the_record_of_a_payment_goes_as_it_came() {
    for (direction, durability) in [
        (PaymentDirection::Inbound, Durability::Relaxed),
        (PaymentDirection::Outbound, Durability::Wait),
    ] {
        let mut held = held();
        let record = PaymentDetails {
            id: PaymentId([1; 32]),
            kind: PaymentKind::Bolt11 {
                hash: PaymentHash([1; 32]),
                preimage: None,
                secret: None,
            },
            amount_msat: None,
            fee_paid_msat: None,
            direction,
            status: PaymentStatus::Pending,
            latest_update_timestamp: 1,
        };
        drop(KVStore::write(
            &held.store,
            "payments",
            "",
            "01",
            record.encode(),
        ));
        held.turn();
        let waits_for = held.store.removal_of("payments", "", "01", false);
        assert_eq!(waits_for, durability, "{direction:?}");
    }
    // What is not known waits.
    let waits_for = held().store.removal_of("payments", "", "02", false);
    assert_eq!(waits_for, Durability::Wait);
}
