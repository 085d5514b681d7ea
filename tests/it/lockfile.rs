//! What the lock file must hold: one version of everything whose types cross our walls, and one TLS stack.

/// Two versions of one of these would be two types of the same name, or two sets of consensus rules.
const SINGLE: &[&str] = &[
    "bitcoin",
    "secp256k1",
    "lightning",
    "lightning-invoice",
    "lightning-types",
    "bdk_chain",
    "redb",
    "ldk-node",
];

/// C libraries that need a toolchain of their own, or the machine's.
const ABSENT: &[&str] = &[
    "openssl",
    "openssl-sys",
    "native-tls",
    "aws-lc-rs",
    "aws-lc-sys",
];

/// Each package as (name, version).
fn packages(lock: &str) -> Vec<(String, String)> {
    let lock: toml::Table = lock.parse().expect("the lock file is TOML");
    let text = |package: &toml::Value, field: &str| {
        let value = package.get(field).and_then(toml::Value::as_str);
        value.expect("a text").to_owned()
    };
    lock["package"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|package| (text(package, "name"), text(package, "version")))
        .collect()
}

fn versions(packages: &[(String, String)], wanted: &str) -> Vec<String> {
    let found = packages.iter().filter(|(name, _)| name == wanted);
    found.map(|(_, version)| version.clone()).collect()
}

#[test]
fn what_crosses_our_walls_has_one_version() {
    let packages = packages(include_str!("../../Cargo.lock"));
    for name in SINGLE {
        let found = versions(&packages, name);
        assert_eq!(found.len(), 1, "{name} has the versions {found:?}");
    }
}

#[test]
fn there_is_one_tls_stack() {
    let packages = packages(include_str!("../../Cargo.lock"));
    assert_eq!(versions(&packages, "rustls").len(), 1);
    for name in ABSENT {
        let found = versions(&packages, name);
        assert!(found.is_empty(), "{name} {found:?} is in the lock file");
    }
}

#[test]
fn two_versions_are_noticed() {
    let lock =
        "[[package]]\nname = \"a\"\nversion = \"1\"\n[[package]]\nname = \"a\"\nversion = \"2\"\n";
    assert_eq!(versions(&packages(lock), "a"), ["1", "2"]);
}
