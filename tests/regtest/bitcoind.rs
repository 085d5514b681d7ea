//! A bitcoind of our own, with an empty chain, killed when it is dropped.

use std::env;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use bdk_bitcoind_rpc::bitcoincore_rpc::{Auth, Client, RpcApi};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The user of its RPC.
pub const USER: &str = "tollway";
/// The password of its RPC.
pub const PASSWORD: &str = "regtest";

/// A running bitcoind with a wallet that owns the coins.
pub struct Bitcoind {
    exe: PathBuf,
    folder: TempDir,
    /// Port of its RPC.
    pub rpc_port: u16,
    child: Child,
}

impl Bitcoind {
    /// Starts one and mines 101 blocks. `None`, loudly, if the machine has none.
    pub fn start() -> Option<Self> {
        log();
        let exe = find()?;
        let folder = tempfile::tempdir().unwrap();
        let rpc_port = free_port();
        let child = run(&exe, &folder, rpc_port);
        let this = Self {
            exe,
            folder,
            rpc_port,
            child,
        };
        this.wait_until_it_answers();
        this.call("createwallet", &[json!("miner")]);
        this.mine(101);
        Some(this)
    }

    /// Stops it in order: killed, it would forget the blocks it has not flushed.
    pub fn stop(&mut self) {
        self.call("stop", &[]);
        self.child.wait().unwrap();
    }

    /// Starts it again on the same chain and port.
    pub fn restart(&mut self) {
        self.child = run(&self.exe, &self.folder, self.rpc_port);
        self.wait_until_it_answers();
        self.call("loadwallet", &[json!("miner")]);
    }

    /// Mines this many blocks.
    pub fn mine(&self, blocks: u32) {
        let address = self.call("getnewaddress", &[]);
        self.call("generatetoaddress", &[json!(blocks), address]);
    }

    /// Sends coins to an address; they wait for a block.
    pub fn send(&self, address: &str, btc: &str) {
        self.call("sendtoaddress", &[json!(address), json!(btc)]);
    }

    /// Transactions that wait for a block.
    pub fn mempool_len(&self) -> usize {
        self.call("getrawmempool", &[]).as_array().unwrap().len()
    }

    /// Height of the best block.
    pub fn height(&self) -> u64 {
        self.call("getblockcount", &[]).as_u64().unwrap()
    }

    /// Any RPC.
    pub fn call(&self, method: &str, arguments: &[Value]) -> Value {
        self.try_call(method, arguments)
            .unwrap_or_else(|e| panic!("bitcoind refuses {method}: {e}"))
    }

    fn try_call(&self, method: &str, arguments: &[Value]) -> Result<Value, String> {
        call(self.rpc_port, method, arguments)
    }

    fn wait_until_it_answers(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while let Err(why) = self.try_call("getblockchaininfo", &[]) {
            assert!(Instant::now() < deadline, "bitcoind does not start: {why}");
            sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Bitcoind {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// With `RUST_LOG` one sees what the nodes do.
pub fn log() {
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_thread_names(true)
        .with_test_writer()
        .try_init();
}

/// Any RPC of the bitcoind at this port, which another process may have started.
pub fn call(rpc_port: u16, method: &str, arguments: &[Value]) -> Result<Value, String> {
    let url = format!("http://127.0.0.1:{rpc_port}");
    let auth = Auth::UserPass(USER.to_owned(), PASSWORD.to_owned());
    let client = Client::new(&url, auth).map_err(|e| e.to_string())?;
    client.call(method, arguments).map_err(|e| e.to_string())
}

/// A port that nobody listens on at the moment.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn run(exe: &PathBuf, folder: &TempDir, rpc_port: u16) -> Child {
    Command::new(exe)
        .args(["-regtest", "-server", "-listen=0", "-printtoconsole=0"])
        .args(["-fallbackfee=0.00001", "-txindex=1", "-dbcache=16"])
        .arg(format!("-datadir={}", folder.path().display()))
        .arg(format!("-rpcport={rpc_port}"))
        .arg(format!("-rpcuser={USER}"))
        .arg(format!("-rpcpassword={PASSWORD}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Where the program is, if it is anywhere.
pub fn find() -> Option<PathBuf> {
    if let Some(exe) = env::var_os("BITCOIND_EXE").filter(|exe| !exe.is_empty()) {
        return Some(exe.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path)
        .map(|folder| folder.join("bitcoind"))
        .find(|exe| exe.is_file());
    if found.is_none() {
        assert!(
            env::var_os("TOLLWAY_REQUIRE_BITCOIND").is_none(),
            "TOLLWAY_REQUIRE_BITCOIND is set, and there is no bitcoind: set BITCOIND_EXE or PATH"
        );
        eprintln!("SKIPPED: no bitcoind; set BITCOIND_EXE or PATH to run this test");
    }
    found
}
