//! What an application asks for (Greenfield 3.1, 5.1): the query of the page, and the same again in its form.

use url::Url;

use crate::domain::access::{Grant, UNRESTRICTED};

/// Permissions of one request.
const PERMISSIONS_MAX: usize = 100;

/// The longest address that a key is sent to.
const REDIRECT_BYTES_MAX: usize = 2_048;

/// The longest name or identifier of an application, in characters.
const NAME_CHARS_MAX: usize = 100;

/// Names and values as they came.
pub type Pairs = Vec<(String, String)>;

/// A request that makes sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What it wants, each once.
    pub permissions: Vec<Grant>,
    /// What it calls itself; empty if it doesn't say.
    pub application: String,
    /// All or nothing.
    pub strict: bool,
    /// Store permissions may be limited to chosen stores.
    pub selective: bool,
    /// Where the key goes.
    pub redirect: Option<Redirect>,
    /// Under which name it will ask for the same key again.
    pub identifier: Option<String>,
}

/// Where a key goes: an http or https address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The address.
    pub url: String,
    /// Its scheme, host and port, as a browser writes them.
    pub origin: String,
    /// Its host and port.
    pub host: String,
    /// What is sent there may be read on the way.
    pub readable: bool,
}

impl Request {
    /// Reads it; in words what is wrong with it.
    pub fn read(pairs: &Pairs) -> Result<Self, String> {
        let texts = all(pairs, "permissions");
        if texts.len() > PERMISSIONS_MAX {
            return Err("It asks for too many permissions.".to_owned());
        }
        let mut permissions = Vec::new();
        for text in texts {
            let Some(grant) = Grant::parse(text.trim()) else {
                return Err(format!(
                    "It asks for a permission that does not exist: {text}"
                ));
            };
            if !permissions.contains(&grant) {
                permissions.push(grant);
            }
        }
        if permissions.is_empty() {
            return Err("It asks for no permission at all.".to_owned());
        }
        let application = first(pairs, "applicationName").unwrap_or_default().trim();
        let redirect = first(pairs, "redirect").map(Redirect::read).transpose()?;
        let identifier = first(pairs, "applicationIdentifier").map(str::to_owned);
        let long = |text: &str| text.chars().count() > NAME_CHARS_MAX;
        if long(application) || identifier.as_deref().is_some_and(long) {
            return Err("It has a name or an identifier that is too long.".to_owned());
        }
        Ok(Self {
            permissions,
            application: application.to_owned(),
            strict: flag(pairs, "strict", true)?,
            selective: flag(pairs, "selectiveStores", false)?,
            identifier: identifier.filter(|_| redirect.is_some()),
            redirect,
        })
    }

    /// The same as names and values, for the page's form.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs: Vec<(&'static str, String)> = (self.permissions.iter())
            .map(|grant| ("permissions", grant.to_string()))
            .collect();
        pairs.push(("applicationName", self.application.clone()));
        pairs.push(("strict", self.strict.to_string()));
        pairs.push(("selectiveStores", self.selective.to_string()));
        pairs.extend((self.redirect.clone()).map(|redirect| ("redirect", redirect.url)));
        pairs.extend((self.identifier.clone()).map(|text| ("applicationIdentifier", text)));
        pairs
    }

    /// What it is called on pages and in the list of keys.
    pub fn name(&self) -> &str {
        if self.application.is_empty() {
            "An application without a name"
        } else {
            &self.application
        }
    }

    /// Whether it wants something in stores that can be limited to some of them.
    pub fn chooses_stores(&self) -> bool {
        self.selective && self.permissions.iter().any(can_be_limited)
    }
}

/// A permission on stores that names none yet.
pub fn can_be_limited(grant: &Grant) -> bool {
    grant.store.is_none() && grant.permission.starts_with("btcpay.store.")
}

/// A permission that only who runs the server has.
pub fn is_of_server(grant: &Grant) -> bool {
    grant.permission != UNRESTRICTED && grant.permission.starts_with("btcpay.server.")
}

impl Redirect {
    /// Only http and https: anything else could run in the page instead of receiving what it sends.
    fn read(text: &str) -> Result<Self, String> {
        let bad = || {
            "It wants the key sent to an address that is not allowed. It has to be a whole http or https address."
                .to_owned()
        };
        let url = Url::parse(text.trim()).map_err(|_| bad())?;
        let web = matches!(url.scheme(), "http" | "https");
        let named = !url.username().is_empty() || url.password().is_some();
        let Some(host) = url.host_str().filter(|_| web && !named) else {
            return Err(bad());
        };
        // It is named in the page's policy, where some letters that a host may have mean something else.
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._[]:".contains(c);
        if url.as_str().len() > REDIRECT_BYTES_MAX || !host.chars().all(plain) {
            return Err(bad());
        }
        let at_home = matches!(host, "localhost" | "127.0.0.1" | "[::1]")
            || matches!(host.rsplit_once('.'), Some((_, "localhost" | "onion")));
        let readable = url.scheme() == "http" && !at_home;
        let host = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Ok(Self {
            origin: url.origin().ascii_serialization(),
            host,
            readable,
            url: url.into(),
        })
    }
}

