//! What payers read in each state, and that the page says nothing it should not.

use askama::Template;
use bitcoin::hashes::Hash;
use bitcoin::{OutPoint, ScriptBuf, Txid};
use rust_decimal::Decimal;

use super::*;
use crate::domain::ids::{PaymentHash, Preimage, StoreId};
use crate::domain::invoice::{
    Details, LightningPrompt, MoneyRecord, Price, SpeedPolicy, Status, Terms,
};
use crate::domain::money::{Currency, Msat, Rate, Sat};
use crate::domain::receipt::{Receipt, ReceiptKey, ReceiptStanding};
use crate::domain::till::{TillAddress, TillId};
use crate::domain::time::Timestamp;

const T0: Timestamp = Timestamp::from_secs(1_700_000_000);
const DUE: Sat = Sat(21_000);

fn invoice() -> Invoice {
    let store = StoreId([1; 32]);
    Invoice {
        id: InvoiceId([2; 16]),
        store,
        created: T0,
        price: Price::Standard(MoneyRecord {
            amount: Decimal::from(21),
            currency: Currency::USD,
        }),
        rate: Rate::new(Decimal::from(100_000)).expect("positive").into(),
        due: DUE,
        terms: Terms {
            expires_at: T0.plus_secs(900),
            monitor_until: T0.plus_secs(90_000),
            speed: SpeedPolicy::LowMediumSpeed,
            tolerance_percent: Decimal::ZERO,
        },
        onchain: Some(TillAddress {
            till: TillId {
                store,
                generation: 0,
            },
            index: 0,
            script: ScriptBuf::new(),
            address: "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080".to_owned(),
        }),
        lightning: vec![prompt(Some(DUE.to_msat()))],
        lightning_missing: None,
        receipts: Vec::new(),
        status: Status::New,
        marked: false,
        paid_late: false,
        reopened: None,
        archived: false,
        details: Details {
            item_desc: Some("<script>alert(1)</script>".to_owned()),
            order_id: Some("A 17".to_owned()),
            redirect_url: Some("https://shop.example/done?o={OrderId}&i={InvoiceId}".to_owned()),
            ..Details::default()
        },
        lazy: None,
        rated: None,
    }
}

fn prompt(amount: Option<Msat>) -> LightningPrompt {
    LightningPrompt {
        bolt11: format!(
            "lnbcrt210u1p{}",
            "qpzry9x8gf2tvdw0s3jn54khce6mua7l".repeat(9)
        ),
        hash: PaymentHash([3; 32]),
        amount,
        preimage: Preimage([0xee; 32]),
    }
}

fn receipt(sat: u64, standing: ReceiptStanding) -> Receipt {
    Receipt {
        key: ReceiptKey::Onchain(OutPoint::new(Txid::all_zeros(), 0)),
        amount: Sat(sat).to_msat(),
        received_at: T0,
        standing,
        destination: String::new(),
        assigned_by: None,
    }
}

fn shown(invoice: &Invoice, show: Option<Rail>) -> String {
    checkout(invoice, "Corner shop", show, T0.plus_secs(28))
        .render()
        .expect("renders")
}

/// One row: what the invoice is like, words that stand there, words that don't.
fn check(change: impl Fn(&mut Invoice), present: &[&str], absent: &[&str]) {
    let mut invoice = invoice();
    change(&mut invoice);
    let page = shown(&invoice, None);
    for text in present {
        assert!(page.contains(text), "'{text}' is missing in {page}");
    }
    for text in absent {
        assert!(!page.contains(text), "'{text}' stands in {page}");
    }
}

const NOTHING_TO_PAY: &[&str] = &[
    "<svg",
    "lightning:",
    "bitcoin:",
    "Open in wallet",
    "Time left",
];

#[test]
fn an_open_invoice_can_be_paid_and_nothing_leaks() {
    check(
        |_| {},
        &[
            "21.00 USD",
            "21,000 sat",
            "14:32",
            "?amount=0.00021&#38;lightning=lnbcrt210u1p",
            "?show=lightning",
            "Corner shop",
            "&#60;script&#62;",
        ],
        &["<script>", &"ee".repeat(32), "Back to", " style="],
    );
}

#[test]
fn one_click_shows_one_rail() {
    let lightning = shown(&invoice(), Some(Rail::Lightning));
    assert!(
        lightning.contains("href=\"lightning:lnbcrt210u1p"),
        "{lightning}"
    );
    assert!(!lightning.contains("bcrt1qw508"), "{lightning}");
    let onchain = shown(&invoice(), Some(Rail::Onchain));
    assert!(onchain.contains("href=\"bitcoin:bcrt1qw508"), "{onchain}");
    assert!(!onchain.contains("lnbcrt210u1p"), "{onchain}");
}

#[test]
fn a_top_up_shows_both_codes_side_by_side() {
    let top_up = |invoice: &mut Invoice| {
        invoice.price = Price::TopUp(Currency::USD);
        invoice.due = Sat::ZERO;
        invoice.lightning = vec![prompt(None)];
    };
    check(
        top_up,
        &[
            "Any amount",
            "href=\"lightning:lnbcrt",
            "href=\"bitcoin:bcrt1q",
        ],
        &["amount=", "&#38;lightning="],
    );
}

#[test]
fn part_of_it_says_what_is_missing() {
    let partial = |invoice: &mut Invoice| {
        invoice.receipts = vec![receipt(5_000, ReceiptStanding::Settled)];
    };
    // The shown BOLT11 asked for all of it: until there is another, the chain alone is offered.
    check(
        partial,
        &["Received 5,000 sat", "16,000 sat", "?amount=0.00016"],
        &["lightning="],
    );
}

#[test]
fn what_is_covered_can_not_be_paid_again() {
    let processing = |confirmations| {
        move |invoice: &mut Invoice| {
            invoice.status = Status::Processing;
            invoice.receipts = vec![receipt(
                21_000,
                ReceiptStanding::Processing { confirmations },
            )];
        }
    };
    check(processing(1), &["1 of 2 confirmations"], NOTHING_TO_PAY);
    let settled = |sat| {
        move |invoice: &mut Invoice| {
            invoice.status = Status::Settled;
            invoice.receipts = vec![receipt(sat, ReceiptStanding::Settled)];
        }
    };
    check(
        settled(21_000),
        &["Paid", "https://shop.example/done?o=A%2017&#38;i="],
        NOTHING_TO_PAY,
    );
    check(
        settled(22_000),
        &["1,000 sat more", "surplus"],
        NOTHING_TO_PAY,
    );
}

#[test]
fn what_is_over_says_so() {
    let expired = |sat: u64, late: bool| {
        move |invoice: &mut Invoice| {
            invoice.status = Status::Expired;
            invoice.paid_late = late;
            if sat > 0 {
                invoice.receipts = vec![receipt(sat, ReceiptStanding::Settled)];
            }
        }
    };
    check(expired(0, false), &["Expired"], NOTHING_TO_PAY);
    check(
        expired(5_000, false),
        &["Expired", "5,000 sat arrived"],
        NOTHING_TO_PAY,
    );
    check(expired(21_000, true), &["Paid late"], NOTHING_TO_PAY);
    check(
        |invoice| invoice.status = Status::Invalid,
        &["Not valid"],
        NOTHING_TO_PAY,
    );
}

#[test]
fn only_web_addresses_are_followed_back() {
    for bad in [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "/path",
    ] {
        let change = |invoice: &mut Invoice| {
            invoice.status = Status::Settled;
            invoice.details.redirect_url = Some(bad.to_owned());
        };
        check(change, &["Paid"], &["Back to", bad]);
    }
}
