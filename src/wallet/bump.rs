//! Replacing a transaction of a till by one that pays the same with a higher fee (BIP 125).
//!
//! It is rebuilt from what was stored, not from what the wallet believes: the transaction may have left the mempool
//! since. All its inputs stay (P4); confirmed coins may be added.

use std::collections::BTreeSet;

use bdk_wallet::KeychainKind;
use bdk_wallet::miniscript::psbt::PsbtExt;
use bitcoin::{
    Amount, OutPoint, Psbt, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness, absolute,
    transaction,
};

use super::keychain::Keychain;
use super::spend::{FEE_RATE_MAX_SAT_PER_KVB, SignedSpend};
use super::till::Till;
use super::tills::Tills;
use crate::domain::money::Sat;
use crate::domain::till::{AddressKind, CantSpend, TillId};
use crate::domain::time::Timestamp;

/// What signing an input adds to its weight, at most. P2WPKH: two counts, a signature of at most 72 bytes, a key of 33,
/// their lengths; inside P2SH also the script of 23 bytes. Taproot: a count, a signature of 64 bytes, its length.
const fn signature_wu(addresses: AddressKind) -> u64 {
    match addresses {
        AddressKind::Segwit => 108,
        AddressKind::Wrapped => 108 + 4 * 23,
        AddressKind::Taproot => 66,
    }
}

/// Bytes of the script that an address has.
const fn script_bytes(addresses: AddressKind) -> usize {
    match addresses {
        AddressKind::Segwit => 22,
        AddressKind::Wrapped => 23,
        AddressKind::Taproot => 34,
    }
}

/// Weight of the two bytes that announce witnesses.
const MARKER_WU: u64 = 2;

/// Which transaction to replace, and how.
#[derive(Clone, Debug)]
pub struct BumpRequest<'a> {
    /// Whose transaction it is.
    pub till: TillId,
    /// Its newest version.
    pub replaced: &'a Transaction,
    /// Which outputs of it pay somebody; the other one, if any, is change.
    pub vouts: &'a [u32],
    /// Fee in satoshi per 1,000 virtual bytes.
    pub fee_rate_sat_per_kvb: u64,
    /// Now.
    pub now: Timestamp,
}

/// A replacement that is not signed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    inputs: Vec<OutPoint>,
    recipients: Vec<(ScriptBuf, Sat)>,
    /// Where the change goes, and how much.
    change: Option<(ScriptBuf, Sat)>,
    /// What the miner would get.
    pub fee: Sat,
    /// How large it would be at most.
    pub vbytes: u64,
}

impl Tills {
    /// What a replacement would be. Nothing is changed.
    pub fn replacement(&self, request: &BumpRequest<'_>) -> Result<Replacement, CantSpend> {
        let till = self
            .accounts
            .get(&request.till)
            .ok_or(CantSpend::NoWallet)?;
        till.replacement(request, self.tip_height())
    }

    /// Signs a planned replacement. Nothing is changed yet: [`Tills::replace`] comes next.
    pub fn sign(
        &self,
        keychain: &Keychain,
        till: TillId,
        planned: &Replacement,
    ) -> Result<SignedSpend, CantSpend> {
        let till = self.accounts.get(&till).ok_or(CantSpend::NoWallet)?;
        let signer = till.signer(keychain)?;
        let mut psbt = till.unsigned(planned, self.tip_height())?;
        till.finish(&signer, &mut psbt, &planned.recipients)
    }

    /// Takes a signed replacement into account, as [`Tills::build`] does with a first version. Whatever the clock
    /// says, it is the version that counts from now on.
    pub fn replace(&mut self, request: &BumpRequest<'_>, signed: &SignedSpend) {
        let replaced = request.replaced.compute_txid();
        let till = self.accounts.get(&request.till);
        let seen = till
            .and_then(|till| till.wallet.tx_graph().get_tx_node(replaced))
            .and_then(|node| node.last_seen)
            .unwrap_or_default();
        let seen = request.now.secs().max(seen.saturating_add(1));
        self.adopt(request.till, signed, seen);
    }

