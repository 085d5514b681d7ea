//! One whole value of every record, with something in every field.

mod facts;
mod webhooks;

pub use facts::facts;
pub use webhooks::{deliveries, webhooks};

use bitcoin::hashes::Hash;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness};
use rust_decimal::Decimal;
use tollway::domain::access::{ApiKey, Application, Grant, Role, Session, User};
use tollway::domain::destination::{AddressDestination, Bolt11Destination, Destination};
use tollway::domain::ids::{
    BatchId, InvoiceId, PaymentHash, PayoutId, Preimage, PullPaymentId, StoreId, UserId,
};
use tollway::domain::invoice::{
    Details, FixedRate, Invoice, LightningPrompt, MoneyRecord, Price, Rated, SpeedPolicy, Status,
    Terms, TrackedRate,
};
use tollway::domain::money::{Currency, Msat, Parts, Rate, Sat};
use tollway::domain::payout::batch::{Batch, Confirmed, Input, Rival, Version};
use tollway::domain::payout::draft::{Draft, End, Payment};
use tollway::domain::payout::{
    Attempt, FeeCap, FeeWish, InHand, Origin, Payout, Plan, Proof, Stage, Standing,
};
use tollway::domain::pull_payment::{Budget, PullPayment};
use tollway::domain::rates::{Fallback, RuleSet, StoreRates};
use tollway::domain::receipt::{Rail, Receipt, ReceiptKey, ReceiptStanding};
use tollway::domain::store::{
    ChosenTill, LightningMethod, Member, Members, OnchainMethod, Processor, Settings, Store,
};
use tollway::domain::till::{TillAddress, TillId};
use tollway::domain::time::Timestamp;
use tollway::store::hold::UnknownSpend;

/// A payment hash.
pub const HASH: PaymentHash = PaymentHash([0x11; 32]);

/// A store.
pub const STORE: StoreId = StoreId([0x22; 32]);

const NOW: Timestamp = Timestamp(1_800_000_000_123);
const PREIMAGE: Preimage = Preimage([0x33; 32]);
const INVOICE: InvoiceId = InvoiceId([0x44; 16]);
const PULL_PAYMENT: PullPaymentId = PullPaymentId([0x55; 20]);
const PAYOUT: PayoutId = PayoutId([0x66; 20]);
const BATCH: BatchId = BatchId([0x77; 16]);
const USER: UserId = UserId([0x88; 16]);
const TILL: TillId = TillId {
    store: STORE,
    generation: 3,
};

fn text(text: &str) -> String {
    text.to_owned()
}

pub fn outpoint() -> OutPoint {
    OutPoint::new(Txid::from_byte_array([0x99; 32]), 7)
}

fn script() -> ScriptBuf {
    ScriptBuf::from_bytes([&[0x00, 0x14][..], &[0xaa; 20]].concat())
}

fn money(amount: i64, scale: u32, currency: Currency) -> MoneyRecord {
    MoneyRecord {
        amount: Decimal::new(amount, scale),
        currency,
    }
}

/// An invoice with a receipt in every standing.
pub fn invoice() -> Invoice {
    let receipt = |key, standing| Receipt {
        key,
        amount: Msat(5_000_001),
        received_at: NOW,
        standing,
        destination: text("bcrt1q"),
        assigned_by: None,
    };
    let coin = |vout| ReceiptKey::Onchain(OutPoint { vout, ..outpoint() });
    Invoice {
        id: INVOICE,
        store: STORE,
        created: NOW,
        price: Price::Standard(money(1_250, 2, Currency::USD)),
        rate: Rate::new(Decimal::new(5_000_050, 2))
            .expect("positive")
            .into(),
        due: Sat(25_000),
        terms: Terms {
            expires_at: NOW.plus_secs(900),
            monitor_until: NOW.plus_secs(87_300),
            speed: SpeedPolicy::LowMediumSpeed,
            tolerance_percent: Decimal::new(15, 1),
        },
        onchain: Some(TillAddress {
            till: TILL,
            index: 300,
            script: script(),
            address: text("bcrt1q"),
        }),
        lightning: vec![LightningPrompt {
            bolt11: text("lnbcrt250u1p"),
            hash: HASH,
            amount: Some(Msat(25_000_000)),
            preimage: PREIMAGE,
        }],
        lightning_missing: Some(text("no channel can take it")),
        receipts: vec![
            receipt(ReceiptKey::Lightning(HASH), ReceiptStanding::Settled),
            receipt(coin(1), ReceiptStanding::Processing { confirmations: 2 }),
            receipt(coin(2), ReceiptStanding::Lost),
        ],
        status: Status::Processing,
        marked: false,
        paid_late: true,
        reopened: Some(NOW),
        archived: true,
        details: Details {
            metadata: text("{\"orderId\":\"7\"}"),
            order_id: Some(text("7")),
            item_desc: Some(text("Tea")),
            redirect_url: Some(text("https://example.com/")),
            checkout: text("{}"),
            receipt: text("{\"enabled\":true}"),
            search_terms: vec![text("tea")],
        },
        lazy: None,
        rated: None,
    }
}

