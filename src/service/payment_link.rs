//! Payment links: what a QR code, a link and the API say (BIP 21/321, BOLT 11; the rules are U1–U11 in the tests).

use crate::domain::invoice::{Invoice, Price, Status};
use crate::domain::money::Sat;

/// The ways to pay an invoice now, ready to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PaymentLinks {
    /// What is asked for, `None` on a top-up.
    pub amount: Option<Sat>,
    /// The address.
    pub address: Option<String>,
    /// The BOLT11, lower case.
    pub bolt11: Option<String>,
}

impl PaymentLinks {
    /// What can be shown of an invoice: nothing once it takes no more money.
    pub fn of(invoice: &Invoice) -> Self {
        if invoice.status != Status::New {
            return Self::default();
        }
        Self {
            amount: match invoice.price {
                Price::Standard(_) => Some(invoice.rest()),
                Price::TopUp(_) => None,
            },
            address: invoice.onchain.as_ref().map(|place| place.address.clone()),
            bolt11: invoice.shown_prompt().map(|shown| shown.bolt11.clone()),
        }
    }

    /// One link for both rails: everything lower case (U3). An unpayable half is left out (U10), and a top-up has
    /// none, since wallets refuse an amountless invoice beside an address (D51).
    pub fn unified(&self) -> Option<String> {
        self.both(str::to_owned)
    }

    /// The same for a QR code: address and BOLT11 in upper case, for its compact mode (U1, U2).
    pub fn unified_qr(&self) -> Option<String> {
        self.both(str::to_uppercase)
    }

    fn both(&self, value: impl Fn(&str) -> String) -> Option<String> {
        match (&self.address, &self.bolt11, self.amount) {
            (Some(address), Some(bolt11), Some(amount)) => Some(format!(
                "bitcoin:{}?amount={}&lightning={}",
                cased(address, &value),
                amount.to_btc(),
                value(bolt11),
            )),
            (Some(_), None, _) => self.chain(&value),
            (None, Some(bolt11), Some(_)) => Some(format!("lightning:{}", value(bolt11))),
            (Some(_) | None, Some(_), None) | (None, None, _) => None,
        }
    }

    /// The chain alone.
    pub fn onchain(&self) -> Option<String> {
        self.chain(&str::to_owned)
    }

    /// The chain alone, for a QR code.
    pub fn onchain_qr(&self) -> Option<String> {
        self.chain(&str::to_uppercase)
    }

    fn chain(&self, value: &impl Fn(&str) -> String) -> Option<String> {
        let address = cased(self.address.as_deref()?, value);
        Some(match self.amount {
            Some(amount) => format!("bitcoin:{address}?amount={}", amount.to_btc()),
            None => format!("bitcoin:{address}"),
        })
    }

    /// Lightning alone.
    pub fn lightning(&self) -> Option<String> {
        self.bolt11
            .as_ref()
            .map(|bolt11| format!("lightning:{bolt11}"))
    }

    /// Lightning alone, for a QR code: all of it in upper case (U9).
    pub fn lightning_qr(&self) -> Option<String> {
        self.lightning().map(|link| link.to_uppercase())
    }
}

/// Base58 is case-sensitive and stays as it is; bech32 may be all upper or all lower.
fn cased(address: &str, value: &impl Fn(&str) -> String) -> String {
    let bech32 = ["bc1", "tb1", "bcrt1"]
        .iter()
        .any(|prefix| address.to_ascii_lowercase().starts_with(prefix));
    if bech32 {
        value(address)
    } else {
        address.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(address: Option<&str>, bolt11: Option<&str>, sat: Option<u64>) -> PaymentLinks {
        PaymentLinks {
            amount: sat.map(Sat),
            address: address.map(str::to_owned),
            bolt11: bolt11.map(str::to_owned),
        }
    }

    #[test]
    fn links_are_lower_case_and_codes_upper_but_for_scheme_and_keys() {
        let both = links(Some("bcrt1qxy"), Some("lnbcrt210u1p"), Some(21_000));
        assert_eq!(
            both.unified().as_deref(),
            Some("bitcoin:bcrt1qxy?amount=0.00021&lightning=lnbcrt210u1p")
        );
        assert_eq!(
            both.unified_qr().as_deref(),
            Some("bitcoin:BCRT1QXY?amount=0.00021&lightning=LNBCRT210U1P")
        );
        assert_eq!(
            both.lightning_qr().as_deref(),
            Some("LIGHTNING:LNBCRT210U1P")
        );
        assert_eq!(
            both.onchain_qr().as_deref(),
            Some("bitcoin:BCRT1QXY?amount=0.00021")
        );
    }

    #[test]
    fn an_unpayable_half_is_left_out() {
        let chain = links(Some("bcrt1qxy"), None, Some(21_000));
        assert_eq!(
            chain.unified().as_deref(),
            Some("bitcoin:bcrt1qxy?amount=0.00021")
        );
        let lightning = links(None, Some("lnbcrt1p"), Some(1));
        assert_eq!(lightning.unified().as_deref(), Some("lightning:lnbcrt1p"));
        assert_eq!(links(None, None, Some(1)).unified(), None);
    }

    #[test]
    fn a_top_up_has_no_unified_link() {
        let top_up = links(Some("bcrt1qxy"), Some("lnbcrt1p"), None);
        assert_eq!(top_up.unified(), None);
        assert_eq!(top_up.onchain().as_deref(), Some("bitcoin:bcrt1qxy"));
        assert_eq!(top_up.lightning().as_deref(), Some("lightning:lnbcrt1p"));
    }

    #[test]
    fn base58_keeps_its_case() {
        let old = links(Some("mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn"), None, Some(1));
        assert_eq!(
            old.unified_qr().as_deref(),
            Some("bitcoin:mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn?amount=0.00000001")
        );
    }
}
