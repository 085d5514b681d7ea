//! The table: what happens to an invoice, and what comes of it.

use tollway::domain::invoice::{Additional, Mark, Status};

use super::Act::{self, *};
use super::DUE;

/// Name, what happens, how it ends, what is paid, and the facts after `invoice_created` without their prefix.
pub type Row = (
    &'static str,
    &'static [Act],
    (Status, Additional),
    u64,
    &'static [&'static str],
);

const RECEIVED: &str = "invoice_received_payment";
const SURE: &str = "invoice_payment_settled";
const LOST: &str = "invoice_payment_lost";
const PROCESSING: &str = "invoice_processing";
const SETTLED: &str = "invoice_settled";
const REOPENED: &str = "invoice_reopened";
const EXPIRED: &str = "invoice_expired";
const RENEWED: &str = "invoice_prompt_renewed";
const LATE: &str = "invoice_paid_after_expiration";
const INVALID: &str = "invoice_invalid";

pub const ROWS: &[Row] = &[
    ("nothing", &[], (Status::New, Additional::None), 0, &[]),
    (
        "lightning",
        &[Lightning(DUE)],
        (Status::Settled, Additional::None),
        DUE,
        &[SURE, RECEIVED, PROCESSING, SETTLED],
    ),
    (
        "lightning, told twice",
        &[Lightning(DUE), TellAgain],
        (Status::Settled, Additional::None),
        DUE,
        &[SURE, RECEIVED, PROCESSING, SETTLED],
    ),
    (
        "lightning, killed before the acknowledgement",
        &[LightningUnacknowledged(DUE), Wait(1)],
        (Status::Settled, Additional::None),
        DUE,
        &[SURE, RECEIVED, PROCESSING, SETTLED],
    ),
    (
        "lightning surplus",
        &[Lightning(DUE + 1)],
        (Status::Settled, Additional::PaidOver),
        DUE + 1,
        &[SURE, RECEIVED, PROCESSING, SETTLED],
    ),
    (
        "nobody came",
        &[Wait(900)],
        (Status::Expired, Additional::None),
        0,
        &[EXPIRED],
    ),
    (
        "lightning, late",
        &[Wait(900), Lightning(DUE)],
        (Status::Expired, Additional::PaidLate),
        DUE,
        &[EXPIRED, SURE, RECEIVED, LATE],
    ),
    (
        "chain, seen",
        &[Chain(DUE)],
        (Status::Processing, Additional::None),
        DUE,
        &[RECEIVED, PROCESSING],
    ),
    (
        "chain, confirmed",
        &[Chain(DUE), Mine(1), Mine(7)],
        (Status::Settled, Additional::None),
        DUE,
        &[RECEIVED, PROCESSING, SURE, SETTLED],
    ),
    (
        "chain, seen in a block first",
        &[ChainMined(DUE)],
        (Status::Settled, Additional::None),
        DUE,
        &[RECEIVED, SURE, PROCESSING, SETTLED],
    ),
    (
        "chain, too late",
        &[Wait(901), Chain(DUE), Mine(1)],
        (Status::Expired, Additional::PaidLate),
        DUE,
        &[EXPIRED, RECEIVED, LATE, SURE],
    ),
    (
        "chain partial, nobody pays the rest",
        &[Chain(6_000), Wait(900)],
        (Status::Expired, Additional::PaidPartial),
        6_000,
        &[RECEIVED, RENEWED, EXPIRED],
    ),
    (
        "chain partial, then the rest over lightning",
        &[Chain(6_000), Mine(1), Lightning(15_000)],
        (Status::Settled, Additional::None),
        DUE,
        &[RECEIVED, RENEWED, SURE, SURE, RECEIVED, PROCESSING, SETTLED],
    ),
    (
        "chain partial, then the old BOLT11 in full",
        &[Chain(6_000), Mine(1), FirstLightning(DUE)],
        (Status::Settled, Additional::PaidOver),
        27_000,
        &[RECEIVED, RENEWED, SURE, SURE, RECEIVED, PROCESSING, SETTLED],
    ),
    (
        "chain twice",
        &[Chain(6_000), Chain(15_000), Mine(1)],
        (Status::Settled, Additional::None),
        DUE,
        &[RECEIVED, RENEWED, RECEIVED, PROCESSING, SURE, SURE, SETTLED],
    ),
    (
        "both rails in full",
        &[Lightning(DUE), Chain(DUE), Mine(1)],
        (Status::Settled, Additional::PaidOver),
        2 * DUE,
        &[SURE, RECEIVED, PROCESSING, SETTLED, RECEIVED, SURE],
    ),
    (
        "both rails in full, the chain first",
        &[Chain(DUE), FirstLightning(DUE), Mine(1)],
        (Status::Settled, Additional::PaidOver),
        2 * DUE,
        &[RECEIVED, PROCESSING, SURE, RECEIVED, SURE, SETTLED],
    ),
    (
        "replaced with a higher fee",
        &[ChainReplaceable(DUE), Replace(DUE), Mine(1)],
        (Status::Settled, Additional::None),
        DUE,
        &[RECEIVED, PROCESSING, RECEIVED, LOST, SURE, SETTLED],
    ),
    (
        "replaced by less",
        &[ChainReplaceable(DUE), Replace(20_000)],
        (Status::New, Additional::PaidPartial),
        20_000,
        &[RECEIVED, PROCESSING, RECEIVED, LOST, REOPENED, RENEWED],
    ),
    (
        "double-spent",
        &[ChainReplaceable(DUE), DoubleSpend, Mine(1)],
        (Status::New, Additional::None),
        0,
        &[RECEIVED, PROCESSING, LOST, REOPENED],
    ),
    (
        "double-spent in a block",
        &[ChainReplaceable(DUE), DoubleSpendMined],
        (Status::New, Additional::None),
        0,
        &[RECEIVED, PROCESSING, LOST, REOPENED],
    ),
    (
        "evicted",
        &[Chain(DUE), Evict],
        (Status::New, Additional::None),
        0,
        &[RECEIVED, PROCESSING, LOST, REOPENED],
    ),
    (
        "evicted and back",
        &[Chain(DUE), Evict, SendAgain, Mine(1)],
        (Status::Settled, Additional::None),
        DUE,
        &[
            RECEIVED, PROCESSING, LOST, REOPENED, RECEIVED, PROCESSING, SURE, SETTLED,
        ],
    ),
    (
        "reorganised into the mempool",
        &[Chain(DUE), Mine(1), Reorg(1)],
        (Status::Processing, Additional::None),
        DUE,
        &[RECEIVED, PROCESSING, SURE, SETTLED, REOPENED],
    ),
    (
        "reorganised and confirmed again",
        &[Chain(DUE), Mine(3), Reorg(3), Mine(1)],
        (Status::Settled, Additional::None),
        DUE,
        &[RECEIVED, PROCESSING, SURE, SETTLED, REOPENED, SURE, SETTLED],
    ),
    (
        "reorganised below the payment only",
        &[Chain(DUE), Mine(3), Reorg(2)],
        (Status::Settled, Additional::None),
        DUE,
        &[RECEIVED, PROCESSING, SURE, SETTLED],
    ),
    (
        "never confirmed",
        &[Chain(DUE), Wait(900 + 86_401)],
        (Status::Invalid, Additional::None),
        DUE,
        &[RECEIVED, PROCESSING, INVALID],
    ),
    (
        "never confirmed in time, confirmed after all",
        &[Chain(DUE), Wait(900 + 86_401), Mine(1)],
        (Status::Invalid, Additional::None),
        DUE,
        &[RECEIVED, PROCESSING, INVALID, SURE],
    ),
    (
        "lightning, late and more than asked",
        &[Wait(900), Lightning(DUE + 1), TellAgain],
        (Status::Expired, Additional::PaidLate),
        DUE + 1,
        &[EXPIRED, SURE, RECEIVED, LATE],
    ),
    (
        "late in two parts over two rails",
        &[Wait(900), Chain(6_000), FirstLightning(DUE), Mine(1)],
        (Status::Expired, Additional::PaidLate),
        27_000,
        &[EXPIRED, RECEIVED, SURE, RECEIVED, LATE, SURE],
    ),
    (
        "long after anybody looks",
        &[Wait(900 + 86_400 + 864_000), Chain(DUE), Mine(1), Mine(200)],
        (Status::Expired, Additional::PaidLate),
        DUE,
        &[EXPIRED, RECEIVED, LATE, SURE],
    ),
    (
        "again to the address of a settled one",
        &[Chain(DUE), Mine(1), Chain(5_000), Mine(1)],
        (Status::Settled, Additional::PaidOver),
        DUE + 5_000,
        &[RECEIVED, PROCESSING, SURE, SETTLED, RECEIVED, SURE],
    ),
    (
        "to the address of one that was marked as invalid",
        &[Say(Mark::Invalid), Chain(DUE), Mine(1)],
        (Status::Invalid, Additional::Marked),
        DUE,
        &[INVALID, RECEIVED, SURE],
    ),
    (
        "the BOLT11 of one that was marked as invalid",
        &[Say(Mark::Invalid), Lightning(DUE)],
        (Status::Invalid, Additional::Marked),
        DUE,
        &[INVALID, SURE, RECEIVED],
    ),
    (
        "one that was marked as settled, and reorganised",
        &[
            Say(Mark::Settled),
            Chain(DUE),
            Mine(1),
            Reorg(1),
            DoubleSpendMined,
        ],
        (Status::Settled, Additional::Marked),
        0,
        &[SETTLED, RECEIVED, SURE, LOST],
    ),
    (
        "one that is hidden",
        &[Archive, Chain(6_000), Mine(1), Lightning(15_000)],
        (Status::Settled, Additional::None),
        DUE,
        &[RECEIVED, RENEWED, SURE, SURE, RECEIVED, PROCESSING, SETTLED],
    ),
    (
        "reorganised and double-spent",
        &[Chain(DUE), Mine(1), Reorg(1), DoubleSpendMined],
        (Status::New, Additional::None),
        0,
        &[
            RECEIVED, PROCESSING, SURE, SETTLED, REOPENED, LOST, REOPENED,
        ],
    ),
    (
        "reorganised and double-spent, and nobody pays again",
        &[
            Chain(DUE),
            Mine(1),
            Reorg(1),
            DoubleSpendMined,
            Wait(86_400),
        ],
        (Status::Expired, Additional::None),
        0,
        &[
            RECEIVED, PROCESSING, SURE, SETTLED, REOPENED, LOST, REOPENED, EXPIRED,
        ],
    ),
    (
        "six blocks deep reorganised, double-spent and paid again",
        &[
            Chain(DUE),
            Mine(6),
            Reorg(6),
            DoubleSpendMined,
            Chain(DUE),
            Mine(1),
        ],
        (Status::Settled, Additional::None),
        DUE,
        &[
            RECEIVED, PROCESSING, SURE, SETTLED, REOPENED, LOST, REOPENED, RECEIVED, PROCESSING,
            SURE, SETTLED,
        ],
    ),
    (
        "reorganised twice",
        &[Chain(DUE), Mine(2), Reorg(2), Mine(1), Reorg(1), Mine(1)],
        (Status::Settled, Additional::None),
        DUE,
        &[
            RECEIVED, PROCESSING, SURE, SETTLED, REOPENED, SURE, SETTLED, REOPENED, SURE, SETTLED,
        ],
    ),
];
