//! Reading what a receiver gives us as a destination: an address, a `bitcoin:` URI, a BOLT11 invoice.

use bitcoin::Network;
use bitcoin_payment_instructions::amount::Amount;
use bitcoin_payment_instructions::hrn_resolution::DummyHrnResolver;
use bitcoin_payment_instructions::{
    PaymentInstructions, PaymentMethod, PossiblyResolvedPaymentMethod,
};

use super::Gateway;
use super::inside::{self, OwnRefusal};
use crate::domain::destination::{BadDestination, Destination};
use crate::domain::money::{Msat, Sat};
use crate::domain::payout::Payout;
use crate::domain::receipt::Rail;
use crate::domain::time::Timestamp;
use crate::store::{self, Rows};

/// The longest text we try to read: a unified URI with several invoices is far shorter.
const TEXT_MAX: usize = 8_192;

/// A destination and the amount it names itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadDestination {
    /// Where to.
    pub destination: Destination,
    /// What it asks for.
    pub amount: Option<Msat>,
}

/// Why a text is no destination. For the person who gave it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DestinationRefusal {
    /// It can't be paid to.
    #[error(transparent)]
    Bad(#[from] BadDestination),
    /// The invoice is over, or nearly.
    #[error("This invoice has expired, or is about to. Make a new one.")]
    Expired,
    /// LNURL and Lightning addresses are not looked up.
    #[error("Give a Lightning invoice (BOLT11): LNURL and Lightning addresses are not looked up.")]
    NeedsLookUp,
    /// It is ours (P7).
    #[error("This destination belongs to this server itself: nothing would be sent.")]
    OwnDestination,
    /// It is an invoice of ours that can't be settled with (P7).
    #[error(transparent)]
    OwnInvoice(#[from] OwnRefusal),
}

impl Gateway {
    /// Reads a destination for a rail.
    pub async fn read_destination(
        &self,
        text: &str,
        rail: Rail,
    ) -> Result<ReadDestination, DestinationRefusal> {
        read(text, rail, self.network).await
    }
}

/// Reads a destination for a rail. Nobody is asked: names that would have to be looked up are refused.
pub async fn read(
    text: &str,
    rail: Rail,
    network: Network,
) -> Result<ReadDestination, DestinationRefusal> {
    let text = text.trim();
    if text.len() > TEXT_MAX {
        return Err(BadDestination::Unreadable(name_of(rail)).into());
    }
    match rail {
        Rail::Lightning => read_lightning(text, network).await,
        Rail::Onchain => read_onchain(text, network).await,
    }
}

async fn read_lightning(
    text: &str,
    network: Network,
) -> Result<ReadDestination, DestinationRefusal> {
    let lower = text.to_ascii_lowercase();
    let bare = lower.strip_prefix("lightning:").unwrap_or(&lower);
    if bare.starts_with("lnurl") || (bare.contains('@') && !bare.starts_with("bitcoin:")) {
        return Err(DestinationRefusal::NeedsLookUp);
    }
    let bolt11 = if bare.starts_with("bitcoin:") {
        let (invoice, _) = read_uri(text, network).await?;
        invoice.ok_or(BadDestination::Unreadable(name_of(Rail::Lightning)))?
    } else {
        text.to_owned()
    };
    let invoice = Destination::bolt11(&bolt11, network)?;
    Ok(ReadDestination {
        amount: invoice.amount,
        destination: Destination::Bolt11(invoice),
    })
}

async fn read_onchain(text: &str, network: Network) -> Result<ReadDestination, DestinationRefusal> {
    let (address, amount) = if text.to_ascii_lowercase().starts_with("bitcoin:") {
        let (_, address) = read_uri(text, network).await?;
        address.ok_or(BadDestination::Unreadable(name_of(Rail::Onchain)))?
    } else {
        (text.to_owned(), None)
    };
    Ok(ReadDestination {
        destination: Destination::Address(Destination::address(&address, network)?),
        amount: amount.map(Sat::to_msat),
    })
}

/// The BOLT11 and the address of a URI (BIP 321).
async fn read_uri(
    text: &str,
    network: Network,
) -> Result<(Option<String>, Option<(String, Option<Sat>)>), DestinationRefusal> {
    let bad = BadDestination::Unreadable("payment link");
    let read = PaymentInstructions::parse(text, network, &DummyHrnResolver, false)
        .await
        .map_err(|_| bad)?;
    let to_sat = |amount: Amount| Sat(amount.milli_sats().div_ceil(1_000));
    let (methods, amount) = match &read {
        PaymentInstructions::FixedAmount(fixed) => (
            fixed.methods().to_vec(),
            fixed.onchain_payment_amount().map(to_sat),
        ),
        PaymentInstructions::ConfigurableAmount(open) => (
            open.methods()
                .filter_map(|method| match method {
                    PossiblyResolvedPaymentMethod::Resolved(known) => Some(known.clone()),
                    PossiblyResolvedPaymentMethod::LNURLPay { .. } => None,
                })
                .collect(),
            None,
        ),
    };
    let mut invoice = None;
    let mut address = None;
    for method in methods {
        match method {
            PaymentMethod::LightningBolt11(bolt11) => invoice = Some(bolt11.to_string()),
            PaymentMethod::OnChain(to) => address = Some((to.to_string(), amount)),
            PaymentMethod::LightningBolt12(_)
            | PaymentMethod::Bark(_)
            | PaymentMethod::Cashu(_) => {}
        }
    }
    Ok((invoice, address))
}

/// Refuses what would be a payment to ourselves and can't be settled inside (P7): our tills' addresses, the node's own
/// wallet, and those of our invoices that are over, paid, or not what they seem.
pub fn check_not_own(
    rows: &dyn Rows,
    tills: &crate::wallet::Tills,
    payout: &Payout,
    node_id: &[u8; 33],
    now: Timestamp,
) -> Result<(), DestinationRefusal> {
    match &payout.destination {
        Destination::Bolt11(invoice) => {
            inside::find(rows, invoice, payout.amount, node_id, now)?;
            Ok(())
        }
        Destination::Address(address)
            if tills.pays_itself(payout.store, &address.script)
                || store::node::is_own_address(rows, &address.script) =>
        {
            Err(DestinationRefusal::OwnDestination)
        }
        Destination::Address(_) => Ok(()),
    }
}

const fn name_of(rail: Rail) -> &'static str {
    match rail {
        Rail::Lightning => "Lightning invoice",
        Rail::Onchain => "bitcoin address",
    }
}
