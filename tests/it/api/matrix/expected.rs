//! Which right each operation needs, written down apart from the code: the contract's operations (Greenfield 3.1–3.15
//! with the corrections of 1.11), then our own.
//!
//! `s.` is `btcpay.store.`, `srv.` is `btcpay.server.`, `u.` is `btcpay.user.`. `public`: anybody. `any`: any key.
//! `open:x`: anybody under conditions, otherwise x. `x + y`: both. An item `[S]/…` has two routes, on its own and below
//! its store.

/// The contract's operations, those of later rooms too.
const CONTRACT: &str = "
POST   /v1/api-keys                                 unrestricted
GET    /v1/api-keys/current                         any
DELETE /v1/api-keys/current                         any
DELETE /v1/api-keys/{}                              unrestricted
POST   /v1/users/{}/api-keys                        srv.canmanageusers
DELETE /v1/users/{}/api-keys/{}                     srv.canmanageusers
POST   /v1/users                                    open:srv.cancreateuser
GET    /v1/users/me                                 u.canviewprofile
PUT    /v1/users/me                                 u.canmodifyprofile
DELETE /v1/users/me                                 u.candeleteuser
GET    /v1/stores                                   s.canviewstoresettings
POST   /v1/stores                                   s.canmodifystoresettings
GET    S                                            s.canviewstoresettings
PUT    S                                            s.canmodifystoresettings
DELETE S                                            s.canmodifystoresettings
GET    S/roles                                      s.canviewstoresettings
GET    /v1/server/roles                             srv.canmodifyserversettings
GET    S/users                                      s.canviewstoresettings
POST   S/users                                      s.canmodifystoresettings
PUT    S/users/{}                                   s.canmodifystoresettings
DELETE S/users/{}                                   s.canmodifystoresettings
GET    S/payment-methods                            s.canviewstoresettings
GET    S/payment-methods/{}                         s.canviewstoresettings
PUT    S/payment-methods/{}                         s.canmodifystoresettings
DELETE S/payment-methods/{}                         s.canmodifystoresettings
GET    S/rates                                      s.canviewstoresettings
GET    S/rates/configuration                        s.canviewstoresettings
PUT    S/rates/configuration                        s.canmodifystoresettings
GET    S/rates/configuration/{}                     s.canviewstoresettings
PUT    S/rates/configuration/{}                     s.canmodifystoresettings
GET    S/rates/configuration/primary                s.canviewstoresettings
PUT    S/rates/configuration/primary                s.canmodifystoresettings
GET    S/rates/configuration/fallback               s.canviewstoresettings
PUT    S/rates/configuration/fallback               s.canmodifystoresettings
POST   S/rates/configuration/preview                s.canmodifystoresettings
GET    S/invoices                                   s.canviewinvoices
POST   S/invoices                                   open:s.cancreateinvoice
GET    [S]/invoices/{}                              s.canviewinvoices
PUT    [S]/invoices/{}                              s.canmodifyinvoices
DELETE [S]/invoices/{}                              s.canmodifyinvoices
POST   [S]/invoices/{}/unarchive                    s.canmodifyinvoices
POST   [S]/invoices/{}/status                       s.canmodifyinvoices
GET    [S]/invoices/{}/payment-methods              s.canviewinvoices
POST   [S]/invoices/{}/payment-methods/{}/activate  s.canviewinvoices
POST   [S]/invoices/{}/refund                       s.cancreatenonapprovedpullpayments
GET    [S]/invoices/{}/refund/{}                    s.cancreatenonapprovedpullpayments
GET    S/payment-requests                           s.canviewpaymentrequests
POST   S/payment-requests                           s.canmodifypaymentrequests
GET    [S]/payment-requests/{}                      s.canviewpaymentrequests
PUT    [S]/payment-requests/{}                      s.canmodifypaymentrequests
DELETE [S]/payment-requests/{}                      s.canmodifypaymentrequests
POST   [S]/payment-requests/{}/pay                  s.canviewpaymentrequests
GET    S/pull-payments                              s.canviewpullpayments
POST   S/pull-payments                              s.cancreatenonapprovedpullpayments
DELETE [S]/pull-payments/{}                         s.canarchivepullpayments
GET    /v1/pull-payments/{}                         public
GET    /v1/pull-payments/{}/payouts                 public
GET    /v1/pull-payments/{}/payouts/{}              public
POST   /v1/pull-payments/{}/payouts                 public
GET    /v1/pull-payments/{}/lnurl                   public
POST   /v1/pull-payments/{}/boltcards               public
GET    S/payouts                                    s.canviewpayouts
POST   S/payouts                                    s.cancreatenonapprovedpullpayments
GET    [S]/payouts/{}                               s.canviewpayouts
POST   [S]/payouts/{}                               s.canmanagepayouts
DELETE [S]/payouts/{}                               s.canmanagepayouts
POST   [S]/payouts/{}/mark                          s.canmanagepayouts
POST   [S]/payouts/{}/mark-paid                     s.canmanagepayouts
GET    /v1/payout-processors                        any
GET    S/payout-processors                          s.canviewstoresettings
GET    S/payout-processors/{}                       s.canviewstoresettings
PUT    S/payout-processors/{}                       s.canmodifystoresettings
DELETE S/payout-processors/{}                       s.canmodifystoresettings
GET    S/payout-processors/{}/{}                    s.canviewstoresettings
PUT    S/payout-processors/{}/{}                    s.canmodifystoresettings
DELETE S/payout-processors/{}/{}                    s.canmodifystoresettings
GET    S/webhooks                                   s.webhooks.canmodifywebhooks
POST   S/webhooks                                   s.webhooks.canmodifywebhooks
GET    [S]/webhooks/{}                              s.webhooks.canmodifywebhooks
PUT    [S]/webhooks/{}                              s.webhooks.canmodifywebhooks
DELETE [S]/webhooks/{}                              s.webhooks.canmodifywebhooks
GET    [S]/webhooks/{}/deliveries                   s.webhooks.canmodifywebhooks
GET    [S]/webhooks/{}/deliveries/{}                s.webhooks.canmodifywebhooks
GET    [S]/webhooks/{}/deliveries/{}/request        s.webhooks.canmodifywebhooks
POST   [S]/webhooks/{}/deliveries/{}/redeliver      s.webhooks.canmodifywebhooks
GET    N/info                                       srv.canuseinternallightningnode
GET    N/balance                                    srv.canuseinternallightningnode
GET    N/histogram                                  srv.canuseinternallightningnode
POST   N/connect                                    srv.canuseinternallightningnode
GET    N/channels                                   srv.canuseinternallightningnode
POST   N/channels                                   srv.canuseinternallightningnode
POST   N/address                                    srv.canuseinternallightningnode
POST   N/invoices                                   srv.cancreatelightninginvoiceinternalnode
GET    N/invoices                                   srv.canviewlightninginvoiceinternalnode
GET    N/invoices/{}                                srv.canviewlightninginvoiceinternalnode
POST   N/invoices/pay                               srv.canuseinternallightningnode
GET    N/payments                                   srv.canuseinternallightningnode
GET    N/payments/{}                                srv.canuseinternallightningnode
GET    L/info                                       s.canuselightningnode
GET    L/balance                                    s.canuselightningnode
GET    L/histogram                                  s.canuselightningnode
POST   L/connect                                    s.canuselightningnode
GET    L/channels                                   s.canuselightningnode
POST   L/channels                                   s.canuselightningnode
POST   L/address                                    s.canuselightningnode
POST   L/invoices                                   s.cancreatelightninginvoice
GET    L/invoices                                   s.canviewlightninginvoice
GET    L/invoices/{}                                s.canviewlightninginvoice
POST   L/invoices/pay                               s.canuselightningnode
GET    L/payments                                   s.canuselightningnode
GET    L/payments/{}                                s.canuselightningnode
GET    W                                            s.canviewwallet
GET    W/histogram                                  s.canviewwallet
GET    W/feerate                                    s.canviewwallet
GET    W/address                                    s.canviewwallet
DELETE W/address                                    s.canmanagewallettransactions
GET    W/transactions                               s.canviewwallet
GET    W/transactions/{}                            s.canviewwallet
PATCH  W/transactions/{}                            s.canmanagewallettransactions
POST   W/transactions                               s.cancreatetransactions + s.cansigntransactions + s.canbroadcasttransactions
POST   W/transactions/broadcast                     s.canbroadcasttransactions
GET    W/utxos                                      s.canviewwallet
POST   W/generate                                   s.canmodifystoresettings
GET    W/preview                                    s.canviewwallet
POST   W/preview                                    s.canmanagewalletsettings
GET    W/objects                                    s.canviewwallet
POST   W/objects                                    s.canmanagewallettransactions
GET    W/objects/{}/{}                              s.canviewwallet
DELETE W/objects/{}/{}                              s.canmanagewallettransactions
POST   W/objects/{}/{}/links                        s.canmanagewallettransactions
DELETE W/objects/{}/{}/links/{}/{}                  s.canmanagewallettransactions
GET    S/lightning-addresses                        s.canviewstoresettings
GET    S/lightning-addresses/{}                     s.canviewstoresettings
POST   S/lightning-addresses/{}                     s.canmodifystoresettings
DELETE S/lightning-addresses/{}                     s.canmodifystoresettings
GET    /v1/apps                                     s.canmodifystoresettings
GET    S/apps                                       s.canmodifystoresettings
GET    /v1/apps/{}                                  s.canmodifystoresettings
DELETE /v1/apps/{}                                  s.canmodifystoresettings
POST   S/apps/pos                                   s.canmodifystoresettings
GET    /v1/apps/pos/{}                              any
PUT    /v1/apps/pos/{}                              s.canmodifystoresettings
GET    /v1/apps/{}/sales                            s.canmodifystoresettings
GET    /v1/apps/{}/top-items                        s.canmodifystoresettings
GET    /v1/users/me/notifications                   u.canviewnotificationsforuser
GET    /v1/users/me/notifications/{}                u.canviewnotificationsforuser
PUT    /v1/users/me/notifications/{}                u.canmanagenotificationsforuser
DELETE /v1/users/me/notifications/{}                u.canmanagenotificationsforuser
GET    /v1/users/me/notification-settings           u.canmanagenotificationsforuser
PUT    /v1/users/me/notification-settings           u.canmanagenotificationsforuser
GET    /v1/health                                   public
GET    /v1/server/info                              any
GET    /misc/permissions                            public
GET    /misc/rate-sources                           public
GET    /misc/lang                                   public
";

