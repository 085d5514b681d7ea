//! Permissions: their names, which implies which, and how a key holds them (Greenfield 1.10).

use minicbor::{Decode, Encode};

use crate::domain::ids::StoreId;

/// A permission given to a key: its name, and the store it is limited to.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Grant {
    /// Greenfield's name, such as `btcpay.store.canviewinvoices`.
    #[n(0)]
    pub permission: String,
    /// Only there.
    #[n(1)]
    pub store: Option<StoreId>,
}

/// Everything an account may do.
pub const UNRESTRICTED: &str = "unrestricted";

/// Parents and the children they imply (Greenfield 1.10); the list of all permissions.
pub const IMPLIED: &[(&str, &[&str])] = &[
    (
        "btcpay.store.canmodifystoresettings",
        &[
            "btcpay.store.canviewstoresettings",
            "btcpay.store.canmodifyinvoices",
            "btcpay.store.canmanagepullpayments",
            "btcpay.store.canmodifypaymentrequests",
            "btcpay.store.canmanagepayouts",
            "btcpay.store.canuselightningnode",
            "btcpay.store.webhooks.canmodifywebhooks",
            "btcpay.store.cansendstoreemails",
            "btcpay.store.canmanagewallets",
        ],
    ),
    (
        "btcpay.store.canviewstoresettings",
        &[
            "btcpay.store.canviewinvoices",
            "btcpay.store.canviewpaymentrequests",
            "btcpay.store.canviewreports",
            "btcpay.store.canviewpullpayments",
            "btcpay.store.canviewpayouts",
        ],
    ),
    (
        "btcpay.store.canmodifyinvoices",
        &[
            "btcpay.store.canviewinvoices",
            "btcpay.store.cancreateinvoice",
            "btcpay.store.cancreatelightninginvoice",
        ],
    ),
    (
        "btcpay.store.canmanagepullpayments",
        &[
            "btcpay.store.canarchivepullpayments",
            "btcpay.store.cancreatepullpayments",
        ],
    ),
    (
        "btcpay.store.cancreatepullpayments",
        &["btcpay.store.cancreatenonapprovedpullpayments"],
    ),
    (
        "btcpay.store.cancreatenonapprovedpullpayments",
        &["btcpay.store.canviewpullpayments"],
    ),
    (
        "btcpay.store.canmodifypaymentrequests",
        &["btcpay.store.canviewpaymentrequests"],
    ),
    (
        "btcpay.store.canmanagepayouts",
        &["btcpay.store.canviewpayouts"],
    ),
    (
        "btcpay.store.canuselightningnode",
        &["btcpay.store.cancreatelightninginvoice"],
    ),
    (
        "btcpay.store.cancreatelightninginvoice",
        &["btcpay.store.canviewlightninginvoice"],
    ),
    (
        "btcpay.store.canmanagewallets",
        &[
            "btcpay.store.canmanagewalletsettings",
            "btcpay.store.canmanagewallettransactions",
        ],
    ),
    (
        "btcpay.store.canmanagewalletsettings",
        &["btcpay.store.canviewwallet"],
    ),
    (
        "btcpay.store.canmanagewallettransactions",
        &[
            "btcpay.store.cancreatetransactions",
            "btcpay.store.cansigntransactions",
            "btcpay.store.canbroadcasttransactions",
            "btcpay.store.cancanceltransactions",
        ],
    ),
    (
        "btcpay.store.cancreatetransactions",
        &["btcpay.store.canviewwallet"],
    ),
    (
        "btcpay.store.cansigntransactions",
        &["btcpay.store.canviewwallet"],
    ),
    (
        "btcpay.store.canbroadcasttransactions",
        &["btcpay.store.canviewwallet"],
    ),
    (
        "btcpay.store.cancanceltransactions",
        &["btcpay.store.canviewwallet"],
    ),
    (
        "btcpay.server.canmodifyserversettings",
        &[
            "btcpay.server.canuseinternallightningnode",
            "btcpay.server.canmanageusers",
        ],
    ),
    (
        "btcpay.server.canuseinternallightningnode",
        &[
            "btcpay.server.cancreatelightninginvoiceinternalnode",
            "btcpay.server.canviewlightninginvoiceinternalnode",
        ],
    ),
    (
        "btcpay.server.canmanageusers",
        &["btcpay.server.cancreateuser"],
    ),
    ("btcpay.server.canviewusers", &[]),
    (
        "btcpay.user.canmodifyprofile",
        &["btcpay.user.canviewprofile"],
    ),
    (
        "btcpay.user.canmanagenotificationsforuser",
        &["btcpay.user.canviewnotificationsforuser"],
    ),
    ("btcpay.user.candeleteuser", &[]),
];

