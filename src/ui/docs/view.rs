//! What the reference shows of the document.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The parts of a text, and whether each is code: the document marks that with backticks.
pub fn pieces(text: &str) -> Vec<(bool, &str)> {
    let parts = text.split('`').enumerate();
    parts.map(|(place, part)| (place % 2 == 1, part)).collect()
}

/// Operations of one subject.
#[derive(Clone, Debug)]
pub struct Group {
    pub name: String,
    pub anchor: String,
    pub operations: Vec<OperationView>,
}

/// An operation.
#[derive(Clone, Debug)]
pub struct OperationView {
    pub id: String,
    pub method: String,
    pub path: String,
    pub summary: String,
    pub about: Vec<String>,
    pub right: String,
    pub parameters: Vec<ParameterView>,
    pub body: Option<BodyView>,
    pub answers: Vec<AnswerView>,
}

/// A part of path or query.
#[derive(Clone, Debug)]
pub struct ParameterView {
    pub name: String,
    pub place: String,
    pub kind: Vec<Word>,
    pub about: String,
    pub required: bool,
}

/// What is sent.
#[derive(Clone, Debug)]
pub struct BodyView {
    pub kind: Vec<Word>,
    pub example: String,
}

/// What comes back.
#[derive(Clone, Debug)]
pub struct AnswerView {
    pub status: String,
    pub about: String,
    pub kind: Vec<Word>,
}

/// A named shape.
#[derive(Clone, Debug)]
pub struct SchemaView {
    pub name: String,
    pub about: String,
    pub kind: Vec<Word>,
    pub members: Vec<MemberView>,
}

/// A member of a shape.
#[derive(Clone, Debug)]
pub struct MemberView {
    pub name: String,
    pub kind: Vec<Word>,
    pub about: String,
    pub required: bool,
}

/// A piece of a type: plain words, or the name of a shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub text: String,
    pub is_shape: bool,
}

impl Word {
    fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            is_shape: false,
        }
    }
}

/// All operations by subject, in the order of their names.
pub fn groups(document: &Value) -> Vec<Group> {
    let mut groups: BTreeMap<&str, Vec<OperationView>> = BTreeMap::new();
    for (path, item) in members(&document["paths"]) {
        for method in ["get", "post", "put", "patch", "delete"] {
            let one = &item[method];
            if one.is_object() {
                let tag = one["tags"][0].as_str().unwrap_or_default();
                let operations = groups.entry(tag).or_default();
                operations.push(operation(document, path, method, one));
            }
        }
    }
    groups
        .into_iter()
        .map(|(name, operations)| Group {
            name: name.to_owned(),
            anchor: name.to_ascii_lowercase().replace([' ', '(', ')'], "-"),
            operations,
        })
        .collect()
}

fn operation(document: &Value, path: &str, method: &str, one: &Value) -> OperationView {
    let parameters = one["parameters"].as_array().into_iter().flatten();
    let answers = members(&one["responses"]).map(|(status, answer)| {
        let answer = resolved(document, answer);
        AnswerView {
            status: status.clone(),
            about: text(&answer["description"]),
            kind: kind(&answer["content"]["application/json"]["schema"]),
        }
    });
    let body = &one["requestBody"]["content"]["application/json"]["schema"];
    OperationView {
        id: text(&one["operationId"]),
        method: method.to_ascii_uppercase(),
        path: path.to_owned(),
        summary: text(&one["summary"]),
        about: paragraphs(&one["description"]),
        right: right(one),
        parameters: parameters
            .map(|one| ParameterView {
                name: text(&one["name"]),
                place: text(&one["in"]),
                kind: kind(&one["schema"]),
                about: text(&one["description"]),
                required: one["required"] == true,
            })
            .collect(),
        body: body.is_object().then(|| BodyView {
            kind: kind(body),
            example: example(document, body),
        }),
        answers: answers.collect(),
    }
}

