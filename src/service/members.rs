//! The people of a store: who comes, who has which role, who goes.

use super::books::allowance;
use super::{Gateway, Unavailable};
use crate::domain::access::{Role, User};
use crate::domain::fact::Step;
use crate::domain::ids::{StoreId, UserId};
use crate::domain::ledger::Signed;
use crate::domain::money::Msat;
use crate::domain::store::{Member, MemberRefusal, Store};
use crate::domain::time::Timestamp;
use crate::store::{self, Rows, Tx, WriteError};

/// Why the people of a store stay as they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeopleRefusal {
    /// There is no such store.
    #[error("There is no such store.")]
    UnknownStore,
    /// Nobody has this id or e-mail address here.
    #[error("There is no such account.")]
    UnknownUser,
    /// The store says so.
    #[error("{0}")]
    Member(MemberRefusal),
    /// The store has drawn on the node: an administrator stays among its owners (D52, P11).
    #[error(
        "This store has money on the server's own node: an administrator has to stay among its owners."
    )]
    Unbacked,
    /// 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<WriteError> for PeopleRefusal {
    fn from(error: WriteError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Gateway {
    /// The people of a store, those who have been there longest first.
    pub async fn people_of(&self, store: &Store) -> Vec<(User, Member)> {
        let people = store.people();
        self.store
            .read(move |rows| {
                let known =
                    |member: Member| Some((store::access::user(rows, member.user)?, member));
                people.into_iter().filter_map(known).collect()
            })
            .await
    }

    /// Somebody with an account, by id or e-mail, comes to a store.
    pub async fn add_member(
        &self,
        store: StoreId,
        who: String,
        role: Role,
        by: UserId,
    ) -> Result<(), PeopleRefusal> {
        let now = self.now();
        self.change_people("member-add", store, now, move |rows, shop| {
            let user = store::access::find_user(rows, &who).ok_or(PeopleRefusal::UnknownUser)?;
            Ok(shop.add_member(user.id, role, by, now)?)
        })
        .await
    }

    /// Somebody of a store, by id or e-mail, has another role from now on.
    pub async fn set_member_role(
        &self,
        store: StoreId,
        who: String,
        role: Role,
        by: UserId,
    ) -> Result<(), PeopleRefusal> {
        let now = self.now();
        self.change_people("member-role", store, now, move |rows, shop| {
            let user = store::access::find_user(rows, &who).ok_or(PeopleRefusal::UnknownUser)?;
            Ok(shop.set_role(user.id, role, by)?)
        })
        .await
    }

    /// Somebody of a store, by id or e-mail, leaves it.
    pub async fn remove_member(
        &self,
        store: StoreId,
        who: String,
        by: UserId,
    ) -> Result<(), PeopleRefusal> {
        let now = self.now();
        self.change_people("member-remove", store, now, move |rows, shop| {
            let user = store::access::find_user(rows, &who).ok_or(PeopleRefusal::UnknownUser)?;
            Ok(shop.remove_member(user.id, by)?)
        })
        .await
    }

    /// Deletes a store for one of its owners: with another owner left only this one goes, otherwise it is archived,
    /// because its wallet may still be paid.
    pub async fn delete_store(&self, store: StoreId, by: UserId) -> Result<(), PeopleRefusal> {
        let now = self.now();
        self.change_people("store-delete", store, now, move |_, shop| {
            if shop.owners().any(|owner| owner != by) && shop.role_of(by).is_some() {
                return Ok(shop.remove_member(by, by)?);
            }
            let archived = true;
            Ok(Step::quiet(Store { archived, ..shop }))
        })
        .await
    }

    async fn change_people(
        &self,
        label: &'static str,
        store: StoreId,
        now: Timestamp,
        change: impl FnOnce(&Tx<'_>, Store) -> Result<Step<Store>, PeopleRefusal> + Send + 'static,
    ) -> Result<(), PeopleRefusal> {
        self.store
            .try_write(label, move |tx| {
                let shop = store::settings::get(tx, store).ok_or(PeopleRefusal::UnknownStore)?;
                let step = backed(tx, change(tx, shop)?)?;
                store::settings::put(tx, &step.after);
                tx.announce(store, step.facts, now);
                Ok(())
            })
            .await
    }
}

/// D52: a store draws on the node as long as an administrator is among its owners. The last one leaves only while
/// nothing has come or gone over Lightning: what the node owes to others would change otherwise, under their feet.
pub fn backed(rows: &dyn Rows, step: Step<Store>) -> Result<Step<Store>, PeopleRefusal> {
    let Step { after, facts } = step;
    let runs_server = |id| store::access::user(rows, id).is_some_and(|user| user.is_admin);
    if !after.draws_on_node || after.owners().any(runs_server) {
        return Ok(Step { after, facts });
    }
    let untouched = allowance::claim(rows, after.id) == Signed::ZERO
        && store::ledger::held(rows, after.id) == Msat::ZERO;
    if !untouched {
        return Err(PeopleRefusal::Unbacked);
    }
    let after = Store {
        draws_on_node: false,
        ..after
    };
    Ok(Step { after, facts })
}
