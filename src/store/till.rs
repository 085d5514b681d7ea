//! Tills in the file: a record each, written once, and change sets, appended.

use std::ops::ControlFlow;

use bitcoin::Network;

use super::rows::{Order, Rows};
use super::signals::Wake;
use super::tables::Table;
use super::tx::Tx;
use crate::domain::ids::StoreId;
use crate::domain::store::ChosenTill;
use crate::domain::till::TillId;
use crate::ports::chain::BlockRef;
use crate::wallet::import::Imported;
use crate::wallet::tills::TRAIL_KEY;
use crate::wallet::{Generated, Keychain, TillKind, TillRecord, Tills};

/// Version of [`TillRecord`]'s layout, before its fields.
const VERSION: u8 = 1;

/// Brings every till back into memory. The error says which row does not fit.
pub fn load(rows: &dyn Rows) -> Result<Tills, String> {
    let mut records = Vec::new();
    rows.scan(Table::Tills, &[], Order::Ascending, &mut |_, row| {
        records.push(decode(row));
        ControlFlow::Continue(())
    });
    let mut tills = Tills::default();
    if let Some(row) = rows.get(Table::TillChanges, TRAIL_KEY) {
        tills.restore_trail(&row)?;
    }
    for record in records {
        let record = record?;
        let mut change_sets = Vec::new();
        if !record.resting {
            let prefix = record.id.to_key();
            rows.scan(
                Table::TillChanges,
                &prefix,
                Order::Ascending,
                &mut |_, row| {
                    change_sets.push(row.to_vec());
                    ControlFlow::Continue(())
                },
            );
        }
        tills.restore(record, &change_sets)?;
    }
    Ok(tills)
}

/// Opens a new till. The error is the wallet's: nothing was changed.
pub fn add(tx: &mut Tx<'_>, record: TillRecord) -> Result<(), String> {
    let key = record.id.to_key();
    let row = encode(&record);
    tx.tills_mut().open(record)?;
    tx.put(Table::Tills, &key, &row);
    Ok(())
}

/// The till of a store that its invoices and payouts use. `None` if it has no wallet.
pub fn current(rows: &dyn Rows, tills: &Tills, store: StoreId) -> Option<TillId> {
    let shop = super::settings::get(rows, store)?;
    match shop.settings.onchain().till {
        ChosenTill::Own => tills.hot(store),
        ChosenTill::Generation(generation) => Some(TillId { store, generation }),
        ChosenTill::None => None,
    }
}

/// The same for a job of the writer.
pub fn of(tx: &Tx<'_>, store: StoreId) -> Option<TillId> {
    current(tx, tx.tills(), store)
}

/// Opens a store's next till for keys of somebody else. The error is the wallet's: nothing was changed.
pub fn open_watched(
    tx: &mut Tx<'_>,
    store: StoreId,
    wallet: &Imported,
    network: Network,
    birthday: BlockRef,
) -> Result<TillId, String> {
    let record = TillRecord {
        id: next_id(tx, store),
        account: 0,
        kind: TillKind::WatchOnly,
        external: wallet.external.clone(),
        internal: wallet.internal.clone(),
        network,
        birthday,
        resting: false,
    };
    let id = record.id;
    add(tx, record)?;
    tx.wake(Wake::Chain);
    Ok(id)
}

/// Opens a store's next till on words of its own that our seed gives again. Answers with the words too.
pub fn open_generated(
    tx: &mut Tx<'_>,
    store: StoreId,
    keychain: &Keychain,
    generated: Generated,
    birthday: BlockRef,
) -> Result<(TillId, String), String> {
    let child = next_account(tx);
    let words = keychain.child_words(generated.words, child);
    let own = Keychain::from_mnemonic(&words, keychain.network())?;
    let (external, internal) = own.account(generated.addresses, generated.number);
    let record = TillRecord {
        id: next_id(tx, store),
        account: child,
        kind: TillKind::Generated(generated),
        external,
        internal,
        network: keychain.network(),
        birthday,
        resting: false,
    };
    let id = record.id;
    add(tx, record)?;
    tx.wake(Wake::Chain);
    Ok((id, words))
}

fn next_account(tx: &Tx<'_>) -> u32 {
    let records = tx.tills().records();
    let last = records.iter().map(|record| record.account).max();
    last.unwrap_or(0) + 1
}

fn next_id(tx: &Tx<'_>, store: StoreId) -> TillId {
    let records = tx.tills().records();
    let generation = (records.iter())
        .filter(|record| record.id.store == store)
        .map(|record| record.id.generation + 1)
        .max()
        .unwrap_or(0);
    TillId { store, generation }
}

/// Opens a store's next hot till on an account of its own: numbers come from one counter and are never used twice.
pub fn open_hot(
    tx: &mut Tx<'_>,
    store: StoreId,
    keychain: &Keychain,
    birthday: BlockRef,
) -> Result<TillId, String> {
    let account = next_account(tx);
    let id = next_id(tx, store);
    let (external, internal) = keychain.descriptors(account);
    let record = TillRecord {
        id,
        account,
        kind: TillKind::Hot,
        external,
        internal,
        network: keychain.network(),
        birthday,
        resting: false,
    };
    add(tx, record)?;
    tx.wake(Wake::Chain);
    Ok(id)
}

/// Whether this server has the keys of the till that a store uses. `None` if it has no wallet.
pub fn can_sign(rows: &dyn Rows, store: StoreId) -> Option<bool> {
    let shop = super::settings::get(rows, store)?;
    match shop.settings.onchain().till {
        ChosenTill::Own => Some(true),
        ChosenTill::Generation(generation) => {
            let row = rows.get(Table::Tills, &TillId { store, generation }.to_key())?;
            decode(&row).ok().map(|record| record.kind.can_sign())
        }
        ChosenTill::None => None,
    }
}

/// The descriptor of the addresses that a till hands out: public keys only.
pub fn public_keys(rows: &dyn Rows, till: TillId) -> Option<String> {
    let row = rows.get(Table::Tills, &till.to_key())?;
    decode(&row).ok().map(|record| record.external)
}

fn encode(record: &TillRecord) -> Vec<u8> {
    let mut row = vec![VERSION];
    minicbor::encode(record, &mut row).unwrap_or_else(|e| panic!("writing to memory: {e}"));
    row
}

fn decode(row: &[u8]) -> Result<TillRecord, String> {
    match row.split_first() {
        Some((&VERSION, body)) => minicbor::decode(body).map_err(|e| format!("a till: {e}")),
        Some((version, _)) => Err(format!("a till of unknown version {version}")),
        None => Err("an empty till".to_owned()),
    }
}
