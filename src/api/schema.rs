//! What the document says about values with a form of their own. A request is read member by member ([`super::extract`]),
//! so its shape is written down beside the reading, for people and for the tests that hold both together.

use serde_json::json;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    KnownFormat, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::{PartialSchema, ToSchema};

use super::extract::TIME_SECS_MAX;
use super::number::{Dec, Num};
use crate::domain::money::SAT_MAX;

/// All bitcoin, in satoshi.
const SATS_MAX: i64 = SAT_MAX.0.cast_signed();

/// A value of one type.
fn plain(kind: Type, about: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(kind))
        .description(Some(about))
}

/// A text or a number within bounds, which a text has to keep to as well.
fn either(number: Type, form: &str, bounds: [i64; 2], about: &str, example: i64) -> RefOr<Schema> {
    let [min, max] = bounds.map(|bound| isize::try_from(bound).unwrap_or(isize::MAX));
    let number = plain(number, "As a number.")
        .minimum(Some(min))
        .maximum(Some(max));
    OneOfBuilder::new()
        .item(plain(Type::String, "As text.").pattern(Some(form)))
        .item(number)
        .description(Some(about))
        .examples([json!(example)])
        .into()
}

/// Decimals as text.
const DECIMAL: &str = r"^[0-9]{1,28}(\.[0-9]{1,28})?$";

/// Percentages as text.
const PERCENT: &str = r"^(100|[0-9]{1,2}(\.[0-9]{1,20})?)$";

/// Whole numbers as text.
const WHOLE: &str = "^[0-9]{1,18}$";

/// Spans as text.
const SPAN: &str = r"^([0-9]{1,4}|([0-9]{1,4}\.)?([01]?[0-9]|2[0-3]):[0-5]?[0-9](:[0-5]?[0-9])?)$";

/// A whole number within bounds.
fn whole(min: i64, max: i64, about: &str) -> RefOr<Schema> {
    either(Type::Integer, WHOLE, [min, max], about, min.max(1))
}

/// A span, in a unit, within bounds.
fn span(min: i64, max: i64, unit: &str) -> RefOr<Schema> {
    let about = format!(
        "A span: a number of {unit}, or a text `[days.]hours:minutes[:seconds]` or `days`."
    );
    either(Type::Integer, SPAN, [min, max], &about, min.max(60))
}

/// A text of a form, no longer than a number of characters.
fn form(pattern: &str, length_max: usize, about: &str) -> RefOr<Schema> {
    let text = plain(Type::String, about).pattern(Some(pattern));
    text.max_length(Some(length_max)).into()
}

/// 32 bytes in hex.
pub const HASH: &str = "^[0-9a-fA-F]{64}$";

/// Gives a type without values its schema and a name in the document.
macro_rules! described {
    ($(#[$doc:meta] $name:ident = $schema:expr;)*) => {$(
        #[$doc]
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema
            }
        }

        impl ToSchema for $name {}
    )*};
}

described! {
    /// An amount in a request: nothing is lost on the way in, whichever form it has.
    AmountIn = either(Type::Number, DECIMAL, [0, i64::MAX], "An exact decimal, as text or as a number.", 1);
    /// A percentage in a request.
    PercentIn = either(Type::Number, PERCENT, [0, 100], "A percentage, as a number or as text.", 1);
    /// Satoshi in a request.
    SatsIn = whole(0, SATS_MAX, "Satoshi, as a number or as text.");
    /// Satoshi of a channel.
    CapacityIn = whole(1, SATS_MAX, "Satoshi, as a number or as text.");
    /// Millisatoshi in a request.
    MsatsIn = whole(0, SATS_MAX * 1_000, "Millisatoshi, as text or as a number.");
    /// An instant in a request.
    TimeIn = whole(0, TIME_SECS_MAX, "Unix time in seconds, as a number or as text.");
    /// A revision in a request.
    RevisionIn = whole(0, u32::MAX.into(), "A whole number, as a number or as text.");
    /// How many of something.
    CountIn = whole(1, 10_000, "A whole number, as a number or as text.");
    /// Blocks in a request.
    BlocksIn = whole(1, 1_000, "A number of blocks, as a number or as text.");
    /// The hash of a transaction, a preimage.
    HashIn = form(HASH, 64, "32 bytes in hex.");
    /// A link.
    LinkIn = form("^[A-Za-z][A-Za-z0-9+.-]*:[!-~]+$", 2_048, "An absolute URL.");
    /// Where messages go.
    HookUrlIn = form("^ *[Hh][Tt][Tt][Pp][Ss]?://[!-~]+ *$", 2_048, "An absolute URL, `http` or `https`.");
    /// A Lightning node.
    NodeUriIn = form("^[0-9a-fA-F]{66}@[!-~]+:[0-9]{1,5}$", 400, "As `pubkey@host:port`.");
    /// A Lightning invoice.
    Bolt11In = form(
        "^ *([Ll][Ii][Gg][Hh][Tt][Nn][Ii][Nn][Gg]:)?[Ll][Nn][Bb][0-9A-Za-z]+ *$",
        8_192,
        "A Lightning invoice, in either case, with or without `lightning:`.",
    );
    /// An address of a person.
    EmailIn = form("^[!-~]+@[!-~]+$", 254, "An e-mail address.");
    /// A currency.
    CurrencyIn = form("^[A-Za-z]{3,5}$", 5, "The code of a currency.");
    /// A span in days.
    DaysIn = span(0, 3_650, "days");
    /// A span in minutes.
    MinutesIn = span(1, 366 * 1_440, "minutes");
    /// A span in seconds.
    SecondsIn = span(1, 366 * 86_400, "seconds");
    /// How long a store's invoices wait.
    ExpirationIn = span(60, 24 * 86_400, "seconds");
    /// How long a payment is still seen.
    MonitoringIn = span(600, 24 * 86_400, "seconds");
    /// How long an answer may take.
    WaitIn = span(0, 600, "seconds");
    /// How long a rate is promised.
    RateLockIn = span(10, 3_600, "seconds");
    /// How often something happens.
    IntervalIn = span(60, 86_400, "seconds");
}

