//! Reading what an owner gives us of a wallet: an extended public key in any of its spellings, or an output descriptor.
//! Only single-key wallets of three kinds of addresses, and only what is public.

use bdk_wallet::Wallet;
use bdk_wallet::descriptor::ExtendedDescriptor;
use bdk_wallet::miniscript::Descriptor;
use bdk_wallet::miniscript::descriptor::{DescriptorPublicKey, ShInner, Wildcard};
use bitcoin::base58;
use bitcoin::bip32::{ChildNumber, DerivationPath, Fingerprint, KeySource, Xpub};
use bitcoin::{Network, NetworkKind};

use crate::domain::till::AddressKind;

/// No wallet of one key needs more text.
const TEXT_MAX: usize = 2_048;

/// A wallet of somebody else, as public descriptors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Descriptor of the addresses to hand out.
    pub external: String,
    /// Descriptor of change addresses.
    pub internal: String,
    /// Which addresses.
    pub addresses: AddressKind,
}

/// Why a text is no wallet that can be watched. For the person who gave it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CantImport {
    /// Neither a key nor a descriptor.
    #[error(
        "This is neither an extended public key nor an output descriptor that can be read: {0}."
    )]
    Unreadable(String),
    /// It could spend.
    #[error(
        "This holds a private key. Give the public one only, and never this one to anybody: whoever has it can spend."
    )]
    Private,
    /// For another chain.
    #[error("This key is for another network: this server is on {0}.")]
    WrongNetwork(Network),
    /// Mistyped.
    #[error("The checksum of this descriptor is wrong: a character is not as it should be.")]
    Checksum,
    /// P2PKH.
    #[error("Legacy addresses are not supported: give a key for SegWit or Taproot addresses.")]
    Legacy,
    /// More than one key, or scripts.
    #[error("Only wallets with a single key are supported: no multisig, no scripts.")]
    SingleKey,
    /// A hardened step below the public key.
    #[error("A public key has no hardened children: nothing after it may be hardened.")]
    Hardened,
    /// Other chains than 0 and 1.
    #[error(
        "The descriptor has to end in /0/* for the addresses to hand out, or in /<0;1>/* for these and change."
    )]
    Path,
    /// A suffix that contradicts the key or is not known.
    #[error("The suffix -[{0}] is not known, or does not fit the key.")]
    Suffix(String),
    /// `accountKeyPath`.
    #[error(
        "The account key path reads like 1a2b3c4d/84'/0'/0': the fingerprint of the master key, and the path to this key."
    )]
    KeyPath,
}

/// The public descriptors of an account: addresses handed out, then change. `origin` with its brackets, or empty.
pub(super) fn descriptors(
    addresses: AddressKind,
    origin: &str,
    account: &Xpub,
) -> (String, String) {
    let chain = |number: u8| {
        let key = format!("{origin}{account}/{number}/*");
        match addresses {
            AddressKind::Segwit => format!("wpkh({key})"),
            AddressKind::Wrapped => format!("sh(wpkh({key}))"),
            AddressKind::Taproot => format!("tr({key})"),
        }
    };
    (chain(0), chain(1))
}

/// Reads a derivation scheme (`xpub…`, `tpub…-[taproot]`, `zpub…`), a key with its origin (`[1a2b3c4d/84'/0'/0']xpub…`),
/// or an output descriptor (BIP 380). `key_path` tells the origin of a bare key.
pub fn read(text: &str, key_path: Option<&str>, network: Network) -> Result<Imported, CantImport> {
    let text = text.trim();
    if text.is_empty() || text.len() > TEXT_MAX || !text.is_ascii() {
        let why = "an extended public key begins with xpub, ypub, zpub, tpub, upub or vpub";
        return Err(CantImport::Unreadable(why.to_owned()));
    }
    let (addresses, origin, account) = if text.contains('(') {
        read_descriptor(text)?
    } else {
        read_scheme(text)?
    };
    let origin = match key_path.map(str::trim).filter(|path| !path.is_empty()) {
        Some(path) => Some(read_key_path(path)?),
        None => origin,
    };
    if account.network != NetworkKind::from(network) {
        return Err(CantImport::WrongNetwork(network));
    }
    let origin = origin.map_or_else(String::new, |(fingerprint, path)| {
        if path.is_master() {
            format!("[{fingerprint}]")
        } else {
            format!("[{fingerprint}/{path}]")
        }
    });
    let (external, internal) = descriptors(addresses, &origin, &account);
    // What it would come to, before anything depends on it.
    Wallet::create(external.clone(), internal.clone())
        .network(network)
        .create_wallet_no_persist()
        .map_err(|error| CantImport::Unreadable(error.to_string()))?;
    Ok(Imported {
        external,
        internal,
        addresses,
    })
}

