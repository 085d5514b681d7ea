//! Forward migrations. The file's format is one number; each step brings it one further, in one commit.

use redb::{Database, ReadableTable};

use super::OpenError;
use super::payout_queue;
use super::tables::{ALL, Table};
use super::tx::Tx;
use crate::wallet::Tills;

/// The format this version writes.
///
/// 2: the payers read indexes of what waits, what is under way and what runs out.
pub const FORMAT: u64 = 2;

const FORMAT_KEY: &[u8] = b"format";

/// Creates the tables of a new file, or brings an older one up to date.
pub(super) fn bring_up_to_date(db: &Database) -> Result<(), OpenError> {
    let damaged = |e: redb::Error| OpenError::from_redb(&e);
    #[expect(clippy::disallowed_methods, reason = "no writer runs yet")]
    let txn = db.begin_write().map_err(|e| damaged(e.into()))?;
    let from = {
        for table in ALL {
            txn.open_table(table.definition())
                .map_err(|e| damaged(e.into()))?;
        }
        let mut meta = txn
            .open_table(Table::Meta.definition())
            .map_err(|e| damaged(e.into()))?;
        let found = meta
            .get(FORMAT_KEY)
            .map_err(|e| damaged(e.into()))?
            .map(|bytes| bytes.value().try_into().map(u64::from_be_bytes));
        let from = match found {
            Some(Ok(FORMAT)) => None,
            Some(Ok(found @ 1)) => Some(found),
            Some(Ok(found)) if found > FORMAT => {
                return Err(OpenError::TooNew {
                    found,
                    known: FORMAT,
                });
            }
            Some(_) => return Err(OpenError::Damaged("its format is unknown".to_owned())),
            None => Some(FORMAT),
        };
        if from.is_some() {
            meta.insert(FORMAT_KEY, FORMAT.to_be_bytes().as_slice())
                .map_err(|e| damaged(e.into()))?;
        }
        from
    };
    if from == Some(1) {
        let mut tills = Tills::default();
        let mut tx = Tx::new(&txn, &mut tills);
        payout_queue::index_all(&mut tx).map_err(OpenError::Damaged)?;
    }
    txn.commit().map_err(|e| damaged(e.into()))
}
