//! Configuration: one TOML file, environment over it, flags over both. Unknown keys are refused.
//!
//! A key in a section is `TOLLWAY__SECTION__KEY` in the environment, such as `TOLLWAY__HTTP__LISTEN`.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use bitcoin::Network;
use rust_decimal::Decimal;
use serde::Deserialize;

/// Everything that is set outside.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where everything is kept. Only its owner may read it.
    pub data_dir: PathBuf,
    /// `bitcoin`, `testnet`, `signet` or `regtest`.
    pub network: Network,
    /// Mainnet has to be asked for in so many words until backups exist.
    #[serde(default)]
    pub i_know_there_are_no_backups_yet: bool,
    /// HTTP.
    pub http: Http,
    /// The chain source.
    pub bitcoind: Bitcoind,
    /// The Lightning node.
    #[serde(default)]
    pub node: Node,
    /// Prices.
    #[serde(default)]
    pub rates: Rates,
    /// Caps.
    #[serde(default)]
    pub limits: Limits,
    /// Webhooks.
    #[serde(default)]
    pub webhooks: Webhooks,
}

/// Webhooks.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhooks {
    /// Those of every user may lead into the server's own network, not only those of the server's owner.
    pub allow_private_addresses: bool,
}

/// The HTTP side.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where strangers reach us: `https://…`, `http://….onion`, or plain http on loopback and regtest.
    pub base_url: String,
    /// Addresses of reverse proxies whose `X-Forwarded-For` is believed, so that caps count clients and not the proxy.
    #[serde(default)]
    pub trusted_proxies: Vec<IpAddr>,
}

/// bitcoind's RPC.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bitcoind {
    /// Host name or address.
    pub host: String,
    /// RPC port.
    pub port: u16,
    /// RPC user.
    pub user: String,
    /// RPC password.
    pub password: String,
    /// How often to look for blocks and payments, in milliseconds.
    #[serde(default = "default_poll")]
    pub poll_millis: u64,
}

const fn default_poll() -> u64 {
    1_000
}

/// The Lightning node.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Where peers may call; nowhere if absent.
    pub listen: Option<String>,
    /// Its name, at most 32 bytes; needs `listen`.
    pub alias: Option<String>,
}

/// Prices.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rates {
    /// Fixed units per BTC by currency code, as text. If there are any, stores that prefer no source have these.
    pub fixed: BTreeMap<String, Decimal>,
    /// How often sources are asked, in seconds: 10 to 3,600.
    pub refresh_secs: u64,
    /// How long a price is good, in seconds: at least twice the above, at most an hour.
    pub max_age_secs: u64,
    /// Kraken, or who speaks like it.
    pub kraken: RateSource,
    /// `CoinGecko`, or who speaks like it.
    pub coingecko: RateSource,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            fixed: BTreeMap::new(),
            refresh_secs: 60,
            max_age_secs: 600,
            kraken: RateSource::default(),
            coingecko: RateSource::default(),
        }
    }
}

/// A source of prices on the network.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RateSource {
    /// Whether it is asked: always if absent, on regtest only if it has a URL here.
    pub enabled: Option<bool>,
    /// Another place than its own: `http(s)://host[:port][/path]`.
    pub url: Option<String>,
}

impl RateSource {
    /// Where it is asked, if it is.
    pub fn url<'a>(&'a self, own: &'a str, network: Network) -> Option<&'a str> {
        let usual = self.url.is_some() || network != Network::Regtest;
        self.enabled
            .unwrap_or(usual)
            .then(|| self.url.as_deref().unwrap_or(own))
    }
}

/// Caps, per client address.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Attempts to sign in.
    pub logins_per_minute: u32,
    /// What strangers may start: claims, withdrawals, invoices of open stores.
    pub stranger_actions_per_minute: u32,
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Whatever strangers ask for, also by looking; requests with a valid key don't count.
    pub stranger_requests_per_minute: u32,
    /// Stores that an account may make; administrators make as many as they like.
    pub stores_per_account: u32,
    /// Accounts that a stranger may ask for in a minute.
    pub accounts_per_minute: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            logins_per_minute: 10,
            stranger_actions_per_minute: 120,
            body_bytes: 1_024 * 1_024,
            stranger_requests_per_minute: 6_000,
            stores_per_account: 20,
            accounts_per_minute: 2,
        }
    }
}

