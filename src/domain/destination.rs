//! Where a payout goes: a BOLT11 invoice, or an address.

use std::time::Duration;

use bitcoin::{Address, Network, ScriptBuf};
use lightning_invoice::{Bolt11Invoice, Currency as InvoiceNetwork, SignedRawBolt11Invoice};
use minicbor::{Decode, Encode};

use super::cbor;
use super::ids::PaymentHash;
use super::money::Msat;
use super::receipt::Rail;
use super::time::Timestamp;

/// No route can exist above it: the invoice's final CLTV delta must leave room under our limit of 1,008 blocks.
const FINAL_CLTV_MAX: u64 = 1_008;

/// A payee's wish, checked as far as it can be without asking anyone.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Destination {
    /// A Lightning invoice (BOLT 11).
    #[n(0)]
    Bolt11(#[n(0)] Bolt11Destination),
    /// An address on the chain.
    #[n(1)]
    Address(#[n(0)] AddressDestination),
}

/// A Lightning invoice.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Bolt11Destination {
    /// Its text, lower case, without a scheme.
    #[n(0)]
    pub bolt11: String,
    /// Its payment hash: belongs to at most one payout, for ever (P3).
    #[n(1)]
    pub hash: PaymentHash,
    /// What it asks for; `None` leaves it to the payer.
    #[n(2)]
    pub amount: Option<Msat>,
    /// The payee's public key, compressed.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub payee: [u8; 33],
    /// The payer should not try after this.
    #[n(4)]
    pub expires_at: Timestamp,
}

/// An address.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AddressDestination {
    /// The address as text.
    #[n(0)]
    pub address: String,
    /// What the output carries.
    #[cbor(n(1), with = "cbor::script")]
    pub script: ScriptBuf,
}

/// The text is no place we can pay to. The message is for the person who gave it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDestination {
    /// Neither an invoice nor an address.
    #[error("This is not a {0} we can read.")]
    Unreadable(&'static str),
    /// For another chain.
    #[error("This is for another network: this server pays on {0}.")]
    WrongNetwork(Network),
    /// A required feature we don't know (BOLT 11 `9`).
    #[error("This invoice needs a feature that this server does not have.")]
    UnknownFeature,
    /// No route can exist.
    #[error("This invoice asks for a final delay that no route can give.")]
    DelayTooLong,
    /// Beyond all bitcoin.
    #[error("The amount of this invoice is absurd.")]
    AbsurdAmount,
}

impl Destination {
    /// Reads a BOLT11 invoice in either case, with or without `lightning:`.
    pub fn bolt11(text: &str, network: Network) -> Result<Bolt11Destination, BadDestination> {
        let trimmed = text.trim();
        let plain = match trimmed.split_once(':') {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("lightning") => rest,
            Some(_) => return Err(BadDestination::Unreadable("Lightning invoice")),
            None => trimmed,
        };
        let lower = plain.to_ascii_lowercase();
        let unreadable = BadDestination::Unreadable("Lightning invoice");
        let signed: SignedRawBolt11Invoice = lower.parse().map_err(|_| unreadable.clone())?;
        // Before the whole invoice is read, which fails for them without this reason.
        if let Some(features) = signed.raw_invoice().features()
            && features.requires_unknown_bits()
        {
            return Err(BadDestination::UnknownFeature);
        }
        let invoice = Bolt11Invoice::from_signed(signed).map_err(|_| unreadable)?;
        if !same_network(&invoice.currency(), network) {
            return Err(BadDestination::WrongNetwork(network));
        }
        if invoice.min_final_cltv_expiry_delta() >= FINAL_CLTV_MAX {
            return Err(BadDestination::DelayTooLong);
        }
        let amount = invoice.amount_milli_satoshis().map(Msat);
        if amount.is_some_and(|amount| amount.to_sat_floor() > super::money::SAT_MAX) {
            return Err(BadDestination::AbsurdAmount);
        }
        let expires = invoice
            .duration_since_epoch()
            .saturating_add(invoice.expiry_time())
            .min(Duration::from_secs(u64::from(u32::MAX)));
        Ok(Bolt11Destination {
            hash: PaymentHash(*invoice.payment_hash().as_ref()),
            amount,
            payee: invoice.get_payee_pub_key().serialize(),
            expires_at: Timestamp::from_secs(expires.as_secs()),
            bolt11: lower,
        })
    }

