//! A store's payment methods: which wallet takes its money on the chain, and whether each method is offered.
//!
//! A wallet that comes is a new till; one that goes stays watched, since its addresses may still be paid.

use super::{Gateway, Unavailable};
use crate::domain::ids::StoreId;
use crate::domain::receipt::Rail;
use crate::domain::store::{ChosenTill, LightningMethod, OnchainMethod, Settings, Store};
use crate::domain::till::{AddressKind, TillId};
use crate::store::{self, Tx, WriteError};
use crate::wallet::import::{self, CantImport, Imported};
use crate::wallet::{Generated, Keychain, TillKind, keychain};

/// The longest name of a wallet, in characters.
const LABEL_CHARS_MAX: usize = 200;

/// A wallet as its owner gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenWallet {
    /// A derivation scheme or an output descriptor.
    pub scheme: String,
    /// Where its key comes from: `1a2b3c4d/84'/0'/0'`.
    pub key_path: Option<String>,
    /// What its owner calls it; what it was called before if `None`.
    pub label: Option<String>,
}

/// A wallet to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWallet {
    /// Words that its owner has already.
    pub existing: Option<String>,
    /// Beside the words (BIP39).
    pub passphrase: String,
    /// Which account of the words.
    pub number: u32,
    /// This server keeps the keys: it can pay by itself.
    pub keeps_keys: bool,
    /// 12, 15, 18, 21 or 24.
    pub words: u8,
    /// Which addresses.
    pub addresses: AddressKind,
    /// What its owner calls it.
    pub label: Option<String>,
}

/// A store's on-chain wallet, as its owner knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletConfig {
    /// Which till.
    pub till: TillId,
    /// Its derivation scheme.
    pub scheme: String,
    /// Where its key comes from, if that is known.
    pub key_path: Option<String>,
    /// What its owner calls it.
    pub label: String,
    /// Who can spend.
    pub kind: TillKind,
}

/// Wallets of a store, old ones included: their addresses were handed out, so they are watched at every start.
const WALLETS_MAX: usize = 20;

