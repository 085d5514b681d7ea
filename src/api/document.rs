//! The `OpenAPI` document: what the handlers declare, and what all operations have in common.

use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::{Map, Value, json};
use utoipa::PartialSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ErrorData, Fault};
use super::operations::{API_KEY, Access, Operation, Operations, Room, address};
use super::routes::declared;
use super::schema::HASH;

const ABOUT: &str = "The Greenfield API of a Tollway server. A client written for BTCPay Server works unmodified; \
what Tollway adds or does differently is told at the operation.\n\nDecimals are texts in answers, and texts or numbers \
in requests. Times are Unix times in seconds. Names of members match in any case, unknown members are ignored, and \
`null` is absent. Paths match in any case, with or without a slash at the end.";

/// What may go wrong: status, name in the document, meaning.
const REFUSALS: [(u16, &str, &str); 9] = [
    (400, "Refused", "It can't be done; the code tells why."),
    (401, "Unauthenticated", "No valid credentials."),
    (
        403,
        "Forbidden",
        "The caller lacks a right, or the item belongs to nobody the caller may act for.",
    ),
    (404, "NotFound", "There is no such item."),
    (
        409,
        "Conflict",
        "It contradicts what is there; the code tells why.",
    ),
    (413, "TooLarge", "The body is too large."),
    (
        422,
        "Invalid",
        "Everything that is wrong with the request, member by member.",
    ),
    (
        429,
        "TooMany",
        "Too many from this address; `Retry-After` tells when to come again.",
    ),
    (
        503,
        "Unavailable",
        "Not now; `Retry-After` tells when to come again.",
    ),
];

static DOCUMENT: LazyLock<Value> = LazyLock::new(build);
static TEXT: LazyLock<String> = LazyLock::new(|| DOCUMENT.to_string());

/// The document (`OpenAPI` 3.1).
pub fn document() -> &'static Value {
    &DOCUMENT
}

/// This document
#[utoipa::path(get, path = "/openapi.json", operation_id = "OpenApi_GetDocument", tag = "Server",
    security(()),
    responses((status = 200, description = "The document.", body = Object)))]
pub async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], TEXT.as_str())
}

/// The room's operations. Clients of `BTCPay` Server look for the document under its older name.
pub fn room() -> Room {
    OpenApiRouter::new()
        .routes(routes!(openapi))
        .route("/swagger/v1/swagger.json", get(openapi))
}

fn build() -> Value {
    let declared = declared();
    let operations = Operations::of(&declared);
    let mut document = serde_json::to_value(&declared).unwrap_or_default();
    document["info"] = json!({
        "title": "Tollway",
        "description": ABOUT,
        "version": env!("CARGO_PKG_VERSION"),
        "license": {"name": "MIT OR Apache-2.0"},
    });
    for one in operations.iter() {
        let method = one.method.as_str().to_ascii_lowercase();
        complete(&mut document["paths"][&one.path][&method], one);
    }
    let paths = document["paths"].as_object().cloned().unwrap_or_default();
    document["paths"] = paths
        .into_iter()
        .map(|(path, item)| (address(&path), item))
        .collect::<Map<_, _>>()
        .into();
    let components = &mut document["components"];
    components["schemas"]["ErrorData"] = schema::<ErrorData>();
    components["schemas"]["Fault"] = schema::<Fault>();
    components["responses"] = REFUSALS
        .iter()
        .map(|(status, name, about)| ((*name).to_owned(), refusal(*status, about)))
        .collect::<Map<_, _>>()
        .into();
    components["securitySchemes"] = json!({
        API_KEY: {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`token` and an API key: `Authorization: token 0123…`. The scopes are permissions.",
        },
        "Basic": {
            "type": "http",
            "scheme": "basic",
            "description": "E-mail address and password, until the account has its first key.",
        },
    });
    document
}

fn schema<T: PartialSchema>() -> Value {
    serde_json::to_value(T::schema()).unwrap_or_default()
}

