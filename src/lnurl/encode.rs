//! How a link is written: bech32 for codes (LUD-01), `lnurlw://` for links and tags (LUD-17).

use bech32::{Bech32, Hrp};

use crate::domain::ids::PullPaymentId;

/// The URL behind a pull payment's withdraw link; the path that `BTCPay` Server uses.
pub fn link_of(base_url: &str, id: PullPaymentId) -> String {
    format!("{base_url}/BTC/UILNURL/withdraw/pp/{id}")
}

/// `LNURL1…`: the URL's bytes in upper-case bech32, without bech32's length limit.
pub fn bech32(url: &str) -> String {
    // The limit of this variant is the address space: no URL is refused.
    bech32::encode_upper::<Unlimited>(LNURL, url.as_bytes()).unwrap_or_default()
}

/// `lnurlw://…`, which stands for https (for http on `.onion`).
pub fn lnurlw(url: &str) -> String {
    match url.split_once("://") {
        Some((_, rest)) => format!("lnurlw://{rest}"),
        None => format!("lnurlw://{url}"),
    }
}

const LNURL: Hrp = Hrp::parse_unchecked("lnurl");

/// Bech32 (BIP 173) without the 90-character limit, as LUD-01 wants it.
enum Unlimited {}

impl bech32::Checksum for Unlimited {
    type MidstateRepr = u32;
    const CODE_LENGTH: usize = usize::MAX;
    const CHECKSUM_LENGTH: usize = Bech32::CHECKSUM_LENGTH;
    const GENERATOR_SH: [u32; 5] = Bech32::GENERATOR_SH;
    const TARGET_RESIDUE: u32 = Bech32::TARGET_RESIDUE;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_written_as_lud_01_says() {
        let rows = [
            (
                "https://service.com/api?q=3fc3645b439ce8e7f2553a69e5267081d96dcd340693afabe04be7b0ccd178df",
                "LNURL1DP68GURN8GHJ7UM9WFMXJCM99E3K7MF0V9CXJ0M385EKVCENXC6R2C35XVUKXEFCV5MKVV34X5EKZD3EV56NYD3HXQURZEPEXEJXXEPNXSCRVWFNV9NXZCN9XQ6XYEFHVGCXXCMYXYMNSERXFQ5FNS",
            ),
            (
                "https://pay.example.com/lnurl/w/9xKQ2m?token=a%2Fb&x=1",
                "LNURL1DP68GURN8GHJ7URP0YHX27RPD4CXCEFWVDHK6TMVDE6HYMP0WUHNJ7ZT2YEX60M5DA4K2M3AVYJNY3NZYEUR6VGK3PYL0",
            ),
            (
                "http://127.0.0.1:3000/lnurlw/pp_1",
                "LNURL1DP68GUP69UHNZV3H9CCZUVPWXYARXVPSXQHKCMN4WFK8WTMSWP0NZ8ULLZ0",
            ),
        ];
        for (url, lnurl) in rows {
            assert_eq!(bech32(url), lnurl);
        }
        assert_eq!(lnurlw("https://shop.example/x"), "lnurlw://shop.example/x");
    }
}