fn right(one: &Value) -> String {
    let open = (one["security"].as_array().into_iter().flatten())
        .any(|way| way.as_object().is_some_and(Map::is_empty));
    match (one["x-permission"].as_str(), open) {
        (Some(name), false) => name.to_owned(),
        (Some(name), true) => format!("{name}, or nobody's where the server allows it"),
        (None, true) => "none: anybody may ask".to_owned(),
        (None, false) => "any key".to_owned(),
    }
}

/// The named shapes.
pub fn schemas(document: &Value) -> Vec<SchemaView> {
    members(&document["components"]["schemas"])
        .map(|(name, schema)| {
            let mut shown = Vec::new();
            collect(document, schema, &mut shown);
            SchemaView {
                name: name.clone(),
                about: text(&schema["description"]),
                kind: if shown.is_empty() {
                    kind(schema)
                } else {
                    Vec::new()
                },
                members: shown,
            }
        })
        .collect()
}

/// Members of a shape, those of its parts too.
fn collect(document: &Value, schema: &Value, shown: &mut Vec<MemberView>) {
    let required = schema["required"].as_array();
    for (name, member) in members(&schema["properties"]) {
        shown.push(MemberView {
            name: name.clone(),
            kind: kind(member),
            about: text(&member["description"]),
            required: required.is_some_and(|all| all.contains(&Value::from(name.as_str()))),
        });
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        collect(document, resolved(document, part), shown);
    }
}

/// A type in words.
fn kind(schema: &Value) -> Vec<Word> {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return vec![Word {
            text: name.to_owned(),
            is_shape: true,
        }];
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<_> = words.iter().filter_map(Value::as_str).collect();
        return vec![Word::plain(words.join(" | "))];
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        if let Some(all) = schema[choice].as_array() {
            let mut words = Vec::new();
            for one in all {
                if !words.is_empty() {
                    words.push(Word::plain(" or "));
                }
                words.extend(kind(one));
            }
            return words;
        }
    }
    if schema["items"].is_object() {
        let mut words = vec![Word::plain("list of ")];
        words.extend(kind(&schema["items"]));
        return words;
    }
    let types: Vec<_> = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    };
    if types.is_empty() {
        Vec::new()
    } else {
        vec![Word::plain(types.join(" or "))]
    }
}

/// The example of a shape, or its needed members with nothing in them.
fn example(document: &Value, schema: &Value) -> String {
    let schema = resolved(document, schema);
    let given = [&schema["example"], &schema["examples"][0]]
        .into_iter()
        .find(|one| !one.is_null());
    let value = given.cloned().unwrap_or_else(|| {
        let needed = schema["required"].as_array().into_iter().flatten();
        let empty = needed.filter_map(|name| Some((name.as_str()?.to_owned(), Value::from(""))));
        Value::Object(empty.collect())
    });
    serde_json::to_string_pretty(&value).unwrap_or_default()
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    value["$ref"]
        .as_str()
        .and_then(|reference| document.pointer(reference.trim_start_matches('#')))
        .unwrap_or(value)
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn paragraphs(value: &Value) -> Vec<String> {
    let text = value.as_str().unwrap_or_default();
    text.split("\n\n")
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_are_told_in_words() {
        let rows = [
            (json!({"type": "string"}), "string"),
            (json!({"type": ["integer", "null"]}), "integer or null"),
            (json!({"enum": ["A", "B"], "type": "string"}), "A | B"),
            (
                json!({"type": "array", "items": {"$ref": "#/components/schemas/Payment"}}),
                "list of Payment",
            ),
            (
                json!({"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/Payment"}]}),
                "null or Payment",
            ),
            (json!({}), ""),
        ];
        for (schema, expected) in rows {
            let words = kind(&schema);
            let told: String = words.iter().map(|word| word.text.as_str()).collect();
            assert_eq!(told, expected, "{schema}");
        }
    }
}
