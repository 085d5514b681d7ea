//! What the process with the two nodes does until its power goes, or until it is done.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tollway::domain::money::Sat;
use tollway::ports::lightning::Lightning;

use super::power::Power;
use super::side::Side;
use crate::bitcoind;
use crate::dice::Dice;
use crate::house::{PATIENCE, Plot};

/// Coins that each side begins with: enough for every channel, and for every fee, to have one of its own.
const COINS: usize = 20;
const COIN: Sat = Sat(50_000_000);
/// What is paid, in satoshis: at least, and how much more. One payment is more than all fees of some dozen rounds, so
/// that one lost or doubled shows in what a side has.
pub const PAYMENT_SATS_MIN: u64 = 500_000;
const PAYMENT_SATS_MORE: u64 = 100_000;
/// The power goes when payments have stood still for so long: what is left of them waits for blocks.
const STILL: Duration = Duration::from_secs(4);
/// Between looks at what tells no event.
pub const LOOK: Duration = Duration::from_millis(50);
/// For what a block brings about to reach the mempool, if anybody is to wait for nothing.
const REACTION: Duration = Duration::from_millis(300);
/// For a claim that is due to reach it before the next block comes.
const CLAIM: Duration = Duration::from_secs(10);

/// What a life is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Coins and channels.
    Begin,
    /// Payments, until the power goes.
    Pay,
    /// All comes to its end, and is compared.
    Compare,
}

/// The two in their process.
pub struct Life {
    pub sides: [Side; 2],
    pub power: Arc<Power>,
    pub folder: PathBuf,
    rpc_port: u16,
    begin: Instant,
}

/// Lives. The folder holds one folder for each of the two.
pub async fn live(folder: &Path, purpose: Purpose, seed: u64, operations: Option<u64>) {
    let power = Power::new(seed, operations, folder.join("end"));
    let at_a_panic = power.clone();
    std::panic::set_hook(Box::new(move |panic| {
        eprintln!("{panic}");
        at_a_panic.cut(&format!("panic: {panic}"));
    }));
    let plots = ["one", "two"].map(|name| Plot::read(&folder.join(name)));
    let sides = plots.each_ref().map(|plot| Side::open(plot, &power));
    let life = Life {
        sides,
        power,
        folder: folder.to_path_buf(),
        rpc_port: plots[0].rpc_port,
        begin: Instant::now(),
    };
    for side in &life.sides {
        side.house.ready().await;
        side.is_itself(purpose == Purpose::Begin).await;
    }
    life.say("both nodes are ready");
    std::fs::write(folder.join("started"), "").unwrap();
    let [one, two] = &life.sides;
    tokio::select! {
        () = life.run(purpose, seed) => {}
        () = one.listen() => {}
        () = two.listen() => {}
    }
    let Life { sides, power, .. } = life;
    for side in sides {
        side.house.close().await;
    }
    power.save();
    std::fs::write(folder.join("end"), "done\n").unwrap();
}

impl Life {
    async fn run(&self, purpose: Purpose, seed: u64) {
        match purpose {
            Purpose::Begin => {
                self.fund().await;
                self.channels().await;
                self.note_the_beginning().await;
            }
            Purpose::Pay => {
                self.channels().await;
                self.say("payments may flow");
                for side in &self.sides {
                    side.hand_over_again().await;
                }
                self.pay(seed).await;
            }
            Purpose::Compare => {
                self.usable().await;
                for side in &self.sides {
                    side.hand_over_again().await;
                }
                self.resolve().await;
                let report = self.compare().await.join("\n");
                std::fs::write(self.folder.join("report"), report).unwrap();
            }
        }
    }

    /// For whoever looks at a life that went wrong.
    pub fn say(&self, what: &str) {
        println!("{} ms: {what}", self.begin.elapsed().as_millis());
    }

    pub fn call(&self, method: &str, arguments: &[Value]) -> Value {
        bitcoind::call(self.rpc_port, method, arguments).unwrap()
    }

    /// Mines, and lets both hear of it.
    pub async fn mine(&self, blocks: u64) {
        self.say(&format!("blocks to mine: {blocks}"));
        let address = self.call("getnewaddress", &[]);
        self.call("generatetoaddress", &[json!(blocks), address]);
        self.look_at_chain().await;
    }

