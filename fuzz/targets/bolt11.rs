//! Lightning invoices that receivers give us. What reads is written as it reads, into a record too, and asks for no more
//! than all bitcoin.
#![no_main]

use bech32::primitives::iter::Fe32IterExt;
use bech32::{Bech32, Checksum, Fe32, Hrp};
use bitcoin::Network;
use libfuzzer_sys::fuzz_target;
use tollway::domain::destination::{Bolt11Destination, Destination};
use tollway::domain::money::SAT_MAX;
use tollway::store::codec::{encode, try_decode};

fuzz_target!(|text: &str| {
    check(text);
    if let Some(whole) = with_checksum(text) {
        check(&whole);
    }
});

fn check(text: &str) {
    for network in [Network::Bitcoin, Network::Regtest] {
        let Ok(read) = Destination::bolt11(text, network) else {
            continue;
        };
        assert_eq!(
            Destination::bolt11(&read.bolt11, network).as_ref(),
            Ok(&read)
        );
        assert_eq!(
            try_decode::<Bolt11Destination>(&encode(&read)).as_ref(),
            Ok(&read)
        );
        assert!(
            read.amount
                .is_none_or(|amount| amount.to_sat_floor() <= SAT_MAX)
        );
    }
}

/// The text with a checksum that fits, and with letters that bech32 has: a fuzzer would never find these by itself.
fn with_checksum(text: &str) -> Option<String> {
    let lower = text.trim().to_ascii_lowercase();
    let (prefix, data) = lower.rsplit_once('1')?;
    let data = data.get(..data.len().checked_sub(Bech32::CHECKSUM_LENGTH)?)?;
    let letters = data
        .bytes()
        .map(|byte| Fe32::from_char(char::from(byte)).unwrap_or(Fe32::Q));
    let prefix = Hrp::parse(prefix).ok()?;
    Some(letters.with_checksum::<Bech32>(&prefix).chars().collect())
}
