//! Spending: one signed transaction from a till, ready to be stored before it is sent (P2).

use std::collections::BTreeSet;

use bdk_wallet::error::CreateTxError;
use bitcoin::key::rand::SeedableRng;
use bitcoin::key::rand::rngs::StdRng;
use bitcoin::{Amount, FeeRate, OutPoint, Psbt, ScriptBuf, Transaction, Txid};

use super::keychain::Keychain;
use super::record::TillKind;
use super::sighting::Sighting;
use super::till::Till;
use super::tills::Tills;
use crate::domain::money::{SAT_MAX, Sat};
use crate::domain::till::{CantSpend, TillId};
use crate::domain::time::Timestamp;

/// A fee rate above 10,000 sat per virtual byte is a mistake of someone's.
pub(super) const FEE_RATE_MAX_SAT_PER_KVB: u64 = 10_000_000;

/// What to pay, from where.
#[derive(Clone, Debug)]
pub struct SpendRequest {
    /// From which till.
    pub till: TillId,
    /// To whom and how much, at least one.
    pub recipients: Vec<(ScriptBuf, Sat)>,
    /// Fee in satoshi per 1,000 virtual bytes.
    pub fee_rate_sat_per_kvb: u64,
    /// Transactions whose outputs are not to be spent before a block holds them: another version of them may
    /// confirm instead.
    pub unsure: BTreeSet<Txid>,
    /// Coin selection and the order of outputs depend on this and on the till alone.
    pub seed: [u8; 32],
    /// Now.
    pub now: Timestamp,
}

/// A transaction that is signed and already taken into account by its till.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedSpend {
    /// What to store, and then to send.
    pub tx: Transaction,
    /// What the miner gets.
    pub fee: Sat,
    /// What it spends; locked from now on.
    pub inputs: Vec<OutPoint>,
    /// For each recipient of the request, which output pays it.
    pub vouts: Vec<u32>,
}

impl Tills {
    /// What a transaction that pays the request would cost. Asked twice with nothing in between, and then built, it
    /// is the same transaction. Nothing is locked and no address is used up.
    pub fn quote(&mut self, request: &SpendRequest) -> Result<Sat, CantSpend> {
        let tip = self.tip_height();
        let till = self.hot_mut(request.till)?;
        let psbt = till.choose(request, tip)?;
        let fee = psbt
            .fee()
            .map_err(|e| CantSpend::Other(e.to_string()))?
            .into();
        for output in &psbt.unsigned_tx.output {
            if let Some((keychain, index)) = till.index_of(&output.script_pubkey) {
                till.wallet.unmark_used(keychain, index);
            }
        }
        self.stage(request.till);
        Ok(fee)
    }

    /// Builds and signs one transaction. Its inputs are locked and it counts at once, so no later call spends the
    /// same coins. An error leaves the till as it was.
    pub fn build(
        &mut self,
        keychain: &Keychain,
        request: &SpendRequest,
    ) -> Result<SignedSpend, CantSpend> {
        let tip = self.tip_height();
        let till = self.hot_mut(request.till)?;
        till.check_keys(keychain)?;
        let mut psbt = till.choose(request, tip)?;
        let signed = till.finish(keychain, &mut psbt, &request.recipients);
        // Choosing coins marks a change address as used, which is staged.
        self.stage(request.till);
        let signed = signed?;
        self.adopt(request.till, &signed, request.now.secs());
        Ok(signed)
    }

    /// Takes a signed transaction into account: its inputs are locked, its outputs watched, and it counts.
    pub(super) fn adopt(&mut self, id: TillId, signed: &SignedSpend, seen_secs: u64) {
        let Some(till) = self.accounts.get_mut(&id) else {
            return;
        };
        for input in &signed.inputs {
            till.wallet.lock_outpoint(*input);
        }
        till.wallet
            .apply_unconfirmed_txs([(signed.tx.clone(), seen_secs)]);
        let txid = signed.tx.compute_txid();
        let made = (0..)
            .zip(&signed.tx.output)
            .map(|(vout, _)| OutPoint::new(txid, vout));
        till.watch_more(&self.watch, made);
        self.staged.insert(id);
    }

    pub(super) fn hot_mut(&mut self, id: TillId) -> Result<&mut Till, CantSpend> {
        let till = self.accounts.get_mut(&id).ok_or(CantSpend::NoWallet)?;
        match till.record.kind {
            TillKind::Hot => Ok(till),
        }
    }

    fn stage(&mut self, id: TillId) {
        let till = self.accounts.get(&id);
        if till.is_some_and(|till| till.wallet.staged().is_some()) {
            self.staged.insert(id);
        }
    }

