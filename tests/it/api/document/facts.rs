//! The document against the facts of Greenfield: each operation, its permission, its members with their types and
//! words, and the defaults of a store. Where this server differs it says why.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tollway::api::document::document;

use super::super::Client;
use super::shape::Shape;

const FACTS: &str = include_str!("greenfield.txt");

/// Operations of rooms that come later, by the beginning of their ids.
const LATER: &[&str] = &[
    "Apps_",
    "PaymentRequests_",
    "Notifications_",
    "StoreLightningAddresses_",
    "PullPayments_LinkBoltcard",
    "Invoices_Refund",
    "Invoices_GetInvoiceRefundTriggerData",
];

/// Where this server differs: operation or shape, member (`links*` for all that begin so), and why.
const DIFFERENT: &[(&str, &str, &str)] = &[
    (
        "Users_CreateUser_in",
        "sendInvitationEmail",
        "this server sends no mail; the answer holds the invitation",
    ),
    (
        "CreateOnChainTransactionRequest",
        "proceedWithPayjoin",
        "this server has no payjoin",
    ),
    (
        "GenerateOnChainWalletRequest",
        "wordCount",
        "which numbers it may be is told in words",
    ),
    (
        "OnChainWalletObjectData",
        "links*",
        "in a request: links are noted by an operation of their own",
    ),
];

struct Fact {
    method: &'static str,
    path: &'static str,
    id: &'static str,
    permission: &'static str,
    request: &'static str,
    answer: &'static str,
    query: Vec<&'static str>,
}

/// Members of a shape: path, type, words, default.
type Members = Vec<(
    &'static str,
    &'static str,
    Vec<&'static str>,
    Option<&'static str>,
)>;

fn facts() -> (Vec<Fact>, BTreeMap<&'static str, Members>) {
    let mut operations = Vec::new();
    let mut shapes: BTreeMap<&str, Members> = BTreeMap::new();
    let mut shape = "";
    for line in FACTS
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        if let Some(name) = line.strip_prefix("= ") {
            shape = name;
            shapes.entry(shape).or_default();
            continue;
        }
        let words: Vec<&str> = line.split(' ').collect();
        if shape.is_empty() {
            let [method, path, id, permission, request, answer, query] = words[..] else {
                panic!("seven words: {line}");
            };
            let query = query.split(',').filter(|key| *key != "-").collect();
            operations.push(Fact {
                method,
                path,
                id,
                permission,
                request,
                answer,
                query,
            });
        } else {
            let find = |sign: char| words[2..].iter().find(|word| word.starts_with(sign));
            let default = find('=').map(|word| &word[1..]);
            let choices = words[2..].iter().find(|word| !word.starts_with('='));
            let choices = choices.map_or_else(Vec::new, |word| word.split('|').collect());
            let members = shapes.get_mut(shape).expect("it was begun");
            members.push((words[0], words[1], choices, default));
        }
    }
    (operations, shapes)
}

/// The same path with any names, and `{}` of ours for a word of theirs.
fn find(fact: &Fact) -> Option<&'static Value> {
    let theirs: Vec<&str> = fact.path.split('/').collect();
    let paths = document()["paths"].as_object().expect("paths");
    let fits = |(path, item): &(&String, &Value)| {
        let ours: Vec<&str> = path.split('/').collect();
        ours.len() == theirs.len()
            && item[fact.method.to_ascii_lowercase()].is_object()
            && (ours.iter().zip(&theirs))
                .all(|(ours, theirs)| ours.starts_with('{') || ours == theirs)
    };
    let best = (paths.iter().filter(fits)).min_by_key(|(path, _)| path.matches('{').count());
    Some(&best?.1[fact.method.to_ascii_lowercase()])
}

fn differs(place: &str, member: &str) -> bool {
    DIFFERENT.iter().any(|(of, name, why)| {
        assert!(!why.is_empty());
        let fits = match name.strip_suffix('*') {
            Some(begin) => member.starts_with(begin),
            None => *name == member,
        };
        place.starts_with(of) && fits
    })
}

/// The schema of a member: `checkout.speedPolicy`, `payments[].id`.
fn member<'a>(shape: &Shape<'a>, path: &str) -> Option<Shape<'a>> {
    let mut found = shape.bare();
    for part in path.split('.') {
        let (name, depth) = (part.trim_end_matches("[]"), part.matches("[]").count());
        found = Shape::of(found.members.get(name)?).bare();
        for _ in 0..depth {
            found = Shape::of(found.items?).bare();
        }
    }
    Some(found)
}

