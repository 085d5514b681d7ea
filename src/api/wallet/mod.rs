//! A store's on-chain wallet (Greenfield 3.13), and the transactions that wait for their owner's signature (Tollway's
//! own).

pub mod drafts;
mod dto;
pub mod notes;
mod recall;
pub mod send;
pub mod setup;
pub mod view;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::Signed;
use super::error::ApiError;
use super::operations::Room;
use crate::domain::receipt::Rail;
use crate::domain::store::Store;
use crate::http::AppState;

/// The room's operations.
pub fn room() -> Room {
    let room = OpenApiRouter::new()
        .routes(routes!(view::overview))
        .routes(routes!(view::histogram))
        .routes(routes!(view::fee_rate))
        .routes(routes!(view::address, view::release_address))
        .routes(routes!(view::transactions, send::create))
        .routes(routes!(send::broadcast))
        .routes(routes!(view::transaction, view::remark))
        .routes(routes!(view::coins))
        .routes(routes!(setup::generate))
        .routes(routes!(setup::preview, setup::preview_of))
        .routes(routes!(notes::list, notes::put))
        .routes(routes!(notes::get, notes::remove))
        .routes(routes!(notes::link))
        .routes(routes!(notes::unlink))
        .routes(routes!(drafts::list))
        .routes(routes!(drafts::get, drafts::give_up));
    OpenApiRouter::new().nest("/v1/stores/{store}/payment-methods/{method}/wallet", room)
}

/// Where an older path of the wallet is served: `…/payment-methods/onchain/BTC/preview` and so on (section 2).
pub(super) fn newer_path(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    let at = parts
        .iter()
        .position(|part| part.eq_ignore_ascii_case("payment-methods"));
    let Some(at) = at.filter(|at| {
        parts
            .get(at + 1)
            .is_some_and(|part| part.eq_ignore_ascii_case("onchain"))
    }) else {
        return path.to_owned();
    };
    let Some(rest) = parts
        .get(at + 3..)
        .filter(|rest| !rest.is_empty() && *rest != [""])
    else {
        return path.to_owned();
    };
    let mut newer = parts[..=at].to_vec();
    newer.push(parts[at + 2]);
    if !rest[0].eq_ignore_ascii_case("wallet") {
        newer.push("wallet");
    }
    newer.extend(rest);
    newer.join("/")
}

/// The store of a path, whose method has to be the chain.
fn store_of(
    state: &AppState,
    caller: &Signed,
    store: &str,
    method: &str,
) -> Result<Store, ApiError> {
    let store = caller.store(state, store)?;
    match method.parse() {
        Ok(Rail::Onchain) => Ok(store),
        Ok(Rail::Lightning) | Err(_) => Err(not_configured()),
    }
}

fn not_configured() -> ApiError {
    let message = "The store has no on-chain wallet.";
    ApiError::not_found("paymentmethod-not-configured", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_paths_of_the_wallet_lead_to_the_newer_ones() {
        let rows = [
            (
                "/v1/stores/a/payment-methods/onchain/BTC/preview",
                "/v1/stores/a/payment-methods/BTC/wallet/preview",
            ),
            (
                "/v1/stores/a/Payment-Methods/OnChain/btc/generate/",
                "/v1/stores/a/Payment-Methods/btc/wallet/generate/",
            ),
            (
                "/v1/stores/a/payment-methods/onchain/BTC/wallet/transactions/b",
                "/v1/stores/a/payment-methods/BTC/wallet/transactions/b",
            ),
            (
                "/v1/stores/a/payment-methods/onchain/BTC/Wallet",
                "/v1/stores/a/payment-methods/BTC/Wallet",
            ),
            (
                "/v1/stores/a/payment-methods/onchain/BTC",
                "/v1/stores/a/payment-methods/onchain/BTC",
            ),
            (
                "/v1/stores/a/payment-methods/onchain/BTC/",
                "/v1/stores/a/payment-methods/onchain/BTC/",
            ),
            (
                "/v1/stores/a/payment-methods/onchain",
                "/v1/stores/a/payment-methods/onchain",
            ),
            (
                "/v1/stores/a/payment-methods",
                "/v1/stores/a/payment-methods",
            ),
            ("/", "/"),
        ];
        for (given, expected) in rows {
            assert_eq!(newer_path(given), expected);
        }
    }
}
