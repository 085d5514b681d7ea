//! The walls between the floors. One crate has no compiler wall inside, so this is the wall: it reads what every
//! file of `src` names, and fails with the place of the offence.

mod source;

use std::fs;
use std::path::{Path, PathBuf};

use source::Source;

/// What a floor may name of the crate's other floors.
enum Reach {
    /// These and nothing else.
    Only(&'static [&'static str]),
    /// Anything but these.
    NoneOf(&'static [&'static str]),
}

/// Floors from the lowest up: `domain ← wallet/store ← service ← api/lnurl/ui`; keepers beside, ports below.
const FLOORS: &[(&str, Reach)] = &[
    ("domain", Reach::Only(&["domain"])),
    ("ports", Reach::Only(&["ports", "domain"])),
    ("wallet", Reach::Only(&["wallet", "domain", "ports"])),
    (
        "store",
        // The bugs that a test plants have to be where others had them.
        Reach::Only(&["store", "wallet", "domain", "ports", "sabotage"]),
    ),
    (
        "service",
        Reach::NoneOf(&[
            "api", "lnurl", "ui", "http", "keepers", "adapters", "app", "cli",
        ]),
    ),
    (
        "keepers",
        Reach::NoneOf(&["api", "lnurl", "ui", "http", "adapters", "app", "cli"]),
    ),
    (
        "adapters",
        Reach::NoneOf(&[
            "api", "lnurl", "ui", "http", "service", "keepers", "app", "cli",
        ]),
    ),
    (
        "api",
        Reach::NoneOf(&["adapters", "keepers", "ui", "app", "cli"]),
    ),
    (
        "lnurl",
        Reach::NoneOf(&["adapters", "keepers", "api", "ui", "app", "cli"]),
    ),
    ("ui", Reach::NoneOf(&["adapters", "keepers", "app", "cli"])),
];

/// The domain is pure: values in, values out.
const DOMAIN_CRATES: &[&str] = &[
    "bitcoin",
    "lightning_invoice",
    "rust_decimal",
    "minicbor",
    "bs58",
    "hex",
    "thiserror",
];

/// Words of the domain that would make it impure although no crate is named.
const DOMAIN_WORDS: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::io",
    "std::thread",
    "std::sync",
    "Instant::now",
    "SystemTime",
];

/// A crate, and where it may be named: paths under `src` begin so.
const CRATES: &[(&str, &[&str])] = &[
    ("ldk_node", &["adapters/ldk", "adapters/kv"]),
    ("bdk_bitcoind_rpc", &["adapters/"]),
    ("reqwest", &["adapters/", "cli/dev"]),
    ("redb", &["store/"]),
    ("bdk_wallet", &["wallet/"]),
    ("getrandom", &["adapters/entropy.rs"]),
];

/// Something written out in code, and where it may be.
const WORDS: &[(&str, &[&str])] = &[
    ("SystemTime::now", &["adapters/clock.rs"]),
    ("now_utc", &["adapters/clock.rs"]),
    ("begin_write", &["store/writer.rs", "store/migrate.rs"]),
    ("tokio::spawn", SPAWNERS),
    ("task::spawn(", SPAWNERS),
    ("JoinSet", SPAWNERS),
    ("thread::spawn", SPAWNERS),
    ("thread::Builder", SPAWNERS),
    (
        "spawn_blocking",
        &["app", "adapters/", "store/mod.rs", "service/access.rs"],
    ),
];

/// Only the wiring starts tasks and threads; the writer's thread and the adapters' own belong to what they drive.
const SPAWNERS: &[&str] = &["app", "store/writer.rs", "adapters/ldk", "adapters/chain"];

/// Every offence of one file: `src/path:line: what`.
fn offences(path: &str, text: &str, dependencies: &[String]) -> Vec<String> {
    let source = Source::read(text);
    let floor = path.split(['/', '.']).next().unwrap_or_default();
    let mut found = Vec::new();
    let mut tell = |at: usize, what: String| {
        found.push(format!("src/{path}:{}: {what}", source.line(at)));
    };
    let starts = |places: &[&str]| places.iter().any(|place| path.starts_with(place));

    if let Some((_, reach)) = FLOORS.iter().find(|(name, _)| *name == floor) {
        for (at, named) in source.floors(path) {
            let allowed = match reach {
                Reach::Only(floors) => floors.contains(&named.as_str()),
                Reach::NoneOf(floors) => !floors.contains(&named.as_str()),
            };
            if !allowed {
                tell(at, format!("{floor} must not name {named}"));
            }
        }
    }
    for (at, named) in source.crates(dependencies) {
        if floor == "domain" && !DOMAIN_CRATES.contains(&named.as_str()) {
            tell(at, format!("domain must not name the crate {named}"));
        }
        let rule = CRATES.iter().find(|(name, _)| *name == named);
        if rule.is_some_and(|(_, places)| !starts(places)) {
            tell(at, format!("{named} may not be named here"));
        }
    }
    for (word, places) in WORDS {
        if !starts(places) {
            for at in source.places_of(word) {
                tell(at, format!("{word} may not be used here"));
            }
        }
    }
    if floor == "domain" {
        for word in DOMAIN_WORDS {
            for at in source.places_of(word) {
                tell(at, format!("the domain is pure: no {word}"));
            }
        }
    }
    found
}

