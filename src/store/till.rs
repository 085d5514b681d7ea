//! Tills in the file: a record each, written once, and change sets, appended.

use std::ops::ControlFlow;

use super::rows::{Order, Rows};
use super::signals::Wake;
use super::tables::Table;
use super::tx::Tx;
use crate::domain::ids::StoreId;
use crate::domain::till::TillId;
use crate::ports::chain::BlockRef;
use crate::wallet::tills::TRAIL_KEY;
use crate::wallet::{Keychain, TillKind, TillRecord, Tills};

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

/// Opens a store's next hot till on an account of its own: numbers come from one counter and are never used twice.
pub fn open_hot(
    tx: &mut Tx<'_>,
    store: StoreId,
    keychain: &Keychain,
    birthday: BlockRef,
) -> Result<TillId, String> {
    let records = tx.tills().records();
    let account = records
        .iter()
        .map(|record| record.account)
        .max()
        .unwrap_or(0)
        + 1;
    let generation = records
        .iter()
        .filter(|record| record.id.store == store)
        .map(|record| record.id.generation + 1)
        .max()
        .unwrap_or(0);
    let id = TillId { store, generation };
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
