//! Golden bytes of every record: what an older version wrote must read for ever.
//!
//! `golden/<record>.hex` holds a line `label hex` for each sample. A line is never changed: whoever changes an
//! encoding writes a new version with a migration, and a new line beside the old one.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write};
use std::path::PathBuf;

use bitcoin::{BlockHash, Network, hashes::Hash};
use minicbor::{Decode, Encode};
use tollway::domain::fact::{Entry, Fact};
use tollway::domain::ids::StoreId;
use tollway::domain::money::Msat;
use tollway::domain::rates::{Fallback, RuleSet};
use tollway::domain::receipt::ReceiptKey;
use tollway::ports::chain::BlockRef;
use tollway::store::codec::{encode, try_decode};
use tollway::store::invoice::HashOwner;
use tollway::store::node::{ApiInvoice, Paid};
use tollway::store::payout::PayoutRef;
use tollway::store::receipt::{Assignment, Stray};
use tollway::store::{Order, Rows, Store, Table};
use tollway::wallet::Keychain;

use crate::samples;

fn dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden")
}

/// The lines of a golden file. With `TOLLWAY_GOLDEN=add` those that are missing are added first.
fn lines(record: &str, written: &[(String, Vec<u8>)]) -> BTreeMap<String, Vec<u8>> {
    let path = dir().join(format!("{record}.hex"));
    let mut text = std::fs::read_to_string(&path).unwrap_or_default();
    if std::env::var("TOLLWAY_GOLDEN").is_ok_and(|wish| wish == "add") {
        for (label, bytes) in written {
            if !text
                .lines()
                .any(|line| line.starts_with(&format!("{label} ")))
            {
                writeln!(text, "{label} {}", hex::encode(bytes)).expect("a text grows");
            }
        }
        std::fs::write(&path, &text).expect("writes");
    }
    text.lines()
        .map(|line| {
            let (label, bytes) = line.split_once(' ').expect("label and hex");
            (label.to_owned(), hex::decode(bytes).expect("hex"))
        })
        .collect()
}

/// What is written today is what was written then.
fn check_bytes(record: &str, written: &[(String, Vec<u8>)]) {
    let golden = lines(record, written);
    for (label, bytes) in written {
        let kept = golden.get(label).unwrap_or_else(|| {
            panic!("{record} {label} has no golden bytes: run this test with TOLLWAY_GOLDEN=add")
        });
        assert_eq!(
            hex::encode(bytes),
            hex::encode(kept),
            "the encoding of {record} {label} has changed. Files in use hold the old one: give a new field a \
             new number that older records read as its default, or make a new version with a migration. The \
             golden line stays; a sample with the new field is added beside it (TOLLWAY_GOLDEN=add)."
        );
    }
    let labels: Vec<&String> = written.iter().map(|(label, _)| label).collect();
    for label in golden.keys() {
        assert!(labels.contains(&label), "{record} {label} has no sample");
    }
}

/// The same, and what was written then reads as what it was.
fn check<T>(record: &str, values: &[(&str, T)])
where
    T: Encode<()> + for<'b> Decode<'b, ()> + PartialEq + Debug,
{
    let written: Vec<(String, Vec<u8>)> = values
        .iter()
        .map(|(label, value)| ((*label).to_owned(), encode(value)))
        .collect();
    check_bytes(record, &written);
    let golden = lines(record, &[]);
    for (label, value) in values {
        let read: T = try_decode(&golden[*label]).expect("golden bytes read");
        assert_eq!(&read, value, "{record} {label}");
    }
}

