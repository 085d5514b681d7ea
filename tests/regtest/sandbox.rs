//! One sandbox for all tests that need the whole gateway: what `regtest/up` starts, that is bitcoind, a shop and a
//! customer with channels between them. A test has it for itself while it holds it.
//!
//! The first test brings it up anew. A script that waits for the end of this process takes it down.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bdk_bitcoind_rpc::bitcoincore_rpc::{Auth, Client, RpcApi};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};
use tokio::time::sleep;

use crate::bitcoind;
use crate::gateway::{CHANNELS, Gateway, text};

/// Anything that is going to happen happens within this time.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How long a new channel may take before another is opened.
const ASK_AGAIN: Duration = Duration::from_secs(15);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

static SANDBOX: Mutex<Slot> = Mutex::const_new(Slot::NotYet);

#[expect(clippy::large_enum_variant, reason = "there is one")]
enum Slot {
    NotYet,
    /// It did not come up: once is enough to know.
    Broken,
    Up(Sandbox),
}

/// A running sandbox.
pub struct Sandbox {
    dir: PathBuf,
    /// Where the part of the shop's log begins that its present process has written.
    log_begin: usize,
    /// The gateway under test.
    pub shop: Gateway,
    /// Who pays it and is paid by it: the same program as an ordinary wallet node.
    pub customer: Gateway,
    bitcoind: Client,
    /// Channels that LDK has closed since the start.
    pub channels_closed: usize,
    /// The script that takes the sandbox down: it waits for the end of its input, which is the end of this process.
    _lifeline: Child,
}

/// The sandbox, for one test alone. `None`, loudly, if there is no bitcoind.
pub async fn sandbox() -> Option<MappedMutexGuard<'static, Sandbox>> {
    let bitcoind = bitcoind::find()?;
    let mut slot = SANDBOX.lock().await;
    match &mut *slot {
        Slot::NotYet => {
            *slot = Slot::Broken;
            *slot = Slot::Up(Sandbox::start(&bitcoind));
        }
        Slot::Broken => panic!("the sandbox did not come up, see the first test that wanted it"),
        // A test that failed may have left it lying down.
        Slot::Up(sandbox) => {
            if !sandbox.shop.answers().await {
                sandbox.restart_shop(&[]);
            }
        }
    }
    let sandbox = MutexGuard::map(slot, |slot| match slot {
        Slot::Up(sandbox) => sandbox,
        Slot::NotYet | Slot::Broken => unreachable!("it is up"),
    });
    if sandbox.shop.channels().await.len() < 2 {
        sandbox.open_channels().await;
    }
    sandbox.connected().await;
    Some(sandbox)
}

impl Sandbox {
    fn start(bitcoind: &Path) -> Self {
        let repo = Path::new(env!("CARGO_MANIFEST_DIR"));
        let dir = repo.join("target/test-sandbox");
        let lifeline = take_down_at_the_end(repo, &dir);
        let up = Command::new(repo.join("regtest/up"))
            .args(["--fresh", "--bin", env!("CARGO_BIN_EXE_tollway"), "--dir"])
            .arg(&dir)
            .env("BITCOIND_EXE", bitcoind)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(up.status.success(), "regtest/up fails: {up:?}");
        let env = read_env(&dir);
        let rpc = |name: &str| env[&format!("BITCOIND_RPC_{name}")].clone();
        let url = format!(
            "http://{}:{}/wallet/{}",
            rpc("HOST"),
            rpc("PORT"),
            rpc("WALLET")
        );
        Self {
            shop: Gateway::new("shop", &env, "TOLLWAY"),
            customer: Gateway::new("customer", &env, "CUSTOMER"),
            bitcoind: Client::new(&url, Auth::UserPass(rpc("USER"), rpc("PASSWORD"))).unwrap(),
            dir,
            log_begin: 0,
            channels_closed: 0,
            _lifeline: lifeline,
        }
    }

    /// Runs a script of the harness.
    fn script(&self, name: &str, arguments: &[&str]) {
        let done = Command::new(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("regtest")
                .join(name),
        )
        .arg("--dir")
        .arg(&self.dir)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
        assert!(done.status.success(), "regtest/{name} fails: {done:?}");
    }

    /// Starts the shop anew, stopped in order or with `--kill`; one that is dead is only started. Returns once its
    /// node has caught up.
    pub fn restart_shop(&mut self, arguments: &[&str]) {
        // A part of what the old process says at its end may still be in it.
        self.log_begin = self.whole_log().len();
        self.script("restart-shop", arguments);
        self.shop
            .pid
            .clone_from(&read_env(&self.dir)["TOLLWAY_PID"]);
    }

    /// Both ends of every channel can use it, and there is one in each direction.
    pub async fn connected(&self) {
        for gateway in [&self.shop, &self.customer] {
            gateway
                .until("connected", CHANNELS, |channels| {
                    can_pay(channels.as_array().unwrap())
                })
                .await;
        }
        // An invoice made before the shop has noticed would have no Lightning half.
        until("payable over Lightning", || async {
            let probe = self.shop.invoice(100_000).await;
            if probe.has_bolt11().await {
                Ok(())
            } else {
                Err("an invoice has no Lightning half".to_owned())
            }
        })
        .await;
    }

    /// Lets the customer call the shop now: by itself ldk-node does so once a minute, also after the closing of one
    /// channel has cut the connection that others need. That it can't is no failure yet.
    pub async fn reconnect(&self) {
        let uri = self.shop.get("server/lightning/BTC/info").await["nodeURIs"][0].clone();
        let request = json!({"nodeURI": uri});
        let connect = "server/lightning/BTC/connect";
        let _ = self
            .customer
            .call(Method::POST, connect, Some(&request))
            .await;
    }