type Read = (AddressKind, Option<KeySource>, Xpub);

fn read_scheme(text: &str) -> Result<Read, CantImport> {
    let (key, suffix) = match text.split_once("-[") {
        Some((key, rest)) => {
            let suffix = rest.strip_suffix(']').unwrap_or(rest);
            (key, Some(suffix.to_ascii_lowercase()))
        }
        None => (text, None),
    };
    let (origin, key) = match key.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((origin, key)) => (Some(read_key_path(origin)?), key),
        None => (None, key),
    };
    if key.contains("-of-") || key.contains('-') {
        return Err(CantImport::SingleKey);
    }
    let (key, rest) = key.split_once('/').unwrap_or((key, ""));
    let (by_key, account) = read_key(key)?;
    match rest {
        "" | "0/*" | "<0;1>/*" => {}
        _ if has_hardened(rest) => return Err(CantImport::Hardened),
        _ => return Err(CantImport::Path),
    }
    let by_suffix = match suffix.as_deref() {
        None => None,
        Some("legacy") => return Err(CantImport::Legacy),
        Some("p2sh") => Some(AddressKind::Wrapped),
        Some("taproot") => Some(AddressKind::Taproot),
        Some("segwit") => Some(AddressKind::Segwit),
        Some(other) => return Err(CantImport::Suffix(other.to_owned())),
    };
    let addresses = match (by_key, by_suffix) {
        (Some(one), Some(other)) if one != other => {
            return Err(CantImport::Suffix(suffix.unwrap_or_default()));
        }
        (Some(kind), _) | (None, Some(kind)) => kind,
        (None, None) => AddressKind::Segwit,
    };
    Ok((addresses, origin, account))
}

/// Reads an extended public key in any spelling (BIP32, SLIP-132), with the kind of addresses that the spelling says.
fn read_key(text: &str) -> Result<(Option<AddressKind>, Xpub), CantImport> {
    let unreadable = |why: String| CantImport::Unreadable(why);
    let mut bytes = base58::decode_check(text).map_err(|e| unreadable(e.to_string()))?;
    let version = match bytes.get(..4) {
        Some(&[a, b, c, d]) => u32::from_be_bytes([a, b, c, d]),
        Some(_) | None => return Err(unreadable("it is too short".to_owned())),
    };
    let (addresses, plain) = match version {
        0x0488_b21e | 0x0435_87cf => (None, version),
        0x049d_7cb2 => (Some(AddressKind::Wrapped), 0x0488_b21e),
        0x04b2_4746 => (Some(AddressKind::Segwit), 0x0488_b21e),
        0x044a_5262 => (Some(AddressKind::Wrapped), 0x0435_87cf),
        0x045f_1cf6 => (Some(AddressKind::Segwit), 0x0435_87cf),
        // Ypub, Zpub, Upub, Vpub.
        0x0295_b43f | 0x02aa_7ed3 | 0x0242_89ef | 0x0257_5483 => {
            return Err(CantImport::SingleKey);
        }
        // xprv, yprv, zprv, tprv, uprv, vprv.
        0x0488_ade4 | 0x049d_7878 | 0x04b2_430c | 0x0435_8394 | 0x044a_4e28 | 0x045f_18bc => {
            return Err(CantImport::Private);
        }
        _ => return Err(unreadable("the kind of key is not known".to_owned())),
    };
    bytes[..4].copy_from_slice(&u32::to_be_bytes(plain));
    let key = Xpub::decode(&bytes).map_err(|e| unreadable(e.to_string()))?;
    Ok((addresses, key))
}