/// The configuration can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("can't read {0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// It says something we don't understand.
    #[error("the configuration is not right: {0}")]
    Wrong(String),
}

/// Prefix of environment variables that set something.
const ENV_PREFIX: &str = "TOLLWAY__";

impl Config {
    /// Reads the file, if there is one, and what the environment sets over it.
    pub fn read(
        file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut table = match file {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|e| ConfigError::Unreadable(path.to_owned(), e))?
                .parse::<toml::Table>()
                .map_err(|e| ConfigError::Wrong(e.to_string()))?,
            None => toml::Table::new(),
        };
        for (name, value) in env {
            if let Some(place) = name.strip_prefix(ENV_PREFIX) {
                set(&mut table, place, &value)?;
            }
        }
        let config: Self = table
            .try_into()
            .map_err(|e: toml::de::Error| ConfigError::Wrong(e.to_string()))?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let wrong = |why: &str| Err(ConfigError::Wrong(why.to_owned()));
        if self.network == Network::Bitcoin && !self.i_know_there_are_no_backups_yet {
            return wrong(
                "mainnet needs i_know_there_are_no_backups_yet = true: channel state can't be backed up yet",
            );
        }
        if !self.data_dir.is_absolute() {
            return wrong("data_dir has to be an absolute path");
        }
        if self.node.alias.is_some() && self.node.listen.is_none() {
            return wrong("node.alias needs node.listen");
        }
        if self
            .node
            .alias
            .as_ref()
            .is_some_and(|alias| alias.len() > 32)
        {
            return wrong("node.alias has at most 32 bytes");
        }
        self.check_rates()?;
        self.check_base_url()
    }

    fn check_rates(&self) -> Result<(), ConfigError> {
        let rates = &self.rates;
        let wrong = |why: &str| Err(ConfigError::Wrong(why.to_owned()));
        if !(10..=3_600).contains(&rates.refresh_secs) {
            return wrong("rates.refresh_secs has to be from 10 to 3600");
        }
        if rates.max_age_secs < 2 * rates.refresh_secs || rates.max_age_secs > 3_600 {
            return wrong(
                "rates.max_age_secs has to be at least twice rates.refresh_secs, and at most 3600",
            );
        }
        for source in [&rates.kraken, &rates.coingecko] {
            let is_url = |url: &String| url.starts_with("https://") || url.starts_with("http://");
            if source.url.as_ref().is_some_and(|url| !is_url(url)) {
                return wrong("the url of a rate source has to begin with https:// or http://");
            }
        }
        Ok(())
    }

    /// Links that wallets refuse are refused here, not at the first scan (LUD-01).
    fn check_base_url(&self) -> Result<(), ConfigError> {
        let url = &self.http.base_url;
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        let host = rest.split(':').next().unwrap_or_default();
        let reachable = match scheme {
            "https" => true,
            "http" => {
                self.network == Network::Regtest
                    || is_loopback(host)
                    || (host == rest
                        && host.rsplit_once('.').is_some_and(|(_, top)| top == "onion"))
            }
            _ => false,
        };
        if !reachable || host.is_empty() || rest.contains(['/', '?', '#', '@']) {
            return Err(ConfigError::Wrong(format!(
                "http.base_url has to be https://host[:port] without a path (or http:// for .onion, loopback and regtest), not '{url}'"
            )));
        }
        Ok(())
    }

    /// The base URL is this very machine: the first account needs no set-up token (D45).
    pub fn is_loopback(&self) -> bool {
        self.http
            .base_url
            .split_once("://")
            .is_some_and(|(_, rest)| is_loopback(rest.split(':').next().unwrap_or_default()))
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.starts_with("127.")
}

fn set(table: &mut toml::Table, place: &str, value: &str) -> Result<(), ConfigError> {
    let mut here = table;
    let keys: Vec<String> = place.split("__").map(str::to_lowercase).collect();
    let Some((last, sections)) = keys.split_last() else {
        return Ok(());
    };
    for section in sections {
        here = here
            .entry(section.clone())
            .or_insert_with(|| toml::Value::Table(toml::Table::new()))
            .as_table_mut()
            .ok_or_else(|| ConfigError::Wrong(format!("{section} is no section")))?;
    }
    // Currency codes are upper case in the file.
    let key = if sections.last().is_some_and(|section| section == "fixed") {
        last.to_uppercase()
    } else {
        last.clone()
    };
    here.insert(key, typed(last, value));
    Ok(())
}