/// Why a payment method is not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MethodRefusal {
    /// There is no such store.
    #[error("There is no such store.")]
    UnknownStore,
    /// 422 `Config`.
    #[error(transparent)]
    Import(#[from] CantImport),
    /// 422 `Config`: its addresses would be handed out twice (P12).
    #[error("This wallet belongs to another store of this server: no two stores share addresses.")]
    OtherStore,
    /// 422 `Config`: every one is watched for ever.
    #[error(
        "A store has at most {WALLETS_MAX} wallets in its life, and old ones stay watched. Connect one that it had."
    )]
    TooMany,
    /// 422 `Config`.
    #[error("There is no wallet yet: give a derivation scheme or an output descriptor.")]
    NoWallet,
    /// 422 `Config.Label`, `Label`.
    #[error("A label has at most 200 characters.")]
    Label,
    /// 422 `ExistingMnemonic`.
    #[error("These are not BIP39 words in English, or one of them is mistyped.")]
    Words,
    /// 422 `SavePrivateKeys`.
    #[error(
        "This server keeps no keys but those that come from its own seed: leave out the words and the passphrase, or connect this wallet without its keys."
    )]
    ForeignKeys,
    /// 400 `already-configured`.
    #[error("The store has a wallet already. Take it away first.")]
    AlreadyConfigured,
    /// 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<WriteError> for MethodRefusal {
    fn from(error: WriteError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl Gateway {
    /// Switches a store's on-chain method on or off, gives it another wallet, or both. What is `None` stays.
    pub async fn set_onchain(
        &self,
        store: StoreId,
        enabled: Option<bool>,
        wallet: Option<GivenWallet>,
    ) -> Result<Store, MethodRefusal> {
        let label = wallet.as_ref().and_then(|wallet| wallet.label.clone());
        check_label(label.as_deref())?;
        let read = match &wallet {
            Some(given) => Some(self.read_wallet(&given.scheme, given.key_path.as_deref())?),
            None => None,
        };
        let birthday = self.known_tip()?;
        let network = self.network;
        self.store
            .try_write("wallet-connect", move |tx| {
                let shop = store::settings::get(tx, store).ok_or(MethodRefusal::UnknownStore)?;
                let before = shop.settings.onchain();
                let had_none = before.till == ChosenTill::None;
                let till = match read {
                    Some(wallet) => {
                        let known = tx.tills().with_descriptor(&wallet.external);
                        let id = match known {
                            Some(known) if known.store != store => {
                                return Err(MethodRefusal::OtherStore);
                            }
                            Some(known) => known,
                            None => {
                                check_room(tx, store)?;
                                store::till::open_watched(tx, store, &wallet, network, birthday)
                                    .unwrap_or_else(|e| {
                                        panic!("a checked wallet can't be opened: {e}")
                                    })
                            }
                        };
                        ChosenTill::Generation(id.generation)
                    }
                    None if had_none => return Err(MethodRefusal::NoWallet),
                    None => before.till,
                };
                let after = OnchainMethod {
                    enabled: enabled.unwrap_or(before.enabled || had_none),
                    label: label.or(before.label.filter(|_| till == before.till)),
                    till,
                };
                Ok(put_onchain(tx, shop, after))
            })
            .await
    }

    /// Goes back to the wallet that the store was opened with.
    pub async fn use_own_wallet(&self, store: StoreId) -> Result<Store, MethodRefusal> {
        self.store
            .try_write("wallet-own", move |tx| {
                let shop = store::settings::get(tx, store).ok_or(MethodRefusal::UnknownStore)?;
                Ok(put_onchain(tx, shop, OnchainMethod::default()))
            })
            .await
    }

    /// Switches a store's Lightning on or off, connects it with this server's node, or both. What is `None` stays.
    pub async fn set_lightning(
        &self,
        store: StoreId,
        enabled: Option<bool>,
        connect: bool,
    ) -> Result<Store, MethodRefusal> {
        self.store
            .try_write("lightning-connect", move |tx| {
                let shop = store::settings::get(tx, store).ok_or(MethodRefusal::UnknownStore)?;
                let before = shop.settings.lightning();
                if !before.connected && !connect {
                    return Err(MethodRefusal::NoWallet);
                }
                let after = LightningMethod {
                    enabled: enabled.unwrap_or(before.enabled || !before.connected),
                    connected: true,
                };
                Ok(put_lightning(tx, shop, after))
            })
            .await
    }

    /// Takes a payment method away. The till stays watched: its addresses may still be paid.
    pub async fn remove_method(&self, store: StoreId, rail: Rail) -> Result<Store, MethodRefusal> {
        self.store
            .try_write("method-remove", move |tx| {
                let shop = store::settings::get(tx, store).ok_or(MethodRefusal::UnknownStore)?;
                Ok(match rail {
                    Rail::Onchain => {
                        let after = OnchainMethod {
                            enabled: false,
                            till: ChosenTill::None,
                            label: None,
                        };
                        put_onchain(tx, shop, after)
                    }
                    Rail::Lightning => {
                        let after = LightningMethod {
                            enabled: false,
                            connected: false,
                        };
                        put_lightning(tx, shop, after)
                    }
                })
            })
            .await
    }

    /// Makes a wallet of new or given words. The words are answered once and are not kept.
    pub async fn generate_wallet(
        &self,
        store: StoreId,
        new: NewWallet,
    ) -> Result<(Store, String), MethodRefusal> {
        check_label(new.label.as_deref())?;
        let birthday = self.known_tip()?;
        if new.keeps_keys && (new.existing.is_some() || !new.passphrase.is_empty()) {
            return Err(MethodRefusal::ForeignKeys);
        }
        let made = if new.keeps_keys {
            None
        } else {
            Some(self.watched_words(&new)?)
        };
        let (network, keychain) = (self.network, self.keychain.clone());
        self.store
            .try_write("wallet-generate", move |tx| {
                let shop = store::settings::get(tx, store).ok_or(MethodRefusal::UnknownStore)?;
                if matches!(shop.settings.onchain().till, ChosenTill::Generation(_)) {
                    return Err(MethodRefusal::AlreadyConfigured);
                }
                check_room(tx, store)?;
                let opened = if let Some((words, wallet)) = made {
                    match tx.tills().with_descriptor(&wallet.external) {
                        Some(known) if known.store != store => {
                            return Err(MethodRefusal::OtherStore);
                        }
                        Some(known) => Ok((known, words)),
                        None => store::till::open_watched(tx, store, &wallet, network, birthday)
                            .map(|id| (id, words)),
                    }
                } else {
                    let generated = Generated {
                        words: new.words,
                        addresses: new.addresses,
                        number: new.number,
                    };
                    store::till::open_generated(tx, store, &keychain, generated, birthday)
                };
                // A wallet of words that were just checked fails to open only by a bug.
                let (id, words) =
                    opened.unwrap_or_else(|e| panic!("a new wallet can't be opened: {e}"));
                let after = OnchainMethod {
                    enabled: true,
                    till: ChosenTill::Generation(id.generation),
                    label: new.label,
                };
                Ok((put_onchain(tx, shop, after), words))
            })
            .await
    }

    /// What a wallet is that somebody gives; nothing is kept.
    pub fn read_wallet(
        &self,
        scheme: &str,
        key_path: Option<&str>,
    ) -> Result<Imported, CantImport> {
        import::read(scheme, key_path, self.network)
    }

    /// A store's on-chain wallet. `None` if it has none. The tills live with the writer; a job that writes nothing
    /// costs no fsync.
    pub async fn wallet_config(&self, store: StoreId) -> Result<Option<WalletConfig>, Unavailable> {
        let look = move |tx: &mut Tx<'_>| {
            let till = store::till::of(tx, store)?;
            let record = tx.tills().record(till)?;
            let (scheme, key_path) = import::scheme_of(&record.external);
            let method = store::settings::get(tx, store)?.settings.onchain();
            Some(WalletConfig {
                till,
                scheme,
                key_path,
                label: method.label.unwrap_or_default(),
                kind: record.kind,
            })
        };
        Ok(self.store.write("wallet-look", look).await?)
    }

    /// Words that nobody has seen, or those that were given, with the wallet that they are.
    fn watched_words(&self, new: &NewWallet) -> Result<(String, Imported), MethodRefusal> {
        let words = if let Some(words) = &new.existing {
            words.split_whitespace().collect::<Vec<_>>().join(" ")
        } else {
            let entropy: [u8; 32] = self.random();
            keychain::mnemonic_of(&entropy[..usize::from(new.words) / 3 * 4])
        };
        let own = Keychain::from_words(&words, &new.passphrase, self.network)
            .map_err(|_| MethodRefusal::Words)?;
        let (external, internal) = own.account(new.addresses, new.number);
        let wallet = Imported {
            external,
            internal,
            addresses: new.addresses,
        };
        Ok((words, wallet))
    }

    fn known_tip(&self) -> Result<crate::ports::chain::BlockRef, Unavailable> {
        self.follower.known_tip().ok_or_else(|| {
            Unavailable::NotReady("The chain has not been seen yet: try again soon.".to_owned())
        })
    }
}

fn check_room(tx: &Tx<'_>, store: StoreId) -> Result<(), MethodRefusal> {
    if tx.tills().count_of(store) < WALLETS_MAX {
        Ok(())
    } else {
        Err(MethodRefusal::TooMany)
    }
}

fn check_label(label: Option<&str>) -> Result<(), MethodRefusal> {
    match label {
        Some(label) if label.chars().count() > LABEL_CHARS_MAX => Err(MethodRefusal::Label),
        Some(_) | None => Ok(()),
    }
}

fn put_onchain(tx: &mut Tx<'_>, shop: Store, onchain: OnchainMethod) -> Store {
    let settings = Settings {
        onchain: Some(onchain),
        ..shop.settings
    };
    put(tx, Store { settings, ..shop })
}

fn put_lightning(tx: &mut Tx<'_>, shop: Store, lightning: LightningMethod) -> Store {
    let settings = Settings {
        lightning: Some(lightning),
        ..shop.settings
    };
    put(tx, Store { settings, ..shop })
}

/// What waits for a wallet looks at it at once.
fn put(tx: &mut Tx<'_>, shop: Store) -> Store {
    store::settings::put(tx, &shop);
    tx.wake(store::Wake::OnchainPayouts);
    shop
}
