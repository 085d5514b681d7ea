//! Requests to addresses that other people have named: where they may lead (D38). Names are resolved here, and only what
//! was looked at is connected to, so that a name can't change its mind in between.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use crate::ports::courier::{BadUrl, Reach};

/// To reach the host.
const CONNECT: Duration = Duration::from_secs(10);

/// A client that goes no further than its reach, follows no redirect by itself, and asks no proxy of the surroundings to
/// go in its place. Each URL, that of a redirect too, has to pass [`check`] before it is given to it: addresses written as
/// such are not resolved.
pub fn client(reach: Reach, timeout: Duration, user_agent: &str) -> Client {
    Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .connect_timeout(CONNECT)
        .timeout(timeout)
        .user_agent(user_agent)
        .dns_resolver2(Guarded(reach))
        .build()
        .expect("the client is made of fixed settings")
}

/// Reads a URL: absolute, `http` or `https`, and its host, if it is an address, within reach.
pub fn check(text: &str, reach: Reach) -> Result<Url, BadUrl> {
    let bad = |why: &str| Err(BadUrl(why.to_owned()));
    let Ok(url) = Url::parse(text) else {
        return bad("This is not an absolute URL.");
    };
    if !matches!(url.scheme(), "http" | "https") {
        return bad("This has to be an http or https URL.");
    }
    let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
        return bad("This URL has no host.");
    };
    let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    let private = match address {
        Some(address) => !is_public(address),
        None => is_local_name(host),
    };
    if private && reach == Reach::Public {
        return bad(
            "This URL leads into a private network. Only the server's owner can set such a one.",
        );
    }
    Ok(url)
}

/// Names that mean this machine wherever they are resolved (RFC 6761).
fn is_local_name(host: &str) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// Resolves names to what is within reach.
struct Guarded(Reach);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let all: Vec<SocketAddr> = found.collect();
            let within: Vec<SocketAddr> = all
                .iter()
                .filter(|address| reach == Reach::Anywhere || is_public(address.ip()))
                .copied()
                .collect();
            if within.is_empty() && !all.is_empty() {
                return Err("the name leads into a private network".into());
            }
            Ok(Box::new(within.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is one of the public internet: neither private, loopback or link-local, nor set aside for anything
/// else (the special-purpose registries of IANA).
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    let set_aside = match (a, b, c) {
        // This network, loopback; multicast and above.
        (0 | 10 | 127 | 224..=255, _, _)
        // Shared address space of providers.
        | (100, 64..=127, _)
        | (169, 254, _)
        | (172, 16..=31, _)
        // Protocol assignments, documentation, the old 6to4 relays.
        | (192, 0, 0 | 2)
        | (192, 88, 99)
        | (192, 168, _)
        // Benchmarks.
        | (198, 18 | 19, _)
        | (198, 51, 100)
        | (203, 0, 113) => true,
        (_, _, _) => false,
    };
    !set_aside
}

fn is_public_v6(v6: Ipv6Addr) -> bool {
    if let Some(v4) = v6.to_ipv4_mapped() {
        return is_public_v4(v4);
    }
    let [first, second, third, ..] = v6.segments();
    let embedded =
        |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match (first, second) {
        // 6to4 carries an IPv4 address.
        (0x2002, high) => is_public_v4(embedded(high, third)),
        // Protocol assignments (Teredo among them), documentation.
        (0x2001, 0x0000..=0x01ff | 0x0db8) | (0x3fff, 0x0000..=0x0fff) => false,
        // Global unicast.
        (0x2000..=0x3fff, _) => true,
        (_, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        let public = [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "193.99.144.80",
            "223.255.255.254",
            "2a00:1450:4001:81b::200e",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "2002:0808:0808::1",
        ];
        let private = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:0001::1",
            "2002:c0a8:0101::1",
            "3fff::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "ff02::1",
        ];
        for text in public {
            assert!(is_public(text.parse().expect("an address")), "{text}");
        }
        for text in private {
            assert!(!is_public(text.parse().expect("an address")), "{text}");
        }
    }

    #[test]
    fn a_url_is_absolute_and_within_reach() {
        // (url, anywhere, public only)
        let rows = [
            ("https://shop.example/hook?x=1#y", true, true),
            ("HTTP://SHOP.EXAMPLE", true, true),
            ("http://8.8.8.8:8080/", true, true),
            ("http://[2606:4700::1111]/", true, true),
            ("http://127.0.0.1/", true, false),
            ("http://127.1/", true, false),
            ("http://2130706433/", true, false),
            ("http://0x7f.0.0.1/", true, false),
            ("http://[::1]:3000/hook", true, false),
            ("http://[::ffff:10.0.0.1]/", true, false),
            ("http://169.254.169.254/latest/meta-data", true, false),
            ("http://localhost:3000", true, false),
            ("http://LocalHost./", true, false),
            ("http://a.localhost/", true, false),
            ("", false, false),
            ("shop.example/hook", false, false),
            ("/hook", false, false),
            ("ftp://shop.example", false, false),
            ("file:///etc/passwd", false, false),
            ("javascript:alert(1)", false, false),
            ("http://", false, false),
            ("http:///", false, false),
            ("http://1.2.3.4.5/", false, false),
            ("http://[::1/", false, false),
            ("http://a b/", false, false),
            ("http://shop.example:99999/", false, false),
        ];
        for (url, anywhere, public) in rows {
            assert_eq!(check(url, Reach::Anywhere).is_ok(), anywhere, "{url}");
            assert_eq!(check(url, Reach::Public).is_ok(), public, "{url}");
        }
    }

    #[tokio::test]
    async fn a_name_of_this_machine_is_resolved_for_its_owner_only() {
        let name = || "localhost".parse::<Name>().expect("a name");
        let found = Guarded(Reach::Anywhere).resolve(name()).await;
        assert!(found.expect("resolves").next().is_some());
        let refused = Guarded(Reach::Public).resolve(name()).await;
        let why = refused.err().expect("refused").to_string();
        assert_eq!(why, "the name leads into a private network");
    }
}
