//! Nobody is led to a closed door: what a page shows is what its reader may do.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use tollway::domain::access::Role;

use super::Visitor;
use super::guards::Things;
use super::people::with_role;
use crate::webhooks::webhook;

/// A form as a browser would send it: where to, and its fields with what stands in them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

/// What a page leads to, of ours.
#[derive(Debug, Default)]
struct Doors {
    links: BTreeSet<String>,
    forms: BTreeSet<Form>,
}

/// The tags of a page, each without its brackets.
fn tags(text: &str) -> impl Iterator<Item = &str> {
    let opened = text.split('<').skip(1);
    opened.filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag))
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    Some(value.replace("&#38;", "&").replace("&#34;", "\""))
}

/// Without what follows `#`, which a browser keeps for itself. Nothing if it leads elsewhere.
fn of_ours(target: &str) -> Option<String> {
    let path = target.split('#').next().unwrap_or_default();
    (path.starts_with('/')).then(|| path.to_owned())
}

impl Doors {
    /// All boxes are ticked and all fields filled in: what is shown may be used.
    fn read(&mut self, text: &str) {
        let mut form: Option<Form> = None;
        for tag in tags(text) {
            let name = tag.split_whitespace().next().unwrap_or_default();
            if name == "a" {
                self.links
                    .extend(attribute(tag, "href").and_then(|href| of_ours(&href)));
            } else if name == "form" {
                let action = attribute(tag, "action").and_then(|action| of_ours(&action));
                form = action.map(|action| Form {
                    action,
                    fields: Vec::new(),
                });
            } else if name == "/form" {
                self.forms.extend(form.take());
            } else if ["input", "textarea", "select", "button"].contains(&name)
                && let (Some(form), Some(field)) = (&mut form, attribute(tag, "name"))
                && field != "csrf"
            {
                let value = attribute(tag, "value").unwrap_or_else(|| "x".to_owned());
                form.fields.push((field, value));
            }
        }
    }
}

/// Every page that this person may open, and what those lead to.
async fn walk(visitor: &Visitor, starts: Vec<String>) -> Doors {
    let mut doors = Doors::default();
    let mut seen = BTreeSet::new();
    for start in starts {
        if visitor.get(&start).await.status == StatusCode::OK {
            doors.links.insert(start);
        }
    }
    while let Some(path) = doors.links.difference(&seen).next().cloned() {
        let page = visitor.get(&path).await;
        let leads = page.status == StatusCode::OK || page.status == StatusCode::SEE_OTHER;
        assert!(
            leads,
            "a link leads to {path}, which answers {}",
            page.status
        );
        doors.read(&page.text);
        seen.insert(path);
    }
    doors
}

#[tokio::test]
async fn a_page_shows_only_what_its_reader_may_do() {
    let mut shown = Vec::new();
    for role in Role::ALL {
        let visitor = with_role(role).await;
        webhook(&visitor.world, "https://shop.example/hook").await;
        let things = Things::made(&visitor.world).await;
        visitor.world.carry().await;
        let mut starts: Vec<String> = (things.pages().iter())
            .chain(
                ["/strays", "/rates", "/webhooks", "/webhooks/new"]
                    .map(str::to_owned)
                    .iter(),
            )
            .map(|path| visitor.shop(path))
            .collect();
        starts
            .extend(["/", "/stores", "/account", "/account/api-keys", "/docs"].map(str::to_owned));
        let doors = walk(&visitor, starts).await;
        // To sign out comes last: the others need the session.
        let (out, forms): (Vec<Form>, Vec<Form>) =
            (doors.forms.into_iter()).partition(|form| form.action == "/logout");
        assert!(!out.is_empty());
        for form in &forms {
            // Once as it stands: what acts on the store may change what the next one finds, but not who may.
            let fields: Vec<_> = (form.fields.iter())
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            let answer = visitor.post(&form.action, &fields).await;
            let why = format!("{role}: {form:?} answers {}", answer.status);
            assert_ne!(answer.status, StatusCode::FORBIDDEN, "{why}");
            assert!(!answer.status.is_server_error(), "{why}");
        }
        let base = visitor.shop("");
        let below = |path: &String| path.strip_prefix(&base).map(str::to_owned);
        let actions = forms.iter().map(|form| form.action.clone());
        let all: BTreeSet<String> = actions
            .chain(doors.links)
            .filter_map(|one| below(&one))
            .collect();
        shown.push((things, all));
    }
    let hook = |path: &String| path.starts_with("/webhooks/") && path.ends_with("/redeliver");
    let redelivers: Vec<bool> = (shown.iter())
        .map(|(_, all)| all.iter().any(hook))
        .collect();
    assert_eq!(redelivers, [true, true, false, false]);
    let rows: [(&str, [bool; 4]); 9] = [
        ("/invoices/new", [true, true, true, true]),
        ("/invoices/{invoice}/mark", [true, true, true, true]),
        ("/pull-payments/new", [true, true, true, false]),
        ("/pull-payments/{pull}/archive", [true, true, false, false]),
        ("/payouts/new", [true, true, true, false]),
        ("/payouts/{payout}/approve", [true, true, false, false]),
        ("/webhooks/new", [true, true, false, false]),
        ("/people/role", [true, false, false, false]),
        ("/wallet/send", [true, false, false, false]),
    ];
    for (path, expected) in rows {
        let is_shown: Vec<bool> = (shown.iter())
            .map(|(things, all)| all.contains(&things.named(path)))
            .collect();
        assert_eq!(is_shown, expected, "{path}");
    }
}

#[test]
fn what_templates_ask_about_is_routed() {
    let root = env!("CARGO_MANIFEST_DIR");
    let read = |path: std::path::PathBuf| std::fs::read_to_string(path).expect("text");
    let routes = read(format!("{root}/src/ui/mod.rs").into());
    let mut asked = 0;
    for file in std::fs::read_dir(format!("{root}/templates")).expect("templates") {
        let text = read(file.expect("a template").path());
        for question in ["shell.opens(\"", "shell.sends(\""] {
            for rest in text.split(question).skip(1) {
                let (below, _) = rest.split_once('"').expect("it ends");
                let route = format!("\"/stores/{{store}}{below}\"");
                assert!(routes.contains(&route), "{below}");
                asked += 1;
            }
        }
    }
    assert!(asked > 10, "{asked}");
}