    /// A transaction in a block that spends one of these coins and is none of the versions.
    pub fn rival(&self, till: TillId, inputs: &[OutPoint], versions: &[Txid]) -> Option<Txid> {
        let till = self.accounts.get(&till)?;
        let graph = till.wallet.tx_graph();
        inputs
            .iter()
            .flat_map(|input| graph.outspends(*input))
            .find(|txid| !versions.contains(txid) && till.height(**txid).is_some())
            .copied()
    }
}

impl Till {
    fn replacement(&self, request: &BumpRequest<'_>, tip: u32) -> Result<Replacement, CantSpend> {
        if request.fee_rate_sat_per_kvb > FEE_RATE_MAX_SAT_PER_KVB {
            return Err(CantSpend::Other("the fee rate is absurd".to_owned()));
        }
        let before = request.replaced;
        let output = |vout: u32| before.output.get(usize::try_from(vout).ok()?);
        let recipients = (request.vouts.iter())
            .map(|vout| output(*vout).map(|out| (out.script_pubkey.clone(), out.value.into())))
            .collect::<Option<Vec<(ScriptBuf, Sat)>>>()
            .ok_or_else(|| CantSpend::Other("a recipient has no output".to_owned()))?;
        let change_script = (0_u32..)
            .zip(&before.output)
            .find(|(vout, _)| !request.vouts.contains(vout))
            .map_or_else(
                || self.change_script(),
                |(_, out)| out.script_pubkey.clone(),
            );
        let dust = change_script.minimal_non_dust();
        let mut inputs: Vec<OutPoint> = (before.input.iter())
            .map(|input| input.previous_output)
            .collect();
        let mut coins = Sat::ZERO;
        for input in &inputs {
            coins = coins.plus(self.coin(*input)?.value.into());
        }
        let paid: Sat = recipients.iter().map(|(_, amount)| *amount).sum();
        let mut spare = self.confirmed_coins(tip);
        loop {
            let size =
                |with_change: bool| vbytes_of(self.addresses(), &inputs, &recipients, with_change);
            let fee = |vbytes: u64| {
                let sat = vbytes.saturating_mul(request.fee_rate_sat_per_kvb);
                Sat(sat.div_ceil(1_000))
            };
            let (bare, full) = (size(false), size(true));
            let left = Sat(coins.0.saturating_sub(paid.0));
            let change = Sat(left.0.saturating_sub(fee(full).0));
            if change.0 >= dust.to_sat() {
                return Ok(Replacement {
                    fee: fee(full),
                    vbytes: full,
                    change: Some((change_script, change)),
                    inputs,
                    recipients,
                });
            }
            if left >= fee(bare) {
                return Ok(Replacement {
                    fee: left,
                    vbytes: bare,
                    change: None,
                    inputs,
                    recipients,
                });
            }
            let Some((more, amount)) = spare.pop() else {
                return Err(CantSpend::NotEnough {
                    available: coins,
                    needed: paid.plus(fee(bare)),
                });
            };
            inputs.push(more);
            coins = coins.plus(amount);
        }
    }

