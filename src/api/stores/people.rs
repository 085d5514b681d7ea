//! The people of a store and the roles there are (Greenfield 3.3, 4.1).

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::body::{StoreRoleRequest, StoreUserRequest};
use crate::api::access::UserData;
use crate::api::auth::Signed;
use crate::api::error::ApiError;
use crate::api::extract::{Input, Params};
use crate::api::page::{Page, PageParams};
use crate::api::schema::StoreRole;
use crate::domain::access::{Role, User};
use crate::domain::store::Member;
use crate::http::AppState;

/// `StoreUserData`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoreUserData {
    #[serde(flatten)]
    user: UserData,
    #[schema(value_type = StoreRole)]
    store_role: &'static str,
    user_id: String,
    #[schema(value_type = StoreRole)]
    role: &'static str,
}

impl From<(User, Member)> for StoreUserData {
    fn from((user, member): (User, Member)) -> Self {
        Self {
            user_id: user.id.to_string(),
            user: user.into(),
            store_role: member.role.name(),
            role: member.role.name(),
        }
    }
}

/// `RoleData`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleData {
    id: &'static str,
    #[schema(value_type = StoreRole)]
    role: &'static str,
    #[schema(value_type = Vec<String>)]
    permissions: &'static [&'static str],
    is_server_role: bool,
}

/// The people of a store, those who have been there longest first
#[utoipa::path(get, path = "/v1/stores/{store}/users", operation_id = "Stores_GetStoreUsers", tag = "Store users",
    security(("API_Key" = ["btcpay.store.canviewstoresettings"])),
    params(PageParams),
    responses((status = 200, description = "Done.", body = [StoreUserData])))]
pub async fn list(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
    params: Params,
) -> Result<Json<Vec<StoreUserData>>, ApiError> {
    let store = caller.store(&state, &store)?;
    let page = Page::of(&params)?;
    let people = state.gateway.people_of(&store).await;
    let data = people.into_iter().map(StoreUserData::from).collect();
    Ok(Json(page.cut(data)))
}

/// Adds somebody to a store
///
/// `id` is an id or an e-mail address. Refused with 409 `duplicate-store-user-role`.
#[utoipa::path(post, path = "/v1/stores/{store}/users", operation_id = "Stores_AddStoreUser", tag = "Store users",
    security(("API_Key" = ["btcpay.store.canmodifystoresettings"])),
    request_body = StoreUserRequest,
    responses((status = 200, description = "Done.")))]
pub async fn add(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
    mut body: Input,
) -> Result<(), ApiError> {
    let store = caller.store(&state, &store)?;
    body.alias("userId", "id");
    let who = body.words("id").unwrap_or_default();
    if who.is_empty() {
        body.refuse(
            "id",
            "This has to be the id or e-mail address of an account.",
        );
    }
    let role = role(&mut body);
    body.finish()?;
    let (by, gateway) = (caller.0.user.id, &state.gateway);
    gateway.add_member(store.id, who, role, by).await?;
    Ok(())
}

/// Changes somebody's role in a store
///
/// Refused with 409 `store-user-role-orphaned` if the last owner would go.
#[utoipa::path(put, path = "/v1/stores/{store}/users/{user}", operation_id = "Stores_UpdateStoreUser", tag = "Store users",
    security(("API_Key" = ["btcpay.store.canmodifystoresettings"])),
    request_body = StoreRoleRequest,
    responses((status = 200, description = "Done.")))]
pub async fn update(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, who)): Path<(String, String)>,
    mut body: Input,
) -> Result<(), ApiError> {
    let store = caller.store(&state, &store)?;
    let role = role(&mut body);
    body.finish()?;
    let (by, gateway) = (caller.0.user.id, &state.gateway);
    gateway.set_member_role(store.id, who, role, by).await?;
    Ok(())
}

/// Takes somebody out of a store
///
/// Refused with 409 `store-user-role-orphaned` if the last owner would go.
#[utoipa::path(delete, path = "/v1/stores/{store}/users/{user}", operation_id = "Stores_RemoveStoreUser", tag = "Store users",
    security(("API_Key" = ["btcpay.store.canmodifystoresettings"])),
    responses((status = 200, description = "Done.")))]
pub async fn remove(
    State(state): State<AppState>,
    caller: Signed,
    Path((store, who)): Path<(String, String)>,
) -> Result<(), ApiError> {
    let store = caller.store(&state, &store)?;
    let by = caller.0.user.id;
    state.gateway.remove_member(store.id, who, by).await?;
    Ok(())
}

/// The roles there are: the same four in every store
#[utoipa::path(get, path = "/v1/stores/{store}/roles", operation_id = "Stores_GetStoreRoles", tag = "Store users",
    security(("API_Key" = ["btcpay.store.canviewstoresettings"])),
    responses((status = 200, description = "Done.", body = [RoleData])))]
pub async fn roles(
    State(state): State<AppState>,
    caller: Signed,
    Path(store): Path<String>,
) -> Result<Json<Vec<RoleData>>, ApiError> {
    caller.store(&state, &store)?;
    Ok(Json(all_roles()))
}

/// The roles there are
#[utoipa::path(get, path = "/v1/server/roles", operation_id = "Server_GetStoreRoles", tag = "Server",
    security(("API_Key" = ["btcpay.server.canmodifyserversettings"])),
    responses((status = 200, description = "Done.", body = [RoleData])))]
pub async fn server_roles(_: Signed) -> Json<Vec<RoleData>> {
    Json(all_roles())
}

fn all_roles() -> Vec<RoleData> {
    let data = |role: Role| RoleData {
        id: role.name(),
        role: role.name(),
        permissions: role.permissions(),
        is_server_role: true,
    };
    Role::ALL.map(data).into()
}

/// `storeRole`, once `role`. The fault is told if it is missing or unknown.
fn role(body: &mut Input) -> Role {
    body.alias("role", "storeRole");
    let given = body.parsed::<Role>("storeRole");
    if given.is_none() {
        body.refuse(
            "storeRole",
            "This has to be Owner, Manager, Employee or Guest.",
        );
    }
    given.unwrap_or(Role::Guest)
}
