//! Descriptors as bdk is given them: with the key of the chain itself, derived once.
//!
//! A till's record says `wpkh([origin]account/0/*)`. Given that, every address costs two derivations, the first of
//! which is always the same; it is the larger part of what making an address costs.

use bdk_wallet::descriptor::ExtendedDescriptor;
use bdk_wallet::miniscript::descriptor::{
    Descriptor, DescriptorPublicKey, DescriptorXKey, Wildcard, Wpkh,
};
use bitcoin::bip32::{DerivationPath, Xpub};
use bitcoin::secp256k1::Secp256k1;

/// Parses a descriptor of a record. Its scripts and the key origins in what is to be signed (BIP 174) are those of the
/// text.
pub(super) fn parse(text: &str) -> Result<ExtendedDescriptor, String> {
    let descriptor: ExtendedDescriptor = text.parse().map_err(|e| format!("{e}"))?;
    match descriptor {
        Descriptor::Wpkh(wpkh) => chain_key(wpkh),
        other => Ok(other),
    }
}

fn chain_key(wpkh: Wpkh<DescriptorPublicKey>) -> Result<ExtendedDescriptor, String> {
    let key = match wpkh.into_inner() {
        DescriptorPublicKey::XPub(account) if account.wildcard == Wildcard::Unhardened => {
            DescriptorPublicKey::XPub(derived(account)?)
        }
        other => other,
    };
    Descriptor::new_wpkh(key).map_err(|e| e.to_string())
}

fn derived(account: DescriptorXKey<Xpub>) -> Result<DescriptorXKey<Xpub>, String> {
    let DescriptorXKey {
        origin,
        xkey,
        derivation_path,
        wildcard,
    } = account;
    let (fingerprint, path) =
        origin.unwrap_or_else(|| (xkey.fingerprint(), DerivationPath::master()));
    Ok(DescriptorXKey {
        xkey: xkey
            .derive_pub(&Secp256k1::verification_only(), &derivation_path)
            .map_err(|e| e.to_string())?,
        origin: Some((fingerprint, path.extend(derivation_path))),
        derivation_path: DerivationPath::master(),
        wildcard,
    })
}

#[cfg(test)]
mod tests {
    use bitcoin::Network;

    use super::*;
    use crate::wallet::{Keychain, keychain};

    #[test]
    fn scripts_and_origins_are_those_of_the_text() {
        let words = keychain::new_mnemonic([0; 16]);
        let keychain = Keychain::from_mnemonic(&words, Network::Regtest).expect("valid");
        let (external, internal) = keychain.descriptors(3);
        for text in [external, internal] {
            let plain: ExtendedDescriptor = text.parse().expect("public");
            let parsed = parse(&text).expect("public");
            assert_ne!(parsed, plain);
            for index in [0, 1, 4_000] {
                let [one, other] = [&plain, &parsed].map(|descriptor| {
                    let definite = descriptor.at_derivation_index(index).expect("not hardened");
                    let Descriptor::Wpkh(wpkh) = &definite else {
                        panic!("native SegWit");
                    };
                    let key = wpkh.as_inner();
                    (
                        definite.script_pubkey(),
                        key.master_fingerprint(),
                        key.full_derivation_path(),
                    )
                });
                assert_eq!(one, other);
            }
        }
    }

    #[test]
    fn what_is_no_descriptor_is_refused() {
        assert!(parse("wpkh(tea)").is_err());
    }
}
