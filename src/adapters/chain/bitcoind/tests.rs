//! The adapter against a real bitcoind (`BITCOIND_EXE`) on regtest; without one there is nothing to test against.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use bdk_bitcoind_rpc::bitcoincore_rpc::RpcApi;
use serde_json::json;

use super::*;
use crate::domain::ids::StoreId;
use crate::domain::money::Sat;
use crate::domain::till::TillId;
use crate::domain::time::Timestamp;
use crate::wallet::{
    Anchored, Keychain, Sighting, SpendRequest, TillKind, TillRecord, Tills, TxStanding,
};

struct Bitcoind {
    process: Child,
    chain: BitcoindChain,
    port: u16,
    _dir: tempfile::TempDir,
}

impl Drop for Bitcoind {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Bitcoind {
    /// A fresh regtest chain, once bitcoind says that it is ready.
    fn start() -> Option<Self> {
        let Ok(exe) = std::env::var("BITCOIND_EXE") else {
            let required = std::env::var_os("TOLLWAY_REQUIRE_BITCOIND").is_some();
            assert!(!required, "BITCOIND_EXE is not set");
            eprintln!("SKIPPED: set BITCOIND_EXE to test against a real bitcoind");
            return None;
        };
        let dir = tempfile::tempdir().expect("a directory");
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("bound").port();
        drop(free);
        let mut process = Command::new(exe)
            .arg(format!("-datadir={}", dir.path().display()))
            .arg(format!("-rpcport={port}"))
            .args(["-regtest", "-listen=0", "-server", "-printtoconsole"])
            .args(["-rpcuser=user", "-rpcpassword=pass", "-disablewallet"])
            .args(["-txindex=1", "-dbcache=16"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("bitcoind starts");
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let ready = lines.any(|line| line.is_ok_and(|line| line.contains("Done loading")));
        assert!(ready, "bitcoind ended before it was ready");
        // Its log goes on: somebody has to read it.
        std::thread::spawn(move || lines.for_each(drop));
        let chain = BitcoindChain::new("localhost", port, "user", "pass", Network::Regtest);
        Some(Self {
            process,
            chain,
            port,
            _dir: dir,
        })
    }

    async fn call(&self, method: &'static str, args: Vec<serde_json::Value>) {
        let called = self
            .chain
            .ask(move |client| client.call::<serde_json::Value>(method, &args));
        called.await.expect(method);
    }

    async fn mine(&self, count: u32, address: &str) {
        self.call("generatetoaddress", vec![json!(count), json!(address)])
            .await;
    }

    /// All blocks above a height, as the tills want them.
    async fn blocks_above(&self, height: u32) -> Sighting {
        let mut sighting = Sighting::default();
        let tip = self.chain.tip().await.expect("answers");
        for height in height..=tip.height {
            let hash = self.chain.block_hash(height).await.expect("answers");
            let hash = hash.expect("not above the tip");
            let at = BlockRef { height, hash };
            sighting.blocks.push(at);
            let block = self.chain.block(hash).await.expect("answers");
            sighting
                .anchored
                .extend(block.txdata.iter().map(|tx| Anchored {
                    tx: Arc::new(tx.clone()),
                    block: at,
                    time_secs: block.header.time.into(),
                }));
        }
        sighting.anchored.retain(|tx| tx.block.height > height);
        sighting
    }
}

#[tokio::test]
async fn blocks_mempool_fees_and_broadcast_of_a_real_node() {
    let Some(node) = Bitcoind::start() else {
        return;
    };
    let chain = &node.chain;
    let genesis = chain.tip().await.expect("answers");
    assert_eq!(genesis.height, 0);
    assert_eq!(chain.block_hash(1).await, Ok(None));
    assert_eq!(chain.fee_rate(6).await, Ok(1_000));

    let words = crate::wallet::keychain::new_mnemonic([3; 16]);
    let keychain = Keychain::from_mnemonic(&words, Network::Regtest).expect("valid");
    let (external, internal) = keychain.descriptors(1);
    let till = TillId {
        store: StoreId([1; 32]),
        generation: 0,
    };
    let mut tills = Tills::default();
    tills
        .open(TillRecord {
            id: till,
            account: 1,
            kind: TillKind::Hot,
            external,
            internal,
            network: Network::Regtest,
            birthday: genesis,
            resting: false,
        })
        .expect("opens");
    let address = tills.reveal(till).expect("open");
    node.mine(2, &address.address).await;
    node.mine(100, "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080")
        .await;
    tills.apply(&node.blocks_above(0).await);
    let reward = Sat(5_000_000_000);
    assert_eq!(tills.balance(till).spendable, reward.plus(reward), "mature");

    let request = SpendRequest {
        till,
        recipients: vec![
            (address.script.clone(), Sat(1_000_000)),
            (tills.reveal(till).expect("open").script, Sat(294)),
        ],
        fee_rate_sat_per_kvb: 1_000,
        unsure: std::collections::BTreeSet::new(),
        seed: [0; 32],
        now: Timestamp::from_secs(1_700_000_000),
        wishes: crate::wallet::Wishes::default(),
    };
    let first = tills.build(&keychain, &request).expect("enough");
    let second = tills.build(&keychain, &request).expect("enough");
    for spend in [&first, &second] {
        // A till's transaction at the lowest rate is relayed; a second time it is known.
        assert_eq!(chain.broadcast(&spend.tx).await, Broadcast::Accepted);
        assert_eq!(chain.broadcast(&spend.tx).await, Broadcast::Accepted);
        let txid = spend.tx.compute_txid();
        assert!(chain.mempool().await.expect("answers").contains(&txid));
        let held = chain.mempool_transaction(txid).await.expect("answers");
        assert_eq!(held.as_deref(), Some(&spend.tx));
    }

    let mut conflict = first.tx.clone();
    conflict.output[0].value += bitcoin::Amount::from_sat(1);
    assert!(matches!(
        chain.broadcast(&conflict).await,
        Broadcast::Refused(_)
    ));
    let unknown = conflict.compute_txid();
    assert_eq!(chain.mempool_transaction(unknown).await, Ok(None));

    node.mine(1, &address.address).await;
    tills.apply(&node.blocks_above(102).await);
    let confirmed = TxStanding::Confirmed { confirmations: 1 };
    assert_eq!(tills.standing(till, first.tx.compute_txid()), confirmed);
    assert_eq!(chain.broadcast(&first.tx).await, Broadcast::Accepted);
    assert_eq!(chain.mempool().await, Ok(Vec::new()));
}

#[tokio::test]
async fn silence_wrong_passwords_and_other_chains_are_no_answers() {
    let Some(node) = Bitcoind::start() else {
        return;
    };
    let stranger = BitcoindChain::new("localhost", node.port, "user", "no", Network::Regtest);
    assert!(stranger.tip().await.is_err());
    let other = BitcoindChain::new("localhost", node.port, "user", "pass", Network::Signet);
    let refused = other.tip().await.expect_err("it is on regtest");
    assert!(refused.0.contains("signet"), "{refused}");

    let tx = bitcoin::constants::genesis_block(Network::Regtest).txdata[0].clone();
    node.chain.tip().await.expect("answers");
    let Bitcoind { port, .. } = node;
    let chain = BitcoindChain::new("localhost", port, "user", "pass", Network::Regtest);
    chain.tip().await.expect("answers");
    drop(node);
    assert!(chain.tip().await.is_err());
    assert!(matches!(chain.broadcast(&tx).await, Broadcast::Doubtful(_)));
}
