//! What the tills hold in all, for the books.

use super::tills::Tills;
use crate::domain::ids::StoreId;
use crate::domain::money::Sat;

impl Tills {
    /// Every unspent coin of a store's tills, in a block or not, locked or not.
    pub fn total(&self, store: StoreId) -> Sat {
        (self.accounts.iter())
            .filter(|(id, _)| id.store == store)
            .flat_map(|(_, till)| till.wallet.list_unspent())
            .map(|output| Sat::from(output.txout.value))
            .sum()
    }

    /// Stores that have a till.
    pub fn stores(&self) -> Vec<StoreId> {
        let mut stores: Vec<StoreId> = self.accounts.keys().map(|id| id.store).collect();
        stores.dedup();
        stores
    }
}
