//! Wallets to be watched: extended public keys in all their spellings, and descriptors. What reads is written so that it
//! reads as the same wallet.
#![no_main]

use bitcoin::Network;
use libfuzzer_sys::fuzz_target;
use tollway::wallet::import::read;

fuzz_target!(|text: &str| {
    let (text, path) = match text.split_once('\n') {
        Some((text, path)) => (text, Some(path)),
        None => (text, None),
    };
    for network in [Network::Bitcoin, Network::Regtest] {
        if let Ok(wallet) = read(text, path, network) {
            assert_eq!(read(&wallet.external, None, network), Ok(wallet));
        }
    }
});
