//! Transactions that somebody else has signed: read, completed and checked against the coins that they spend.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bdk_wallet::KeychainKind;
use bdk_wallet::miniscript::psbt::PsbtExt;
use bitcoin::consensus::deserialize;
use bitcoin::secp256k1::Secp256k1;
use bitcoin::{Address, OutPoint, Psbt, ScriptBuf, Transaction, Txid};

use super::spend::SignedSpend;
use super::till::Till;
use super::tills::Tills;
use crate::domain::money::Sat;
use crate::domain::till::TillId;
use crate::domain::time::Timestamp;

/// A standard transaction has at most 100,000 virtual bytes; a PSBT repeats the ones before it.
const TEXT_MAX: usize = 4_000_000;

/// Why a signed transaction is not taken. For the person who brought it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CantTake {
    /// No transaction and no PSBT.
    #[error("This is neither a transaction in hex nor a PSBT: {0}.")]
    Unreadable(String),
    /// It spends coins of others, or nobody's.
    #[error("It does not spend from this wallet alone: the coin {0} is not this wallet's.")]
    NotOurs(OutPoint),
    /// A coin of it is spent.
    #[error("The coin {0} is spent already, by the transaction {1}.")]
    Spent(OutPoint, Txid),
    /// Signatures are missing or false.
    #[error("It is not signed as it should be: {0}.")]
    Unsigned(String),
    /// Everything comes back.
    #[error("It pays nobody outside this wallet.")]
    NobodyPaid,
    /// An output to nobody whom we could name.
    #[error("An output of it has no address.")]
    NoAddress,
}

/// A signed transaction that spends from one till.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// Whose coins it spends.
    pub till: TillId,
    /// What was signed.
    pub tx: Transaction,
    /// What the miner gets.
    pub fee: Sat,
    /// Outputs that are not change of the till: where to, and how much.
    pub payments: Vec<(u32, ScriptBuf, Sat)>,
}

impl SignedSpend {
    /// What we have signed ourselves, seen the same way: its payments are what was asked for, wherever they lead.
    pub fn into_foreign(self, till: TillId) -> Foreign {
        let payments = self.vouts.iter().filter_map(|vout| {
            let output = self.tx.output.get(usize::try_from(*vout).ok()?)?;
            Some((*vout, output.script_pubkey.clone(), output.value.into()))
        });
        Foreign {
            till,
            fee: self.fee,
            payments: payments.collect(),
            tx: self.tx,
        }
    }
}

/// What was brought: a transaction, or a PSBT.
#[derive(Clone, Debug)]
pub enum Brought {
    /// Signed and whole.
    Tx(Box<Transaction>),
    /// Signed, perhaps not finalised.
    Psbt(Box<Psbt>),
}

/// Reads a transaction in hex, or a PSBT in base64 or hex.
pub fn read(text: &str) -> Result<Brought, CantTake> {
    let text: String = text.split_ascii_whitespace().collect();
    let unreadable = |why: &str| CantTake::Unreadable(why.to_owned());
    if text.is_empty() || text.len() > TEXT_MAX {
        return Err(unreadable("it is empty, or too long"));
    }
    let bytes = match hex::decode(&text) {
        Ok(bytes) => bytes,
        Err(_) => STANDARD
            .decode(&text)
            .map_err(|_| unreadable("it is neither hex nor base64"))?,
    };
    if bytes.starts_with(b"psbt\xff") {
        let psbt = Psbt::deserialize(&bytes).map_err(|e| unreadable(&e.to_string()))?;
        return Ok(Brought::Psbt(Box::new(psbt)));
    }
    let tx: Transaction = deserialize(&bytes).map_err(|e| unreadable(&e.to_string()))?;
    Ok(Brought::Tx(Box::new(tx)))
}

impl Brought {
    /// The transaction as it stands, signed or not.
    pub fn tx(&self) -> &Transaction {
        match self {
            Self::Tx(tx) => tx,
            Self::Psbt(psbt) => &psbt.unsigned_tx,
        }
    }
}

impl Tills {
    /// The till of these that a transaction spends from, if any.
    pub fn spent_by(&self, tx: &Transaction, among: impl Fn(TillId) -> bool) -> Option<TillId> {
        (self.accounts.iter())
            .filter(|(id, _)| among(**id))
            .find(|(_, till)| (tx.input.iter()).any(|input| till.owns(input.previous_output)))
            .map(|(id, _)| *id)
    }