    /// Gives up a transaction that can't get into a block any more: those of its coins that are left are free again.
    pub fn release(&mut self, till: TillId, txid: Txid, inputs: &[OutPoint], now: Timestamp) {
        self.apply(&Sighting {
            evicted: vec![(txid, now.secs())],
            ..Sighting::default()
        });
        self.unlock(till, inputs);
    }

    /// Those of a transaction's coins that are left may be spent by others.
    pub fn unlock(&mut self, till: TillId, inputs: &[OutPoint]) {
        if let Some(held) = self.accounts.get_mut(&till) {
            for input in inputs {
                held.wallet.unlock_outpoint(*input);
            }
            self.staged.insert(till);
        }
    }
}

impl Till {
    pub(super) fn check_keys(&self, keychain: &Keychain) -> Result<(), CantSpend> {
        let (external, internal) = keychain.descriptors(self.record.account);
        if (&external, &internal) == (&self.record.external, &self.record.internal) {
            Ok(())
        } else {
            Err(CantSpend::NoWallet)
        }
    }

    /// An unsigned transaction that pays the request.
    fn choose(&mut self, request: &SpendRequest, tip: u32) -> Result<Psbt, CantSpend> {
        let total: Sat = request.recipients.iter().map(|(_, amount)| *amount).sum();
        if request.recipients.is_empty() {
            return Err(CantSpend::Other("nobody is to be paid".to_owned()));
        }
        if request.fee_rate_sat_per_kvb > FEE_RATE_MAX_SAT_PER_KVB {
            return Err(CantSpend::Other("the fee rate is absurd".to_owned()));
        }
        for (script, amount) in &request.recipients {
            if Amount::from_sat(amount.0) < script.minimal_non_dust() {
                return Err(CantSpend::Dust);
            }
        }
        if total > SAT_MAX {
            let available = Sat::ZERO;
            let needed = total;
            return Err(CantSpend::NotEnough { available, needed });
        }

        let unfit = self.unfit(tip, &request.unsure);
        let mut builder = self.wallet.build_tx();
        builder
            .set_recipients(
                (request.recipients.iter())
                    .map(|(script, amount)| (script.clone(), Amount::from_sat(amount.0)))
                    .collect(),
            )
            .fee_rate(FeeRate::from_sat_per_kwu(
                request.fee_rate_sat_per_kvb.div_ceil(4),
            ))
            .unspendable(unfit.into_iter().collect())
            .current_height(tip)
            .only_witness_utxo();
        builder
            .finish_with_aux_rand(&mut StdRng::from_seed(request.seed))
            .map_err(|error| match error {
                CreateTxError::CoinSelection(short) => CantSpend::NotEnough {
                    available: short.available.into(),
                    needed: short.needed.into(),
                },
                CreateTxError::OutputBelowDustLimit(_) => CantSpend::Dust,
                other => CantSpend::Other(other.to_string()),
            })
    }

    /// Signs it, and says what came of it.
    pub(super) fn finish(
        &self,
        keychain: &Keychain,
        psbt: &mut Psbt,
        recipients: &[(ScriptBuf, Sat)],
    ) -> Result<SignedSpend, CantSpend> {
        let other = |why: String| CantSpend::Other(why);
        let fee = psbt.fee().map_err(|e| other(e.to_string()))?;
        keychain.sign(psbt).map_err(other)?;
        let finalized = (self.wallet.try_finalize_psbt(psbt)).map_err(|e| other(e.to_string()))?;
        if !finalized.is_finalized() {
            return Err(other("an input could not be finalised".to_owned()));
        }
        let tx = psbt
            .clone()
            .extract_tx_with_fee_rate_limit(FeeRate::MAX)
            .map_err(|e| other(e.to_string()))?;
        let vouts =
            vouts(&tx, recipients).ok_or_else(|| other("a recipient has no output".to_owned()))?;
        Ok(SignedSpend {
            fee: fee.into(),
            inputs: tx.input.iter().map(|input| input.previous_output).collect(),
            vouts,
            tx,
        })
    }
}

/// Which output pays which recipient: each output is taken once.
fn vouts(tx: &Transaction, recipients: &[(ScriptBuf, Sat)]) -> Option<Vec<u32>> {
    let mut free: Vec<_> = (0_u32..).zip(&tx.output).collect();
    recipients
        .iter()
        .map(|(script, amount)| {
            let at = free.iter().position(|(_, output)| {
                output.script_pubkey == *script && output.value.to_sat() == amount.0
            })?;
            Some(free.remove(at).0)
        })
        .collect()
}
