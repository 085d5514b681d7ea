//! What receivers give us as a destination, on both rails: addresses, invoices, `bitcoin:` URIs with both (BIP 321), and
//! LNURL or Lightning addresses, which are not looked up. What reads is written as it reads.
#![no_main]

use bitcoin::Network;
use futures::FutureExt;
use libfuzzer_sys::fuzz_target;
use tollway::domain::destination::Destination;
use tollway::domain::money::Msat;
use tollway::domain::receipt::Rail;
use tollway::service::destination::{ReadDestination, read};
use tollway::store::codec::{encode, try_decode};

/// All bitcoin.
const MOST: Msat = Msat(2_100_000_000_000_000_000);

fuzz_target!(|text: &str| {
    for rail in [Rail::Lightning, Rail::Onchain] {
        for network in [Network::Bitcoin, Network::Regtest] {
            if let Some(found) = ask(text, rail, network) {
                assert_eq!(found.destination.rail(), rail);
                assert!(found.amount.is_none_or(|amount| amount <= MOST));
                let again = ask(found.destination.text(), rail, network).expect("reads again");
                assert_eq!(again.destination, found.destination);
                let record = encode(&found.destination);
                assert_eq!(try_decode::<Destination>(&record), Ok(found.destination));
            }
        }
    }
});

fn ask(text: &str, rail: Rail, network: Network) -> Option<ReadDestination> {
    let read = read(text, rail, network).now_or_never();
    read.expect("nobody is asked").ok()
}
