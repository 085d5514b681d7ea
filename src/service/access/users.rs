//! Accounts: made, invited, changed, deleted.

use subtle::ConstantTimeEq;

use super::{Gateway, PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, Unavailable};
use super::{hash_password, hash_secret};
use crate::domain::access::{Role, User};
use crate::domain::fact::Step;
use crate::domain::ids::UserId;
use crate::domain::store::{MemberRefusal, Store};
use crate::domain::time::Timestamp;
use crate::service::members::{PeopleRefusal, backed};
use crate::store::{self, Rows, WriteError};

/// The longest e-mail address (RFC 5321).
const EMAIL_BYTES_MAX: usize = 254;

/// The longest name.
const NAME_CHARS_MAX: usize = 100;

/// The longest address of a picture.
const IMAGE_URL_BYTES_MAX: usize = 2_048;

/// Why an account is not made, changed or deleted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserRefusal {
    /// 422 `Email`.
    #[error("{0}")]
    Email(&'static str),
    /// 422 `Password`.
    #[error("A password has at least 8 characters.")]
    Password,
    /// 422 `NewPassword`.
    #[error("A password has at least 8 characters.")]
    NewPassword,
    /// 422 `CurrentPassword`.
    #[error("The current password is not right.")]
    CurrentPassword,
    /// 422 `Name`.
    #[error("A name has at most 100 characters.")]
    Name,
    /// 422 `ImageUrl`.
    #[error("This address is too long.")]
    ImageUrl,
    /// Accounts are made by an administrator, or with the set-up token.
    #[error("The first account needs the set-up token that the server printed when it started.")]
    SetupToken,
    /// Only an administrator makes accounts.
    #[error("Only an administrator can make accounts.")]
    NotAllowed,
    /// There is no such account, or no such invitation.
    #[error("There is no such account.")]
    Unknown,
    /// Somebody has to run the server.
    #[error("The only administrator can't be deleted.")]
    LastAdmin,
    /// Nobody would own these stores, or nobody would back them.
    #[error(
        "These stores need you as their owner: {}. Give each another owner first, or delete it.",
        .0.join(", ")
    )]
    OwnsStores(Vec<String>),
    /// 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<WriteError> for UserRefusal {
    fn from(error: WriteError) -> Self {
        Self::Unavailable(error.into())
    }
}

/// An account to be made.
#[derive(Clone, Default)]
pub struct NewUser {
    /// How they sign in.
    pub email: String,
    /// What they want to be called.
    pub name: Option<String>,
    /// Where their picture is.
    pub image_url: Option<String>,
    /// At least [`PASSWORD_CHARS_MIN`] characters; without one the account is an invitation.
    pub password: Option<String>,
    /// Runs the server.
    pub is_admin: bool,
}

/// What is to change in an account; `None` stays as it is.
#[derive(Clone, Default)]
pub struct UserChange {
    /// How they sign in.
    pub email: Option<String>,
    /// What they want to be called; empty for nothing.
    pub name: Option<String>,
    /// Where their picture is; empty for nowhere.
    pub image_url: Option<String>,
    /// The password they have.
    pub current_password: Option<String>,
    /// The password they want; needs the current one.
    pub new_password: Option<String>,
}

impl Gateway {
    /// Makes an account. The first one runs the server. `may_found`: the caller has shown the set-up token, or
    /// needs none (D45). `by_admin`: somebody who may make accounts asks; only they may invite. The second value opens
    /// the invitation and is not kept.
    pub async fn create_user(
        &self,
        new: NewUser,
        may_found: bool,
        by_admin: bool,
    ) -> Result<(User, Option<String>), UserRefusal> {
        let email = checked_email(&new.email)?;
        let name = checked_name(new.name)?;
        let image_url = checked_image(new.image_url)?;
        match &new.password {
            Some(password) if !is_password(password) => return Err(UserRefusal::Password),
            None if !by_admin => return Err(UserRefusal::Password),
            Some(_) | None => {}
        }
        if !by_admin {
            if self.has_admin().await {
                return Err(UserRefusal::NotAllowed);
            }
            if !may_found {
                return Err(UserRefusal::SetupToken);
            }
        }
        let invitation = (new.password.is_none()).then(|| hex::encode(self.random::<32>()));
        let password_hash = match new.password {
            Some(password) => hash_password(password, self.random()).await?,
            None => String::new(),
        };
        let user = User {
            id: UserId(self.random()),
            email,
            name,
            password_hash,
            is_admin: new.is_admin || !by_admin,
            created: self.now(),
            has_had_key: false,
            image_url,
            invitation: invitation.as_deref().map(hash_secret),
        };
        let made = self
            .store
            .try_write("user-create", move |tx| {
                if !by_admin && store::access::has_admin(tx) {
                    return Err(UserRefusal::NotAllowed);
                }
                if store::access::user_by_email(tx, &user.email).is_some() {
                    return Err(EMAIL_TAKEN);
                }
                store::access::put_user(tx, &user);
                Ok(user)
            })
            .await?;
        Ok((made, invitation))
    }

