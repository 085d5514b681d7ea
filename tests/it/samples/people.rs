//! Samples of users, keys and sessions.

use tollway::domain::access::{ApiKey, Application, Grant, Session, User};

use super::{NOW, STORE, USER, text};

/// An account.
pub fn user() -> User {
    User {
        id: USER,
        email: text("a@example.com"),
        name: Some(text("A")),
        password_hash: text("$argon2id$v=19$m=19456,t=2,p=1$AA$AA"),
        is_admin: true,
        created: NOW,
        has_had_key: true,
        image_url: None,
        invitation: None,
    }
}

/// Somebody who has been invited.
pub fn invited_user() -> User {
    User {
        image_url: Some(text("https://example.com/a.png")),
        invitation: Some([0xee; 32]),
        ..user()
    }
}

/// A key that was given to an application.
pub fn app_key() -> ApiKey {
    ApiKey {
        application: Some(Application {
            identifier: text("shop"),
            host: text("shop.example:8443"),
            salt: [0xcc; 32],
        }),
        ..api_key()
    }
}

/// A key with a scoped grant and one without.
pub fn api_key() -> ApiKey {
    let grant = |store| Grant {
        permission: text("btcpay.store.canviewinvoices"),
        store,
    };
    ApiKey {
        user: USER,
        label: text("till"),
        permissions: vec![grant(None), grant(Some(STORE))],
        created: NOW,
        application: None,
    }
}

/// A signed-in browser.
pub fn session() -> Session {
    Session {
        user: USER,
        expires_at: NOW,
        csrf: [0xdd; 32],
    }
}
