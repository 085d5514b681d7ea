//! Spending: one signed transaction from a till, ready to be stored before it is sent (P2).

use std::collections::BTreeSet;

use bdk_wallet::error::CreateTxError;
use bitcoin::key::rand::SeedableRng;
use bitcoin::key::rand::rngs::StdRng;
use bitcoin::{Amount, FeeRate, OutPoint, Psbt, ScriptBuf, Sequence, Transaction, Txid};

use super::keychain::Keychain;
use super::shape;
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
    /// Wishes beside.
    pub wishes: Wishes,
}

/// How a transaction is to be, where it is not the usual one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Spend exactly these coins.
    pub only: Option<Vec<OutPoint>>,
    /// Of each of these, spend at least one coin: it shall never confirm beside another one that spends them (P4).
    pub share: Vec<Vec<OutPoint>>,
    /// Spend no coin that is not in a block.
    pub confirmed: bool,
    /// No change: what is left goes to the first recipient.
    pub no_change: bool,
    /// Recipients, by their place, who bear the fee in equal parts.
    pub bear_fee: Vec<usize>,
    /// Say that it will not be replaced (BIP 125).
    pub final_fee: bool,
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

/// A transaction that somebody else has to sign. Its coins are locked, otherwise it does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsignedSpend {
    /// What to sign (BIP 174).
    pub psbt: Psbt,
    /// What the miner gets.
    pub fee: Sat,
    /// What it spends.
    pub inputs: Vec<OutPoint>,
    /// For each recipient of the request, what it gets.
    pub amounts: Vec<Sat>,
}

impl Tills {
    /// What a transaction that pays the request would cost. Asked twice with nothing in between, and then built, it
    /// is the same transaction. Nothing is locked and no address is used up.
    pub fn quote(&mut self, request: &SpendRequest) -> Result<Sat, CantSpend> {
        self.offer(request).map(|unsigned| unsigned.fee)
    }

    /// An unsigned transaction that pays the request. Nothing is locked and no address is used up.
    pub fn offer(&mut self, request: &SpendRequest) -> Result<UnsignedSpend, CantSpend> {
        let tip = self.tip_height();
        let till = self.till_mut(request.till)?;
        let shaped = till.choose(request, tip)?;
        for output in &shaped.psbt.unsigned_tx.output {
            if let Some((keychain, index)) = till.index_of(&output.script_pubkey) {
                till.wallet.unmark_used(keychain, index);
            }
        }
        self.stage(request.till);
        Ok(shaped)
    }

    /// The same, and its coins are locked until it comes back signed, or is given up. An error leaves the till as it
    /// was.
    pub fn draft(&mut self, request: &SpendRequest) -> Result<UnsignedSpend, CantSpend> {
        let tip = self.tip_height();
        let till = self.till_mut(request.till)?;
        let shaped = till.choose(request, tip)?;
        for input in &shaped.inputs {
            till.wallet.lock_outpoint(*input);
        }
        self.staged.insert(request.till);
        Ok(shaped)
    }

    /// Builds and signs one transaction. Its inputs are locked and it counts at once, so no later call spends the
    /// same coins. An error leaves the till as it was.
    pub fn build(
        &mut self,
        keychain: &Keychain,
        request: &SpendRequest,
    ) -> Result<SignedSpend, CantSpend> {
        let signed = self.build_kept(keychain, request)?;
        self.adopt(request.till, &signed, request.now.secs());
        Ok(signed)
    }

    /// The same for one that is not to be sent yet: its inputs are locked, and it does not count.
    pub fn build_kept(
        &mut self,
        keychain: &Keychain,
        request: &SpendRequest,
    ) -> Result<SignedSpend, CantSpend> {
        let tip = self.tip_height();
        let till = self.till_mut(request.till)?;
        let signer = till.signer(keychain)?;
        let mut shaped = till.choose(request, tip)?;
        let recipients: Vec<(ScriptBuf, Sat)> = (request.recipients.iter())
            .zip(&shaped.amounts)
            .map(|((script, _), amount)| (script.clone(), *amount))
            .collect();
        let signed = till.finish(&signer, &mut shaped.psbt, &recipients);
        // Choosing coins marks a change address as used, which is staged.
        self.stage(request.till);
        let signed = signed?;
        self.lock(request.till, &signed.inputs);
        Ok(signed)
    }

