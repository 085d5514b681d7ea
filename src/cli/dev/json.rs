//! Building and reading JSON from a command line.

use serde_json::{Map, Value};

/// The request's body: the one JSON text as it is, or an object of the members.
pub(super) fn body_of(parts: &[String]) -> Result<Option<String>, String> {
    match parts {
        [] => Ok(None),
        [json] if json.starts_with(['{', '[', '"']) => Ok(Some(json.clone())),
        members => {
            let members: Result<Map<_, _>, _> = members.iter().map(|part| member(part)).collect();
            members.map(|members| Some(Value::Object(members).to_string()))
        }
    }
}

fn member(part: &str) -> Result<(String, Value), String> {
    let (name, text) = part
        .split_once('=')
        .ok_or_else(|| format!("{part}: no `=` in it"))?;
    match name.strip_suffix(':') {
        Some(name) => Ok((name.to_owned(), parsed(text)?)),
        None => Ok((name.to_owned(), Value::from(text))),
    }
}

/// The wanted part of a body. No path means the body as it came, JSON or not.
pub(super) fn part_of(body: &str, path: &str) -> Result<String, String> {
    if path.is_empty() {
        return Ok(body.to_owned());
    }
    pick(&parsed(body)?, path)
        .map(plain)
        .ok_or_else(|| format!("no {path} in {body}"))
}

/// Follows a JSON pointer (RFC 6901, without its escapes); `name=text` picks an array's first entry with that member.
pub(super) fn pick<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('/')
        .skip(1)
        .try_fold(value, |at, part| match (at, part.split_once('=')) {
            (Value::Array(entries), Some((name, text))) => entries
                .iter()
                .find(|entry| entry.get(name).is_some_and(|found| plain(found) == text)),
            (Value::Array(entries), None) => entries.get(part.parse::<usize>().ok()?),
            (other, _) => other.get(part),
        })
}

/// A string without its quotes, anything else as JSON.
pub(super) fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

pub(super) fn parsed(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|e| format!("{text}: {e}"))
}

pub(super) fn json_or_text(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_picks_members_positions_and_entries() {
        let check = |path: &str, expected: Option<&str>| {
            let value = json!({"a": [{"id": "x", "n": 1}, {"id": "y", "n": 2}], "s": "text"});
            assert_eq!(pick(&value, path).map(plain).as_deref(), expected, "{path}");
        };
        check("/s", Some("text"));
        check("/a/1/n", Some("2"));
        check("/a/id=x/n", Some("1"));
        check("/a/n=2/id", Some("y"));
        check("/a/id=z/n", None);
        check("/a/7", None);
        check("/none", None);
    }

    #[test]
    fn a_body_is_json_or_members() {
        let check = |parts: &[&str], expected: Option<&str>| {
            let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
            assert_eq!(
                body_of(&parts).expect("a body").as_deref(),
                expected,
                "{parts:?}"
            );
        };
        check(&[], None);
        check(&[r#"{"broken"#], Some(r#"{"broken"#));
        check(
            &["a=1", "b:=1", "c=x=y"],
            Some(r#"{"a":"1","b":1,"c":"x=y"}"#),
        );
        assert!(body_of(&["word".to_owned()]).is_err());
        assert!(body_of(&["a:=word".to_owned()]).is_err());
    }
}