/// An invoice that says where its rate came from.
pub fn rated_invoice() -> Invoice {
    let rate = Rate::new(Decimal::new(4_400_025, 2))
        .expect("positive")
        .into();
    let currency = "EUR".parse().expect("known");
    Invoice {
        rated: Some(Rated {
            sources: vec![text("coingecko"), text("kraken")],
            tracked: vec![TrackedRate { currency, rate }],
        }),
        ..invoice()
    }
}

/// A pull payment from which nothing was drawn.
pub fn pull_payment() -> PullPayment {
    PullPayment {
        id: PULL_PAYMENT,
        store: STORE,
        name: text("Bounty"),
        description: text("<b>For</b> you"),
        limit: money(100_000, 0, Currency::SATS),
        budget: Budget {
            limit: Parts(100_000),
            reserved: Parts(0),
            spent: Parts(0),
        },
        rails: vec![Rail::Lightning, Rail::Onchain],
        bolt11_days: 30,
        auto_approve: true,
        starts_at: NOW,
        expires_at: Some(NOW.plus_secs(86_400)),
        archived: false,
        k1: [0xbb; 32],
        created: NOW,
        claim_max: None,
        claims_max: None,
        rate_lock_secs: None,
    }
}

/// A store's own payout over Lightning that waits to be paid.
pub fn payout() -> Payout {
    Payout {
        id: PAYOUT,
        store: STORE,
        origin: Origin::Store,
        created: NOW,
        revision: 1,
        destination: Destination::Bolt11(Bolt11Destination {
            bolt11: text("lnbcrt10u1p"),
            hash: HASH,
            amount: Some(Msat(1_000_000)),
            payee: [0x02; 33],
            expires_at: NOW.plus_secs(3_600),
        }),
        asked: money(1_000, 8, Currency::BTC),
        amount: Msat(1_000_000),
        fee_max: Msat(10_000),
        stage: Stage::AwaitingPayment,
        attempts: Vec::new(),
        pay_now: true,
        waiting_for: Some(text("a route")),
        next_attempt_at: Some(NOW.plus_secs(2)),
        metadata: text("{\"a\":1}"),
        doubts: None,
        held_since: None,
        judged: None,
        paid_twice: None,
        unconfirmed_since: None,
        in_hand: None,
        rate: None,
        fees: None,
        named: None,
        drafted: None,
        given_up: None,
        quoted: None,
    }
}

