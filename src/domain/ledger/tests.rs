use bitcoin::OutPoint;

use super::Account::{Fees, Inside, Node, NodeCosts, Operator, Store, Till};
use super::*;
use crate::domain::ids::{InvoiceId, PaymentHash, PayoutId};

const SHOP: StoreId = StoreId([1; 32]);
const INVOICE: InvoiceId = InvoiceId([2; 16]);
const PAYOUT: PayoutId = PayoutId([3; 20]);
const HASH: PaymentHash = PaymentHash([4; 32]);
const LN: Rail = Rail::Lightning;
const CHAIN: Rail = Rail::Onchain;
const AMOUNT: Msat = Msat(1_001);

fn lightning() -> ReceiptKey {
    ReceiptKey::Lightning(HASH)
}

fn onchain() -> ReceiptKey {
    ReceiptKey::Onchain(OutPoint::null())
}

fn received(receipt: ReceiptKey) -> Fact {
    Fact::InvoiceReceivedPayment {
        invoice: INVOICE,
        receipt,
        amount: AMOUNT,
        after_expiration: false,
    }
}

fn completed(way: Way, amount: u64, fee: u64) -> Fact {
    Fact::PayoutCompleted {
        payout: PAYOUT,
        amount: Msat(amount),
        fee: Msat(fee),
        way: Some(way),
    }
}

/// The postings of a fact, in any order.
fn check(store: StoreId, fact: &Fact, expected: &[(Account, i128)]) {
    let made = postings(store, fact);
    assert!(made.is_balanced(), "P11 {fact:?}");
    let mut made: Vec<_> = made
        .lines
        .iter()
        .map(|line| (line.account, line.amount.0))
        .collect();
    let mut expected = expected.to_vec();
    made.sort_unstable();
    expected.sort_unstable();
    assert_eq!(made, expected, "{fact:?}");
}

#[test]
fn money_in() {
    let claim = |rail| Store(SHOP, rail);
    check(
        SHOP,
        &received(lightning()),
        &[(Node, 1_001), (claim(LN), -1_001)],
    );
    check(
        SHOP,
        &received(onchain()),
        &[(Till(SHOP), 1_001), (claim(CHAIN), -1_001)],
    );
    let lost = Fact::InvoicePaymentLost {
        invoice: INVOICE,
        receipt: onchain(),
        amount: AMOUNT,
    };
    check(SHOP, &lost, &[(Till(SHOP), -1_001), (claim(CHAIN), 1_001)]);
    // Told beside the receipt: not counted again.
    let settled = Fact::InvoicePaymentSettled {
        invoice: INVOICE,
        receipt: lightning(),
        amount: AMOUNT,
        after_expiration: false,
    };
    check(SHOP, &settled, &[]);
    let paid = Fact::ApiInvoicePaid {
        hash: HASH,
        amount: AMOUNT,
    };
    check(SHOP, &paid, &[(Node, 1_001), (claim(LN), -1_001)]);
    check(StoreId::HOUSE, &paid, &[(Node, 1_001), (Operator, -1_001)]);
}

#[test]
fn strays_come_go_and_come_again() {
    let (receipt, amount) = (onchain(), AMOUNT);
    let there = [(Till(SHOP), 1_001), (Store(SHOP, CHAIN), -1_001)];
    let gone = [(Till(SHOP), -1_001), (Store(SHOP, CHAIN), 1_001)];
    check(SHOP, &Fact::StrayReceived { receipt, amount }, &there);
    check(SHOP, &Fact::StrayLost { receipt, amount }, &gone);
    check(SHOP, &Fact::StrayReturned { receipt, amount }, &there);
    let receipt = lightning();
    let nobodys = Fact::StrayReceived { receipt, amount };
    check(
        StoreId::HOUSE,
        &nobodys,
        &[(Node, 1_001), (Operator, -1_001)],
    );
}

#[test]
fn money_out() {
    check(
        SHOP,
        &completed(Way::Lightning, 1_001, 7),
        &[
            (Node, -1_008),
            (Store(SHOP, LN), 1_001),
            (Fees(SHOP, LN), 7),
        ],
    );
    // A till sends whole satoshi; a share of a fee may have parts of one.
    check(
        SHOP,
        &completed(Way::Onchain, 1_001, 333),
        &[
            (Till(SHOP), -2_333),
            (Store(SHOP, CHAIN), 2_000),
            (Fees(SHOP, CHAIN), 333),
        ],
    );
    check(
        SHOP,
        &completed(Way::Inside, 1_001, 0),
        &[(Inside, -1_001), (Store(SHOP, LN), 1_001)],
    );
    let house = postings(StoreId::HOUSE, &completed(Way::Lightning, 5, 1));
    let sum = |account| -> Signed {
        let lines = house.lines.iter().filter(|line| line.account == account);
        lines.map(|line| line.amount).sum()
    };
    assert_eq!((sum(Node), sum(Operator)), (Signed(-6), Signed(6)));
}