/// The environment has only text: numbers and booleans are read as such where the file would have them so.
fn typed(key: &str, value: &str) -> toml::Value {
    let stays_text = matches!(key, "password" | "user" | "host" | "alias" | "listen");
    match (stays_text, value.parse::<bool>(), value.parse::<i64>()) {
        (false, Ok(flag), _) => toml::Value::Boolean(flag),
        (false, _, Ok(number)) => toml::Value::Integer(number),
        _ => toml::Value::String(value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        data_dir = "/var/lib/tollway"
        network = "regtest"
        [http]
        listen = "127.0.0.1:3000"
        base_url = "http://127.0.0.1:3000"
        [bitcoind]
        host = "127.0.0.1"
        port = 18443
        user = "u"
        password = "p"
        [rates.fixed]
        USD = "100000"
    "#;

    fn read(file: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("tollway.toml");
        std::fs::write(&path, file).expect("writes");
        let env = env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::read(Some(&path), env)
    }

    #[test]
    fn the_environment_goes_over_the_file() {
        let config = read(
            FILE,
            &[
                ("TOLLWAY__BITCOIND__PASSWORD", "12345"),
                ("TOLLWAY__BITCOIND__PORT", "1"),
                ("TOLLWAY__RATES__FIXED__EUR", "90000.5"),
                ("TOLLWAY_URL", "ignored"),
            ],
        )
        .expect("reads");
        assert_eq!(config.bitcoind.password, "12345");
        assert_eq!(config.bitcoind.port, 1);
        assert_eq!(
            config.rates.fixed["EUR"],
            "90000.5".parse().expect("decimal")
        );
    }

    #[test]
    fn sources_of_prices_are_asked_unless_switched_off() {
        for (given, network, expected) in [
            ((None, None), Network::Bitcoin, Some("own")),
            ((None, None), Network::Regtest, None),
            ((Some(true), None), Network::Regtest, Some("own")),
            ((None, Some("http://a")), Network::Regtest, Some("http://a")),
            ((Some(false), Some("http://a")), Network::Bitcoin, None),
        ] {
            let (enabled, url) = given;
            let url = url.map(str::to_owned);
            let source = RateSource { enabled, url };
            assert_eq!(source.url("own", network), expected, "{source:?}");
        }
        let env = [("TOLLWAY__RATES__KRAKEN__ENABLED", "false")];
        let config = read(FILE, &env).expect("reads");
        assert_eq!(config.rates.kraken.enabled, Some(false));
    }

    #[test]
    fn what_is_not_right_is_refused() {
        let rows = [
            (
                "127.0.0.1\"\n        port",
                "127.0.0.1\"\n        colour = 1\n        port",
            ),
            ("network = \"regtest\"", "network = \"bitcoin\""),
            (
                "base_url = \"http://127.0.0.1:3000\"",
                "base_url = \"http://127.0.0.1:3000/shop\"",
            ),
            (
                "base_url = \"http://127.0.0.1:3000\"",
                "base_url = \"ftp://x\"",
            ),
            ("/var/lib/tollway", "lib"),
            ("[rates.fixed]", "[rates]\nrefresh_secs = 9\n[rates.fixed]"),
            (
                "[rates.fixed]",
                "[rates]\nmax_age_secs = 119\n[rates.fixed]",
            ),
            (
                "[rates.fixed]",
                "[rates]\nmax_age_secs = 3601\n[rates.fixed]",
            ),
            (
                "[rates.fixed]",
                "[rates.kraken]\nurl = \"api.kraken.com\"\n[rates.fixed]",
            ),
            ("[rates.fixed]", "[rates.nobody]\n[rates.fixed]"),
        ];
        for (from, to) in rows {
            assert!(read(&FILE.replace(from, to), &[]).is_err(), "{to}");
        }
        let signet = FILE
            .replace("regtest", "signet")
            .replace("http://127.0.0.1:3000", "http://shop.example");
        assert!(read(&signet, &[]).is_err(), "wallets refuse plain http");
    }
}
