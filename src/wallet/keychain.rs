//! The seed: the node's keys and every hot till's keys come from its twelve words.
//!
//! BIP84 account 0 belongs to the node's own wallet; tills have account 1 and up.

use std::fmt;

use bip39::Mnemonic;
use bitcoin::bip32::{ChildNumber, DerivationPath, Xpriv, Xpub};
use bitcoin::hashes::{Hash, HashEngine, Hmac, HmacEngine, sha256, sha512};
use bitcoin::psbt::Psbt;
use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::{Network, NetworkKind};

use super::import;
use super::record::{TillKind, TillRecord};
use crate::domain::till::AddressKind;

/// The secret of the whole gateway, in memory. Its `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Keychain {
    seed: [u8; 64],
    master: Xpriv,
    network: Network,
    secp: Secp256k1<All>,
}

impl fmt::Debug for Keychain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keychain")
            .field("network", &self.network)
            .finish_non_exhaustive()
    }
}

/// Twelve English words (BIP39) that hold these 16 bytes.
pub fn new_mnemonic(entropy: [u8; 16]) -> String {
    mnemonic_of(&entropy)
}

/// English words (BIP39) that hold these 16, 20, 24, 28 or 32 bytes: three words for every four.
pub fn mnemonic_of(entropy: &[u8]) -> String {
    Mnemonic::from_entropy(entropy).map_or_else(
        |e| panic!("{} bytes hold no words: {e}", entropy.len()),
        |words| words.to_string(),
    )
}

impl Keychain {
    /// From BIP39 words, without a passphrase. The error names no word.
    pub fn from_mnemonic(words: &str, network: Network) -> Result<Self, String> {
        Self::from_words(words, "", network)
    }

    /// From BIP39 words and a passphrase. The error names no word.
    pub fn from_words(words: &str, passphrase: &str, network: Network) -> Result<Self, String> {
        let mnemonic = Mnemonic::parse(words.trim())
            .map_err(|_| "the seed is not a valid BIP39 mnemonic".to_owned())?;
        let seed = mnemonic.to_seed(passphrase);
        let master = Xpriv::new_master(network, &seed)
            .map_err(|e| format!("the seed has no master key: {e}"))?;
        Ok(Self {
            seed,
            master,
            network,
            secp: Secp256k1::new(),
        })
    }

    /// The chain its addresses are for.
    pub const fn network(&self) -> Network {
        self.network
    }

    /// The BIP39 seed the embedded node starts from.
    pub const fn node_seed(&self) -> [u8; 64] {
        self.seed
    }

    /// A secret for a purpose, the same each time for the same salt: HMAC-SHA256 under the seed.
    pub fn secret_for(&self, purpose: &str, salt: &[u8; 32]) -> [u8; 32] {
        let mut engine = HmacEngine::<sha256::Hash>::new(&self.seed);
        engine.input(purpose.as_bytes());
        engine.input(&[0]);
        engine.input(salt);
        Hmac::from_engine(engine).to_byte_array()
    }

    /// The public descriptors of an account: addresses handed out, then change (BIP84, BIP380, BIP382).
    ///
    /// Panics for account 0, which is the node's own.
    pub fn descriptors(&self, account: u32) -> (String, String) {
        assert!(account > 0, "account 0 belongs to the node's own wallet");
        self.account(AddressKind::Segwit, account)
    }

    /// The public descriptors of an account of these words, whatever its number.
    pub fn account(&self, addresses: AddressKind, number: u32) -> (String, String) {
        let path = self.account_path(addresses, number);
        let key = self.derived(&path);
        let public = Xpub::from_priv(&self.secp, &key);
        let fingerprint = self.master.fingerprint(&self.secp);
        let origin = format!("[{fingerprint}/{path}]");
        import::descriptors(addresses, &origin, &public)
    }

    /// The words of a child of this seed (BIP85, application 39, English): the same each time, and nothing that is
    /// known of them tells anything about the seed. `words` is 12, 15, 18, 21 or 24.
    pub fn child_words(&self, words: u8, child: u32) -> String {
        let path: DerivationPath = [83_696_968, 39, 0, u32::from(words), child]
            .map(hardened)
            .as_slice()
            .into();
        let key = self.derived(&path);
        let mut engine = HmacEngine::<sha512::Hash>::new(b"bip-entropy-from-k");
        engine.input(&key.private_key.secret_bytes());
        let entropy = Hmac::from_engine(engine).to_byte_array();
        let bytes = usize::from(words) / 3 * 4;
        Mnemonic::from_entropy(&entropy[..bytes]).map_or_else(
            |e| panic!("{words} words can't be made: {e}"),
            |words| words.to_string(),
        )
    }

    /// What signs for a till, and its public descriptors. `None` if its keys are not ours.
    pub(super) fn of(&self, record: &TillRecord) -> Option<(Self, (String, String))> {
        match record.kind {
            TillKind::Hot => Some((self.clone(), self.descriptors(record.account))),
            TillKind::WatchOnly => None,
            TillKind::Generated(generated) => {
                let words = self.child_words(generated.words, record.account);
                let own = Self::from_mnemonic(&words, self.network)
                    .unwrap_or_else(|e| panic!("words that were just made: {e}"));
                let descriptors = own.account(generated.addresses, generated.number);
                Some((own, descriptors))
            }
        }
    }