#[test]
fn what_the_chain_says_differently_afterwards() {
    let (payout, txid, amount) = (PAYOUT, OutPoint::null().txid, AMOUNT);
    let corrected = |before: u64, after: u64| Fact::PayoutProofCorrected {
        payout,
        fee_before: Msat(before),
        fee_after: Msat(after),
    };
    let fees = |msat: i128| [(Till(SHOP), -msat), (Fees(SHOP, CHAIN), msat)];
    check(SHOP, &corrected(300, 700), &fees(400));
    check(SHOP, &corrected(700, 300), &fees(-400));
    check(SHOP, &corrected(7, 7), &[]);
    let taken = [(Till(SHOP), -1_001), (Store(SHOP, CHAIN), 1_001)];
    let back = [(Till(SHOP), 1_001), (Store(SHOP, CHAIN), -1_001)];
    check(SHOP, &Fact::UnknownSpend { txid, amount }, &taken);
    check(SHOP, &Fact::UnknownSpendGone { txid, amount }, &back);
}

#[test]
fn what_the_node_tells_beside_its_payouts() {
    let (payout, attempt) = (PAYOUT, 2);
    let twice = |way| Fact::PayoutPaidTwice {
        payout,
        attempt,
        amount: Some(Msat(1_000)),
        fee: Some(Msat(3)),
        way: Some(way),
    };
    let paid = |from| {
        let store = if from == Node { LN } else { CHAIN };
        [
            (from, -1_003),
            (Store(SHOP, store), 1_000),
            (Fees(SHOP, store), 3),
        ]
    };
    check(SHOP, &twice(Way::Lightning), &paid(Node));
    check(SHOP, &twice(Way::Onchain), &paid(Till(SHOP)));
    let found = |way| Fact::PayoutProofFound {
        payout,
        fee_before: Msat(0),
        fee: Msat(7),
        way,
    };
    let fees = [(Node, -7), (Fees(SHOP, LN), 7)];
    check(SHOP, &found(Way::Lightning), &fees);
    let foreign = Fact::ForeignPaymentArrived {
        hash: HASH,
        amount: Some(Msat(1_000)),
        fee: Some(Msat(1)),
    };
    check(
        StoreId::HOUSE,
        &foreign,
        &[(Node, -1_001), (Operator, 1_001)],
    );
    // What a payout brings to an invoice of this server.
    let came = [(Inside, 1_001), (Store(SHOP, LN), -1_001)];
    check(SHOP, &received(ReceiptKey::Inside(PAYOUT)), &came);
    let api = Fact::ApiInvoicePaidInside {
        hash: HASH,
        payout,
        amount: AMOUNT,
    };
    check(SHOP, &api, &came);
}

#[test]
fn the_nodes_own_money() {
    let (outpoint, amount) = (OutPoint::null(), AMOUNT);
    let what = || "a channel".to_owned();
    let rows = [
        (
            Fact::NodeFunded { outpoint, amount },
            [(Node, 1_001), (Operator, -1_001)],
        ),
        (
            Fact::NodeFundingLost { outpoint, amount },
            [(Node, -1_001), (Operator, 1_001)],
        ),
        (
            Fact::NodeCost {
                what: what(),
                amount,
            },
            [(Node, -1_001), (NodeCosts, 1_001)],
        ),
        (
            Fact::NodeGain {
                what: what(),
                amount,
            },
            [(Node, 1_001), (NodeCosts, -1_001)],
        ),
        (
            Fact::NodeForwarded { fee: AMOUNT },
            [(Node, 1_001), (Operator, -1_001)],
        ),
    ];
    for (fact, expected) in rows {
        check(StoreId::HOUSE, &fact, &expected);
    }
}

#[test]
fn what_moves_no_money_is_not_posted() {
    let (payout, invoice) = (PAYOUT, INVOICE);
    let why = || "why".to_owned();
    let quiet = [
        Fact::StoreCreated,
        Fact::InvoiceCreated { invoice },
        Fact::InvoiceSettled {
            invoice,
            manually_marked: true,
            over_paid: true,
        },
        Fact::PayoutCreated {
            payout,
            amount: AMOUNT,
        },
        Fact::PayoutAttemptSent { payout, attempt: 1 },
        Fact::PayoutAttemptFailed {
            payout,
            attempt: 1,
            why: why(),
        },
        Fact::PayoutUnconfirmed { payout },
        Fact::PayoutCancelled { payout, why: why() },
        completed(Way::Lightning, 0, 0),
    ];
    for fact in quiet {
        check(SHOP, &fact, &[]);
    }
}

#[test]
fn every_account_has_a_key_of_its_own() {
    let accounts = [
        Till(SHOP),
        Node,
        Store(SHOP, LN),
        Store(SHOP, CHAIN),
        Fees(SHOP, LN),
        Fees(SHOP, CHAIN),
        Operator,
        NodeCosts,
        Inside,
    ];
    for account in accounts {
        assert_eq!(Account::from_key(&account.to_key()), Some(account));
    }
    for bad in [&[][..], &[9], &[1, 1], &[0, 1], &[2, 7]] {
        assert_eq!(Account::from_key(bad), None);
    }
}
