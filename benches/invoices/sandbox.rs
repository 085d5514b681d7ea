//! The regtest sandbox with the release binary, in a directory of its own.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use bdk_bitcoind_rpc::bitcoincore_rpc::{Auth, Client, RpcApi};
use serde_json::{Value, json};

/// Longer than anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running sandbox; taken down when dropped.
pub struct Sandbox {
    dir: PathBuf,
    env: HashMap<String, String>,
    bitcoind: Client,
}

impl Sandbox {
    /// Starts a new one. The shop and the customer are release builds.
    pub fn up() -> Self {
        let dir = target().join("bench-sandbox");
        script("up", &dir, &["--release", "--fresh"]);
        let env = read_env(&dir);
        let bitcoind = Client::new(
            &format!(
                "http://{}:{}/wallet/{}",
                env["BITCOIND_RPC_HOST"], env["BITCOIND_RPC_PORT"], env["BITCOIND_RPC_WALLET"]
            ),
            Auth::UserPass(
                env["BITCOIND_RPC_USER"].clone(),
                env["BITCOIND_RPC_PASSWORD"].clone(),
            ),
        )
        .expect("a client of bitcoind");
        Self { dir, env, bitcoind }
    }

    /// A value of the sandbox's `env`.
    pub fn get(&self, name: &str) -> &str {
        &self.env[name]
    }

    /// Stops the shop, with SIGKILL or in order, and starts it on the same data.
    pub fn restart_shop(&mut self, kill: bool) {
        script(
            "restart-shop",
            &self.dir,
            if kill { &["--kill"] } else { &[] },
        );
        self.env = read_env(&self.dir);
    }

    /// The directory, for whoever restarts the shop from another thread.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Reads `env` again.
    pub fn reload(&mut self) {
        self.env = read_env(&self.dir);
    }

    /// A call of bitcoind.
    pub fn rpc(&self, method: &str, arguments: &[Value]) -> Value {
        self.bitcoind
            .call(method, arguments)
            .unwrap_or_else(|e| panic!("bitcoind refuses {method}: {e}"))
    }

    /// Mines blocks.
    pub fn mine(&self, blocks: u32) {
        let address = self.rpc("getnewaddress", &[]);
        self.rpc("generatetoaddress", &[json!(blocks), address]);
    }

    /// Sends coins and confirms them.
    pub fn fund(&self, address: &str, btc: &str) {
        self.rpc("sendtoaddress", &[json!(address), json!(btc)]);
        self.mine(6);
    }

    /// Waits until a transaction waits for a block, and buries it.
    pub fn confirm_mempool(&self) {
        until("a transaction in the mempool", || {
            self.rpc("getrawmempool", &[])
                .as_array()
                .is_some_and(|txids| !txids.is_empty())
        });
        self.mine(6);
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        script("down", &self.dir, &[]);
    }
}

/// Runs a script of the harness on a sandbox; what it says goes to standard error.
pub fn script(name: &str, dir: &Path, arguments: &[&str]) {
    let status = Command::new(repository().join("regtest").join(name))
        .arg("--dir")
        .arg(dir)
        .args(arguments)
        .stdout(std::io::stderr())
        .status()
        .expect("bash runs");
    assert!(status.success(), "regtest/{name} failed");
}

/// Where a bench may leave files: on the disk that the project is on, not in memory.
pub fn target() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| repository().join("target"), PathBuf::from);
    std::fs::create_dir_all(&target).expect("a folder for what is built");
    target
}

/// Looks until it is so: there is nothing to wait on in these cases.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read_env(dir: &Path) -> HashMap<String, String> {
    std::fs::read_to_string(dir.join("env"))
        .expect("the sandbox's env")
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.replace('\\', "")))
        .collect()
}