/// Our own operations beside them.
const OWN: &str = "
PATCH  [S]/pull-payments/{}                         s.canmanagepullpayments
POST   [S]/payouts/{}/retry                         s.canmanagepayouts
POST   [S]/payouts/{}/review                        s.canmanagepayouts
POST   [S]/payouts/{}/acknowledge                   s.canmanagepayouts
POST   [S]/payouts/{}/bump                          s.canmanagepayouts
POST   N/payments/{}/review                         srv.canuseinternallightningnode
POST   L/payments/{}/review                         s.canuselightningnode
GET    S/events                                     s.canviewstoresettings
GET    S/balances                                   s.canviewstoresettings
GET    S/strays                                     s.canviewinvoices
POST   S/strays/{}/assign                           s.canmodifyinvoices
GET    S/wallet-hold                                s.canviewpayouts
DELETE S/wallet-hold                                s.canmodifystoresettings
GET    S/payment-methods/onchain/{}                 s.canviewstoresettings
PUT    S/payment-methods/onchain/{}                 s.canmodifystoresettings
DELETE S/payment-methods/onchain/{}                 s.canmodifystoresettings
GET    W/drafts                                     s.canviewwallet
GET    W/drafts/{}                                  s.canviewwallet
DELETE W/drafts/{}                                  s.cancanceltransactions
GET    /openapi.json                                public
GET    /v1/server/audit                             srv.canmodifyserversettings
GET    /v1/server/strays                            srv.canmodifyserversettings
POST   /v1/server/strays/{}/assign                  srv.canmodifyserversettings
";

