//! Somebody's own wallet: its keys are not this server's.

use bdk_wallet::miniscript::psbt::PsbtExt;
use bdk_wallet::{KeychainKind, Wallet};
use bitcoin::bip32::{Xpriv, Xpub};
use bitcoin::secp256k1::Secp256k1;
use bitcoin::{Address, Network, Psbt};

/// Which addresses it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// P2WPKH.
    Segwit,
    /// P2SH-P2WPKH.
    Wrapped,
    /// P2TR.
    Taproot,
}

/// A wallet with private keys.
pub struct Signer {
    master: Xpriv,
    wallet: Wallet,
    /// What its owner gives away: an output descriptor with public keys only.
    pub descriptor: String,
    /// The same as a derivation scheme, and where its key comes from.
    pub scheme: String,
    /// Where that key comes from.
    pub key_path: String,
}

impl Signer {
    /// One of many wallets.
    pub fn new(number: u8, kind: Kind) -> Self {
        let secp = Secp256k1::new();
        let master = Xpriv::new_master(Network::Regtest, &[number; 32]).expect("a key");
        let (purpose, open, close, suffix) = match kind {
            Kind::Segwit => (84, "wpkh(", ")", ""),
            Kind::Wrapped => (49, "sh(wpkh(", "))", "-[p2sh]"),
            Kind::Taproot => (86, "tr(", ")", "-[taproot]"),
        };
        let path = format!("{purpose}'/1'/0'");
        let account = master
            .derive_priv(
                &secp,
                &path
                    .parse::<bitcoin::bip32::DerivationPath>()
                    .expect("a path"),
            )
            .expect("a key");
        let public = Xpub::from_priv(&secp, &account);
        let chain = |chain: u8| format!("{open}{master}/{path}/{chain}/*{close}");
        let wallet = Wallet::create(chain(0), chain(1))
            .network(Network::Regtest)
            .create_wallet_no_persist()
            .expect("a wallet");
        let key_path = format!("{}/{path}", master.fingerprint(&secp));
        Self {
            master,
            wallet,
            descriptor: format!("{open}[{key_path}]{public}/<0;1>/*{close}"),
            scheme: format!("{public}{suffix}"),
            key_path,
        }
    }

    /// An address to be paid.
    pub fn address(&self, index: u32) -> String {
        self.at(KeychainKind::External, index).to_string()
    }

    /// An address of either chain.
    pub fn at(&self, keychain: KeychainKind, index: u32) -> Address {
        self.wallet.peek_address(keychain, index).address
    }

    /// Signs what is its own, and finalises it or not.
    pub fn sign(&self, psbt: &str, finalise: bool) -> Psbt {
        let mut psbt: Psbt = psbt.parse().expect("a PSBT");
        let secp = Secp256k1::new();
        psbt.sign(&self.master, &secp).expect("signs");
        if finalise {
            psbt.finalize_mut(&secp).expect("finalises");
        }
        psbt
    }
}
