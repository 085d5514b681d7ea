//! Reading the document's schemas, and checking values against them. Stricter than JSON Schema: a member that is not
//! declared is a fault, and so is a declared one that is missing, unless it is known to come and go.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tollway::api::document::document;

use super::SOMETIMES;

/// A schema with its references followed and its parts put together.
#[derive(Clone, Debug, Default)]
pub struct Shape<'a> {
    /// Types it may have; none if it may be anything.
    pub types: BTreeSet<&'a str>,
    /// Words it may be.
    pub words: Option<Vec<&'a str>>,
    /// Members.
    pub members: BTreeMap<&'a str, &'a Value>,
    /// Elements.
    pub items: Option<&'a Value>,
    choices: Vec<Shape<'a>>,
}

impl<'a> Shape<'a> {
    /// What a value or a reference to one stands for.
    pub fn resolved(value: &'a Value) -> &'a Value {
        let mut value = value;
        while let Some(reference) = value["$ref"].as_str() {
            let pointer = reference.trim_start_matches('#');
            value = document()
                .pointer(pointer)
                .expect("a reference that leads somewhere");
        }
        value
    }

    /// Reads a schema.
    pub fn of(schema: &'a Value) -> Self {
        let schema = Self::resolved(schema);
        let mut shape = Self::default();
        match &schema["type"] {
            Value::String(one) => {
                shape.types.insert(one);
            }
            Value::Array(all) => shape.types.extend(all.iter().filter_map(Value::as_str)),
            _ => {}
        }
        if let Some(words) = schema["enum"].as_array() {
            shape.words = Some(words.iter().filter_map(Value::as_str).collect());
        }
        if let Some(members) = schema["properties"].as_object() {
            shape.members = members
                .iter()
                .map(|(name, one)| (name.as_str(), one))
                .collect();
        }
        if schema["items"].is_object() {
            shape.items = Some(&schema["items"]);
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            shape.add(Self::of(part));
        }
        for kind in ["oneOf", "anyOf"] {
            for choice in schema[kind].as_array().into_iter().flatten() {
                shape.choices.push(Self::of(choice));
            }
        }
        shape
    }

    fn add(&mut self, part: Self) {
        self.types.extend(part.types);
        self.members.extend(part.members);
        self.items = self.items.or(part.items);
        self.words = self.words.take().or(part.words);
        self.choices.extend(part.choices);
    }

    /// What a choice between null and one thing is besides null.
    fn only_choice(&self) -> Option<&Self> {
        let mut real = self.choices.iter().filter(|one| !one.is_null());
        match (real.next(), real.next()) {
            (Some(one), None) => Some(one),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        self.types.len() == 1 && self.types.contains("null")
    }

    /// Without null, if it is that or one other thing.
    pub fn bare(&self) -> Self {
        match self.only_choice() {
            Some(one) => one.bare(),
            None => self.clone(),
        }
    }

    /// All types it may have, of choices too, without null; whole numbers are numbers.
    pub fn all_types(&self) -> BTreeSet<&'a str> {
        let own = self.types.iter().copied();
        let chosen = self.choices.iter().flat_map(Self::all_types);
        own.chain(chosen)
            .filter(|one| *one != "null")
            .map(|one| if one == "integer" { "number" } else { one })
            .collect()
    }

    /// Paths of all members, those of members included: `checkout.speedPolicy`.
    pub fn paths(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (name, schema) in &self.bare().members {
            all.push((*name).to_owned());
            let inner = Self::of(schema).bare();
            if inner.items.is_none() {
                all.extend(inner.paths().iter().map(|path| format!("{name}.{path}")));
            }
        }
        all
    }

    /// Tells everything that is wrong with a value.
    pub fn check(&self, value: &Value, at: &str, faults: &mut Vec<String>) {
        if !self.choices.is_empty() {
            let fits = self.choices.iter().any(|choice| {
                let mut inner = Vec::new();
                choice.check(value, at, &mut inner);
                inner.is_empty()
            });
            if !fits {
                faults.push(format!("{at}: {value} fits none of the choices"));
            }
            return;
        }
        let kinds: &[&str] = match value {
            Value::Null => &["null"],
            Value::Bool(_) => &["boolean"],
            Value::Number(number) if number.is_i64() || number.is_u64() => &["integer", "number"],
            Value::Number(_) => &["number"],
            Value::String(_) => &["string"],
            Value::Array(_) => &["array"],
            Value::Object(_) => &["object"],
        };
        if !self.types.is_empty() && !kinds.iter().any(|kind| self.types.contains(kind)) {
            faults.push(format!("{at}: {value} is none of {:?}", self.types));
            return;
        }
        if let (Some(words), Some(text)) = (&self.words, value.as_str())
            && !words.contains(&text)
        {
            faults.push(format!("{at}: {text} is none of {words:?}"));
        }
        if let (Some(items), Some(all)) = (self.items, value.as_array()) {
            let items = Self::of(items);
            for one in all {
                items.check(one, &format!("{at}[]"), faults);
            }
        }
        if let (false, Some(given)) = (self.members.is_empty(), value.as_object()) {
            for (name, one) in given {
                match self.members.get(name.as_str()) {
                    Some(schema) => Self::of(schema).check(one, &format!("{at}.{name}"), faults),
                    None => faults.push(format!("{at}.{name} is not declared")),
                }
            }
            for name in self.members.keys() {
                if !given.contains_key(*name) && !SOMETIMES.contains(name) {
                    faults.push(format!("{at}.{name} is missing"));
                }
            }
        }
    }
}
