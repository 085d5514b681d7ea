//! Samples of transactions, and of what waits for a signature.

use bitcoin::{Amount, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness};
use tollway::domain::money::{Msat, Sat};
use tollway::domain::payout::batch::{Batch, Confirmed, Input, Rival, Version};
use tollway::domain::payout::draft::{Draft, End, Payment};
use tollway::store::hold::UnknownSpend;

use super::{BATCH, NOW, PAYOUT, STORE, TILL, outpoint, script};

/// A signed transaction for one payout.
pub fn batch() -> Batch {
    let tx = Transaction {
        version: bitcoin::transaction::Version::TWO,
        lock_time: bitcoin::absolute::LockTime::from_consensus(101),
        input: vec![TxIn {
            previous_output: outpoint(),
            script_sig: ScriptBuf::new(),
            sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
            witness: Witness::from_slice(&[&[0xcc; 71][..], &[0x02; 33]]),
        }],
        output: vec![TxOut {
            value: Amount::from_sat(1_000),
            script_pubkey: script(),
        }],
    };
    Batch {
        id: BATCH,
        store: STORE,
        till: TILL,
        created: NOW,
        versions: vec![Version {
            txid: tx.compute_txid(),
            tx,
            fee: Sat(300),
            vouts: vec![0],
            height: None,
        }],
        payouts: vec![PAYOUT],
        inputs: vec![Input(outpoint())],
        broadcast_at: Some(NOW),
        settled: true,
        lost_to: None,
        settled_by: None,
        kept_back: None,
    }
}

/// The same, and it is remembered which version settled it.
pub fn settled_batch() -> Batch {
    Batch {
        settled_by: Some(Confirmed(batch().versions[0].txid)),
        ..batch()
    }
}

/// The same after its fee was raised, and something else spent its input.
pub fn outspent_batch() -> Batch {
    let mut version = batch().versions[0].clone();
    version.tx.output[0].value = Amount::from_sat(900);
    version.txid = version.tx.compute_txid();
    version.fee = Sat(700);
    version.height = Some(800_006);
    Batch {
        lost_to: Some(Rival(outpoint().txid)),
        ..batch().replaced(version)
    }
}

/// The same, which nobody has asked to send yet.
pub fn kept_back_batch() -> Batch {
    Batch {
        kept_back: Some(NOW),
        broadcast_at: None,
        settled: false,
        ..batch()
    }
}

/// A transaction that waits for its owner's signature, and the same in its ends.
pub fn drafts() -> Vec<(&'static str, Draft)> {
    let waiting = Draft {
        id: BATCH,
        store: STORE,
        till: TILL,
        created: NOW,
        psbt: b"psbt\xff".to_vec().into(),
        inputs: vec![Input(outpoint())],
        payments: vec![
            Payment {
                script: script(),
                amount: Sat(1_000),
                payout: Some(PAYOUT),
            },
            Payment {
                script: script(),
                amount: Sat(2_000),
                payout: None,
            },
        ],
        fee: Sat(300),
        end: None,
    };
    let ended = |end| Draft {
        end: Some(end),
        ..waiting.clone()
    };
    let (at, by) = (NOW, outpoint().txid);
    vec![
        ("waiting", waiting.clone()),
        ("signed", ended(End::Signed(at))),
        ("given_up", ended(End::GivenUp(at))),
        ("outspent", ended(End::Outspent { at, by })),
    ]
}

/// A spend of a till that was not made here.
pub fn unknown_spend() -> UnknownSpend {
    UnknownSpend {
        txid: outpoint().txid,
        till: TILL,
        amount: Msat(50_000_000),
        seen_at: NOW,
        counts: true,
        released_at: Some(NOW.plus_secs(60)),
    }
}