/// A fact's label; a new fact does not compile here until it has one, and a sample.
pub const fn label(fact: &Fact) -> &'static str {
    match fact {
        Fact::StoreCreated => "store_created",
        Fact::InvoiceCreated { .. } => "invoice_created",
        Fact::InvoiceReceivedPayment {
            receipt: ReceiptKey::Inside(_),
            ..
        } => "invoice_received_inside",
        Fact::InvoiceReceivedPayment { .. } => "invoice_received_payment",
        Fact::InvoicePaymentSettled { .. } => "invoice_payment_settled",
        Fact::InvoicePaymentLost { .. } => "invoice_payment_lost",
        Fact::InvoiceProcessing { .. } => "invoice_processing",
        Fact::InvoiceSettled { .. } => "invoice_settled",
        Fact::InvoiceReopened { .. } => "invoice_reopened",
        Fact::InvoiceExpired { .. } => "invoice_expired",
        Fact::InvoicePaidAfterExpiration { .. } => "invoice_paid_after_expiration",
        Fact::InvoiceInvalid { .. } => "invoice_invalid",
        Fact::InvoicePromptRenewed { .. } => "invoice_prompt_renewed",
        Fact::StrayReceived { .. } => "stray_received",
        Fact::ApiInvoicePaid { .. } => "api_invoice_paid",
        Fact::PullPaymentCreated { .. } => "pull_payment_created",
        Fact::PullPaymentArchived { .. } => "pull_payment_archived",
        Fact::PayoutCreated { .. } => "payout_created",
        Fact::PayoutApproved { .. } => "payout_approved",
        Fact::PayoutAttemptRecorded { .. } => "payout_attempt_recorded",
        Fact::PayoutAttemptSent { .. } => "payout_attempt_sent",
        Fact::PayoutAttemptFailed { .. } => "payout_attempt_failed",
        Fact::PayoutCompleted { way: None, .. } => "payout_completed",
        Fact::PayoutCompleted { way: Some(_), .. } => "payout_completed_some_way",
        Fact::PayoutCancelled { .. } => "payout_cancelled",
        Fact::PayoutInReview { .. } => "payout_in_review",
        Fact::PayoutPaidTwice { amount: None, .. } => "payout_paid_twice",
        Fact::PayoutPaidTwice {
            amount: Some(_), ..
        } => "payout_paid_twice_for",
        Fact::PaymentRecordForgotten { .. } => "payment_record_forgotten",
        Fact::PayoutUnconfirmed { .. } => "payout_unconfirmed",
        Fact::NodeNote { .. } => "node_note",
        Fact::ApiInvoicePaidInside { .. } => "api_invoice_paid_inside",
        Fact::PayoutReviewed { .. } => "payout_reviewed",
        Fact::PayoutPaidTwiceSeen { .. } => "payout_paid_twice_seen",
        Fact::ForeignPaymentArrived { .. } => "foreign_payment_arrived",
        Fact::PayoutProofFound { .. } => "payout_proof_found",
        Fact::PayoutFeeRaised { .. } => "payout_fee_raised",
        Fact::PayoutReconfirmed { .. } => "payout_reconfirmed",
        Fact::PayoutProofCorrected { .. } => "payout_proof_corrected",
        Fact::UnknownSpend { .. } => "unknown_spend",
        Fact::UnknownSpendGone { .. } => "unknown_spend_gone",
        Fact::TillReleased => "till_released",
        Fact::OwnerSpent { .. } => "owner_spent",
        Fact::OwnerSpentGone { .. } => "owner_spent_gone",
        Fact::DraftMade { .. } => "draft_made",
        Fact::DraftClosed { .. } => "draft_closed",
        Fact::StrayLost { .. } => "stray_lost",
        Fact::StrayReturned { .. } => "stray_returned",
        Fact::NodeFunded { .. } => "node_funded",
        Fact::NodeFundingLost { .. } => "node_funding_lost",
        Fact::NodeCost { .. } => "node_cost",
        Fact::NodeGain { .. } => "node_gain",
        Fact::NodeForwarded { .. } => "node_forwarded",
        Fact::StrayAssigned { .. } => "stray_assigned",
        Fact::PayoutInHand { .. } => "payout_in_hand",
        Fact::PayoutPaidByHand { .. } => "payout_paid_by_hand",
        Fact::PayoutPutBack { .. } => "payout_put_back",
        Fact::PayoutApprovalWithdrawn { .. } => "payout_approval_withdrawn",
        Fact::PullPaymentChanged { .. } => "pull_payment_changed",
        Fact::InvoiceMethodActivated { .. } => "invoice_method_activated",
        Fact::MemberSet { .. } => "member_set",
        Fact::MemberRemoved { .. } => "member_removed",
    }
}

#[test]
fn entries_of_the_journal() {
    let entries: Vec<(&str, Entry)> = samples::facts()
        .into_iter()
        .map(|fact| {
            let entry = Entry {
                sequence: 77,
                at: samples::now(),
                store: samples::STORE,
                fact: fact.clone(),
            };
            (label(&fact), entry)
        })
        .collect();
    check("entry", &entries);
}

