//! Whose view of the node a path names, and who may use it.

use serde::Deserialize;

use crate::api::auth::Signed;
use crate::api::error::ApiError;
use crate::domain::ids::StoreId;
use crate::http::AppState;

/// `/server/lightning/{crypto}/…` or `S/lightning/{crypto}/…`, with the item behind it if there is one.
#[derive(Clone, Debug, Deserialize)]
pub struct NodePath {
    store: Option<String>,
    crypto: String,
    hash: Option<String>,
}

/// What is done with the node, and the right it needs on either path.
#[derive(Clone, Copy, Debug)]
pub(super) enum Use {
    /// Looks at it, opens channels, pays.
    Node,
    /// Makes invoices.
    CreateInvoice,
    /// Looks at invoices.
    ViewInvoice,
}

impl Use {
    const fn right_on_server(self) -> &'static str {
        match self {
            Self::Node => "btcpay.server.canuseinternallightningnode",
            Self::CreateInvoice => "btcpay.server.cancreatelightninginvoiceinternalnode",
            Self::ViewInvoice => "btcpay.server.canviewlightninginvoiceinternalnode",
        }
    }

    const fn right_on_store(self) -> &'static str {
        match self {
            Self::Node => "btcpay.store.canuselightningnode",
            Self::CreateInvoice => "btcpay.store.cancreatelightninginvoice",
            Self::ViewInvoice => "btcpay.store.canviewlightninginvoice",
        }
    }
}

impl NodePath {
    /// Whose books: the house's, or the store's. A store that may not draw on the node's balance (D52) can only
    /// make invoices and look at them.
    pub(super) fn open(
        &self,
        state: &AppState,
        caller: &Signed,
        wanted: Use,
    ) -> Result<StoreId, ApiError> {
        let id = match &self.store {
            None => {
                caller.check(wanted.right_on_server())?;
                StoreId::HOUSE
            }
            Some(store) => {
                let store = caller.store(state, store, wanted.right_on_store())?;
                match wanted {
                    Use::Node if !store.draws_on_node => {
                        return Err(ApiError::missing_permission(wanted.right_on_server()));
                    }
                    Use::Node | Use::CreateInvoice | Use::ViewInvoice => store.id,
                }
            }
        };
        if self.crypto.eq_ignore_ascii_case("BTC") {
            Ok(id)
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