    /// A user by id or e-mail.
    pub async fn find_user(&self, id_or_email: &str) -> Option<User> {
        let text = id_or_email.to_owned();
        self.store
            .read(move |rows| store::access::find_user(rows, &text))
            .await
    }

    /// Changes an account. A new password ends its browser sessions; its keys stay.
    pub async fn update_user(&self, id: UserId, change: UserChange) -> Result<User, UserRefusal> {
        let email = change.email.as_deref().map(checked_email).transpose()?;
        let name = match change.name {
            Some(name) => Some(checked_name(Some(name))?),
            None => None,
        };
        let image_url = match change.image_url {
            Some(url) => Some(checked_image(Some(url))?),
            None => None,
        };
        let password_hash = match change.new_password {
            None => None,
            Some(new) => Some(self.new_password(id, change.current_password, new).await?),
        };
        self.store
            .try_write("user-update", move |tx| {
                let before = store::access::user(tx, id).ok_or(UserRefusal::Unknown)?;
                let taken = email
                    .as_deref()
                    .and_then(|email| store::access::user_by_email(tx, email))
                    .is_some_and(|other| other.id != id);
                if taken {
                    return Err(EMAIL_TAKEN);
                }
                let signed_out = match password_hash {
                    Some(_) => store::access::sessions_of(tx, id),
                    None => Vec::new(),
                };
                let after = User {
                    email: email.unwrap_or(before.email),
                    name: name.unwrap_or(before.name),
                    image_url: image_url.unwrap_or(before.image_url),
                    password_hash: password_hash.unwrap_or(before.password_hash),
                    ..before
                };
                store::access::put_user(tx, &after);
                for session in signed_out {
                    tx.remove(store::Table::Sessions, &session);
                }
                Ok(after)
            })
            .await
    }

    /// The hash of a new password, for who knows the current one.
    async fn new_password(
        &self,
        id: UserId,
        current: Option<String>,
        new: String,
    ) -> Result<String, UserRefusal> {
        if !is_password(&new) {
            return Err(UserRefusal::NewPassword);
        }
        let user = self
            .store
            .read(move |rows| store::access::user(rows, id))
            .await
            .ok_or(UserRefusal::Unknown)?;
        let known = self
            .check_password(&user.email, current.unwrap_or_default())
            .await;
        if known.is_none_or(|known| known.id != id) {
            return Err(UserRefusal::CurrentPassword);
        }
        Ok(hash_password(new, self.random()).await?)
    }

    /// Whose invitation this is.
    pub async fn invited(&self, user: UserId, token: &str) -> Option<User> {
        let hash = hash_secret(token);
        self.store
            .read(move |rows| invited(rows, user, &hash))
            .await
    }

    /// Somebody who was invited sets their password.
    pub async fn accept_invitation(
        &self,
        user: UserId,
        token: &str,
        password: String,
    ) -> Result<User, UserRefusal> {
        let hash = hash_secret(token);
        if self.invited(user, token).await.is_none() {
            return Err(UserRefusal::Unknown);
        }
        if !is_password(&password) {
            return Err(UserRefusal::Password);
        }
        let password_hash = hash_password(password, self.random()).await?;
        self.store
            .try_write("invitation-accept", move |tx| {
                let before = invited(tx, user, &hash).ok_or(UserRefusal::Unknown)?;
                let after = User {
                    password_hash,
                    invitation: None,
                    ..before
                };
                store::access::put_user(tx, &after);
                Ok(after)
            })
            .await
    }

