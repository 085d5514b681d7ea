//! One sandbox for all tests that need the whole gateway: what `regtest/up` starts, that is bitcoind, a shop and a
//! customer with channels between them. A test has it for itself while it holds it.
//!
//! The first test brings it up anew. A script that waits for the end of this process takes it down.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bdk_bitcoind_rpc::bitcoincore_rpc::{Auth, Client, RpcApi};
use serde_json::{Value, json};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};
use tokio::time::sleep;

use crate::bitcoind;
use crate::gateway::Gateway;

/// Anything that is going to happen happens within this time.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks.
pub const LOOK: Duration = Duration::from_millis(50);

static SANDBOX: Mutex<Slot> = Mutex::const_new(Slot::NotYet);

#[expect(clippy::large_enum_variant, reason = "there is one")]
enum Slot {
    NotYet,
    /// It did not come up: once is enough to know.
    Broken,
    Up(Sandbox),
}

/// Where bitcoind's RPC is.
pub struct RpcAccess {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: String,
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
    bitcoind: Arc<Client>,
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
            bitcoind: Arc::new(
                Client::new(&url, Auth::UserPass(rpc("USER"), rpc("PASSWORD"))).unwrap(),
            ),
            dir,
            log_begin: 0,
            channels_closed: 0,
            _lifeline: lifeline,
        }
    }

    /// The shop's configuration file.
    pub fn shop_config(&self) -> PathBuf {
        self.dir.join("shop/config.toml")
    }

    /// How another node reaches bitcoind.
    pub fn rpc_access(&self) -> RpcAccess {
        let env = read_env(&self.dir);
        let rpc = |name: &str| env[&format!("BITCOIND_RPC_{name}")].clone();
        RpcAccess {
            host: rpc("HOST"),
            port: rpc("PORT").parse().unwrap(),
            user: rpc("USER"),
            password: rpc("PASSWORD"),
        }
    }

    /// Where its processes keep everything.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Runs a script of the harness; why it failed, if it did.
    fn script(&self, name: &str, arguments: &[&str]) -> Result<(), String> {
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
        if done.status.success() {
            Ok(())
        } else {
            let why = String::from_utf8_lossy(&done.stderr);
            Err(format!("regtest/{name} fails: {why}"))
        }
    }

    /// Starts the shop anew, stopped in order or with `--kill`; one that is dead is only started. Returns once its
    /// node has caught up.
    pub fn restart_shop(&mut self, arguments: &[&str]) {
        self.restart("shop", arguments);
    }

    /// The same for any of the three: `shop`, `customer`, `bitcoind`.
    pub fn restart(&mut self, name: &str, arguments: &[&str]) {
        self.try_restart(name, arguments)
            .unwrap_or_else(|why| panic!("{why}"));
    }

    /// The same of one that may die again while it is starting: then why.
    pub fn try_restart(&mut self, name: &str, arguments: &[&str]) -> Result<(), String> {
        if name == self.shop.name {
            // A part of what the old process says at its end may still be in it.
            self.log_begin = self.log("shop").len();
        }
        let arguments: Vec<&str> = [name]
            .into_iter()
            .chain(arguments.iter().copied())
            .collect();
        let started = self.script("restart", &arguments);
        let env = read_env(&self.dir);
        self.shop.pid.clone_from(&env["TOLLWAY_PID"]);
        self.customer.pid.clone_from(&env["CUSTOMER_PID"]);
        started
    }

    /// bitcoind, for who works beside the test that holds the sandbox.
    pub fn bitcoind(&self) -> Arc<Client> {
        self.bitcoind.clone()
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

    /// Waits until the shop has said something since it started.
    pub async fn shop_says(&self, words: &str) {
        until(words, || async {
            let log = self.shop_log();
            if log.contains(words) {
                Ok(())
            } else {
                Err(format!("the log says {log}"))
            }
        })
        .await;
    }

    /// What the shop has said since it started.
    pub fn shop_log(&self) -> String {
        self.log("shop").split_off(self.log_begin)
    }

    /// All that one of the three has said so far, in all its lives.
    pub fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.join(format!("{name}.log"))).unwrap()
    }
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
