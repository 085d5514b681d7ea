//! What the document says about values with a form of their own. A request is read member by member ([`super::extract`]),
//! so its shape is written down beside the reading, for people and for the tests that hold both together.

use serde_json::json;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    KnownFormat, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::{PartialSchema, ToSchema};

use super::number::{Dec, Num};

/// A value of one type.
fn plain(kind: Type, about: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(kind))
        .description(Some(about))
}

/// A text or a number.
fn either(number: Type, about: &str, example: serde_json::Value) -> RefOr<Schema> {
    OneOfBuilder::new()
        .item(plain(Type::String, "As text."))
        .item(plain(number, "As a number."))
        .description(Some(about))
        .examples([example])
        .into()
}

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
    /// A decimal in a request: nothing is lost on the way in, whichever form it has.
    DecimalIn = either(Type::Number, "An exact decimal, as text or as a number.", json!("0.5"));
    /// A whole number in a request.
    WholeIn = either(Type::Integer, "A whole number, as a number or as text.", json!(1));
    /// A span in a request.
    SpanIn = either(
        Type::Integer,
        "A span: a number in the unit of the member, or a text `[days.]hours:minutes[:seconds]` or `days`.",
        json!(900),
    );
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