fn read_descriptor(text: &str) -> Result<Read, CantImport> {
    let body = text.split_once('#').map_or(text, |(body, _)| body);
    if body.contains("prv") {
        return Err(CantImport::Private);
    }
    let descriptor: ExtendedDescriptor = match text.parse() {
        Ok(descriptor) => descriptor,
        Err(_) if body != text && body.parse::<ExtendedDescriptor>().is_ok() => {
            return Err(CantImport::Checksum);
        }
        Err(_) if after_keys(body).any(has_hardened) => return Err(CantImport::Hardened),
        Err(error) => return Err(CantImport::Unreadable(error.to_string())),
    };
    let (addresses, key) = match descriptor {
        Descriptor::Wpkh(wpkh) => (AddressKind::Segwit, wpkh.into_inner()),
        Descriptor::Tr(tr) if tr.tap_tree().is_none() => {
            (AddressKind::Taproot, tr.internal_key().clone())
        }
        Descriptor::Sh(sh) => match sh.into_inner() {
            ShInner::Wpkh(wpkh) => (AddressKind::Wrapped, wpkh.into_inner()),
            ShInner::Wsh(_) | ShInner::SortedMulti(_) | ShInner::Ms(_) => {
                return Err(CantImport::SingleKey);
            }
        },
        Descriptor::Pkh(_) => return Err(CantImport::Legacy),
        Descriptor::Tr(_) | Descriptor::Wsh(_) | Descriptor::Bare(_) => {
            return Err(CantImport::SingleKey);
        }
    };
    let zero = DerivationPath::from(vec![ChildNumber::Normal { index: 0 }]);
    let one = DerivationPath::from(vec![ChildNumber::Normal { index: 1 }]);
    let (origin, account, paths, wildcard) = match key {
        DescriptorPublicKey::XPub(key) => (
            key.origin,
            key.xkey,
            vec![key.derivation_path],
            key.wildcard,
        ),
        DescriptorPublicKey::MultiXPub(key) => {
            let paths = key.derivation_paths.into_paths();
            (key.origin, key.xkey, paths, key.wildcard)
        }
        // One address is no wallet.
        DescriptorPublicKey::Single(_) => return Err(CantImport::Path),
    };
    let is_hardened = |step: &ChildNumber| step.is_hardened();
    if wildcard == Wildcard::Hardened || paths.iter().flatten().any(is_hardened) {
        return Err(CantImport::Hardened);
    }
    let is_pair = paths == [zero.clone()] || paths == [zero, one];
    if wildcard != Wildcard::Unhardened || !is_pair {
        return Err(CantImport::Path);
    }
    Ok((addresses, origin, account))
}

/// What stands behind the keys of a descriptor, without their origins.
fn after_keys(text: &str) -> impl Iterator<Item = &str> {
    text.split(['(', ')', ',', ']'])
        .filter_map(|part| part.split_once('/').map(|(_, rest)| rest))
        .filter(|rest| rest.contains('*'))
}

fn has_hardened(path: &str) -> bool {
    path.contains(['\'', 'h', 'H'])
}

/// `1a2b3c4d/84'/0'/0'`: the fingerprint of the master key, and the path from there.
fn read_key_path(text: &str) -> Result<KeySource, CantImport> {
    let (fingerprint, path) = text.split_once('/').unwrap_or((text, ""));
    let fingerprint: Fingerprint = fingerprint.parse().map_err(|_| CantImport::KeyPath)?;
    let path = path.to_ascii_lowercase();
    let path: DerivationPath = if path.is_empty() {
        DerivationPath::master()
    } else {
        path.parse().map_err(|_| CantImport::KeyPath)?
    };
    Ok((fingerprint, path))
}

/// A record's descriptor as an owner would give it: the derivation scheme, and where its key comes from.
pub fn scheme_of(external: &str) -> (String, Option<String>) {
    let (suffix, rest) = if let Some(rest) = external.strip_prefix("sh(wpkh(") {
        ("-[p2sh]", rest)
    } else if let Some(rest) = external.strip_prefix("tr(") {
        ("-[taproot]", rest)
    } else {
        ("", external.strip_prefix("wpkh(").unwrap_or(external))
    };
    let (origin, key) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((origin, key)) => (Some(origin.to_owned()), key),
        None => (None, rest),
    };
    let key = key.split('/').next().unwrap_or(key);
    (format!("{key}{suffix}"), origin)
}

/// Which addresses a record's descriptor makes.
pub(super) fn addresses_of(external: &str) -> AddressKind {
    if external.starts_with("sh(") {
        AddressKind::Wrapped
    } else if external.starts_with("tr(") {
        AddressKind::Taproot
    } else {
        AddressKind::Segwit
    }
}

#[cfg(test)]
mod tests;