/// All values under a name in any case, also as `name[]`; empty ones are absent.
pub fn all<'p>(pairs: &'p Pairs, name: &str) -> Vec<&'p str> {
    pairs
        .iter()
        .filter(|(key, value)| {
            key.trim_end_matches("[]").eq_ignore_ascii_case(name) && !value.is_empty()
        })
        .map(|(_, value)| value.as_str())
        .collect()
}

fn first<'p>(pairs: &'p Pairs, name: &str) -> Option<&'p str> {
    all(pairs, name).first().copied()
}

fn flag(pairs: &Pairs, name: &str, default: bool) -> Result<bool, String> {
    match first(pairs, name).map(str::to_ascii_lowercase).as_deref() {
        None => Ok(default),
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(_) => Err(format!("Its {name} is neither true nor false.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(rows: &[(&str, &str)]) -> Pairs {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        rows.iter().map(own).collect()
    }

    #[test]
    fn a_request_is_read_and_comes_back_from_its_form() {
        let given = pairs(&[
            ("permissions", "btcpay.store.canviewinvoices"),
            ("permissions[]", "btcpay.store.cancreateinvoice"),
            ("Permissions", "BTCPay.Store.CanViewInvoices"),
            ("applicationName", "Shop"),
            ("selectiveStores", "True"),
            ("redirect", "https://Shop.example:8443/back?a=b"),
            ("applicationIdentifier", "shop"),
        ]);
        let request = Request::read(&given).expect("it makes sense");
        assert_eq!(request.permissions.len(), 2);
        assert!(request.strict && request.selective && request.chooses_stores());
        let redirect = request.redirect.clone().expect("an address");
        assert_eq!(redirect.origin, "https://shop.example:8443");
        assert_eq!(redirect.host, "shop.example:8443");
        assert!(!redirect.readable);
        let again: Pairs = (request.pairs().into_iter())
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        assert_eq!(Request::read(&again), Ok(request));
    }

    #[test]
    fn an_identifier_means_nothing_without_an_address() {
        let given = pairs(&[
            ("permissions", "unrestricted"),
            ("applicationIdentifier", "x"),
        ]);
        let request = Request::read(&given).expect("it makes sense");
        assert_eq!((request.identifier, request.redirect), (None, None));
    }

    #[test]
    fn what_can_t_be_is_refused() {
        let one = ("permissions", "btcpay.store.canviewinvoices");
        let long = "x".repeat(101);
        let long_url = format!("https://a/{}", "x".repeat(2_100));
        let rows: Vec<Vec<(&str, &str)>> = vec![
            vec![],
            vec![("permissions", "btcpay.store.nothing")],
            vec![("permissions", "unrestricted:abc")],
            vec![one, ("strict", "maybe")],
            vec![one, ("selectiveStores", "7")],
            vec![one, ("applicationName", &long)],
            vec![one, ("applicationIdentifier", &long)],
            vec![one, ("redirect", "/path")],
            vec![one, ("redirect", "javascript:alert(1)")],
            vec![one, ("redirect", "JavaScript:alert(1)")],
            vec![one, ("redirect", "data:text/html,x")],
            vec![one, ("redirect", "file:///etc/passwd")],
            vec![one, ("redirect", "app://done")],
            vec![one, ("redirect", "https://")],
            vec![one, ("redirect", "https://user@shop.example/")],
            vec![one, ("redirect", "https://:word@shop.example/")],
            vec![one, ("redirect", &long_url)],
            vec![one, ("redirect", "https://*.example/")],
            vec![one, ("redirect", "https://a;script-src.example/")],
            vec![one, ("redirect", "https://a,b.example/")],
            vec![one, ("redirect", "https://a'b.example/")],
        ];
        for row in rows {
            assert!(Request::read(&pairs(&row)).is_err(), "{row:?}");
        }
        let many: Vec<_> = (0..101).map(|_| one).collect();
        assert!(Request::read(&pairs(&many)).is_err());
    }

    #[test]
    fn plain_http_is_read_by_others_unless_it_stays_at_home() {
        let rows = [
            ("https://a.example", false),
            ("http://a.example", true),
            ("http://localhost:8080/x", false),
            ("http://127.0.0.1", false),
            ("http://[::1]:3000/", false),
            ("http://abc.onion/", false),
        ];
        for (url, readable) in rows {
            let redirect = Redirect::read(url).expect("allowed");
            assert_eq!(redirect.readable, readable, "{url}");
        }
    }
}
