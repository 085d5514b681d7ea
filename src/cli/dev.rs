//! `tollway dev …`: what the scripts under `regtest/` need beyond bash, so that they ask for no curl, no jq and no Python.
//!
//! Hidden from the help, because no merchant needs it. Everything here stands outside the gateway: it speaks HTTP to a
//! server, as any client does, and touches no data directory.

mod json;
mod pull;

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use reqwest::{Client, Method, Url};
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval};

use self::json::{body_of, json_or_text, part_of, pick, plain};
use self::pull::{Pull, withdraw};

/// Longer than any route makes its caller wait: `invoices/pay` watches a payment for half a minute.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// How often `--wait-for` asks again. Small against what it measures: a payment takes about 100 ms.
const POLL_EVERY: Duration = Duration::from_millis(20);

/// Ports are taken from below the range that outgoing connections draw from, so that a port stays free while its
/// server is down.
const PORTS: std::ops::Range<u16> = 15_000..32_000;

/// Arguments of `tollway dev`.
#[derive(Debug, clap::Args)]
pub struct Dev {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Calls an HTTP route and prints the answer
    Call(Call),
    /// Calls bitcoind and prints the result
    Rpc(Rpc),
    /// Withdraws from an LNURL-withdraw link to a customer's node and prints what happened
    Pull(Pull),
    /// Prints free TCP ports of 127.0.0.1, one a line
    FreePorts {
        /// How many
        count: usize,
    },
}

#[derive(Debug, clap::Args)]
struct Call {
    /// GET, POST, PUT, PATCH or DELETE
    method: Method,
    url: Url,
    /// The body: one JSON text, or members as `name=text` and `name:=json`
    body: Vec<String>,
    /// API key
    #[arg(long)]
    key: Option<String>,
    /// E-mail and password as `email:password`
    #[arg(long, conflicts_with = "key")]
    basic: Option<String>,
    /// Prints only this part of the answer: a JSON pointer, in which `name=text` picks the array entry with that member
    #[arg(long, default_value = "")]
    get: String,
    /// Asks again until the part is this text
    #[arg(long)]
    wait_for: Option<String>,
    /// With `--wait-for`: gives up at once when the part is this text
    #[arg(long, requires = "wait_for")]
    unless: Option<String>,
    /// Seconds after which `--wait-for` gives up
    #[arg(long, default_value_t = 60)]
    timeout: u64,
}

#[derive(Debug, clap::Args)]
struct Rpc {
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    #[arg(long)]
    port: u16,
    #[arg(long)]
    user: String,
    #[arg(long)]
    password: String,
    #[arg(long)]
    wallet: Option<String>,
    method: String,
    /// Each is JSON, or a string if it doesn't parse as JSON
    params: Vec<String>,
    /// Prints only this part of the result, as in `dev call`
    #[arg(long, default_value = "")]
    get: String,
}

/// Runs one command and prints its result.
///
/// # Errors
/// A sentence for the terminal: what was asked, and what was answered instead of success.
pub async fn run(dev: Dev) -> Result<(), String> {
    match dev.command {
        Command::Call(call) => println!("{}", call_route(&call).await?),
        Command::Rpc(rpc) => println!("{}", call_bitcoind(&rpc).await?),
        Command::Pull(pull) => println!("{}", withdraw(&pull).await?),
        Command::FreePorts { count } => {
            for port in free_ports(count)? {
                println!("{port}");
            }
        }
    }
    Ok(())
}

async fn call_route(call: &Call) -> Result<String, String> {
    let client = client()?;
    let Some(wanted) = &call.wait_for else {
        return part_of(&ask(&client, call).await?, &call.get);
    };
    let end = Instant::now() + Duration::from_secs(call.timeout);
    let mut tick = interval(POLL_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        // A server that is still starting refuses the connection, so an error is one more thing to wait out.
        let found = match ask(&client, call).await {
            Ok(answer) => part_of(&answer, &call.get),
            Err(why) => Err(why),
        };
        match found {
            Ok(found) if found == *wanted => return Ok(found),
            Ok(found) if Instant::now() >= end || call.unless.as_ref() == Some(&found) => {
                let (url, part) = (&call.url, &call.get);
                return Err(format!("{url}: {part} is {found}, not {wanted}"));
            }
            Err(why) if Instant::now() >= end => return Err(why),
            Ok(_) | Err(_) => {}
        }
    }
}

