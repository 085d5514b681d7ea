//! The three written forms of a withdraw link: plain, bech32 (LUD-01), `lnurlw://` (LUD-17).

use bech32::{Bech32, Hrp};

use crate::domain::ids::PullPaymentId;

/// The link of a pull payment (Greenfield 5.11).
pub fn link_of(base_url: &str, id: PullPaymentId) -> String {
    format!("{base_url}/BTC/UILNURL/withdraw/pp/{id}")
}

/// `LNURL1…`, all upper case for the compact mode of QR codes (LUD-01).
pub fn bech32(url: &str) -> String {
    let hrp = Hrp::parse_unchecked("lnurl");
    let mut text = String::with_capacity(url.len().saturating_mul(2));
    // Writing into a String never fails, and LUD-01 lifts bech32's limit of 90 characters.
    let _ = bech32::encode_upper_to_fmt::<Bech32NoLimit, _>(&mut text, hrp, url.as_bytes());
    text
}

/// The same link for wallets that know LUD-17.
pub fn lnurlw(url: &str) -> String {
    match url.split_once("://") {
        Some((_, rest)) => format!("lnurlw://{rest}"),
        None => format!("lnurlw://{url}"),
    }
}

/// bech32's checksum without its limit of length: a URL may be longer (LUD-01).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bech32NoLimit {}

impl bech32::Checksum for Bech32NoLimit {
    type MidstateRepr = <Bech32 as bech32::Checksum>::MidstateRepr;
    const CODE_LENGTH: usize = usize::MAX;
    const CHECKSUM_LENGTH: usize = <Bech32 as bech32::Checksum>::CHECKSUM_LENGTH;
    const GENERATOR_SH: [Self::MidstateRepr; 5] = <Bech32 as bech32::Checksum>::GENERATOR_SH;
    const TARGET_RESIDUE: Self::MidstateRepr = <Bech32 as bech32::Checksum>::TARGET_RESIDUE;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_encode_as_the_specification_says() {
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
        for (url, code) in rows {
            assert_eq!(bech32(url), code);
        }
    }

    #[test]
    fn long_links_encode_too() {
        let url = format!("https://shop.example/{}", "a".repeat(2_000));
        let code = bech32(&url);
        let read = bech32::primitives::decode::CheckedHrpstring::new::<Bech32NoLimit>(&code)
            .expect("reads back");
        assert!(read.byte_iter().eq(url.bytes()));
    }

    #[test]
    fn the_scheme_says_what_the_link_does() {
        let url = link_of("https://pay.example", PullPaymentId([0; 20]));
        assert_eq!(
            lnurlw(&url),
            "lnurlw://pay.example/BTC/UILNURL/withdraw/pp/11111111111111111111"
        );
    }
}
