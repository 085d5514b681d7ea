//! The wallet at the other end of a withdraw link.

use bech32::primitives::decode::CheckedHrpstring;
use reqwest::{Client, Url};
use serde_json::{Value, json};

use super::json::{parsed, plain};
use super::{causes, client, send};

#[derive(Debug, clap::Args)]
pub(super) struct Pull {
    /// `LNURL1…`, `lightning:LNURL1…`, `lnurlw://…` or the link's plain URL
    lnurl: String,
    /// Where the receiving customer's gateway answers
    #[arg(long)]
    url: Url,
    /// The customer's API key
    #[arg(long)]
    key: String,
    /// How much to withdraw, in sat; all that the link offers if not given
    #[arg(long)]
    sats: Option<u64>,
}

/// What a wallet does with a withdraw link (LUD-03): read the offer, make an invoice, hand it in.
pub(super) async fn withdraw(pull: &Pull) -> Result<String, String> {
    let client = client()?;
    let link = link_of(&pull.lnurl)?;
    let offer = lnurl_answer(&client, link).await?;
    if offer["tag"] != "withdrawRequest" {
        return Err(format!("this is no withdraw link: {offer}"));
    }
    let msat = match pull.sats {
        Some(sats) => sats.checked_mul(1_000).ok_or("more sat than there are")?,
        None => offer["maxWithdrawable"]
            .as_u64()
            .ok_or("the link names no maxWithdrawable")?,
    };
    let invoices = pull
        .url
        .join("/api/v1/server/lightning/BTC/invoices")
        .map_err(|e| e.to_string())?;
    let request = client
        .post(invoices)
        .header("Authorization", format!("token {}", pull.key))
        .json(&json!({
            "amount": msat.to_string(),
            "description": offer["defaultDescription"],
            "expiry": 3600,
        }));
    let invoice = parsed(&send(request, "the customer's invoice").await?)?;

    let text = |value: &Value, name: &str| {
        value[name]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| format!("no {name} in {value}"))
    };
    let mut callback = Url::parse(&text(&offer, "callback")?).map_err(|e| e.to_string())?;
    callback
        .query_pairs_mut()
        .append_pair("k1", &text(&offer, "k1")?)
        .append_pair("pr", &text(&invoice, "BOLT11")?);
    let answer = lnurl_answer(&client, callback).await?;
    Ok(json!({
        "amount": msat.to_string(),
        "paymentHash": invoice["paymentHash"],
        "BOLT11": invoice["BOLT11"],
        "answer": answer,
    })
    .to_string())
}

/// Fetches an LNURL; `status: "ERROR"` is an error whatever the HTTP status says (LUD-01).
async fn lnurl_answer(client: &Client, url: Url) -> Result<Value, String> {
    let answer = client.get(url).send().await.map_err(|e| causes(&e))?;
    let answer = parsed(&answer.text().await.map_err(|e| causes(&e))?)?;
    if answer["status"] == "ERROR" {
        return Err(format!("the link refuses: {}", plain(&answer["reason"])));
    }
    Ok(answer)
}

/// The URL behind an LNURL in any of its written forms. `lnurlw://` of this machine means http, else https (LUD-17).
fn link_of(lnurl: &str) -> Result<Url, String> {
    let lower = lnurl.to_ascii_lowercase();
    let (bare, lower) = match lower.strip_prefix("lightning:") {
        Some(rest) => (&lnurl["lightning:".len()..], rest),
        None => (lnurl, lower.as_str()),
    };
    let url = if lower.starts_with("lnurl1") {
        let decoded = CheckedHrpstring::new::<bech32::Bech32>(bare).map_err(|e| e.to_string())?;
        String::from_utf8(decoded.byte_iter().collect()).map_err(|e| e.to_string())?
    } else if lower.starts_with("lnurlw://") {
        let rest = &bare["lnurlw://".len()..];
        let scheme = if rest.starts_with("127.0.0.1") {
            "http"
        } else {
            "https"
        };
        format!("{scheme}://{rest}")
    } else {
        bare.to_owned()
    };
    Url::parse(&url).map_err(|e| format!("{url}: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_read_in_every_form() {
        let check = |lnurl: &str, expected: &str| {
            assert_eq!(
                link_of(lnurl).expect("a link").as_str(),
                expected,
                "{lnurl}"
            );
        };
        // The bech32 text is the one for this URL by LUD-01.
        let bech32 = "LNURL1DP68GUP69UHNZV3H9CCZUVPWXYARXVPSXQHKCMN4WFK8WTMSWP0NZ8ULLZ0";
        let url = "http://127.0.0.1:3000/lnurlw/pp_1";
        check(bech32, url);
        check(&bech32.to_lowercase(), url);
        check(&format!("lightning:{bech32}"), url);
        check(&format!("LIGHTNING:{bech32}"), url);
        check("lnurlw://127.0.0.1:3000/lnurlw/pp_1", url);
        check("lnurlw://shop.example/a", "https://shop.example/a");
        check(url, url);
        assert!(link_of(&bech32.replace("LLZ0", "LLZ2")).is_err());
    }
}
