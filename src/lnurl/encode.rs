//! How a withdraw link is written: its address, its bech32 form (LUD-01), its `lnurlw://` form (LUD-17).

use bech32::{Bech32, Hrp};

use crate::domain::ids::PullPaymentId;

/// The address that wallets ask.
pub fn link_of(base_url: &str, id: PullPaymentId) -> String {
    format!("{base_url}/BTC/UILNURL/withdraw/pp/{id}")
}

/// The address in bech32, in upper case for QR codes.
pub fn bech32(url: &str) -> String {
    // A base URL is far below the 1,023 characters that the code allows.
    bech32::encode_upper::<Bech32>(Hrp::parse_unchecked("lnurl"), url.as_bytes())
        .unwrap_or_default()
}

/// The address with the scheme that says what it is; it stands for https.
pub fn lnurlw(url: &str) -> String {
    match url.split_once("://") {
        Some((_, rest)) => format!("lnurlw://{rest}"),
        None => format!("lnurlw://{url}"),
    }
}
