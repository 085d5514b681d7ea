//! The document of the API, held against what the API does and against the facts of Greenfield.

mod facts;
mod shape;

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::{Value, json};
use tollway::api::document::document;

use super::Client;
use super::operations::Things;
use shape::Shape;

/// Members of answers that are there only if there is something to say.
const SOMETIMES: [&str; 12] = [
    "accountKeyPath",
    "config",
    "cryptoCode",
    "derivationScheme",
    "feeBlockTarget",
    "feeTargetBlock",
    "label",
    "missingPermission",
    "paymentMethods",
    "reviewReason",
    "secret",
    "threshold",
];

/// Checks an answer against what the document says about it. Addresses of no operation are passed over.
pub fn check_answer(method: &str, path: &str, status: StatusCode, body: &Value) {
    let Some(operation) = operation_at(method, path) else {
        return;
    };
    let name = operation["operationId"].as_str().unwrap_or_default();
    if status == StatusCode::METHOD_NOT_ALLOWED {
        return;
    }
    let declared = Shape::resolved(&operation["responses"][status.as_str()]);
    assert!(
        declared.is_object(),
        "the document says nothing of {status} at {name}: {body}"
    );
    let schema = &declared["content"]["application/json"]["schema"];
    if schema.is_null() {
        assert_eq!(body, &Value::Null, "{name} answers something undeclared");
        return;
    }
    let mut faults = Vec::new();
    Shape::of(schema).check(body, "", &mut faults);
    assert!(faults.is_empty(), "{name} {status}: {faults:#?} in {body}");
}

/// The operation that answers at an address.
fn operation_at(method: &str, path: &str) -> Option<&'static Value> {
    let path = path.split('?').next().unwrap_or_default();
    let path = path.trim_end_matches('/');
    let given: Vec<&str> = path.split('/').collect();
    let paths = document()["paths"].as_object().expect("paths");
    let found = paths
        .iter()
        .filter(|(template, _)| {
            let parts: Vec<&str> = template.split('/').collect();
            parts.len() == given.len()
                && parts.iter().zip(&given).all(|(part, text)| {
                    part.eq_ignore_ascii_case(text) || part.starts_with('{') && !text.is_empty()
                })
        })
        // A word is more than an id.
        .min_by_key(|(template, _)| template.matches('{').count());
    let operation = &found?.1[method.to_ascii_lowercase()];
    operation.is_object().then_some(operation)
}

#[test]
fn an_answer_outside_of_its_shape_is_noticed() {
    let schema = json!({
        "type": "object",
        "required": ["id"],
        "properties": {
            "id": {"type": "string"},
            "n": {"type": ["integer", "null"]},
            "word": {"enum": ["A", "B"], "type": "string"},
            "list": {"type": "array", "items": {"type": "number"}},
        },
    });
    let full = json!({"id": "x", "n": null, "word": "A", "list": [1, 2.5]});
    let with = |name: &str, value: Value| {
        let mut body = full.clone();
        body[name] = value;
        body
    };
    let rows = [
        (full.clone(), 0),
        (with("id", json!(1)), 1),
        (with("n", json!("1")), 1),
        (with("n", json!(1.5)), 1),
        (with("word", json!("C")), 1),
        (with("list", json!([1, "2"])), 1),
        (with("more", json!(1)), 1),
        (json!({"id": "x"}), 3),
        (json!([]), 1),
    ];
    for (body, expected) in rows {
        let mut faults = Vec::new();
        Shape::of(&schema).check(&body, "", &mut faults);
        assert_eq!(faults.len(), expected, "{body}: {faults:?}");
    }
}

