//! The tables of the one file. Keys begin with the store's id where the row is a store's (D35).
//!
//! Every table maps bytes to bytes; the room's file beside this one gives its keys and records their types.

use redb::TableDefinition;

macro_rules! tables {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A table of the file.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub enum Table {
            $($(#[$doc])* $variant,)*
        }

        /// All tables, in the order of [`Table`].
        pub const ALL: &[Table] = &[$(Table::$variant,)*];

        impl Table {
            /// Its name in the file; never changed.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

tables! {
    /// Schema version, counters, marks: name → bytes.
    Meta = "meta",
    /// Facts: store, sequence → entry.
    Journal = "journal",
    /// Facts by what they are about: store, object, sequence → ().
    JournalByObject = "journal_by_object",
    /// Stores: store → store.
    Stores = "stores",
    /// Invoices: store, invoice → invoice.
    Invoices = "invoices",
    /// Which store an invoice belongs to: invoice → store.
    InvoiceStore = "invoice_store",
    /// Invoices by creation: store, time, invoice → ().
    InvoicesByTime = "invoices_by_time",
    /// When an invoice next wants to be looked at: time, store, invoice → ().
    InvoiceAgenda = "invoice_agenda",
    /// Invoices whose shown BOLT11 no longer fits what is due: store, invoice → ().
    InvoicePrompts = "invoice_prompts",
    /// Every payment hash ever issued: hash → owner.
    IssuedHashes = "issued_hashes",
    /// When the node's record of an issued hash may go: time, hash → ().
    RecordAgenda = "record_agenda",
    /// Which invoice an address was revealed for: till, index → store, invoice.
    AddressOwners = "address_owners",
    /// Money in, once each: receipt key → receipt's owner.
    Receipts = "receipts",
    /// Money that fits no invoice: store, receipt key → stray.
    StrayReceipts = "stray_receipts",
    /// Invoices made for the API without a store's invoice: store, hash → issued.
    ApiInvoices = "api_invoices",
    /// Pull payments: store, pull payment → pull payment.
    PullPayments = "pull_payments",
    /// Which store a pull payment belongs to: pull payment → store.
    PullPaymentStore = "pull_payment_store",
    /// Payouts: store, payout → payout.
    Payouts = "payouts",
    /// Which store a payout belongs to: payout → store.
    PayoutStore = "payout_store",
    /// Payouts of a pull payment: store, pull payment, time, payout → ().
    PayoutsByPullPayment = "payouts_by_pull_payment",
    /// Payouts by creation: store, time, payout → ().
    PayoutsByTime = "payouts_by_time",
    /// Payouts that still want something done: store, payout → ().
    PayoutsOpen = "payouts_open",
    /// Every payment hash ever claimed for a payout: hash → store, payout (P3).
    PayoutHashes = "payout_hashes",
    /// Destinations of payouts that are still open: script → store, payout.
    PayoutScripts = "payout_scripts",
    /// Approved payouts that wait to be sent: lane, store, by a person's Pay or a sender, not before, created, payout →
    /// pull payment.
    PayoutQueue = "payout_queue",
    /// Payouts with an attempt that may still succeed: lane, store, payout → standing, pull payment.
    PayoutsLive = "payouts_live",
    /// Payouts whose invoice runs out before anything is sent: date, store, payout → ().
    PayoutExpiries = "payout_expiries",
    /// Payouts that a person has to look at: store, kind, payout → ().
    PayoutAlerts = "payout_alerts",
    /// Signed transactions of ours: store, batch → batch.
    Batches = "batches",
    /// Batches not yet buried: store, batch → ().
    BatchesOpen = "batches_open",
    /// Which batch a transaction is a version of: txid → store, batch.
    BatchTxids = "batch_txids",
    /// Transactions for their owner to sign: store, draft → draft.
    Drafts = "drafts",
    /// Those that wait: store, draft → ().
    DraftsOpen = "drafts_open",
    /// What drafts spend, be they over: outpoint, store, draft → ().
    DraftInputs = "draft_inputs",
    /// The address that a store's wallet shows until it is paid: store → till's generation, index.
    ReservedAddresses = "reserved_addresses",
    /// What people note about transactions, addresses and so on: store, type, NUL, id → object.
    WalletObjects = "wallet_objects",
    /// Links between them, both ways: store, type, NUL, id, NUL, type, NUL, id → link.
    WalletLinks = "wallet_links",
    /// Spends of tills that were not made here: store, txid → spend.
    UnknownSpends = "unknown_spends",
    /// Automatic senders: store, rail → processor.
    Processors = "processors",
    /// Accounts: user → user.
    Users = "users",
    /// Accounts by e-mail, lower case: e-mail → user.
    UsersByEmail = "users_by_email",
    /// API keys by their sha256: hash → key.
    ApiKeys = "api_keys",
    /// Browser sessions by the sha256 of their token: hash → session.
    Sessions = "sessions",
    /// Tills: till → till's fixed data.
    Tills = "tills",
    /// Change sets of tills, append-only: till, sequence → change set.
    TillChanges = "till_changes",
    /// Addresses of the node's own wallet that we gave out: script → ().
    NodeAddresses = "node_addresses",
    /// The books: account → signed msat.
    Balances = "balances",
    /// What live Lightning attempts of a store may yet take: store → msat.
    LightningHeld = "lightning_held",
    /// Payments to addresses of the node's own wallet: outpoint → deposit.
    NodeDeposits = "node_deposits",
    /// Channels whose costs are booked: channel → what was booked.
    NodeChannels = "node_channels",
    /// Requests that named themselves: name → what they did.
    Once = "once",
    /// The same by time: time, name → ().
    OnceByTime = "once_by_time",
    /// Endpoints that are told what happens: store, webhook → endpoint.
    Webhooks = "webhooks",
    /// Which store an endpoint belongs to: webhook → store.
    WebhookStore = "webhook_store",
    /// Messages to endpoints: store, webhook, delivery → delivery.
    Deliveries = "deliveries",
    /// Messages by when they were made: store, webhook, time, sequence, part, attempt, delivery → ().
    DeliveriesByTime = "deliveries_by_time",
    /// Messages that are to be sent: webhook, not before, sequence, part, delivery → store.
    DeliveriesDue = "deliveries_due",
    /// Messages about the same object, which go in order: webhook, object, sequence, part → store, delivery.
    DeliveryLines = "delivery_lines",
    /// When a message is pruned: time, store, webhook, delivery → ().
    DeliveryAges = "delivery_ages",
    /// LDK's state: primary NUL secondary NUL key → value.
    Ldk = "ldk",
}

impl Table {
    pub(super) const fn definition(self) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
        TableDefinition::new(self.name())
    }
}