    /// Any RPC of bitcoind's wallet.
    pub fn rpc(&self, method: &str, arguments: &[Value]) -> Value {
        self.bitcoind
            .call(method, arguments)
            .unwrap_or_else(|e| panic!("bitcoind refuses {method}: {e}"))
    }

    /// Mines this many blocks.
    pub fn mine(&self, blocks: u32) {
        let address = self.rpc("getnewaddress", &[]);
        self.rpc("generatetoaddress", &[json!(blocks), address]);
    }

    /// Sends coins from bitcoind's wallet; returns the txid.
    pub fn send(&self, address: &str, btc: &str) -> String {
        let txid = self.rpc("sendtoaddress", &[json!(address), json!(btc)]);
        txid.as_str().unwrap().to_owned()
    }

    /// What an address has received, in blocks or not: how many sats, and in which transactions.
    pub fn received(&self, address: &Value) -> (u64, Vec<String>) {
        let found = self.rpc(
            "listreceivedbyaddress",
            &[json!(0), json!(true), json!(true), address.clone()],
        );
        let btc = found[0]["amount"].as_f64().unwrap();
        let txids = found[0]["txids"].as_array().unwrap().iter();
        let txids = txids.map(|txid| txid.as_str().unwrap().to_owned());
        (
            bitcoin::Amount::from_btc(btc).unwrap().to_sat(),
            txids.collect(),
        )
    }

    /// Mines this many blocks and waits until both nodes have heard of them.
    pub async fn mine_heard(&self, blocks: u32) {
        self.mine(blocks);
        let tip = self.rpc("getblockcount", &[]);
        for gateway in [&self.shop, &self.customer] {
            gateway
                .until("at the tip", "server/lightning/BTC/info", |info| {
                    info["blockHeight"] == tip
                })
                .await;
        }
    }

    /// Opens a channel from each side that has none left to pay through, and waits until it can.
    pub async fn open_channels(&self) {
        // What closed the old one is confirmed first: ldk-node takes the same coins for both otherwise.
        self.mine_heard(6).await;
        let begin = Instant::now();
        let mut asked: Option<Instant> = None;
        loop {
            let mut lacking = Vec::new();
            for (from, to) in [(&self.shop, &self.customer), (&self.customer, &self.shop)] {
                if !can_pay(&from.channels().await) {
                    lacking.push((from, to));
                }
            }
            if lacking.is_empty() {
                return self.connected().await;
            }
            assert!(begin.elapsed() < PATIENCE, "no channel to pay through");
            // One whose coins were taken elsewhere never confirms: then another is opened.
            if asked.is_none_or(|at| at.elapsed() > ASK_AGAIN) {
                for (from, to) in lacking {
                    let uri = to.get("server/lightning/BTC/info").await["nodeURIs"][0].clone();
                    let request = json!({"nodeURI": uri, "channelAmount": "5000000", "feeRate": 1});
                    let _ = from.call(Method::POST, CHANNELS, Some(&request)).await;
                }
                asked = Some(Instant::now());
            }
            self.mine_heard(1).await;
        }
    }

    /// Waits until the shop has said something since it started.
    pub async fn shop_says(&self, words: &str) {
        until(words, || async {
            let log = self.whole_log().split_off(self.log_begin);
            if log.contains(words) {
                Ok(())
            } else {
                Err(format!("the log says {log}"))
            }
        })
        .await;
    }

    fn whole_log(&self) -> String {
        std::fs::read_to_string(self.dir.join("shop.log")).unwrap()
    }
}

/// Some channel is active and holds a million sats to send.
fn can_pay(channels: &[Value]) -> bool {
    channels.iter().any(|one| {
        let local: u64 = text(one, "localBalance").parse().unwrap();
        one["isActive"] == true && local >= 1_000_000_000
    })
}

/// Looks until there is something to see. There is nothing else to wait for from outside.
pub async fn until<T, F>(what: &str, look: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, String>>,
{
    until_within(PATIENCE, what, look).await
}

/// The same with a patience of its own.
pub async fn until_within<T, F>(patience: Duration, what: &str, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, String>>,
{
    let deadline = Instant::now() + patience;
    loop {
        match look().await {
            Ok(seen) => return seen,
            Err(now) => assert!(Instant::now() < deadline, "not {what} in time, but {now}"),
        }
        sleep(LOOK).await;
    }
}

/// Starts the script that takes the sandbox down when this process has ended, however it ends. It holds a lock, so
/// that a next run waits for it.
fn take_down_at_the_end(repo: &Path, dir: &Path) -> Child {
    let lock = dir.with_extension("lock");
    std::fs::create_dir_all(repo.join("target")).unwrap();
    let mut script = Command::new("flock")
        .arg(&lock)
        .args(["bash", "-c"])
        .arg(r#"echo waiting; cat >/dev/null; exec "$0" --dir "$1" >/dev/null 2>&1"#)
        .arg(repo.join("regtest/down"))
        .arg(dir)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(script.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    assert_eq!(first, "waiting\n", "{} can't be locked", lock.display());
    script
}

/// Reads `DIR/env`. It is written for a shell, which takes a backslash before a character for that character.
fn read_env(dir: &Path) -> BTreeMap<String, String> {
    std::fs::read_to_string(dir.join("env"))
        .unwrap()
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.replace('\\', "")))
        .collect()
}

/// Says a line that is seen even when the test passes.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