    /// Deletes an account with its keys and sessions, and its place in every store. A store that would have no owner
    /// keeps it from going; but one that is archived goes to the administrator who has been there longest, because its
    /// wallet may still be paid.
    pub async fn delete_user(&self, id: UserId) -> Result<(), UserRefusal> {
        let now = self.now();
        self.store
            .try_write("user-delete", move |tx| {
                let user = store::access::user(tx, id).ok_or(UserRefusal::Unknown)?;
                let admins = store::access::admins(tx);
                let heir = admins.iter().find(|admin| admin.id != id);
                if user.is_admin && heir.is_none() {
                    return Err(UserRefusal::LastAdmin);
                }
                let heir = heir.map(|admin| admin.id);
                let (mut left, mut stuck) = (Vec::new(), Vec::new());
                for shop in store::settings::all(tx) {
                    if shop.role_of(id).is_none() {
                        continue;
                    }
                    let name = shop.name.clone();
                    match leave(tx, shop, id, heir, now) {
                        Ok(step) => left.push(step),
                        Err(_) => stuck.push(name),
                    }
                }
                if !stuck.is_empty() {
                    return Err(UserRefusal::OwnsStores(stuck));
                }
                for step in left {
                    store::settings::put(tx, &step.after);
                    tx.announce(step.after.id, step.facts, now);
                }
                store::access::remove_user(tx, &user);
                Ok(())
            })
            .await
    }
}

const EMAIL_TAKEN: UserRefusal = UserRefusal::Email("This e-mail address has an account.");

/// The store without this person.
fn leave(
    rows: &dyn Rows,
    shop: Store,
    user: UserId,
    heir: Option<UserId>,
    now: Timestamp,
) -> Result<Step<Store>, PeopleRefusal> {
    let alone = shop.owners().all(|owner| owner == user);
    let mut facts = Vec::new();
    let owned = match heir {
        Some(heir) if alone && shop.archived => {
            let step = match shop.role_of(heir) {
                Some(_) => shop.set_role(heir, Role::Owner, user),
                None => shop.add_member(heir, Role::Owner, user, now),
            }?;
            facts.extend(step.facts);
            step.after
        }
        Some(_) | None => shop,
    };
    let step = backed(rows, owned.remove_member(user, user)?)?;
    facts.extend(step.facts);
    Ok(Step {
        after: step.after,
        facts,
    })
}

fn invited(rows: &dyn Rows, user: UserId, token_hash: &[u8; 32]) -> Option<User> {
    store::access::user(rows, user)
        .filter(|user| (user.invitation).is_some_and(|kept| bool::from(kept.ct_eq(token_hash))))
}

fn is_password(text: &str) -> bool {
    text.chars().count() >= PASSWORD_CHARS_MIN && text.len() <= PASSWORD_BYTES_MAX
}

fn checked_email(text: &str) -> Result<String, UserRefusal> {
    let email = text.trim();
    let looks_right = email.len() <= EMAIL_BYTES_MAX
        && !email.contains(|c: char| c.is_whitespace() || c.is_control())
        && email
            .split_once('@')
            .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
    if looks_right {
        Ok(email.to_owned())
    } else {
        Err(UserRefusal::Email("This is not an e-mail address."))
    }
}

fn checked_name(name: Option<String>) -> Result<Option<String>, UserRefusal> {
    let name = name.map(|name| name.trim().to_owned());
    match name {
        Some(name) if name.chars().count() > NAME_CHARS_MAX => Err(UserRefusal::Name),
        name => Ok(name.filter(|name| !name.is_empty())),
    }
}

fn checked_image(url: Option<String>) -> Result<Option<String>, UserRefusal> {
    match url {
        Some(url) if url.len() > IMAGE_URL_BYTES_MAX => Err(UserRefusal::ImageUrl),
        url => Ok(url.filter(|url| !url.is_empty())),
    }
}

impl From<MemberRefusal> for PeopleRefusal {
    fn from(refusal: MemberRefusal) -> Self {
        Self::Member(refusal)
    }
}