    /// These coins are set aside for a transaction.
    pub fn lock(&mut self, till: TillId, inputs: &[OutPoint]) {
        if let Some(held) = self.accounts.get_mut(&till) {
            for input in inputs {
                held.wallet.lock_outpoint(*input);
            }
            self.staged.insert(till);
        }
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

    fn till_mut(&mut self, id: TillId) -> Result<&mut Till, CantSpend> {
        self.accounts.get_mut(&id).ok_or(CantSpend::NoWallet)
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
    /// What signs for this till.
    pub(super) fn signer(&self, keychain: &Keychain) -> Result<Keychain, CantSpend> {
        let (signer, (external, internal)) =
            keychain.of(&self.record).ok_or(CantSpend::NoWallet)?;
        if (&external, &internal) == (&self.record.external, &self.record.internal) {
            Ok(signer)
        } else {
            Err(CantSpend::NoWallet)
        }
    }

    /// An unsigned transaction that pays the request.
    fn choose(&mut self, request: &SpendRequest, tip: u32) -> Result<UnsignedSpend, CantSpend> {
        check(request)?;
        let wishes = &request.wishes;
        let mut unfit = self.unfit(tip, &request.unsure);
        if wishes.confirmed {
            unfit.extend(
                (self.wallet.list_unspent())
                    .filter(|coin| !coin.chain_position.is_confirmed())
                    .map(|coin| coin.outpoint),
            );
        }
        let is_fit = |coin: &OutPoint| {
            !unfit.contains(coin)
                && !self.wallet.is_outpoint_locked(*coin)
                && self
                    .wallet
                    .get_utxo(*coin)
                    .is_some_and(|coin| !coin.is_spent)
        };
        let mut chosen: Vec<OutPoint> = wishes.only.clone().unwrap_or_default();
        if let Some(missing) = chosen.iter().find(|coin| !is_fit(coin)) {
            return Err(CantSpend::Coin(*missing));
        }
        for shared in &wishes.share {
            if !chosen.iter().any(|coin| shared.contains(coin)) {
                let free = shared.iter().copied().find(is_fit);
                let missing = || CantSpend::Coin(shared.first().copied().unwrap_or_default());
                chosen.push(free.ok_or_else(missing)?);
            }
        }
        let only_witness = self.record.kind.can_sign();
        let rate = FeeRate::from_sat_per_kwu(request.fee_rate_sat_per_kvb.div_ceil(4));
        let is_shaped = wishes.no_change || !wishes.bear_fee.is_empty();

        let mut builder = self.wallet.build_tx();
        builder
            .set_recipients(
                (request.recipients.iter())
                    .map(|(script, amount)| (script.clone(), Amount::from_sat(amount.0)))
                    .collect(),
            )
            .unspendable(unfit.into_iter().collect())
            .current_height(tip);
        if wishes.bear_fee.is_empty() {
            builder.fee_rate(rate);
        } else {
            // The coins have to cover the amounts only: the fee is taken out of these afterwards.
            builder.fee_absolute(Amount::ZERO);
        }
        if only_witness {
            builder.only_witness_utxo();
        }
        if wishes.final_fee {
            builder.set_exact_sequence(Sequence::ENABLE_LOCKTIME_NO_RBF);
        }
        for coin in &chosen {
            builder
                .add_utxo(*coin)
                .map_err(|_| CantSpend::Coin(*coin))?;
        }
        if wishes.only.is_some() {
            builder.manually_selected_only();
        }
        let psbt = builder
            .finish_with_aux_rand(&mut StdRng::from_seed(request.seed))
            .map_err(|error| match error {
                CreateTxError::CoinSelection(short) => CantSpend::NotEnough {
                    available: short.available.into(),
                    needed: short.needed.into(),
                },
                CreateTxError::OutputBelowDustLimit(_) => CantSpend::Dust,
                other => CantSpend::Other(other.to_string()),
            })?;
        let mut shaped = unsigned(psbt, &request.recipients)?;
        if is_shaped {
            shape::shape(&mut shaped, request, self.addresses())?;
        }
        Ok(shaped)
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

/// What can be told of a request without a till.
fn check(request: &SpendRequest) -> Result<(), CantSpend> {
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
    Ok(())
}

fn unsigned(psbt: Psbt, recipients: &[(ScriptBuf, Sat)]) -> Result<UnsignedSpend, CantSpend> {
    let fee = psbt
        .fee()
        .map_err(|e| CantSpend::Other(e.to_string()))?
        .into();
    Ok(UnsignedSpend {
        fee,
        inputs: (psbt.unsigned_tx.input.iter())
            .map(|input| input.previous_output)
            .collect(),
        amounts: recipients.iter().map(|(_, amount)| *amount).collect(),
        psbt,
    })
}

/// Which output pays which recipient: each output is taken once.
pub(super) fn vouts(tx: &Transaction, recipients: &[(ScriptBuf, Sat)]) -> Option<Vec<u32>> {
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