    fn derived(&self, path: &DerivationPath) -> Xpriv {
        self.master
            .derive_priv(&self.secp, path)
            .unwrap_or_else(|e| panic!("{path} can't be derived: {e}"))
    }

    /// Signs every input whose key origin is this seed's. The error lists the inputs left unsigned.
    pub(super) fn sign(&self, psbt: &mut Psbt) -> Result<(), String> {
        psbt.sign(&self.master, &self.secp)
            .map(drop)
            .map_err(|(_, errors)| format!("inputs could not be signed: {errors:?}"))
    }

    fn account_path(&self, addresses: AddressKind, number: u32) -> DerivationPath {
        let coin = match NetworkKind::from(self.network) {
            NetworkKind::Main => 0,
            NetworkKind::Test => 1,
        };
        [addresses.purpose(), coin, number]
            .map(hardened)
            .as_slice()
            .into()
    }
}

fn hardened(index: u32) -> ChildNumber {
    ChildNumber::from_hardened_idx(index)
        .unwrap_or_else(|e| panic!("{index} is no number of a key: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon \
                         abandon abandon about";

    #[test]
    fn bip84_example_account_one_has_the_origin_of_the_example_seed() {
        let keychain = Keychain::from_mnemonic(WORDS, Network::Bitcoin).expect("valid");
        let (external, internal) = keychain.descriptors(1);
        assert!(external.starts_with("wpkh([73c5da0a/84'/0'/1']xpub"));
        assert!(external.ends_with("/0/*)") && internal.ends_with("/1/*)"));
        assert_eq!(external.replace("/0/*)", "/1/*)"), internal);
        let test = Keychain::from_mnemonic(WORDS, Network::Regtest).expect("valid");
        assert!(
            test.descriptors(7)
                .0
                .starts_with("wpkh([73c5da0a/84'/1'/7']tpub")
        );
    }

    #[test]
    fn the_node_seed_is_the_bip39_seed() {
        let keychain = Keychain::from_mnemonic(WORDS, Network::Regtest).expect("valid");
        assert!(
            hex::encode(keychain.node_seed()).starts_with("5eb00bbddcf069084889a8ab9155568165f5c4")
        );
    }

    #[test]
    fn a_secret_comes_again_for_its_purpose_and_salt_only() {
        let keychain = Keychain::from_mnemonic(WORDS, Network::Regtest).expect("valid");
        let first = keychain.secret_for("key", &[1; 32]);
        assert_eq!(keychain.secret_for("key", &[1; 32]), first);
        assert_ne!(keychain.secret_for("key", &[2; 32]), first);
        assert_ne!(keychain.secret_for("other", &[1; 32]), first);
    }

    #[test]
    fn nothing_secret_is_shown_and_bad_words_are_not_repeated() {
        let keychain = Keychain::from_mnemonic(WORDS, Network::Regtest).expect("valid");
        let shown = format!("{keychain:?}");
        assert!(!shown.contains("prv") && !shown.contains("5eb0") && !shown.contains("94, 176"));
        let refused = Keychain::from_mnemonic("abandon secret", Network::Regtest).expect_err("bad");
        assert!(!refused.contains("secret") && !refused.contains("abandon"));
    }

    #[test]
    fn a_child_has_the_words_of_bip85() {
        // The example of BIP85, for its example key; the network plays no part.
        let key = "xprv9s21ZrQH143K2LBWUUQRFXhucrQqBpKdRRxNVq2zBqsx8HVqFk2uYo8kmbaLLHRdqtQpUm98uKfu3vca1LqdGhUtyoFnCNkfmXRyPXLjbKb";
        let keychain = Keychain {
            seed: [0; 64],
            master: key.parse().expect("a key"),
            network: Network::Bitcoin,
            secp: Secp256k1::new(),
        };
        assert_eq!(
            keychain.child_words(12, 0),
            "girl mad pet galaxy egg matter matrix prison refuse sense ordinary nose"
        );
        assert_eq!(
            keychain.child_words(18, 0),
            "near account window bike charge season chef number sketch tomorrow excuse sniff circle vital hockey outdoor supply token"
        );
    }

    #[test]
    fn accounts_are_those_of_the_examples_of_bip49_and_bip86() {
        let main = Keychain::from_mnemonic(WORDS, Network::Bitcoin).expect("valid");
        let taproot = main.account(AddressKind::Taproot, 0).0;
        assert_eq!(
            taproot,
            "tr([73c5da0a/86'/0'/0']xpub6BgBgsespWvERF3LHQu6CnqdvfEvtMcQjYrcRzx53QJjSxarj2afYWcLteoGVky7D3UKDP9QyrLprQ3VCECoY49yfdDEHGCtMMj92pReUsQ/0/*)"
        );
        let test = Keychain::from_mnemonic(WORDS, Network::Testnet).expect("valid");
        let wrapped = test.account(AddressKind::Wrapped, 0).0;
        assert_eq!(
            wrapped,
            "sh(wpkh([73c5da0a/49'/1'/0']tpubDD7tXK8KeQ3YY83yWq755fHY2JW8Ha8Q765tknUM5rSvjPcGWfUppDFMpQ1ScziKfW3ZNtZvAD7M3u7bSs7HofjTD3KP3YxPK7X6hwV8Rk2/0/*))"
        );
    }

    #[test]
    fn new_words_are_twelve_and_hold_the_entropy() {
        assert_eq!(new_mnemonic([0; 16]), WORDS);
    }
}