#[test]
fn stores_and_their_senders() {
    let stores = [
        ("shop", samples::store()),
        ("capped", samples::capped_store()),
        ("priced", samples::priced_store(Fallback::Usual)),
        ("tracking", samples::tracking_store()),
        (
            "priced-without-fallback",
            samples::priced_store(Fallback::Off),
        ),
        (
            "priced-with-fallback",
            samples::priced_store(Fallback::On(RuleSet::of_source("coingecko"))),
        ),
        ("shared", samples::shared_store()),
    ];
    let stores = [stores.to_vec(), samples::stores_with_methods()].concat();
    check("store", &stores);
    check("processor", &[("onchain", samples::processor())]);
}

#[test]
fn accounts_keys_and_sessions() {
    let users = [
        ("admin", samples::user()),
        ("invited", samples::invited_user()),
    ];
    check("user", &users);
    let keys = [
        ("two_grants", samples::api_key()),
        ("application", samples::app_key()),
    ];
    check("api_key", &keys);
    check("session", &[("browser", samples::session())]);
}

#[test]
fn invoices_and_who_issued_a_hash() {
    use tollway::domain::invoice::{Invoice, Price};
    use tollway::domain::money::{Currency, Sat};
    let rated = samples::rated_invoice();
    let top_up = Invoice {
        price: Price::TopUp(Currency::USD),
        due: Sat::ZERO,
        onchain: None,
        lightning: Vec::new(),
        lightning_missing: None,
        reopened: None,
        ..samples::invoice()
    };
    let mut adopted = samples::invoice();
    for receipt in &mut adopted.receipts {
        receipt.assigned_by = Some(samples::user().id);
    }
    let all = [
        ("standard", samples::invoice()),
        ("top_up", top_up),
        ("rated", rated),
        ("adopted", adopted),
    ];
    check("invoice", &all);
    let store = samples::STORE;
    let owners = [
        (
            "invoice",
            HashOwner::Invoice {
                store,
                invoice: samples::invoice_id(),
            },
        ),
        ("api", HashOwner::Api { store }),
    ];
    check("hash_owner", &owners);
}

#[test]
fn invoices_of_the_api_and_strays() {
    let paid = ApiInvoice {
        hash: samples::HASH,
        bolt11: "lnbcrt10u1p".to_owned(),
        amount: Some(Msat(1_000_000)),
        created: samples::now(),
        expires_at: samples::now().plus_secs(60),
        preimage: samples::preimage(),
        paid: Some(Paid {
            amount: Msat(1_000_000),
            at: samples::now(),
        }),
    };
    let open = ApiInvoice {
        amount: None,
        paid: None,
        ..paid.clone()
    };
    check("api_invoice", &[("paid", paid), ("open", open)]);
    let stray = Stray {
        key: ReceiptKey::Lightning(samples::HASH),
        amount: Msat(1),
        received_at: samples::now(),
        why: "no invoice".to_owned(),
        place: None,
        assigned: None,
        lost: None,
    };
    let assigned = Stray {
        key: ReceiptKey::Onchain(samples::outpoint()),
        place: samples::invoice().onchain,
        assigned: Some(Assignment {
            store: samples::STORE,
            invoice: samples::invoice_id(),
            by: samples::user().id,
            at: samples::now(),
        }),
        ..stray.clone()
    };
    let lost = Stray {
        assigned: None,
        lost: Some(samples::now()),
        ..assigned.clone()
    };
    let all = [("lightning", stray), ("assigned", assigned), ("lost", lost)];
    check("stray", &all);
}

#[test]
fn channels_and_deposits_of_the_node() {
    use tollway::domain::money::Sat;
    use tollway::store::channel::{BookedChannel, Phase};
    use tollway::store::deposit::Deposit;
    let channel = |phase, cooperative| BookedChannel { phase, cooperative };
    let channels = [
        ("opening", channel(Phase::Opening, false)),
        ("open", channel(Phase::Open, false)),
        ("closing", channel(Phase::Closing, true)),
    ];
    check("booked_channel", &channels);
    let in_a_block = Deposit {
        amount: Sat(1_000_000),
        height: Some(102),
        lost: false,
    };
    let gone = Deposit {
        height: None,
        lost: true,
        ..in_a_block
    };
    check("deposit", &[("in_a_block", in_a_block), ("gone", gone)]);
}