#[test]
fn every_reference_of_the_document_leads_somewhere_and_every_operation_is_told() {
    fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|one| references(one, found));
            }
            Value::Array(items) => items.iter().for_each(|one| references(one, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut found = BTreeSet::new();
    references(document(), &mut found);
    assert!(found.contains("#/components/schemas/InvoiceData"));
    for reference in found {
        let pointer = reference.trim_start_matches('#');
        assert!(document().pointer(pointer).is_some(), "{reference}");
    }
    for one in tollway::api::operations().iter() {
        let method = one.method.as_str().to_ascii_lowercase();
        let told = &document()["paths"][one.address()][&method];
        assert_eq!(told["operationId"], one.id, "{}", one.path);
        assert!(
            told["summary"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        );
        assert!(told["security"].is_array(), "{}", one.id);
    }
}

/// Every operation stands in `docs/GREENFIELD.md`, with its permission and a test that there is; nothing else does.
#[test]
fn the_page_about_greenfield_lists_the_router() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/GREENFIELD.md")).expect("the page");
    let mut told = BTreeSet::new();
    for line in page.lines() {
        let cells: Vec<&str> = line
            .split('|')
            .map(|cell| cell.trim().trim_matches('`'))
            .collect();
        let ["", method, path, permission, id, test, ""] = cells[..] else {
            continue;
        };
        if !path.starts_with('/') {
            continue;
        }
        let mut names: Vec<&str> = test.split("::").collect();
        let function = format!("fn {}()", names.pop().expect("a name"));
        let file = root
            .join("tests/it")
            .join(names.join("/"))
            .with_extension("rs");
        let source = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(source.contains(&function), "there is no test {test}");
        let row = [method, path, permission, id].map(str::to_owned);
        assert!(told.insert(row), "{id} is listed twice");
    }
    let declared: BTreeSet<_> = tollway::api::operations()
        .iter()
        .map(|one| {
            let (method, permission) = (one.method.to_string(), one.access.to_string());
            [method, one.address(), permission, one.id.clone()]
        })
        .collect();
    let missing: Vec<_> = declared.difference(&told).collect();
    let gone: Vec<_> = told.difference(&declared).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "not listed: {missing:#?}; not there: {gone:#?}"
    );
}

#[tokio::test]
async fn the_document_is_served_to_anybody_under_both_its_names() {
    let client = Client::new().await;
    for path in ["/openapi.json", "/swagger/v1/swagger.json"] {
        let answer = client.call_as(None, "GET", path, "").await;
        assert_eq!(answer.headers["content-type"], "application/json");
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
        assert_eq!(&answer.ok(), document(), "{path}");
    }
}

/// Older names of members: read for old clients, not documented. And members that are refused because this server does
/// not offer them.
const UNTOLD: [&str; 9] = [
    "feeRate",
    "paymentMethod",
    "paymentMethods",
    "feeTargetBlock",
    "userId",
    "role",
    "period",
    "pin",
    "receipt",
];

#[tokio::test]
async fn every_member_that_a_request_is_read_for_is_documented_and_no_other() {
    let mut wrong = Vec::new();
    for one in tollway::api::operations().iter() {
        let method = one.method.as_str().to_ascii_lowercase();
        let told = &document()["paths"][one.address()][&method];
        let schema = &told["requestBody"]["content"]["application/json"]["schema"];
        if one.method == "GET" && schema.is_null() && told["parameters"].is_null() {
            continue;
        }
        let client = Client::new().await;
        let things = Things::of(&client).await;
        let Some(address) = things.address(one) else {
            continue;
        };
        let call = client.asked(one.method.as_str(), &address);
        let asked = client.world.clock.hurry(call).await;
        let name = &one.id;
        let documented: BTreeSet<String> = Shape::of(schema).paths().into_iter().collect();
        // An object is read by its members.
        let is_read = |path: &String| {
            let below = format!("{path}.");
            asked.body.contains(path) || asked.body.iter().any(|one| one.starts_with(&below))
        };
        for path in documented.iter().filter(|path| !is_read(path)) {
            wrong.push(format!("{name}: {path} is documented and never read"));
        }
        for path in &asked.body {
            let top = path.split('.').next().unwrap_or_default();
            if !documented.contains(path) && !UNTOLD.contains(&top) {
                wrong.push(format!("{name}: {path} is read and not documented"));
            }
        }
        let query: BTreeSet<String> = told["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|one| one["in"] == "query")
            .filter_map(|one| one["name"].as_str().map(str::to_owned))
            .collect();
        for key in query.symmetric_difference(&asked.query) {
            wrong.push(format!("{name}: ?{key} is documented or read, not both"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