    /// Reads an address.
    pub fn address(text: &str, network: Network) -> Result<AddressDestination, BadDestination> {
        let address: Address<_> = text
            .trim()
            .parse()
            .map_err(|_| BadDestination::Unreadable("bitcoin address"))?;
        let address = address
            .require_network(network)
            .map_err(|_| BadDestination::WrongNetwork(network))?;
        Ok(AddressDestination {
            script: address.script_pubkey(),
            address: address.to_string(),
        })
    }

    /// Which rail leads there.
    pub const fn rail(&self) -> Rail {
        match self {
            Self::Bolt11(_) => Rail::Lightning,
            Self::Address(_) => Rail::Onchain,
        }
    }

    /// The least that can be sent there: on the chain what the network relays, over Lightning a satoshi (Greenfield
    /// 5.9).
    pub fn least(&self) -> Msat {
        match self {
            Self::Address(address) => {
                Msat((address.script.minimal_non_dust().to_sat()).saturating_mul(1_000))
            }
            Self::Bolt11(_) => Msat(1_000),
        }
    }

    /// As text, as a person would copy it.
    pub fn text(&self) -> &str {
        match self {
            Self::Bolt11(invoice) => &invoice.bolt11,
            Self::Address(address) => &address.address,
        }
    }
}

fn same_network(invoice: &InvoiceNetwork, network: Network) -> bool {
    match network {
        Network::Bitcoin => *invoice == InvoiceNetwork::Bitcoin,
        Network::Regtest => *invoice == InvoiceNetwork::Regtest,
        Network::Signet => *invoice == InvoiceNetwork::Signet,
        _ => *invoice == InvoiceNetwork::BitcoinTestnet,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BOLT 11's own example: "Please send $3 for a cup of coffee to the same peer, within one minute".
    const COFFEE: &str = "lnbc2500u1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxatsyp3k7enxv4jsxqzpu9qrsgquk0rl77nj30yxdy8j9vdx85fkpmdla2087ne0xh8nhedh8w27kyke0lp53ut353s06fv3qfegext0eh0ymjpf39tuven09sam30g4vgpfna3rh";

    #[test]
    fn a_bolt11_reads_in_either_case_and_with_its_scheme() {
        for text in [
            COFFEE.to_owned(),
            COFFEE.to_uppercase(),
            format!("lightning:{COFFEE}"),
            format!(" LIGHTNING:{} ", COFFEE.to_uppercase()),
        ] {
            let read = Destination::bolt11(&text, Network::Bitcoin).expect("reads");
            assert_eq!(read.amount, Some(Msat(250_000_000)));
            assert_eq!(read.bolt11, COFFEE);
            assert_eq!(read.expires_at.secs(), 1_496_314_658 + 60);
            assert_eq!(
                read.hash.to_string(),
                "0001020304050607080900010203040506070809000102030405060708090102"
            );
        }
    }

    #[test]
    fn what_can_t_be_paid_is_refused_with_its_reason() {
        let wrong = Destination::bolt11(COFFEE, Network::Regtest);
        assert_eq!(wrong, Err(BadDestination::WrongNetwork(Network::Regtest)));
        for bad in ["", "lnbc", "lightning:", "bitcoin:lnbc", &COFFEE[..80], "é"] {
            assert!(Destination::bolt11(bad, Network::Bitcoin).is_err(), "{bad}");
        }
        let mainnet = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
        assert!(Destination::address(mainnet, Network::Bitcoin).is_ok());
        assert_eq!(
            Destination::address(mainnet, Network::Regtest),
            Err(BadDestination::WrongNetwork(Network::Regtest))
        );
        assert!(Destination::address("hello", Network::Regtest).is_err());
    }
}