fn compare(
    place: &str,
    ours: &Shape<'_>,
    theirs: &Members,
    is_request: bool,
    wrong: &mut Vec<String>,
) {
    for (path, kind, words, _) in theirs {
        if differs(place, path) {
            continue;
        }
        let Some(ours) = member(ours, path) else {
            // What is free below a member is not told member by member.
            let free = path.rsplit_once('.').and_then(|(up, _)| member(ours, up));
            if free.is_none_or(|free| !free.members.is_empty()) {
                wrong.push(format!("{place}: {path} is missing"));
            }
            continue;
        };
        let types = ours.all_types();
        let fits = types.is_empty()
            || kind
                .split('/')
                .any(|kind| kind == "any" || types.contains(kind));
        if !fits {
            wrong.push(format!("{place}: {path} is {types:?}, not {kind}"));
        }
        if words.is_empty() {
            continue;
        }
        let own = ours.words.clone().unwrap_or_default();
        let (fewer, more) = if is_request {
            (words, &own)
        } else {
            (&own, words)
        };
        if own.is_empty() || !fewer.iter().all(|word| more.contains(word)) {
            wrong.push(format!("{place}: {path} is one of {own:?}, not {words:?}"));
        }
    }
}

fn body<'a>(content: &'a Value, name: &str) -> Shape<'a> {
    let shape = Shape::of(&content["content"]["application/json"]["schema"]);
    if name.starts_with("[]") {
        shape.items.map(Shape::of).unwrap_or_default()
    } else {
        shape
    }
}

#[test]
fn operations_permissions_members_types_and_words_are_greenfields() {
    let (operations, shapes) = facts();
    assert!(
        operations.len() > 100 && shapes.len() > 60,
        "the facts are read"
    );
    let mut wrong = Vec::new();
    for fact in &operations {
        let id = fact.id;
        let is_later = LATER.iter().any(|begin| id.starts_with(begin));
        let Some(ours) = find(fact) else {
            if !is_later && !differs(id, "*") {
                wrong.push(format!("{id}: {} {} is missing", fact.method, fact.path));
            }
            continue;
        };
        let permission = match &ours["x-permission"] {
            Value::String(name)
                if ours["security"]
                    .as_array()
                    .is_some_and(|all| all.contains(&json!({}))) =>
            {
                if fact.permission == "public" {
                    "public"
                } else {
                    name
                }
            }
            Value::String(name) => name,
            _ if ours["security"] == json!([{}]) => "public",
            _ => "signed",
        };
        if permission != fact.permission && !differs(id, "permission") {
            wrong.push(format!("{id}: needs {permission}, not {}", fact.permission));
        }
        let query: Vec<_> = (ours["parameters"].as_array().into_iter().flatten())
            .filter(|one| one["in"] == "query")
            .filter_map(|one| one["name"].as_str())
            .collect();
        for key in &fact.query {
            if !query.contains(key) && !differs(id, key) {
                wrong.push(format!("{id}: ?{key} is missing"));
            }
        }
        let answers = &ours["responses"];
        let done = if answers["201"].is_object() {
            "201"
        } else {
            "200"
        };
        for (name, content, is_request) in [
            (fact.request, &ours["requestBody"], true),
            (fact.answer, &answers[done], false),
        ] {
            let shape_name = name.trim_start_matches("[]");
            let Some(members) = shapes.get(shape_name) else {
                continue;
            };
            let shape = body(content, name);
            if shape.bare().members.is_empty() && !members.is_empty() {
                if !differs(id, "*") {
                    wrong.push(format!("{id}: has no {name}"));
                }
                continue;
            }
            compare(shape_name, &shape, members, is_request, &mut wrong);
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{} differences: {wrong:#?}", wrong.len());
}

#[tokio::test]
async fn a_new_store_has_greenfields_defaults() {
    let client = Client::new().await;
    let made = client
        .post("/api/v1/stores", json!({"name": "New"}))
        .await
        .ok();
    let (_, shapes) = facts();
    let mut compared = 0;
    for (path, _, _, default) in &shapes["StoreBaseData"] {
        let Some(default) = default.filter(|_| !path.contains("[]")) else {
            continue;
        };
        let default: Value = serde_json::from_str(default).expect("JSON");
        let (ours, theirs) = (&made[*path], &default);
        let equal = match (ours.as_f64(), theirs.as_f64()) {
            (Some(ours), Some(theirs)) => (ours - theirs).abs() < f64::EPSILON,
            _ => ours == theirs,
        };
        assert!(equal, "{path} is {ours}, not {theirs}");
        compared += 1;
    }
    assert!(compared > 20, "{compared}");
}
