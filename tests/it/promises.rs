//! The table of promises names tests; each of them exists.

use std::fs;
use std::path::Path;

#[test]
fn every_test_in_the_table_of_promises_exists() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let table = fs::read_to_string(docs.join("PROMISES.md")).expect("the table");
    let mut named = 0;
    for mention in table.split("[`").skip(1) {
        let (name, rest) = mention.split_once("`](").expect("a link");
        let (file, _) = rest.split_once(')').expect("its end");
        let code = fs::read_to_string(docs.join(file)).unwrap_or_default();
        assert!(code.contains(&format!("fn {name}(")), "{file}: no {name}");
        named += 1;
    }
    assert!(named >= 12, "every promise names a test");
    for promise in 1..=12 {
        let row = format!("\n| P{promise} |");
        assert!(table.contains(&row), "P{promise} has no row");
    }
}
