//! People come, change and go; an owner stays.

use super::super::Settings;
use super::*;
use crate::domain::ids::StoreId;

const FOUNDER: UserId = UserId([1; 16]);
const OTHER: UserId = UserId([2; 16]);
const NOBODY: UserId = UserId([3; 16]);
const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// A store as it was written before there were roles.
fn old_store() -> Store {
    Store {
        id: StoreId([7; 32]),
        name: "Shop".to_owned(),
        owner: FOUNDER,
        created: NOW,
        settings: Settings::default(),
        draws_on_node: false,
        kept: "{}".to_owned(),
        archived: false,
        members: Members::default(),
    }
}

/// The founder owns it, somebody else has this role.
fn shared(role: Role) -> Store {
    let step = old_store().add_member(OTHER, role, FOUNDER, NOW);
    step.expect("added").after
}

#[test]
fn who_made_an_old_store_owns_it() {
    let store = old_store();
    assert_eq!(store.role_of(FOUNDER), Some(Role::Owner));
    assert_eq!(store.role_of(OTHER), None);
    assert_eq!(store.people().len(), 1);
    let after = store.add_member(OTHER, Role::Guest, FOUNDER, NOW);
    let after = after.expect("added");
    assert_eq!(after.after.role_of(FOUNDER), Some(Role::Owner));
    assert_eq!(after.after.role_of(OTHER), Some(Role::Guest));
    let told = Fact::MemberSet {
        user: OTHER,
        role: Role::Guest,
        by: FOUNDER,
    };
    assert_eq!(after.facts, [told]);
}

#[test]
fn rights_are_those_of_the_role() {
    let store = shared(Role::Employee);
    let sell = "btcpay.store.cancreateinvoice";
    assert!(store.allows(OTHER, sell));
    assert!(!store.allows(OTHER, "btcpay.store.canmanagepayouts"));
    assert!(store.allows(FOUNDER, "btcpay.store.canmanagepayouts"));
    assert!(!store.allows(NOBODY, sell));
}

#[test]
fn an_owner_stays() {
    let rows = [
        (Role::Guest, Err(MemberRefusal::LastOwner)),
        (Role::Manager, Err(MemberRefusal::LastOwner)),
        (Role::Owner, Ok(())),
    ];
    for (other, expected) in rows {
        let removed = shared(other).remove_member(FOUNDER, FOUNDER);
        assert_eq!(removed.map(drop), expected, "{other}");
        let lowered = shared(other).set_role(FOUNDER, Role::Guest, FOUNDER);
        assert_eq!(lowered.map(drop), expected, "{other}");
    }
    let alone = old_store().remove_member(FOUNDER, FOUNDER);
    assert_eq!(alone, Err(MemberRefusal::LastOwner));
}

#[test]
fn what_can_t_be_is_refused() {
    let again = shared(Role::Guest).add_member(OTHER, Role::Owner, FOUNDER, NOW);
    assert_eq!(again, Err(MemberRefusal::Already));
    let nobody = shared(Role::Guest).set_role(NOBODY, Role::Owner, FOUNDER);
    assert_eq!(nobody, Err(MemberRefusal::NoMember));
    let nobody = shared(Role::Guest).remove_member(NOBODY, FOUNDER);
    assert_eq!(nobody, Err(MemberRefusal::NoMember));
    let same = shared(Role::Guest).set_role(OTHER, Role::Guest, FOUNDER);
    assert_eq!(same, Ok(Step::quiet(shared(Role::Guest))));
    let mut full = old_store();
    for place in 0..MEMBERS_MAX {
        let user = UserId([u8::try_from(place + 10).expect("few"); 16]);
        match full.clone().add_member(user, Role::Guest, FOUNDER, NOW) {
            Ok(step) => full = step.after,
            Err(refusal) => {
                assert_eq!((refusal, place), (MemberRefusal::TooMany, MEMBERS_MAX - 1));
                return;
            }
        }
    }
    panic!("there is no end of them");
}
