use super::*;

/// Account keys of the BIP84 example words.
const ZPUB: &str = "zpub6rFR7y4Q2AijBEqTUquhVz398htDFrtymD9xYYfG1m4wAcvPhXNfE3EfH1r1ADqtfSdVCToUG868RvUUkgDKf31mGDtKsAYz2oz2AGutZYs";
const VPUB: &str = "vpub5Y6cjg78GGuNLsaPhmYsiw4gYX3HoQiRBiSwDaBXKUafCt9bNwWQiitDk5VZ5BVxYnQdwoTyXSs2JHRPAgjAvtbBrf8ZhDYe2jWAqvZVnsc";

fn plain(key: &str) -> String {
    read_key(key).expect("a key").1.to_string()
}

fn external(text: &str) -> Result<String, CantImport> {
    read(text, None, Network::Regtest).map(|read| read.external)
}

#[test]
fn every_spelling_of_a_key_is_read() {
    let key = plain(VPUB);
    assert!(key.starts_with("tpub"));
    let origin = "[73c5da0a/84'/1'/0']";
    let rows = [
        (VPUB.to_owned(), format!("wpkh({key}/0/*)")),
        (key.clone(), format!("wpkh({key}/0/*)")),
        (format!(" {key}-[segwit]\n"), format!("wpkh({key}/0/*)")),
        (format!("{key}-[p2sh]"), format!("sh(wpkh({key}/0/*))")),
        (format!("{key}-[taproot]"), format!("tr({key}/0/*)")),
        (format!("{origin}{key}"), format!("wpkh({origin}{key}/0/*)")),
        (
            format!("{origin}{VPUB}/0/*"),
            format!("wpkh({origin}{key}/0/*)"),
        ),
        (
            format!("wpkh([73c5da0a/84h/1h/0h]{key}/0/*)"),
            format!("wpkh({origin}{key}/0/*)"),
        ),
        (
            format!("sh(wpkh({key}/<0;1>/*))"),
            format!("sh(wpkh({key}/0/*))"),
        ),
        (format!("tr({key}/0/*)"), format!("tr({key}/0/*)")),
    ];
    for (text, expected) in rows {
        assert_eq!(external(&text), Ok(expected), "{text}");
    }
    let main = read(ZPUB, Some("73c5da0a/84'/0'/0'"), Network::Bitcoin).expect("reads");
    let key = plain(ZPUB);
    assert_eq!(
        main.external,
        format!("wpkh([73c5da0a/84'/0'/0']{key}/0/*)")
    );
    assert_eq!(
        main.internal,
        format!("wpkh([73c5da0a/84'/0'/0']{key}/1/*)")
    );
    assert_eq!(
        scheme_of(&main.external),
        (key, Some("73c5da0a/84'/0'/0'".to_owned()))
    );
}

#[test]
fn a_descriptor_with_its_checksum_is_read_and_a_mistyped_one_is_not() {
    let key = plain(VPUB);
    let descriptor: ExtendedDescriptor = format!("wpkh({key}/0/*)").parse().expect("public");
    let with_checksum = descriptor.to_string();
    assert!(with_checksum.contains('#'));
    assert_eq!(external(&with_checksum), Ok(format!("wpkh({key}/0/*)")));
    let (body, checksum) = with_checksum.split_once('#').expect("a checksum");
    let turned: String = checksum.chars().rev().collect();
    assert_ne!(turned, checksum);
    assert_eq!(
        external(&format!("{body}#{turned}")),
        Err(CantImport::Checksum)
    );
}

#[test]
fn what_cannot_be_watched_is_refused_by_its_reason() {
    let key = plain(VPUB);
    let other = plain(ZPUB);
    let private = "tprv8ZgxMBicQKsPe5YMU9gHen4Ez3ApihUfykaqUorj9t6FDqy3nP6eoXiAo2ssvpAjoLroQxHqr3R5nE3a5dU3DHTjTgJDd7zrbniJr6nrCzd";
    let suffix = |name: &str| CantImport::Suffix(name.to_owned());
    let rows = [
        (other.clone(), CantImport::WrongNetwork(Network::Regtest)),
        (ZPUB.to_owned(), CantImport::WrongNetwork(Network::Regtest)),
        (
            format!("wpkh({other}/0/*)"),
            CantImport::WrongNetwork(Network::Regtest),
        ),
        (private.to_owned(), CantImport::Private),
        (format!("wpkh({private}/0/*)"), CantImport::Private),
        (format!("{key}-[legacy]"), CantImport::Legacy),
        (format!("pkh({key}/0/*)"), CantImport::Legacy),
        (format!("2-of-{key}-{key}"), CantImport::SingleKey),
        (
            format!("wsh(sortedmulti(1,{key}/0/*,{key}/1/*))"),
            CantImport::SingleKey,
        ),
        (format!("{VPUB}-[p2sh]"), suffix("p2sh")),
        (format!("{key}-[keeporder]"), suffix("keeporder")),
        (format!("wpkh({key}/*)"), CantImport::Path),
        (format!("wpkh({key}/1/*)"), CantImport::Path),
        (format!("wpkh({key}/0)"), CantImport::Path),
        (format!("wpkh({key}/<1;0>/*)"), CantImport::Path),
        (format!("wpkh({key}/<0;1;2>/*)"), CantImport::Path),
        (format!("{key}/1/*"), CantImport::Path),
        (format!("wpkh({key}/0/*')"), CantImport::Hardened),
        (format!("wpkh({key}/0'/*)"), CantImport::Hardened),
        (format!("{key}/0'/*"), CantImport::Hardened),
        (format!("[tea]{key}"), CantImport::KeyPath),
    ];
    for (text, expected) in rows {
        assert_eq!(external(&text), Err(expected), "{text}");
    }
    for text in [
        "",
        "tea",
        "wpkh(tea)",
        "wpkh(",
        "()",
        "é",
        "abandon abandon about",
        &key[..100],
        &format!("{key}1"),
        &"x".repeat(5_000),
    ] {
        assert!(
            matches!(external(text), Err(CantImport::Unreadable(_))),
            "{text}"
        );
    }
    assert_eq!(
        read(&key, Some("nonsense"), Network::Regtest),
        Err(CantImport::KeyPath)
    );
}
