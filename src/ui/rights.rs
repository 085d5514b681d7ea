//! Which right a page of a store needs: what its verb needs in the API too.

use axum::http::Method;

const MODIFY: &str = "btcpay.store.canmodifystoresettings";
const VIEW_INVOICES: &str = "btcpay.store.canviewinvoices";
const CREATE_INVOICE: &str = "btcpay.store.cancreateinvoice";
const MODIFY_INVOICES: &str = "btcpay.store.canmodifyinvoices";
const VIEW_PULL_PAYMENTS: &str = "btcpay.store.canviewpullpayments";
const CREATE: &str = "btcpay.store.cancreatenonapprovedpullpayments";
const ARCHIVE: &str = "btcpay.store.canarchivepullpayments";
const VIEW_PAYOUTS: &str = "btcpay.store.canviewpayouts";
const MANAGE_PAYOUTS: &str = "btcpay.store.canmanagepayouts";
const VIEW_WALLET: &str = "btcpay.store.canviewwallet";
const MANAGE_TRANSACTIONS: &str = "btcpay.store.canmanagewallettransactions";
const CANCEL_TRANSACTIONS: &str = "btcpay.store.cancanceltransactions";
const VIEW_SETTINGS: &str = "btcpay.store.canviewstoresettings";
const VIEW_REPORTS: &str = "btcpay.store.canviewreports";
const WEBHOOKS: &str = "btcpay.store.webhooks.canmodifywebhooks";

/// Making what no person has to approve: a box of a form, not a page of its own.
pub const CREATE_APPROVED: &str = "btcpay.store.cancreatepullpayments";

/// Sending signed transactions.
pub const BROADCAST: &str = "btcpay.store.canbroadcasttransactions";

/// Seeing what the store holds.
pub const SEE_WALLET: &str = VIEW_WALLET;

/// Seeing what the store earned.
pub const SEE_REPORTS: &str = VIEW_REPORTS;

/// Paths below a store as they are routed: what looking needs, and what sending a form needs.
const RIGHTS: &[(&str, &str, &str)] = &[
    ("", VIEW_INVOICES, MODIFY),
    ("/events", VIEW_INVOICES, MODIFY),
    ("/rates", VIEW_SETTINGS, MODIFY),
    ("/people", VIEW_SETTINGS, MODIFY),
    ("/invoices", VIEW_INVOICES, CREATE_INVOICE),
    ("/invoices/new", CREATE_INVOICE, MODIFY),
    ("/invoices/{invoice}", VIEW_INVOICES, MODIFY),
    ("/invoices/{invoice}/mark", MODIFY, MODIFY_INVOICES),
    ("/pull-payments", VIEW_PULL_PAYMENTS, CREATE),
    ("/pull-payments/new", CREATE, MODIFY),
    ("/pull-payments/{pull_payment}", VIEW_PULL_PAYMENTS, MODIFY),
    ("/pull-payments/{pull_payment}/archive", MODIFY, ARCHIVE),
    ("/payouts", VIEW_PAYOUTS, CREATE),
    ("/payouts/new", CREATE, MODIFY),
    ("/payouts/{payout}", VIEW_PAYOUTS, MODIFY),
    ("/payouts/{payout}/approve", MODIFY, MANAGE_PAYOUTS),
    ("/payouts/{payout}/pay", MODIFY, MANAGE_PAYOUTS),
    ("/payouts/{payout}/cancel", MODIFY, MANAGE_PAYOUTS),
    ("/payouts/{payout}/review", MODIFY, MANAGE_PAYOUTS),
    ("/payouts/{payout}/acknowledge", MODIFY, MANAGE_PAYOUTS),
    ("/payouts/{payout}/bump", MODIFY, MANAGE_PAYOUTS),
    ("/strays", VIEW_INVOICES, MODIFY),
    ("/strays/assign", MODIFY, MODIFY_INVOICES),
    ("/wallet", VIEW_WALLET, MODIFY),
    ("/wallet/onchain", VIEW_WALLET, MODIFY),
    ("/wallet/send", MODIFY, MANAGE_TRANSACTIONS),
    ("/wallet/signed", MODIFY, BROADCAST),
    ("/wallet/drafts/{draft}/psbt", VIEW_WALLET, MODIFY),
    (
        "/wallet/drafts/{draft}/give-up",
        MODIFY,
        CANCEL_TRANSACTIONS,
    ),
    ("/webhooks", WEBHOOKS, WEBHOOKS),
    ("/webhooks/new", WEBHOOKS, MODIFY),
    ("/webhooks/{webhook}", WEBHOOKS, WEBHOOKS),
    ("/webhooks/{webhook}/delete", MODIFY, WEBHOOKS),
    (
        "/webhooks/{webhook}/deliveries/{delivery}/redeliver",
        MODIFY,
        WEBHOOKS,
    ),
];

/// The right that a route of a store needs.
pub fn needed(route: &str, method: &Method) -> &'static str {
    match route.strip_prefix("/stores/{store}") {
        Some(below) if *method == Method::GET || *method == Method::HEAD => to_look(below),
        Some(below) => to_send(below),
        None => MODIFY,
    }
}

/// The right that looking at a page below a store needs. What is not in the table is for owners.
pub fn to_look(below: &str) -> &'static str {
    row(below).map_or(MODIFY, |(_, look, _)| look)
}

/// The right that sending a form below a store needs. What is not in the table is for owners.
pub fn to_send(below: &str) -> &'static str {
    row(below).map_or(MODIFY, |(_, _, send)| send)
}

fn row(below: &str) -> Option<&'static (&'static str, &'static str, &'static str)> {
    RIGHTS.iter().find(|(path, _, _)| *path == below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::is_permission;

    #[test]
    fn unknown_routes_are_for_owners() {
        let rows = [
            ("/stores/{store}", Method::GET, VIEW_INVOICES),
            ("/stores/{store}/payouts", Method::HEAD, VIEW_PAYOUTS),
            ("/stores/{store}/payouts", Method::POST, CREATE),
            (
                "/stores/{store}/payouts/{payout}/pay",
                Method::POST,
                MANAGE_PAYOUTS,
            ),
            ("/stores/{store}/nothing", Method::GET, MODIFY),
            ("/elsewhere", Method::GET, MODIFY),
        ];
        for (route, method, right) in rows {
            assert_eq!(needed(route, &method), right, "{method} {route}");
        }
        for (path, look, send) in RIGHTS {
            assert!(is_permission(look) && is_permission(send), "{path}");
        }
    }
}
