//! Addresses that messages are to go to. What is within a stranger's reach leads to no address of a private network,
//! however it is written, and reads the same when it is read again.
#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use tollway::adapters::guard::{check, is_public};
use tollway::ports::courier::Reach;

fuzz_target!(|text: &str| {
    let (public, anywhere) = (check(text, Reach::Public), check(text, Reach::Anywhere));
    let Ok(url) = public else {
        return;
    };
    assert_eq!(anywhere.as_ref(), Ok(&url));
    assert_eq!(check(url.as_str(), Reach::Public).as_ref(), Ok(&url));
    assert!(matches!(url.scheme(), "http" | "https"));
    let host = url.host_str().expect("a host").trim_matches(['[', ']']);
    if let Ok(address) = host.parse::<IpAddr>() {
        assert!(is_public(address), "{url}");
    }
});