impl PartialSchema for Dec {
    fn schema() -> RefOr<Schema> {
        plain(Type::String, "An exact decimal, as text.")
            .format(Some(SchemaFormat::Custom("decimal".to_owned())))
            .into()
    }
}

impl ToSchema for Dec {
    fn name() -> std::borrow::Cow<'static, str> {
        "Decimal".into()
    }
}

impl PartialSchema for Num {
    fn schema() -> RefOr<Schema> {
        plain(Type::Number, "An exact decimal, as a number.")
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Double)))
            .into()
    }
}

impl ToSchema for Num {
    fn name() -> std::borrow::Cow<'static, str> {
        "Number".into()
    }
}

/// One of these words.
macro_rules! words {
    ($(#[$doc:meta] $name:ident { $($(#[$of:meta])* $word:ident $(= $text:literal)?,)* })*) => {$(
        #[$doc]
        #[derive(Clone, Copy, Debug, ToSchema)]
        #[allow(missing_docs, reason = "Greenfield's words")]
        pub enum $name { $($(#[$of])* $(#[schema(rename = $text)])? $word,)* }
    )*};
}

words! {
    /// Whether a block holds a transaction.
    OnChainTransactionStatus { Unconfirmed, Confirmed, }
    /// Which addresses a new wallet has. Legacy ones are refused.
    ScriptPubKeyType { Legacy, Segwit, SegwitP2SH, TaprootBIP86, }
    /// Which words a wallet is written in. Others than English are refused.
    WordList { English, Japanese, Spanish, ChineseSimplified, ChineseTraditional, French, PortugueseBrazil, Czech, }
    /// How an invoice stands.
    InvoiceStatus { New, Processing, Settled, Expired, Invalid, }
    /// What is out of the ordinary about an invoice.
    InvoiceAdditionalStatus { None, PaidLate, PaidPartial, Marked, PaidOver, }
    /// What a person may say about an invoice.
    InvoiceMark { Settled, Invalid, }
    /// A price, or whatever comes.
    InvoiceType { Standard, TopUp, }
    /// How a payment stands.
    PaymentStatus { Invalid, Processing, Settled, }
    /// How many confirmations an on-chain payment needs.
    SpeedPolicy { HighSpeed, MediumSpeed, LowMediumSpeed, LowSpeed, }
    /// When a fee is added for further payments.
    NetworkFeeMode { MultiplePaymentsOnly, Always, Never, }
    /// How a payout stands.
    PayoutState { AwaitingApproval, AwaitingPayment, InProgress, Completed, Cancelled, }
    /// Who bears the fee.
    FeePolicy { SenderPays, }
    /// A person's word on what stands for review.
    Verdict { LookAgain, Arrived, DidNotArrive, }
    /// How a Lightning invoice stands.
    LightningInvoiceStatus { Unpaid, Paid, Expired, }
    /// How a Lightning payment stands.
    LightningPaymentStatus { Unknown, Pending, Complete, Failed, }
    /// A way of paying.
    PaymentMethodId { Chain = "BTC-CHAIN", Lightning = "BTC-LN", }
    /// How far a line goes back.
    HistogramType { Week, Month, Year, }
    /// A role in a store.
    StoreRole { Owner, Manager, Employee, Guest, }
    /// How two sides of the books are compared.
    AuditRule { Equal = "equal", AtMost = "atMost", }
}
