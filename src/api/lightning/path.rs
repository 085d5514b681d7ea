//! Whose view of the node a path names, and who may use it.

use serde::Deserialize;

use crate::api::auth::Signed;
use crate::api::error::ApiError;
use crate::domain::ids::StoreId;
use crate::domain::receipt::Rail;
use crate::domain::store::Store;
use crate::http::AppState;

/// What a store has to be lent before it can use the node itself.
const USE_NODE: &str = "btcpay.server.canuseinternallightningnode";

/// `/server/lightning/{crypto}/…` or `S/lightning/{crypto}/…`, with the item behind it if there is one.
#[derive(Clone, Debug, Deserialize)]
pub struct NodePath {
    store: Option<String>,
    crypto: String,
    hash: Option<String>,
}

/// How much of the node a view shows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Window {
    /// The node itself.
    Node,
    /// What the books say of a store that may not draw on the node.
    Ledger(StoreId),
}

impl NodePath {
    /// Whose books: the house's, or the store's.
    pub(super) fn books(&self, state: &AppState, caller: &Signed) -> Result<StoreId, ApiError> {
        Ok(self
            .view(state, caller)?
            .map_or(StoreId::HOUSE, |store| store.id))
    }

    /// The same, also of a store that has no Lightning any more: what is open there has to come to an end.
    pub(super) fn old_books(&self, state: &AppState, caller: &Signed) -> Result<StoreId, ApiError> {
        Ok(self
            .named(state, caller)?
            .map_or(StoreId::HOUSE, |store| store.id))
    }

    /// Whose books, for what only they may do who may draw on the node's balance (D52).
    pub(super) fn node(&self, state: &AppState, caller: &Signed) -> Result<StoreId, ApiError> {
        match self.view(state, caller)? {
            None => Ok(StoreId::HOUSE),
            Some(store) if store.draws_on_node => Ok(store.id),
            Some(_) => Err(ApiError::missing_permission(USE_NODE)),
        }
    }

    /// Whose view of the node it is: all of it for the server and for stores that may draw on it, their own ledger for
    /// all others (D52).
    pub(super) fn window(&self, state: &AppState, caller: &Signed) -> Result<Window, ApiError> {
        Ok(match self.view(state, caller)? {
            Some(store) if !store.draws_on_node => Window::Ledger(store.id),
            Some(_) | None => Window::Node,
        })
    }

    /// The store whose view it is, which has to have Lightning.
    fn view(&self, state: &AppState, caller: &Signed) -> Result<Option<Store>, ApiError> {
        let store = self.named(state, caller)?;
        match &store {
            Some(store) if !store.settings.has(Rail::Lightning) => {
                let message = "This store has no Lightning.";
                Err(ApiError::not_found("lightning-not-configured", message))
            }
            Some(_) | None => Ok(store),
        }
    }

    /// The store that is named; the server's own view needs a right that the caller has shown.
    fn named(&self, state: &AppState, caller: &Signed) -> Result<Option<Store>, ApiError> {
        let store = self
            .store
            .as_deref()
            .map(|store| caller.store(state, store));
        let store = store.transpose()?;
        if self.crypto.eq_ignore_ascii_case("BTC") {
            Ok(store)
        } else {
            let message = "This server knows BTC only.";
            Err(ApiError::not_found("unknown-cryptocode", message))
        }
    }

    /// The item of the path.
    pub(super) fn hash(&self) -> &str {
        self.hash.as_deref().unwrap_or_default()
    }
}