#[test]
fn requests_that_named_themselves() {
    use tollway::store::once::{Answer, Done};
    let done = Done {
        body: [0xab; 32],
        at: samples::now(),
        store: Some(samples::STORE),
        about: vec![0x66; 20],
        answer: Some(Answer {
            status: 200,
            body: b"{}".to_vec(),
        }),
    };
    let unanswered = Done {
        store: None,
        about: Vec::new(),
        answer: None,
        ..done.clone()
    };
    check("once", &[("answered", done), ("unanswered", unanswered)]);
}

#[test]
fn webhooks_and_their_messages() {
    check("webhook", &samples::webhooks());
    check("delivery", &samples::deliveries());
}

#[test]
fn pull_payments_payouts_and_batches() {
    use tollway::domain::money::Parts;
    use tollway::domain::pull_payment::{Budget, PullPayment};
    let drawn = PullPayment {
        budget: Budget {
            limit: Parts(100_000),
            reserved: Parts(300),
            spent: Parts(70_000),
        },
        expires_at: None,
        archived: true,
        ..samples::pull_payment()
    };
    let pull_payments = [
        ("new", samples::pull_payment()),
        ("drawn", drawn),
        ("in_hours", samples::pull_payment_in_hours()),
        (
            "at_a_promised_rate",
            PullPayment {
                rate_lock_secs: Some(60),
                ..samples::pull_payment_in_hours()
            },
        ),
    ];
    check("pull_payment", &pull_payments);
    check("payout", &samples::payouts());
    let batches = [
        ("one_version", samples::batch()),
        ("outspent", samples::outspent_batch()),
        ("settled", samples::settled_batch()),
        ("kept_back", samples::kept_back_batch()),
    ];
    check("draft", &samples::drafts());
    check("batch", &batches);
    check("unknown_spend", &[("released", samples::unknown_spend())]);
    let target = PayoutRef {
        store: samples::STORE,
        payout: samples::payout_id(),
    };
    check("payout_ref", &[("payout", target)]);
}

/// A till's record and its first change sets are written by the store alone, so they are read from a file.
#[test]
fn tills_and_their_changes() {
    let words = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon \
                 abandon about";
    let keychain = Keychain::from_mnemonic(words, Network::Regtest).expect("valid words");
    let dir = tempfile::tempdir().expect("a directory");
    let (store, mut writer) = Store::open(&dir.path().join("tollway.redb")).expect("opens");
    let birthday = BlockRef {
        height: 101,
        hash: BlockHash::from_byte_array([0xee; 32]),
    };
    store.enqueue(
        "till",
        move |tx| {
            let shop: StoreId = samples::STORE;
            let till = tollway::store::till::open_hot(tx, shop, &keychain, birthday);
            tx.tills_mut()
                .reveal(till.expect("opens"))
                .expect("an address");
        },
        |()| {},
    );
    writer.turn(false).expect("commits");
    let rows = |table| {
        let mut rows = Vec::new();
        let mut keep = |key: &[u8], value: &[u8]| {
            rows.push((hex::encode(key), value.to_vec()));
            std::ops::ControlFlow::Continue(())
        };
        store
            .snapshot()
            .scan(table, &[], Order::Ascending, &mut keep);
        rows
    };
    check_bytes("till", &rows(Table::Tills));
    check_bytes("till_change", &rows(Table::TillChanges));
}

#[test]
fn every_golden_file_belongs_to_a_record() {
    const RECORDS: &[&str] = &[
        "api_invoice",
        "api_key",
        "batch",
        "booked_channel",
        "delivery",
        "deposit",
        "draft",
        "entry",
        "hash_owner",
        "invoice",
        "once",
        "payout",
        "payout_ref",
        "processor",
        "pull_payment",
        "session",
        "store",
        "stray",
        "till",
        "till_change",
        "unknown_spend",
        "user",
        "webhook",
    ];
    let mut files: Vec<String> = std::fs::read_dir(dir())
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.to_string_lossy().trim_end_matches(".hex").to_owned())
        .collect();
    files.sort();
    assert_eq!(files, RECORDS);
}