/// Payouts of every origin, stage, plan and standing.
#[expect(clippy::too_many_lines, reason = "one of every kind")]
pub fn payouts() -> Vec<(&'static str, Payout)> {
    let lightning = Plan::Lightning {
        hash: HASH,
        bolt11: text("lnbcrt10u1p"),
        amount: Msat(1_000_000),
        fee_max: Msat(10_000),
        height: 800_000,
    };
    let onchain = Plan::Onchain {
        batch: BATCH,
        place: 1,
    };
    let attempt = |number, plan: &Plan, standing| Attempt {
        number,
        at: NOW,
        plan: plan.clone(),
        standing,
    };
    let failed = Standing::Failed {
        why: text("no route"),
    };
    let in_progress = |plan: &Plan, standing| Payout {
        stage: Stage::InProgress,
        attempts: vec![attempt(1, plan, failed.clone()), attempt(2, plan, standing)],
        ..payout()
    };
    let to_address = Destination::Address(AddressDestination {
        address: text("bcrt1q"),
        script: script(),
    });
    let paid_onchain = Payout {
        origin: Origin::LightningApi,
        destination: to_address,
        stage: Stage::Completed {
            proof: Proof::Onchain {
                txid: outpoint().txid,
                vout: 1,
            },
            fee: Msat(300_000),
            at: NOW,
        },
        attempts: vec![attempt(1, &onchain, Standing::Settled)],
        ..payout()
    };
    let drafted = Payout {
        origin: Origin::WalletSend,
        stage: Stage::AwaitingPayment,
        attempts: Vec::new(),
        drafted: Some(BATCH),
        given_up: Some(vec![BatchId([0x78; 16])]),
        ..paid_onchain.clone()
    };
    let unconfirmed = Payout {
        unconfirmed_since: Some(NOW.plus_secs(600)),
        ..paid_onchain.clone()
    };
    vec![
        ("waiting", payout()),
        (
            "approval",
            Payout {
                stage: Stage::AwaitingApproval,
                origin: Origin::PullPayment(PULL_PAYMENT),
                pay_now: false,
                waiting_for: None,
                next_attempt_at: None,
                ..payout()
            },
        ),
        ("recorded", in_progress(&lightning, Standing::Recorded)),
        ("sent", in_progress(&onchain, Standing::Sent)),
        (
            "in_review",
            in_progress(
                &lightning,
                Standing::InReview {
                    why: text("no event"),
                },
            ),
        ),
        (
            "paid_by_lightning",
            Payout {
                origin: Origin::Withdraw(PULL_PAYMENT),
                stage: Stage::Completed {
                    proof: Proof::Lightning {
                        hash: HASH,
                        preimage: Some(PREIMAGE),
                    },
                    fee: Msat(1_001),
                    at: NOW,
                },
                attempts: vec![attempt(1, &lightning, Standing::Settled)],
                ..payout()
            },
        ),
        ("drafted", drafted),
        ("paid_onchain", paid_onchain),
        ("unconfirmed", unconfirmed),
        (
            "doubtful",
            Payout {
                doubts: Some(3),
                judged: Some(1),
                ..in_progress(&lightning, Standing::Recorded)
            },
        ),
        (
            "held",
            Payout {
                attempts: vec![attempt(1, &lightning, failed.clone())],
                pay_now: false,
                held_since: Some(NOW),
                judged: Some(1),
                next_attempt_at: None,
                ..payout()
            },
        ),
        (
            "paid_inside_and_twice",
            Payout {
                stage: Stage::Completed {
                    proof: Proof::Lightning {
                        hash: HASH,
                        preimage: Some(PREIMAGE),
                    },
                    fee: Msat(0),
                    at: NOW,
                },
                attempts: vec![attempt(1, &Plan::Inside { hash: HASH }, Standing::Settled)],
                paid_twice: Some(NOW),
                ..payout()
            },
        ),
        (
            "in_hand",
            Payout {
                stage: Stage::InProgress,
                in_hand: Some(InHand {
                    since: NOW,
                    proof: Some(text("{\"proofType\":\"Cheque\"}")),
                }),
                fees: Some(FeeWish {
                    percent: Some(Decimal::new(5, 1)),
                    flat: None,
                }),
                ..payout()
            },
        ),
        (
            "paid_by_hand",
            Payout {
                stage: Stage::Completed {
                    proof: Proof::Given(None),
                    fee: Msat(0),
                    at: NOW,
                },
                asked: money(40, 0, hours()),
                rate: Rate::new(Decimal::from(2_500)).map(FixedRate::from),
                named: Some(Msat(1_000)),
                ..payout()
            },
        ),
        (
            "promised",
            Payout {
                stage: Stage::AwaitingApproval,
                asked: money(40, 0, hours()),
                quoted: Rate::new(Decimal::from(2_500)).map(FixedRate::from),
                ..payout()
            },
        ),
        (
            "cancelled",
            Payout {
                stage: Stage::Cancelled {
                    why: text("archived"),
                },
                attempts: vec![attempt(1, &lightning, failed.clone())],
                ..payout()
            },
        ),
    ]
}

fn hours() -> Currency {
    Currency::unit("HOURS").expect("a unit")
}

