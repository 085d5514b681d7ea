//! What permissions mean, in words for people.

use crate::domain::access::UNRESTRICTED;

/// What a permission lets its holder do. The name itself if it is none.
pub fn words(permission: &str) -> &str {
    match permission {
        UNRESTRICTED => "Do everything that you may do, in all stores",
        "btcpay.store.canmodifystoresettings" => {
            "Do everything in the store, change its settings and people"
        }
        "btcpay.store.canviewstoresettings" => "See the store's settings",
        "btcpay.store.canmodifyinvoices" => "Make, see, mark and archive invoices",
        "btcpay.store.canviewinvoices" => "See invoices",
        "btcpay.store.cancreateinvoice" => "Make invoices",
        "btcpay.store.canmodifypaymentrequests" => "Make and change payment requests",
        "btcpay.store.canviewpaymentrequests" => "See payment requests",
        "btcpay.store.canviewreports" => "See reports",
        "btcpay.store.canmanagepullpayments" => {
            "Make, see and archive pull payments that pay by themselves"
        }
        "btcpay.store.canarchivepullpayments" => "Archive pull payments",
        "btcpay.store.cancreatepullpayments" => "Make pull payments that pay by themselves",
        "btcpay.store.cancreatenonapprovedpullpayments" => {
            "Propose pull payments and payouts, which a person approves"
        }
        "btcpay.store.canviewpullpayments" => "See pull payments",
        "btcpay.store.canmanagepayouts" => "Approve, pay and cancel payouts",
        "btcpay.store.canviewpayouts" => "See payouts",
        "btcpay.store.canuselightningnode" => {
            "Pay from the store's Lightning balance, see and open channels"
        }
        "btcpay.store.cancreatelightninginvoice" => "Make Lightning invoices",
        "btcpay.store.canviewlightninginvoice" => "See Lightning invoices",
        "btcpay.store.webhooks.canmodifywebhooks" => "Set up webhooks",
        "btcpay.store.cansendstoreemails" => "Send e-mail in the store's name",
        "btcpay.store.canmanagewallets" => "Use and set up the store's wallets",
        "btcpay.store.canmanagewalletsettings" => "Set up the store's wallets",
        "btcpay.store.canmanagewallettransactions" => "Send from the store's wallets",
        "btcpay.store.canviewwallet" => "See the store's wallets",
        "btcpay.store.cancreatetransactions" => "Draft transactions of the store's wallets",
        "btcpay.store.cansigntransactions" => "Sign transactions of the store's wallets",
        "btcpay.store.canbroadcasttransactions" => "Send signed transactions",
        "btcpay.store.cancanceltransactions" => "Give up drafts of transactions",
        "btcpay.server.canmodifyserversettings" => "Run the server",
        "btcpay.server.canuseinternallightningnode" => {
            "Use the server's Lightning node, spend from it"
        }
        "btcpay.server.cancreatelightninginvoiceinternalnode" => {
            "Make invoices on the server's Lightning node"
        }
        "btcpay.server.canviewlightninginvoiceinternalnode" => {
            "See invoices of the server's Lightning node"
        }
        "btcpay.server.canmanageusers" => "Make accounts, and keys for them",
        "btcpay.server.canviewusers" => "See accounts",
        "btcpay.server.cancreateuser" => "Make accounts",
        "btcpay.user.canmodifyprofile" => "Change your name, e-mail address and password",
        "btcpay.user.canviewprofile" => "See your name and e-mail address",
        "btcpay.user.canmanagenotificationsforuser" => {
            "See your notifications and mark them as read"
        }
        "btcpay.user.canviewnotificationsforuser" => "See your notifications",
        "btcpay.user.candeleteuser" => "Delete your account",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::permissions;

    #[test]
    fn every_permission_has_words() {
        for name in permissions() {
            assert_ne!(words(name), name);
        }
        assert_eq!(words("nothing"), "nothing");
    }
}
