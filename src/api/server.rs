//! The server itself: whether it is well, what it is (Greenfield 3.15, 4.11).

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::Signed;
use super::number::Num;
use super::operations::Room;
use super::schema::PaymentMethodId;
use crate::domain::access::{IMPLIED, permissions as all_permissions};
use crate::http::AppState;

/// Clients switch features on it.
const GREENFIELD_VERSION: &str = "2.4.1";

const IMPLEMENTATION: &str = concat!("Tollway/", env!("CARGO_PKG_VERSION"));

/// `GET /health`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HealthData)]
pub struct Health {
    synchronized: bool,
}

/// `ServerInfo`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ServerInfoData)]
pub struct ServerInfo {
    version: &'static str,
    onion: Option<String>,
    #[schema(value_type = Vec<PaymentMethodId>)]
    supported_payment_methods: [&'static str; 2],
    fully_synched: bool,
    #[schema(value_type = Vec<SyncStatus>)]
    sync_status: [SyncStatus; 1],
    implementation: &'static str,
}

/// How far the chain has been followed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SyncStatus {
    payment_method_id: &'static str,
    available: bool,
    chain_height: u32,
    sync_height: Option<u32>,
    node_information: Option<NodeInformation>,
}

/// What the node of the chain knows.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeInformation {
    headers: u32,
    blocks: u32,
    verification_progress: Num,
}

/// One permission and what it implies.
#[derive(Debug, Serialize, ToSchema)]
pub struct PermissionData {
    name: &'static str,
    included: Vec<&'static str>,
}

/// Whether the server follows the chain and its node is up
#[utoipa::path(get, path = "/v1/health", operation_id = "Health_GetHealth", tag = "Server",
    security(()),
    responses((status = 200, description = "Done.", body = Health)))]
pub async fn health(State(state): State<AppState>) -> Json<Health> {
    Json(Health {
        synchronized: state.gateway.is_synchronized(),
    })
}

/// What this server is and how far it has followed the chain
#[utoipa::path(get, path = "/v1/server/info", operation_id = "ServerInfo_GetServerInfo", tag = "Server",
    security(("API_Key" = [])),
    responses((status = 200, description = "Done.", body = ServerInfo)))]
pub async fn info(State(state): State<AppState>, _: Signed) -> Json<ServerInfo> {
    let follower = &state.gateway.follower;
    let tip = follower.known_tip().map(|tip| tip.height);
    Json(ServerInfo {
        version: GREENFIELD_VERSION,
        onion: None,
        supported_payment_methods: ["BTC-CHAIN", "BTC-LN"],
        fully_synched: state.gateway.is_synchronized(),
        sync_status: [SyncStatus {
            payment_method_id: "BTC-CHAIN",
            available: follower.is_reachable(),
            chain_height: tip.unwrap_or_default(),
            sync_height: follower.synced_height(),
            node_information: tip.map(|height| NodeInformation {
                headers: height,
                blocks: height,
                verification_progress: Num(rust_decimal::Decimal::ONE),
            }),
        }],
        implementation: IMPLEMENTATION,
    })
}

/// Every permission and its direct children
#[utoipa::path(get, path = "/misc/permissions", operation_id = "permissionsMetadata", tag = "Server",
    security(()),
    responses((status = 200, description = "Done.", body = [PermissionData])))]
pub async fn permissions() -> Json<Vec<PermissionData>> {
    let included = |name: &str| {
        IMPLIED
            .iter()
            .filter(|(parent, _)| *parent == name)
            .flat_map(|(_, children)| children.iter().copied())
            .collect()
    };
    Json(
        all_permissions()
            .into_iter()
            .map(|name| PermissionData {
                name,
                included: included(name),
            })
            .collect(),
    )
}

/// A language that pages for payers are in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LanguageData {
    code: &'static str,
    current_language: &'static str,
}

/// The languages of the checkout
#[utoipa::path(get, path = "/misc/lang", operation_id = "langCodes", tag = "Server",
    security(()),
    responses((status = 200, description = "The languages.", body = [LanguageData])))]
pub async fn languages() -> Json<[LanguageData; 1]> {
    Json([LanguageData {
        code: "en",
        current_language: "English",
    }])
}

/// The room's operations.
pub fn room() -> Room {
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(info))
}

/// Those outside of the versions.
pub fn misc() -> Room {
    OpenApiRouter::new()
        .routes(routes!(permissions))
        .routes(routes!(languages))
}