/// Who may use an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Anybody.
    Public,
    /// Any key.
    AnyKey,
    /// Who has all of these rights.
    Rights(Vec<String>),
    /// Anybody under conditions, otherwise who has the right.
    Open(String),
}

/// A line of the table.
#[derive(Clone, Debug)]
pub struct Line {
    pub method: &'static str,
    /// With `{}` for every id.
    pub path: String,
    pub who: Who,
}

/// Of a store that may not draw on the node, who runs the server has a word too: it is the node's money.
pub fn opens_to_the_operator(line: &Line) -> bool {
    line.method == "POST" && line.path.ends_with("/payouts/{}/review")
}

/// The whole table, each route in a line of its own.
pub fn table() -> Vec<Line> {
    let lines = CONTRACT.lines().chain(OWN.lines());
    let lines = lines.filter(|line| !line.trim().is_empty());
    lines.flat_map(routes).collect()
}

fn routes(line: &'static str) -> Vec<Line> {
    let mut words = line.split_whitespace();
    let (method, path) = (
        words.next().expect("a method"),
        words.next().expect("a path"),
    );
    let who = who(&words.collect::<Vec<_>>().join(" "));
    let store = "/v1/stores/{}";
    let paths = match path.split_once('/') {
        Some(("[S]", rest)) => vec![format!("/v1/{rest}"), format!("{store}/{rest}")],
        Some(("S", rest)) => vec![format!("{store}/{rest}")],
        Some(("N", rest)) => vec![format!("/v1/server/lightning/{{}}/{rest}")],
        Some(("L", rest)) => vec![format!("{store}/lightning/{{}}/{rest}")],
        Some(("W", rest)) => vec![format!("{store}/payment-methods/{{}}/wallet/{rest}")],
        None if path == "S" => vec![store.to_owned()],
        None if path == "W" => vec![format!("{store}/payment-methods/{{}}/wallet")],
        Some(_) | None => vec![path.to_owned()],
    };
    let line = |path| Line {
        method,
        path,
        who: who.clone(),
    };
    paths.into_iter().map(line).collect()
}

fn who(text: &str) -> Who {
    match text.split_once(':') {
        Some(("open", right)) => Who::Open(whole(right)),
        _ if text == "public" => Who::Public,
        _ if text == "any" => Who::AnyKey,
        _ => Who::Rights(text.split(" + ").map(whole).collect()),
    }
}

/// The whole name of a right.
fn whole(short: &str) -> String {
    let (room, rest) = short.split_once('.').unwrap_or(("", short));
    match room {
        "s" => format!("btcpay.store.{rest}"),
        "srv" => format!("btcpay.server.{rest}"),
        "u" => format!("btcpay.user.{rest}"),
        _ => short.to_owned(),
    }
}