    fn unsigned(&self, planned: &Replacement, tip: u32) -> Result<Psbt, CantSpend> {
        let other = |why: String| CantSpend::Other(why);
        let mut output: Vec<TxOut> = (planned.recipients.iter())
            .map(|(script, amount)| TxOut {
                script_pubkey: script.clone(),
                value: Amount::from_sat(amount.0),
            })
            .collect();
        if let Some((script, amount)) = &planned.change {
            output.push(TxOut {
                script_pubkey: script.clone(),
                value: Amount::from_sat(amount.0),
            });
        }
        let locktime =
            absolute::LockTime::from_height(tip).map_err(|error| other(error.to_string()))?;
        let mut psbt = Psbt::from_unsigned_tx(Transaction {
            version: transaction::Version::TWO,
            lock_time: locktime,
            input: planned.inputs.iter().map(|input| spend(*input)).collect(),
            output,
        })
        .map_err(|error| other(error.to_string()))?;
        for (at, input) in planned.inputs.iter().enumerate() {
            let coin = self.coin(*input)?;
            let (keychain, index) = self
                .index_of(&coin.script_pubkey)
                .ok_or_else(|| other(format!("{input} is not of this wallet")))?;
            let descriptor = self
                .wallet
                .public_descriptor(keychain)
                .at_derivation_index(index)
                .map_err(|error| other(error.to_string()))?;
            psbt.inputs[at].witness_utxo = Some(coin);
            psbt.update_input_with_descriptor(at, &descriptor)
                .map_err(|error| other(error.to_string()))?;
        }
        Ok(psbt)
    }

    /// An address for change that nothing has paid yet. It is revealed by the transaction that pays it.
    fn change_script(&self) -> ScriptBuf {
        let internal = KeychainKind::Internal;
        let unused = self.wallet.list_unused_addresses(internal).next();
        let next = self.wallet.next_derivation_index(internal);
        unused
            .unwrap_or_else(|| self.wallet.peek_address(internal, next))
            .address
            .script_pubkey()
    }

    /// A coin of this till, spent or not.
    fn coin(&self, outpoint: OutPoint) -> Result<TxOut, CantSpend> {
        let known = self.wallet.spk_index().txout(outpoint);
        known
            .map(|(_, coin)| coin.clone())
            .ok_or_else(|| CantSpend::Other(format!("{outpoint} is not of this wallet")))
    }

    /// Free coins in blocks, the largest last. A replacement may add no others (BIP 125 rule 2).
    fn confirmed_coins(&self, tip: u32) -> Vec<(OutPoint, Sat)> {
        let unfit = self.unfit(tip, &BTreeSet::new());
        let mut coins: Vec<_> = (self.wallet.list_unspent())
            .filter(|coin| coin.chain_position.is_confirmed())
            .map(|coin| (coin.outpoint, Sat::from(coin.txout.value)))
            .filter(|(at, _)| !unfit.contains(at) && !self.wallet.is_outpoint_locked(*at))
            .collect();
        coins.sort_by_key(|(at, amount)| (*amount, *at));
        coins
    }
}

fn spend(outpoint: OutPoint) -> TxIn {
    TxIn {
        previous_output: outpoint,
        script_sig: ScriptBuf::new(),
        sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
        witness: Witness::new(),
    }
}

/// The size of a transaction once it is signed, at most; change goes to an address of the same kind.
fn vbytes_of(
    addresses: AddressKind,
    inputs: &[OutPoint],
    recipients: &[(ScriptBuf, Sat)],
    with_change: bool,
) -> u64 {
    let change = ScriptBuf::from(vec![0; script_bytes(addresses)]);
    let change = with_change.then_some((&change, Sat::ZERO));
    let outputs = recipients.iter().map(|(script, amount)| (script, *amount));
    let unsigned = Transaction {
        version: transaction::Version::TWO,
        lock_time: absolute::LockTime::ZERO,
        input: inputs.iter().map(|input| spend(*input)).collect(),
        output: (outputs.chain(change))
            .map(|(script, amount)| TxOut {
                script_pubkey: script.clone(),
                value: Amount::from_sat(amount.0),
            })
            .collect(),
    };
    signed_vbytes(addresses, &unsigned)
}

/// The size of an unsigned transaction that spends from one till, once it is signed, at most.
pub(super) fn signed_vbytes(addresses: AddressKind, unsigned: &Transaction) -> u64 {
    let signatures = u64::try_from(unsigned.input.len())
        .unwrap_or(u64::MAX)
        .saturating_mul(signature_wu(addresses));
    let weight = unsigned.weight().to_wu() + MARKER_WU + signatures;
    weight.div_ceil(4)
}