/// Sends the request once; the answer's body as text if the status says success.
async fn ask(client: &Client, call: &Call) -> Result<String, String> {
    let mut request = client.request(call.method.clone(), call.url.clone());
    if let Some(key) = &call.key {
        request = request.header("Authorization", format!("token {key}"));
    }
    if let Some(basic) = &call.basic {
        let (email, password) = basic.split_once(':').unwrap_or((basic, ""));
        request = request.basic_auth(email, Some(password));
    }
    if let Some(body) = body_of(&call.body)? {
        request = request
            .header("Content-Type", "application/json")
            .body(body);
    }
    send(request, &format!("{} {}", call.method, call.url)).await
}

async fn send(request: reqwest::RequestBuilder, what: &str) -> Result<String, String> {
    let answer = request
        .send()
        .await
        .map_err(|e| format!("{what}: {}", causes(&e)))?;
    let status = answer.status();
    let body = answer
        .text()
        .await
        .map_err(|e| format!("{what}: {}", causes(&e)))?;
    if status.is_success() {
        Ok(body)
    } else {
        Err(format!("{what}: {status} {body}"))
    }
}

async fn call_bitcoind(rpc: &Rpc) -> Result<String, String> {
    let wallet = rpc
        .wallet
        .as_ref()
        .map_or_else(String::new, |name| format!("/wallet/{name}"));
    let params: Vec<Value> = rpc.params.iter().map(|param| json_or_text(param)).collect();
    let answer = client()?
        .post(format!("http://{}:{}{wallet}", rpc.host, rpc.port))
        .basic_auth(&rpc.user, Some(&rpc.password))
        .json(&json!({"jsonrpc": "1.0", "id": "dev", "method": rpc.method, "params": params}))
        .send()
        .await
        .map_err(|e| format!("{}: {}", rpc.method, causes(&e)))?;
    let status = answer.status();
    // bitcoind puts the reason of a refusal into the body of a 500.
    let body = answer
        .text()
        .await
        .map_err(|e| format!("{}: {}", rpc.method, causes(&e)))?;
    let answer: Value =
        serde_json::from_str(&body).map_err(|_| format!("{}: {status} {body}", rpc.method))?;
    match &answer["error"] {
        Value::Null => pick(&answer["result"], &rpc.get)
            .map(plain)
            .ok_or_else(|| format!("{}: no {} in {}", rpc.method, rpc.get, answer["result"])),
        error => Err(format!("{}: {error}", rpc.method)),
    }
}

/// `count` ports that nothing listens on now. The search begins at a place that differs from process to process, so that
/// two sandboxes that are set up at once don't choose the same.
fn free_ports(count: usize) -> Result<Vec<u16>, String> {
    let begin = std::process::id().wrapping_mul(61) as usize % PORTS.len();
    let free: Vec<u16> = PORTS
        .cycle()
        .skip(begin)
        .take(PORTS.len())
        .filter(|&port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
        .take(count)
        .collect();
    if free.len() < count {
        return Err(format!("only {} free ports", free.len()));
    }
    Ok(free)
}

fn client() -> Result<Client, String> {
    Client::builder()
        .no_proxy()
        .timeout(ANSWER_TIMEOUT)
        .build()
        .map_err(|e| e.to_string())
}

/// An error with what caused it; reqwest's own text leaves the interesting part out.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_are_distinct_and_in_range() {
        let ports = free_ports(3).expect("ports");
        assert_eq!(ports.len(), 3);
        assert!(ports.iter().all(|port| PORTS.contains(port)));
        assert!(ports.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(free_ports(PORTS.len() + 1).is_err());
    }
}
