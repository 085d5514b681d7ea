//! What the tills hold in all, for the books.

use bitcoin::Txid;

use super::tills::Tills;
use crate::domain::ids::StoreId;
use crate::domain::money::Sat;
use crate::domain::till::TillId;

impl Tills {
    /// Every unspent coin of a store's tills, in a block or not, locked or not.
    pub fn total(&self, store: StoreId) -> Sat {
        (self.accounts.iter())
            .filter(|(id, _)| id.store == store)
            .flat_map(|(_, till)| till.wallet.list_unspent())
            .map(|output| Sat::from(output.txout.value))
            .sum()
    }

    /// What a transaction takes out of a till, its fee included, if the till's view of the chain and the mempool holds
    /// it now. One that was evicted or displaced takes nothing.
    pub fn outflow(&self, till: TillId, txid: Txid) -> Option<Sat> {
        let wallet = &self.accounts.get(&till)?.wallet;
        let tx = wallet.get_tx(txid)?;
        let (sent, received) = wallet.sent_and_received(&tx.tx_node.tx);
        Some(Sat::from(sent).minus(Sat::from(received)))
    }

    /// Stores that have a till.
    pub fn stores(&self) -> Vec<StoreId> {
        let mut stores: Vec<StoreId> = self.accounts.keys().map(|id| id.store).collect();
        stores.dedup();
        stores
    }
}