/// The names of all dependencies, as code writes them.
fn dependencies() -> Vec<String> {
    let manifest: toml::Table = include_str!("../../Cargo.toml")
        .parse()
        .expect("the manifest is TOML");
    let names: Vec<String> = manifest["dependencies"]
        .as_table()
        .expect("a table")
        .keys()
        .map(|name| name.replace('-', "_"))
        .collect();
    assert!(names.contains(&"ldk_node".to_owned()));
    names
}

fn rust_files(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn every_floor_names_only_what_it_may() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let dependencies = dependencies();
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    files.sort();
    assert!(files.len() > 50, "only {} files were found", files.len());
    let mut found = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).expect("UTF-8");
        let path = file.strip_prefix(&src).expect("inside");
        found.extend(offences(
            path.to_str().expect("ASCII"),
            &text,
            &dependencies,
        ));
    }
    assert!(found.is_empty(), "broken walls:\n{}", found.join("\n"));
}

#[test]
fn a_broken_wall_is_told_with_its_place() {
    let rows: &[(&str, &str, &str)] = &[
        ("domain/money.rs", "use crate::store::Tx;", "store"),
        (
            "domain/money.rs",
            "use crate::{domain::time, ports::clock};",
            "ports",
        ),
        (
            "domain/money.rs",
            "let x = crate::service::now();",
            "service",
        ),
        (
            "domain/invoice/mod.rs",
            "use super::super::store::Tx;",
            "store",
        ),
        ("domain/mod.rs", "use super::{wallet::Tills};", "wallet"),
        ("domain/mod.rs", "use tokio::sync::Mutex;", "tokio"),
        ("domain/mod.rs", "use {std::fmt, redb::Database};", "redb"),
        (
            "domain/mod.rs",
            "#[derive(serde::Serialize)] struct X;",
            "serde",
        ),
        (
            "domain/mod.rs",
            "let now = std::time::Instant::now();",
            "Instant::now",
        ),
        ("ports/clock.rs", "use crate::service::Gateway;", "service"),
        ("wallet/till.rs", "use crate::store::Tx;", "store"),
        ("store/tx.rs", "use crate::service::intake;", "service"),
        ("service/invoice.rs", "use crate::api::dto;", "api"),
        (
            "service/mod.rs",
            "use crate::adapters::clock::SystemClock;",
            "adapters",
        ),
        (
            "keepers/calendar.rs",
            "use crate::adapters::ldk;",
            "adapters",
        ),
        ("ui/checkout.rs", "use crate::adapters::ldk;", "adapters"),
        ("service/node.rs", "use ldk_node::Node;", "ldk_node"),
        ("adapters/clock.rs", "use ldk_node::Node;", "ldk_node"),
        ("service/node.rs", "let x = reqwest::get(url);", "reqwest"),
        (
            "cli/serve.rs",
            "use bdk_bitcoind_rpc::Client;",
            "bdk_bitcoind_rpc",
        ),
        (
            "service/node.rs",
            "let now = SystemTime::now();",
            "SystemTime::now",
        ),
        ("ui/checkout.rs", "tokio::spawn(async {});", "tokio::spawn"),
        (
            "keepers/calendar.rs",
            "std::thread::spawn(|| {});",
            "thread::spawn",
        ),
        (
            "service/invoice.rs",
            "task::spawn_blocking(|| 1);",
            "spawn_blocking",
        ),
        ("api/mod.rs", "use redb::Database;", "redb"),
    ];
    let dependencies = dependencies();
    for (path, planted, named) in rows {
        let text = format!("//! A file.\n\nuse std::fmt;\n{planted}\n");
        let found = offences(path, &text, &dependencies);
        let place = format!("src/{path}:4: ");
        assert!(
            found
                .iter()
                .any(|one| one.starts_with(&place) && one.contains(named)),
            "{planted} in {path} gave {found:?}"
        );
    }
}

#[test]
fn what_is_allowed_or_only_talked_about_is_no_offence() {
    let rows = [
        ("domain/money.rs", "use super::time::Timestamp;"),
        (
            "domain/money.rs",
            "use super::{ids::StoreId, store::Store};",
        ),
        ("domain/money.rs", "mod tests { use super::*; }"),
        ("domain/invoice/mark.rs", "use super::super::store::Store;"),
        ("domain/money.rs", "// use crate::store::Tx; tokio::spawn"),
        ("domain/money.rs", "/* use crate::store::Tx; */"),
        (
            "domain/money.rs",
            r#"let x = "crate::store and \" tokio::spawn";"#,
        ),
        (
            "domain/money.rs",
            "let x = r#\"crate::store \" tokio::spawn\"#;",
        ),
        (
            "domain/money.rs",
            "let x = '\"'; let y: &'static str = \"\";",
        ),
        ("store/writer.rs", "std::thread::Builder::new();"),
        ("app.rs", "tokio::spawn(async {});"),
        ("adapters/ldk/mod.rs", "use ldk_node::Node;"),
        ("cli/dev/pull.rs", "use reqwest::Client;"),
        ("service/access.rs", "tokio::task::spawn_blocking(|| 1);"),
        ("ui/checkout.rs", "use crate::service::Gateway;"),
    ];
    let dependencies = dependencies();
    for (path, fine) in rows {
        let found = offences(path, fine, &dependencies);
        assert!(found.is_empty(), "{fine} in {path} gave {found:?}");
    }
}