fn refusal(status: u16, about: &str) -> Value {
    let schema = match status {
        422 => json!({"type": "array", "items": {"$ref": "#/components/schemas/Fault"}}),
        _ => json!({"$ref": "#/components/schemas/ErrorData"}),
    };
    let example = match status {
        401 => json!({"code": "unauthenticated", "message": "This needs an API key."}),
        403 => json!({
            "code": "missing-permission",
            "message": "This needs the permission btcpay.store.canviewinvoices.",
            "missingPermission": "btcpay.store.canviewinvoices",
        }),
        404 => json!({"code": "invoice-not-found", "message": "There is no such invoice."}),
        422 => json!([{"path": "Amount", "message": "The amount can't be negative."}]),
        _ => json!({"code": "generic-error", "message": about}),
    };
    json!({
        "description": about,
        "content": {"application/json": {"schema": schema, "example": example}},
    })
}

/// What follows from the path, the body and the right of an operation.
fn complete(declared: &mut Value, one: &Operation) {
    let names: Vec<&str> = one
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .collect();
    let mut parameters: Vec<Value> = names.iter().map(|name| path_parameter(name)).collect();
    if let Some(more) = declared["parameters"].as_array() {
        parameters.extend(more.iter().cloned());
    }
    let asks = parameters.len() > names.len();
    let writes = declared["requestBody"].is_object();
    let mut wrong = vec![429, 503];
    // Refusals of an operation's own are told in its description.
    let about = declared["description"].as_str().unwrap_or_default();
    let once = parameters
        .iter()
        .any(|one| one["name"] == "Idempotency-Key");
    if once || about.contains("409 `") {
        wrong.push(409);
    }
    if !names.is_empty() || writes {
        wrong.push(400);
    }
    match one.access {
        Access::Public => {}
        Access::Signed => wrong.push(401),
        Access::PublicOr(_) | Access::Permission(_) => wrong.extend([401, 403]),
    }
    if names.iter().any(|name| *name != "store") || writes {
        wrong.push(404);
    }
    if writes {
        wrong.push(413);
    }
    if writes || asks {
        wrong.push(422);
    }
    for (status, name, _) in REFUSALS {
        let response = &mut declared["responses"][status.to_string()];
        if wrong.contains(&status) || response.is_object() {
            *response = json!({"$ref": format!("#/components/responses/{name}")});
        }
    }
    declared["responses"]
        .as_object_mut()
        .into_iter()
        .for_each(|all| all.retain(|_, response| !response.is_null()));
    if !parameters.is_empty() {
        declared["parameters"] = parameters.into();
    }
    if let Some(permission) = one.access.permission() {
        declared["x-permission"] = permission.into();
    }
}

fn path_parameter(name: &str) -> Value {
    let about = match name {
        "store" => "The id of a store.",
        "crypto" => "`BTC`.",
        "method" => "A payment method: `BTC-CHAIN` or `BTC-LN`.",
        "user" => "The id of an account, or its e-mail address.",
        "apikey" => "An API key.",
        "payment" => "An outpoint or a payment hash.",
        "hash" => "A payment hash.",
        "payout" => "The id of a payout.",
        "factory" => {
            "`LightningAutomatedPayoutSenderFactory` or `OnChainAutomatedPayoutSenderFactory`."
        }
        _ => "Its id.",
    };
    json!({
        "name": name,
        "in": "path",
        "required": true,
        "description": about,
        "schema": path_schema(name),
    })
}

/// What may stand in a path, as far as a schema can say it. Anything else is answered 404.
fn path_schema(name: &str) -> Value {
    match name {
        "crypto" => json!({"type": "string", "enum": ["BTC"]}),
        "method" => json!({"type": "string", "examples": ["BTC-CHAIN", "BTC-LN"]}),
        "hash" | "txid" => json!({"type": "string", "pattern": HASH}),
        _ => json!({"type": "string", "minLength": 1}),
    }
}