    /// Both know the newest block and the mempool.
    pub async fn look_at_chain(&self) {
        let height = self.call("getblockcount", &[]).as_u64();
        for side in &self.sides {
            let begin = Instant::now();
            loop {
                // One that is under way already may have begun before the newest block.
                let looked = side.house.node.look_at_chain().await;
                if side.house.node.ldk_height().map(u64::from) >= height {
                    break;
                }
                let late = begin.elapsed() > PATIENCE;
                assert!(!late, "not at block {height:?}: {looked:?}");
                sleep(LOOK).await;
            }
        }
    }

    fn is_mempool_empty(&self) -> bool {
        self.call("getrawmempool", &[]) == json!([])
    }

    /// Whether the last block brings anything into the mempool.
    pub async fn reacts(&self) -> bool {
        let reaction = async {
            while self.is_mempool_empty() {
                sleep(LOOK).await;
            }
        };
        timeout(REACTION, reaction).await.is_ok()
    }

    /// One block, once what belongs into it is there. A payee that must claim on the chain has a limited number of
    /// blocks to do it in, and real blocks leave it minutes.
    pub async fn next_block(&self) {
        let claims = async {
            while self.is_mempool_empty() && self.is_claim_due() {
                sleep(LOOK).await;
            }
        };
        let _ = timeout(CLAIM, claims).await;
        self.mine(1).await;
    }

    /// A payee has a payment, and its payer does not know.
    pub fn is_claim_due(&self) -> bool {
        let [one, two] = &self.sides;
        let due = |payer: &Side, payee: &Side| {
            let open = payer.open_payments();
            open.iter()
                .any(|intent| payee.has_received(&hex::encode(intent.hash.0)))
        };
        due(one, two) || due(two, one)
    }

    async fn fund(&self) {
        let mut outputs = serde_json::Map::new();
        for side in &self.sides {
            for _ in 0..COINS {
                let address = side.house.node.new_address().await.unwrap();
                outputs.insert(address, json!(COIN.to_btc().to_string()));
            }
        }
        self.call("sendmany", &[json!(""), Value::Object(outputs)]);
        self.mine(1).await;
        for side in &self.sides {
            let balances = side.house.node.balances().await.unwrap();
            let coins = u64::try_from(COINS).unwrap();
            assert_eq!(balances.onchain_total, Sat(coins * COIN.0), "not funded");
        }
    }

    /// Payments in both directions, two at a time in each, until the power goes.
    async fn pay(&self, seed: u64) {
        let ended = watch::Sender::new(0_u64);
        let [one, two] = &self.sides;
        let dice = Dice::of(seed);
        let flow = |payer, payee| self.flow(payer, payee, dice.number(), &ended);
        let still = async {
            let mut ended = ended.subscribe();
            while timeout(STILL, ended.changed()).await.is_ok() {}
            self.power.cut("power after payments stood still");
        };
        tokio::join!(
            flow(one, two),
            flow(two, one),
            flow(one, two),
            flow(two, one),
            still,
        );
    }

    /// One payment after another, as far as the channels allow.
    async fn flow(&self, payer: &Side, payee: &Side, seed: u64, ended: &watch::Sender<u64>) {
        let dice = Dice::of(seed);
        loop {
            let sats = PAYMENT_SATS_MIN + dice.below(PAYMENT_SATS_MORE);
            let amount = Sat(sats).to_msat();
            while payer.house.node.sendable() < amount || payee.house.node.receivable() < amount {
                sleep(LOOK).await;
            }
            let intent = payee.is_paid_by(payer, amount).await;
            self.say(&format!("to be paid: {}", hex::encode(intent.hash.0)));
            payer.pays(&intent).await;
            self.say(&format!("has ended: {}", hex::encode(intent.hash.0)));
            ended.send_modify(|count| *count += 1);
        }
    }

    /// What each has before any payment, and where the chain is.
    async fn note_the_beginning(&self) {
        let height = self.call("getblockcount", &[]).as_u64().unwrap();
        for side in &self.sides {
            let worth = side.worth().await.expect("nothing is closed yet");
            side.begins_with(worth, height).await;
        }
    }

    /// Everything of both sides that is in open channels or in their wallets. `None` while something is on its way.
    pub async fn worth(&self) -> Option<[i128; 2]> {
        let [one, two] = &self.sides;
        Some([one.worth().await?, two.worth().await?])
    }
}