/// Whether the name is a permission at all.
pub fn is_permission(name: &str) -> bool {
    permission(name).is_some()
}

/// The permission of this name, if it is one.
pub fn permission(name: &str) -> Option<&'static str> {
    let listed = IMPLIED
        .iter()
        .flat_map(|(parent, children)| std::iter::once(parent).chain(*children));
    std::iter::once(&UNRESTRICTED)
        .chain(listed)
        .find(|known| **known == name)
        .copied()
}

/// Every permission, the mightiest first.
pub fn permissions() -> Vec<&'static str> {
    let mut names = vec![UNRESTRICTED];
    for (parent, children) in IMPLIED {
        for name in std::iter::once(parent).chain(*children) {
            if !names.contains(name) {
                names.push(name);
            }
        }
    }
    names
}

/// Whether holding `held` means holding `wanted`.
pub fn implies(held: &str, wanted: &str) -> bool {
    held == wanted
        || held == UNRESTRICTED
        || IMPLIED
            .iter()
            .filter(|(parent, _)| *parent == held)
            .any(|(_, children)| children.iter().any(|child| implies(child, wanted)))
}

impl Grant {
    /// Reads `permission` or `permission:storeId`. `None` if it is no permission.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, store) = match text.split_once(':') {
            Some((name, store)) => (name, Some(store.parse().ok()?)),
            None => (text, None),
        };
        let lower = name.to_ascii_lowercase();
        let scope_fits = store.is_none() || lower.starts_with("btcpay.store.");
        (is_permission(&lower) && scope_fits).then_some(Self {
            permission: lower,
            store,
        })
    }

    /// Whether it covers a permission, on a store or on the server (`None`: unscoped only).
    pub fn covers(&self, wanted: &str, on: Option<StoreId>) -> bool {
        implies(&self.permission, wanted)
            && match self.store {
                None => true,
                Some(scope) => on == Some(scope),
            }
    }
}

impl std::fmt::Display for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.store {
            None => f.write_str(&self.permission),
            Some(store) => write!(f, "{}:{store}", self.permission),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_imply_their_children_and_nothing_else() {
        let rows = [
            (UNRESTRICTED, "btcpay.store.canviewinvoices", true),
            (
                "btcpay.store.canmodifystoresettings",
                "btcpay.store.canviewlightninginvoice",
                true,
            ),
            (
                "btcpay.store.canviewinvoices",
                "btcpay.store.cancreateinvoice",
                false,
            ),
            (
                "btcpay.store.canmodifystoresettings",
                "btcpay.server.cancreateuser",
                false,
            ),
            (
                "btcpay.server.canmodifyserversettings",
                "btcpay.server.cancreateuser",
                true,
            ),
        ];
        for (held, wanted, expected) in rows {
            assert_eq!(implies(held, wanted), expected, "{held} → {wanted}");
        }
    }

    #[test]
    fn a_scoped_grant_holds_on_its_store_only() {
        let (here, there) = (StoreId([1; 32]), StoreId([2; 32]));
        let grant = Grant::parse(&format!("btcpay.store.canviewinvoices:{here}")).expect("parses");
        assert!(grant.covers("btcpay.store.canviewinvoices", Some(here)));
        assert!(!grant.covers("btcpay.store.canviewinvoices", Some(there)));
        assert!(!grant.covers("btcpay.store.canviewinvoices", None));
        assert!(Grant::parse("btcpay.store.nosuch").is_none());
        assert!(Grant::parse(&format!("unrestricted:{here}")).is_none());
        assert_eq!(
            grant.to_string().parse(),
            Ok::<String, std::convert::Infallible>(grant.to_string())
        );
    }
}
