//! The books of the house and of its stores. Ours alone: Greenfield knows nothing like it.

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::Signed;
use super::error::ApiError;
use super::operations::Room;
use super::schema::{AuditRule, PaymentMethodId};
use crate::domain::receipt::Rail;
use crate::http::AppState;
use crate::service::books::{Audit, Identity, Rule, allowance};

/// What an audit found. `holds` is true if every line holds and, if the node was compared, it stood still.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditData {
    /// All in order.
    pub holds: bool,
    /// Why the node was not compared; null if it was.
    pub node_not_compared: Option<String>,
    /// Line by line.
    pub identities: Vec<IdentityData>,
}

/// One thing that has to hold: `left` equals `right`, or is at most `right`. Whole msat, as text.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditLine)]
pub struct IdentityData {
    /// What is compared with what.
    pub name: String,
    /// `equal` or `atMost`.
    #[schema(value_type = AuditRule)]
    pub rule: String,
    /// What the books say.
    pub left_msat: String,
    /// What was counted.
    pub right_msat: String,
    /// Whether it does.
    pub holds: bool,
}

impl From<&Audit> for AuditData {
    fn from(audit: &Audit) -> Self {
        Self {
            holds: audit.holds(),
            node_not_compared: audit.not_compared.as_ref().map(ToString::to_string),
            identities: audit.identities.iter().map(IdentityData::from).collect(),
        }
    }
}

impl From<&Identity> for IdentityData {
    fn from(identity: &Identity) -> Self {
        Self {
            name: identity.name.clone(),
            rule: match identity.rule {
                Rule::Equal => "equal",
                Rule::AtMost => "atMost",
            }
            .to_owned(),
            left_msat: identity.left.0.to_string(),
            right_msat: identity.right.0.to_string(),
            holds: identity.holds(),
        }
    }
}

/// What a store has on one rail. Whole msat, as text; may be negative where a store draws on the node.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = StoreBalanceData)]
pub struct BalanceData {
    #[schema(value_type = PaymentMethodId)]
    payment_method_id: &'static str,
    balance_msat: String,
    /// What it may set out to spend now; null if only channels, or coins, limit it.
    spendable_msat: Option<String>,
}

/// Counts all the books a second time
///
/// Takes up to half a minute while payments are under way.
#[utoipa::path(get, path = "/v1/server/audit", operation_id = "ServerBooks_Audit", tag = "Server",
    security(("API_Key" = ["btcpay.server.canmodifyserversettings"])),
    responses((status = 200, description = "Done.", body = AuditData)))]
pub async fn audit(State(state): State<AppState>, _: Signed) -> Result<Json<AuditData>, ApiError> {
    let audit = state.gateway.audit().await?;
    Ok(Json(AuditData::from(&audit)))
}

/// What a store has on each rail
///
/// What came in, less what went out and its fees.
#[utoipa::path(get, path = "/v1/stores/{store}/balances", operation_id = "StoreBooks_GetBalances", tag = "Stores",
    security(("API_Key" = ["btcpay.store.canviewstoresettings"])),
    responses((status = 200, description = "Done.", body = [BalanceData])))]
pub async fn balances(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
) -> Result<Json<Vec<BalanceData>>, ApiError> {
    let shop = caller.store(&state, &store)?;
    let rows = state.gateway.store.glance(|rows| {
        Rail::ALL.map(|rail| BalanceData {
            payment_method_id: rail.method_id(),
            balance_msat: allowance::balance(rows, shop.id, rail).0.to_string(),
            spendable_msat: match rail {
                Rail::Lightning => allowance::of(rows, shop.id).map(|msat| msat.0.to_string()),
                Rail::Onchain => None,
            },
        })
    });
    Ok(Json(rows.into()))
}

/// The room's operations.
pub fn room() -> Room {
    OpenApiRouter::new()
        .routes(routes!(audit))
        .routes(routes!(balances))
}