    /// Completes and checks a transaction that spends from a till: every coin is this till's and free, every
    /// signature holds. `drafted` is what was given out to be signed: signers may leave out what they were told.
    pub fn check_signed(
        &self,
        id: TillId,
        brought: &Brought,
        drafted: Option<&Psbt>,
    ) -> Result<Foreign, CantTake> {
        let unsigned = |why: String| CantTake::Unsigned(why);
        let first = brought
            .tx()
            .input
            .first()
            .map(|input| input.previous_output);
        let till = self
            .accounts
            .get(&id)
            .ok_or(CantTake::NotOurs(first.unwrap_or_default()))?;
        till.check_coins(brought.tx())?;
        let secp = Secp256k1::verification_only();
        let mut psbt = match brought {
            Brought::Psbt(given) => {
                let mut psbt = given.as_ref().clone();
                if let Some(drafted) = drafted {
                    psbt.combine(drafted.clone())
                        .map_err(|e| unsigned(e.to_string()))?;
                }
                psbt
            }
            Brought::Tx(tx) => {
                let mut bare = tx.as_ref().clone();
                for input in &mut bare.input {
                    input.script_sig = ScriptBuf::new();
                    input.witness.clear();
                }
                let mut psbt = Psbt::from_unsigned_tx(bare).map_err(|e| unsigned(e.to_string()))?;
                for (input, signed) in psbt.inputs.iter_mut().zip(&tx.input) {
                    input.final_script_sig =
                        (!signed.script_sig.is_empty()).then(|| signed.script_sig.clone());
                    input.final_script_witness =
                        (!signed.witness.is_empty()).then(|| signed.witness.clone());
                }
                psbt
            }
        };
        // The coins as this till knows them, whatever the signer says of them.
        let spent: Vec<OutPoint> = (psbt.unsigned_tx.input.iter())
            .map(|input| input.previous_output)
            .collect();
        for (input, outpoint) in psbt.inputs.iter_mut().zip(&spent) {
            input.witness_utxo = till.coin_of(*outpoint);
            input.non_witness_utxo = None;
        }
        if psbt
            .inputs
            .iter()
            .any(|input| input.final_script_witness.is_none() && input.final_script_sig.is_none())
        {
            psbt.finalize_mut(&secp).map_err(|errors| {
                let first = errors.first().map(ToString::to_string);
                unsigned(first.unwrap_or_default())
            })?;
        }
        let tx = psbt.extract(&secp).map_err(|e| unsigned(e.to_string()))?;
        let signed = till.describe(id, tx);
        till.check_payments(&signed)?;
        Ok(signed)
    }

    /// What a transaction that spends from a till pays to whom, as it stands in the chain or the mempool: nothing is
    /// checked. `None` if it spends other coins too.
    pub fn describe(&self, id: TillId, tx: &Transaction) -> Option<Foreign> {
        let till = self.accounts.get(&id)?;
        till.check_ours(tx).ok()?;
        Some(till.describe(id, tx.clone()))
    }

    /// A transaction of a till's, as it is known.
    pub fn transaction(&self, till: TillId, txid: Txid) -> Option<Transaction> {
        let graph = self.accounts.get(&till)?.wallet.tx_graph();
        graph.get_tx(txid).map(|tx| tx.as_ref().clone())
    }

    /// Takes a transaction that somebody else has signed into account, as [`Tills::build`] does with one of ours.
    pub fn take_signed(&mut self, signed: &Foreign, now: Timestamp) {
        let spend = SignedSpend {
            tx: signed.tx.clone(),
            fee: signed.fee,
            inputs: (signed.tx.input.iter())
                .map(|input| input.previous_output)
                .collect(),
            vouts: signed.payments.iter().map(|(vout, ..)| *vout).collect(),
        };
        self.adopt(signed.till, &spend, now.secs());
    }
}

impl Till {
    fn owns(&self, outpoint: OutPoint) -> bool {
        self.wallet.spk_index().txout(outpoint).is_some()
    }

    fn coin_of(&self, outpoint: OutPoint) -> Option<bitcoin::TxOut> {
        let known = self.wallet.spk_index().txout(outpoint);
        known.map(|(_, coin)| coin.clone())
    }

    fn check_ours(&self, tx: &Transaction) -> Result<(), CantTake> {
        let foreign = (tx.input.iter())
            .map(|input| input.previous_output)
            .find(|outpoint| !self.owns(*outpoint));
        foreign.map_or(Ok(()), |outpoint| Err(CantTake::NotOurs(outpoint)))
    }

    /// All coins are this till's, and no other transaction that counts has spent them.
    fn check_coins(&self, tx: &Transaction) -> Result<(), CantTake> {
        self.check_ours(tx)?;
        let graph = self.wallet.tx_graph();
        for input in &tx.input {
            let outpoint = input.previous_output;
            let spender = (graph.outspends(outpoint).iter()).find(|txid| {
                self.height(**txid).is_some()
                    && graph
                        .get_tx(**txid)
                        .is_none_or(|spender| spender.compute_ntxid() != tx.compute_ntxid())
            });
            if let Some(txid) = spender {
                return Err(CantTake::Spent(outpoint, *txid));
            }
        }
        Ok(())
    }

    /// It pays somebody, and everybody by an address.
    fn check_payments(&self, signed: &Foreign) -> Result<(), CantTake> {
        if signed.payments.is_empty() {
            return Err(CantTake::NobodyPaid);
        }
        let network = self.record.network;
        let named = |script: &ScriptBuf| Address::from_script(script, network).is_ok();
        if !signed.payments.iter().all(|(_, script, _)| named(script)) {
            return Err(CantTake::NoAddress);
        }
        Ok(())
    }

    fn describe(&self, id: TillId, tx: Transaction) -> Foreign {
        let coins: Sat = (tx.input.iter())
            .filter_map(|input| self.coin_of(input.previous_output))
            .map(|coin| Sat::from(coin.value))
            .sum();
        let out: Sat = tx.output.iter().map(|output| Sat::from(output.value)).sum();
        let payments: Vec<_> = (0_u32..)
            .zip(&tx.output)
            .filter(|(_, output)| {
                let owner = self.index_of(&output.script_pubkey);
                !matches!(owner, Some((KeychainKind::Internal, _)))
            })
            // What carries no money pays nobody.
            .filter(|(_, output)| output.value.to_sat() > 0)
            .map(|(vout, output)| (vout, output.script_pubkey.clone(), output.value.into()))
            .collect();
        Foreign {
            till: id,
            fee: Sat(coins.0.saturating_sub(out.0)),
            payments,
            tx,
        }
    }
}
