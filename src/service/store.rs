//! Opening and changing stores.

use super::{Gateway, Unavailable};
use crate::domain::access::{Role, User};
use crate::domain::fact::Fact;
use crate::domain::ids::StoreId;
use crate::domain::store::{Member, Settings, Store};
use crate::store::{self, WriteError};

/// Why a store is not opened or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreRefusal {
    /// 422 `Name`.
    #[error("A store needs a name of 1 to 50 characters.")]
    Name,
    /// 403 `store-limit-reached`.
    #[error("This account has as many stores as it may have.")]
    LimitReached,
    /// There is no such store.
    #[error("There is no such store.")]
    Unknown,
    /// 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<WriteError> for StoreRefusal {
    fn from(error: WriteError) -> Self {
        Self::Unavailable(error.into())
    }
}

/// Greenfield's limit for a name, in characters.
const NAME_CHARS_MAX: usize = 50;

/// What somebody makes of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreChange {
    /// What people call it.
    pub name: String,
    /// What we act on.
    pub settings: Settings,
    /// What we only keep, a JSON object.
    pub kept: String,
    /// Hidden.
    pub archived: bool,
}

impl Gateway {
    /// Opens a store with a hot till of its own. The till's birthday is the tip that the follower has reached, so
    /// the chain has to have been seen once.
    pub async fn create_store(
        &self,
        owner: &User,
        name: String,
        settings: Settings,
        kept: String,
    ) -> Result<Store, StoreRefusal> {
        check_name(&name)?;
        let birthday = self.follower.known_tip().ok_or_else(|| {
            Unavailable::NotReady("The chain has not been seen yet: try again soon.".to_owned())
        })?;
        let now = self.now();
        let shop = Store {
            id: StoreId(self.random()),
            name,
            owner: owner.id,
            created: now,
            settings,
            draws_on_node: owner.is_admin,
            kept,
            archived: false,
            members: vec![Member {
                user: owner.id,
                role: Role::Owner,
                since: now,
            }]
            .into(),
        };
        let keychain = self.keychain.clone();
        let most = (!owner.is_admin).then_some(self.limits.stores_per_account);
        self.store
            .try_write("store-create", move |tx| {
                // Each store has a wallet in memory, archived ones too.
                let made = |shop: &Store| store::settings::made_by(tx, shop.owner);
                if most.is_some_and(|most| made(&shop) >= most) {
                    return Err(StoreRefusal::LimitReached);
                }
                // A till of our own keys fails to open only by a bug: then nothing of the store is written either.
                store::till::open_hot(tx, shop.id, &keychain, birthday)
                    .unwrap_or_else(|e| panic!("a hot till can't be opened: {e}"));
                store::settings::put(tx, &shop);
                tx.announce(shop.id, vec![Fact::StoreCreated], now);
                Ok(shop)
            })
            .await
    }

    /// Changes a store's name and settings. `change` is shown the store as it is when its turn comes, so that what
    /// somebody else has changed meanwhile stays.
    pub async fn update_store(
        &self,
        id: StoreId,
        change: impl FnOnce(&Store) -> StoreChange + Send + 'static,
    ) -> Result<Store, StoreRefusal> {
        self.store
            .try_write("store-update", move |tx| {
                let shop = store::settings::get(tx, id).ok_or(StoreRefusal::Unknown)?;
                let change = change(&shop);
                check_name(&change.name)?;
                let after = Store {
                    name: change.name,
                    settings: change.settings,
                    kept: change.kept,
                    archived: change.archived,
                    ..shop
                };
                store::settings::put(tx, &after);
                Ok(after)
            })
            .await
    }
}

fn check_name(name: &str) -> Result<(), StoreRefusal> {
    if name.trim().is_empty() || name.chars().count() > NAME_CHARS_MAX {
        Err(StoreRefusal::Name)
    } else {
        Ok(())
    }
}
