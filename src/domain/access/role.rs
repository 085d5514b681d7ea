//! What a person is in a store: one of four roles (Greenfield 1.10).

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};

use super::permission::implies;

/// A role in a store, the mightiest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Role {
    /// May do everything in the store.
    #[n(0)]
    Owner,
    /// Runs the shop: invoices, pull payments, payouts, webhooks; changes no settings and no people.
    #[n(1)]
    Manager,
    /// Sells and proposes payouts, which somebody else approves.
    #[n(2)]
    Employee,
    /// Sells.
    #[n(3)]
    Guest,
}

/// The text is no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a role is one of Owner, Manager, Employee, Guest")]
pub struct BadRole;

impl Role {
    /// All roles, the mightiest first.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Manager, Self::Employee, Self::Guest];

    /// Greenfield's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "Owner",
            Self::Manager => "Manager",
            Self::Employee => "Employee",
            Self::Guest => "Guest",
        }
    }

    /// What it may do; a permission implies its children.
    pub const fn permissions(self) -> &'static [&'static str] {
        match self {
            Self::Owner => &["btcpay.store.canmodifystoresettings"],
            Self::Manager => &[
                "btcpay.store.canviewstoresettings",
                "btcpay.store.canmodifyinvoices",
                "btcpay.store.webhooks.canmodifywebhooks",
                "btcpay.store.canmodifypaymentrequests",
                "btcpay.store.canmanagepullpayments",
                "btcpay.store.canmanagepayouts",
            ],
            Self::Employee => &[
                "btcpay.store.canmodifyinvoices",
                "btcpay.store.canmodifypaymentrequests",
                "btcpay.store.cancreatenonapprovedpullpayments",
                "btcpay.store.canviewpayouts",
                "btcpay.store.canviewpullpayments",
            ],
            Self::Guest => &[
                "btcpay.store.canmodifyinvoices",
                "btcpay.store.canviewpaymentrequests",
                "btcpay.store.canviewpullpayments",
                "btcpay.store.canviewpayouts",
            ],
        }
    }

    /// Whether it may do this in its store.
    pub fn may(self, permission: &str) -> bool {
        (self.permissions().iter()).any(|held| implies(held, permission))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = BadRole;

    fn from_str(text: &str) -> Result<Self, BadRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.name().eq_ignore_ascii_case(text))
            .ok_or(BadRole)
    }
}

#[cfg(test)]
mod tests {
    use super::super::is_permission;
    use super::*;

    #[test]
    fn each_role_may_what_it_says_and_no_more() {
        let rows = [
            (Role::Owner, "btcpay.store.canmodifystoresettings", true),
            (Role::Owner, "btcpay.store.canviewwallet", true),
            (Role::Owner, "btcpay.server.canmanageusers", false),
            (Role::Manager, "btcpay.store.canmodifystoresettings", false),
            (Role::Manager, "btcpay.store.canviewstoresettings", true),
            (Role::Manager, "btcpay.store.canmanagepayouts", true),
            (Role::Manager, "btcpay.store.canviewwallet", false),
            (Role::Employee, "btcpay.store.canmanagepayouts", false),
            (
                Role::Employee,
                "btcpay.store.cancreatenonapprovedpullpayments",
                true,
            ),
            (Role::Employee, "btcpay.store.cancreatepullpayments", false),
            (Role::Guest, "btcpay.store.cancreateinvoice", true),
            (Role::Guest, "btcpay.store.canviewpayouts", true),
            (Role::Guest, "btcpay.store.canviewstoresettings", false),
            (
                Role::Guest,
                "btcpay.store.cancreatenonapprovedpullpayments",
                false,
            ),
            (Role::Guest, "unrestricted", false),
        ];
        for (role, permission, may) in rows {
            assert_eq!(role.may(permission), may, "{role} {permission}");
        }
    }

    #[test]
    fn names_are_read_in_any_case_and_all_permissions_exist() {
        for role in Role::ALL {
            assert_eq!(role.name().to_lowercase().parse(), Ok(role));
            assert!(role.permissions().iter().copied().all(is_permission));
        }
        assert_eq!("Admin".parse::<Role>(), Err(BadRole));
    }
}