/// A pull payment in a unit of somebody's own, with limits for a single claim.
pub fn pull_payment_in_hours() -> PullPayment {
    PullPayment {
        limit: money(40, 0, hours()),
        budget: Budget {
            limit: Parts(4_000_000_000),
            ..Budget::default()
        },
        claim_max: Some(Parts(800_000_000)),
        claims_max: Some(5),
        rate_lock_secs: None,
        ..pull_payment()
    }
}

/// A signed transaction for one payout.
pub fn batch() -> Batch {
    let tx = Transaction {
        version: bitcoin::transaction::Version::TWO,
        lock_time: bitcoin::absolute::LockTime::from_consensus(101),
        input: vec![TxIn {
            previous_output: outpoint(),
            script_sig: ScriptBuf::new(),
            sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
            witness: Witness::from_slice(&[&[0xcc; 71][..], &[0x02; 33]]),
        }],
        output: vec![TxOut {
            value: Amount::from_sat(1_000),
            script_pubkey: script(),
        }],
    };
    Batch {
        id: BATCH,
        store: STORE,
        till: TILL,
        created: NOW,
        versions: vec![Version {
            txid: tx.compute_txid(),
            tx,
            fee: Sat(300),
            vouts: vec![0],
            height: None,
        }],
        payouts: vec![PAYOUT],
        inputs: vec![Input(outpoint())],
        broadcast_at: Some(NOW),
        settled: true,
        lost_to: None,
        settled_by: None,
        kept_back: None,
    }
}

/// The same, and it is remembered which version settled it.
pub fn settled_batch() -> Batch {
    Batch {
        settled_by: Some(Confirmed(batch().versions[0].txid)),
        ..batch()
    }
}

/// The same after its fee was raised, and something else spent its input.
pub fn outspent_batch() -> Batch {
    let mut version = batch().versions[0].clone();
    version.tx.output[0].value = Amount::from_sat(900);
    version.txid = version.tx.compute_txid();
    version.fee = Sat(700);
    version.height = Some(800_006);
    Batch {
        lost_to: Some(Rival(outpoint().txid)),
        ..batch().replaced(version)
    }
}

/// The same, which nobody has asked to send yet.
pub fn kept_back_batch() -> Batch {
    Batch {
        kept_back: Some(NOW),
        broadcast_at: None,
        settled: false,
        ..batch()
    }
}

/// A transaction that waits for its owner's signature, and the same in its ends.
pub fn drafts() -> Vec<(&'static str, Draft)> {
    let waiting = Draft {
        id: BATCH,
        store: STORE,
        till: TILL,
        created: NOW,
        psbt: b"psbt\xff".to_vec().into(),
        inputs: vec![Input(outpoint())],
        payments: vec![
            Payment {
                script: script(),
                amount: Sat(1_000),
                payout: Some(PAYOUT),
            },
            Payment {
                script: script(),
                amount: Sat(2_000),
                payout: None,
            },
        ],
        fee: Sat(300),
        end: None,
    };
    let ended = |end| Draft {
        end: Some(end),
        ..waiting.clone()
    };
    let (at, by) = (NOW, outpoint().txid);
    vec![
        ("waiting", waiting.clone()),
        ("signed", ended(End::Signed(at))),
        ("given_up", ended(End::GivenUp(at))),
        ("outspent", ended(End::Outspent { at, by })),
    ]
}

/// A spend of a till that was not made here.
pub fn unknown_spend() -> UnknownSpend {
    UnknownSpend {
        txid: outpoint().txid,
        till: TILL,
        amount: Msat(50_000_000),
        seen_at: NOW,
        counts: true,
        released_at: Some(NOW.plus_secs(60)),
    }
}

/// A store with settings of its own.
pub fn store() -> Store {
    Store {
        id: STORE,
        name: text("Shop é"),
        owner: USER,
        created: NOW,
        settings: Settings {
            default_currency: Currency::SATS,
            invoice_expiration: 600,
            monitoring_expiration: 3_600,
            speed: SpeedPolicy::LowSpeed,
            tolerance_percent: Decimal::new(25, 1),
            description_template: text("{StoreName}"),
            refund_bolt11_days: 7,
            anyone_can_create_invoice: true,
            fee_cap: None,
            rates: None,
            tracked_rates: None,
            onchain: None,
            lightning: None,
        },
        draws_on_node: true,
        kept: text("{\"website\":\"\"}"),
        archived: true,
        members: Members::default(),
    }
}

