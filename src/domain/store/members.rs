//! The people of a store and their roles. There is always an owner.

use minicbor::data::Type;
use minicbor::decode::Error as DecodeError;
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decode, Decoder, Encode, Encoder};

use super::Store;
use crate::domain::access::Role;
use crate::domain::fact::{Fact, Step};
use crate::domain::ids::UserId;
use crate::domain::time::Timestamp;

/// The most people a store has.
pub const MEMBERS_MAX: usize = 100;

/// A person in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Member {
    /// Who.
    #[n(0)]
    pub user: UserId,
    /// What they are there.
    #[n(1)]
    pub role: Role,
    /// Since when they belong to it.
    #[n(2)]
    pub since: Timestamp,
}

/// The people of a store. Empty in records from before there were roles: then who made it is its owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members(Vec<Member>);

impl<C> Encode<C> for Members {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        self.0.encode(e, ctx)
    }

    fn is_nil(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'b, C> Decode<'b, C> for Members {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, DecodeError> {
        if d.datatype()? == Type::Null {
            d.skip()?;
            return Ok(Self::default());
        }
        Vec::decode(d, ctx).map(Self)
    }

    fn nil() -> Option<Self> {
        Some(Self::default())
    }
}

impl From<Vec<Member>> for Members {
    fn from(members: Vec<Member>) -> Self {
        Self(members)
    }
}

/// Why the people of a store stay as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemberRefusal {
    /// They belong to it already.
    #[error("This person belongs to the store already.")]
    Already,
    /// They don't belong to it.
    #[error("There is no such person in this store.")]
    NoMember,
    /// Nobody would own it.
    #[error("The store would have no owner.")]
    LastOwner,
    /// There are too many.
    #[error("A store has at most 100 people.")]
    TooMany,
}

impl Store {
    /// The people of the store, those who have been there longest first.
    pub fn people(&self) -> Vec<Member> {
        if self.members.0.is_empty() {
            return vec![Member {
                user: self.owner,
                role: Role::Owner,
                since: self.created,
            }];
        }
        self.members.0.clone()
    }

    /// What somebody is in this store; `None` if they don't belong to it.
    pub fn role_of(&self, user: UserId) -> Option<Role> {
        if self.members.0.is_empty() {
            return (user == self.owner).then_some(Role::Owner);
        }
        let found = self.members.0.iter().find(|member| member.user == user);
        found.map(|member| member.role)
    }

    /// Whether somebody may do this in the store.
    pub fn allows(&self, user: UserId, permission: &str) -> bool {
        self.role_of(user).is_some_and(|role| role.may(permission))
    }

    /// Who owns it.
    pub fn owners(&self) -> impl Iterator<Item = UserId> {
        self.people()
            .into_iter()
            .filter(|member| member.role == Role::Owner)
            .map(|member| member.user)
    }

    /// Somebody comes to the store.
    pub fn add_member(
        self,
        user: UserId,
        role: Role,
        by: UserId,
        now: Timestamp,
    ) -> Result<Step<Self>, MemberRefusal> {
        let mut people = self.people();
        if people.iter().any(|member| member.user == user) {
            return Err(MemberRefusal::Already);
        }
        if people.len() >= MEMBERS_MAX {
            return Err(MemberRefusal::TooMany);
        }
        people.push(Member {
            user,
            role,
            since: now,
        });
        Ok(self.with(people, Fact::MemberSet { user, role, by }))
    }

    /// Somebody is something else from now on. The same role again changes nothing.
    pub fn set_role(
        self,
        user: UserId,
        role: Role,
        by: UserId,
    ) -> Result<Step<Self>, MemberRefusal> {
        let mut people = self.people();
        let member = people
            .iter_mut()
            .find(|member| member.user == user)
            .ok_or(MemberRefusal::NoMember)?;
        if member.role == role {
            return Ok(Step::quiet(self));
        }
        member.role = role;
        owned(&people)?;
        Ok(self.with(people, Fact::MemberSet { user, role, by }))
    }

    /// Somebody leaves the store, or is sent away.
    pub fn remove_member(self, user: UserId, by: UserId) -> Result<Step<Self>, MemberRefusal> {
        let mut people = self.people();
        let before = people.len();
        people.retain(|member| member.user != user);
        if people.len() == before {
            return Err(MemberRefusal::NoMember);
        }
        owned(&people)?;
        Ok(self.with(people, Fact::MemberRemoved { user, by }))
    }

    fn with(self, people: Vec<Member>, fact: Fact) -> Step<Self> {
        let after = Self {
            members: Members(people),
            ..self
        };
        Step::telling(after, fact)
    }
}

fn owned(people: &[Member]) -> Result<(), MemberRefusal> {
    if people.iter().any(|member| member.role == Role::Owner) {
        Ok(())
    } else {
        Err(MemberRefusal::LastOwner)
    }
}

#[cfg(test)]
mod tests;