/// A store with people in it.
pub fn shared_store() -> Store {
    let member = |role| Member {
        user: USER,
        role,
        since: NOW,
    };
    Store {
        members: Role::ALL.map(member).to_vec().into(),
        ..store()
    }
}

/// Stores whose payment methods somebody has changed.
pub fn stores_with_methods() -> Vec<(&'static str, Store)> {
    let with = |till, label: Option<&str>, connected| {
        let store = store();
        let settings = Settings {
            onchain: Some(OnchainMethod {
                enabled: connected,
                till,
                label: label.map(text),
            }),
            lightning: Some(LightningMethod {
                enabled: false,
                connected,
            }),
            ..store.settings
        };
        Store { settings, ..store }
    };
    vec![
        (
            "watch_only",
            with(ChosenTill::Generation(1), Some("Cold"), true),
        ),
        ("own_wallet", with(ChosenTill::Own, None, true)),
        ("no_methods", with(ChosenTill::None, None, false)),
    ]
}

/// A store that caps what its payouts may spend on routing.
pub fn capped_store() -> Store {
    let store = store();
    Store {
        settings: Settings {
            fee_cap: Some(FeeCap {
                percent: Decimal::new(5, 1),
                floor: Msat(3_000),
            }),
            ..store.settings
        },
        ..store
    }
}

/// A store with rates of its own.
pub fn priced_store(fallback: Fallback) -> Store {
    let store = store();
    let primary = RuleSet {
        spread_percent: Decimal::new(15, 1),
        preferred_source: None,
        script: Some(text("X_X = kraken(X_X);")),
    };
    Store {
        settings: Settings {
            rates: Some(StoreRates { primary, fallback }),
            ..store.settings
        },
        ..store
    }
}

/// A store that notes a further rate with each invoice.
pub fn tracking_store() -> Store {
    let store = priced_store(Fallback::Usual);
    Store {
        settings: Settings {
            tracked_rates: Some(vec![text("EUR")]),
            ..store.settings
        },
        ..store
    }
}

/// An automatic sender.
pub fn processor() -> Processor {
    Processor {
        rail: Rail::Onchain,
        interval_secs: 3_600,
        instant: true,
        fee_block_target: 6,
        threshold: Decimal::new(1, 2),
        since: NOW,
    }
}

/// An account.
pub fn user() -> User {
    User {
        id: USER,
        email: text("a@example.com"),
        name: Some(text("A")),
        password_hash: text("$argon2id$v=19$m=19456,t=2,p=1$AA$AA"),
        is_admin: true,
        created: NOW,
        has_had_key: true,
        image_url: None,
        invitation: None,
    }
}

/// Somebody who has been invited.
pub fn invited_user() -> User {
    User {
        image_url: Some(text("https://example.com/a.png")),
        invitation: Some([0xee; 32]),
        ..user()
    }
}

/// A key that was given to an application.
pub fn app_key() -> ApiKey {
    ApiKey {
        application: Some(Application {
            identifier: text("shop"),
            host: text("shop.example:8443"),
            salt: [0xcc; 32],
        }),
        ..api_key()
    }
}

/// A key with a scoped grant and one without.
pub fn api_key() -> ApiKey {
    let grant = |store| Grant {
        permission: text("btcpay.store.canviewinvoices"),
        store,
    };
    ApiKey {
        user: USER,
        label: text("till"),
        permissions: vec![grant(None), grant(Some(STORE))],
        created: NOW,
        application: None,
    }
}

/// A signed-in browser.
pub fn session() -> Session {
    Session {
        user: USER,
        expires_at: NOW,
        csrf: [0xdd; 32],
    }
}

/// The time of the samples.
pub const fn now() -> Timestamp {
    NOW
}

/// The invoice of the samples.
pub const fn invoice_id() -> InvoiceId {
    INVOICE
}

/// The payout of the samples.
pub const fn payout_id() -> PayoutId {
    PAYOUT
}

/// An account's id.
pub const fn user_id() -> UserId {
    USER
}

/// A preimage.
pub const fn preimage() -> Preimage {
    PREIMAGE
}
