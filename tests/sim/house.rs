//! One process of the gateway: opened from what the disk holds, and dropped at any point.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bitcoin::Network as Bitcoin;
use bitcoin::secp256k1::SecretKey;
use tollway::config::Limits;
use tollway::domain::time::Timestamp;
use tollway::keepers::calendar::Calendar;
use tollway::keepers::chain_follower::ChainFollower;
use tollway::keepers::gate::Gate;
use tollway::keepers::lightning_events::LightningEvents;
use tollway::keepers::payout_runner::{LightningPayer, OnchainPayer};
use tollway::keepers::prompter::Prompter;
use tollway::keepers::webhook_courier::WebhookCourier;
use tollway::service::{Gateway, intake, settle};
use tollway::store::{Store, Turn, Wake, Writer};
use tollway::wallet::Keychain;

use crate::chain::Chain;
use crate::dice::Dice;
use crate::disk::{Disk, Left};
use crate::endpoints::Endpoints;
use crate::executor::{Kind, Tasks};
use crate::log::Log;
use crate::network::Network;
use crate::node::Node;
use crate::panics;
use crate::support::{FakeClock, FakeRates};

const WORDS: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon \
                     abandon abandon about";

/// The keys of every house: deriving them takes longer than a world does.
fn keychain() -> Arc<Keychain> {
    static KEYS: OnceLock<Arc<Keychain>> = OnceLock::new();
    KEYS.get_or_init(|| {
        Arc::new(Keychain::from_mnemonic(WORDS, Bitcoin::Regtest).expect("valid words"))
    })
    .clone()
}

/// What outlives a process.
#[derive(Clone)]
pub struct Outside {
    pub clock: Arc<FakeClock>,
    pub chain: Arc<Chain>,
    pub network: Arc<Network>,
    pub courier: Arc<Endpoints>,
    pub dice: Arc<Dice>,
    pub log: Arc<Log>,
}

/// A process.
pub struct House {
    pub gateway: Arc<Gateway>,
    pub gate: Arc<Gate>,
    pub node: Arc<Node>,
    pub disk: Disk,
    pub tasks: Tasks,
    writer: Writer,
    outside: Outside,
}

/// The process ended by itself: a panic, or its disk.
#[derive(Debug)]
pub struct Ended;

impl House {
    /// Starts from what the disk holds.
    pub fn start(disk: Disk, outside: &Outside) -> Result<Self, String> {
        let opened = Store::open_backend(disk.clone());
        let (store, writer) = opened.map_err(|e| e.to_string())?;
        let store = store.reading_inline();
        outside.chain.expect_commits_in(Some(store.clone()));
        let secret = SecretKey::from_slice(&[7; 32]).expect("a key");
        let node = Node::start(
            secret,
            store.clone(),
            outside.network.clone(),
            outside.clock.clone(),
            outside.dice.clone(),
            outside.log.clone(),
        );
        let follower = ChainFollower::new(
            store.clone(),
            outside.chain.clone(),
            outside.clock.clone(),
            store.watch(),
            Arc::new(|tx, touched, now| {
                intake::observe_addresses(tx, touched, now);
                settle::observe_batches(tx, now);
            }),
            Duration::from_secs(1),
        );
        let gateway = Arc::new(Gateway {
            store,
            lightning: node.clone(),
            chain: outside.chain.clone(),
            clock: outside.clock.clone(),
            entropy: outside.dice.clone(),
            rates: FakeRates::default().board(),
            courier: outside.courier.clone(),
            private_webhooks: true,
            keychain: keychain(),
            follower: follower.state(),
            network: Bitcoin::Regtest,
            base_url: "http://127.0.0.1:8080".to_owned(),
            limits: Limits::default(),
            setup_token: None,
        });
        let mut house = Self {
            gate: Arc::new(Gate::default()),
            gateway,
            node,
            disk,
            tasks: Tasks::default(),
            writer,
            outside: outside.clone(),
        };
        house.employ(follower);
        Ok(house)
    }

    /// The keepers, each in a loop as in the real process.
    fn employ(&mut self, mut follower: ChainFollower) {
        let gateway = self.gateway.clone();
        self.tasks
            .spawn("chain-follower", Kind::Keeper, async move {
                loop {
                    let next = follower.activate().await;
                    rest(&gateway, next, Wake::Chain).await;
                }
            });
        let gateway = self.gateway.clone();
        let mut payer = LightningPayer::new(gateway.clone(), self.gate.clone());
        self.tasks
            .spawn("lightning-payer", Kind::Keeper, async move {
                loop {
                    let next = payer.activate().await;
                    rest(&gateway, next, Wake::LightningPayouts).await;
                }
            });
        let gateway = self.gateway.clone();
        let payer = OnchainPayer::new(gateway.clone());
        self.tasks.spawn("onchain-payer", Kind::Keeper, async move {
            loop {
                let next = payer.activate().await;
                rest(&gateway, next, Wake::OnchainPayouts).await;
            }
        });
        let gateway = self.gateway.clone();
        let calendar = Calendar::new(gateway.clone(), self.gate.clone());
        self.tasks.spawn("calendar", Kind::Keeper, async move {
            loop {
                let next = calendar.activate().await;
                rest(&gateway, next, Wake::Calendar).await;
            }
        });
        let gateway = self.gateway.clone();
        let prompter = Prompter::new(gateway.clone());
        self.tasks.spawn("prompter", Kind::Keeper, async move {
            loop {
                let next = prompter.activate().await;
                rest(&gateway, next, Wake::Prompts).await;
            }
        });
        let gateway = self.gateway.clone();
        let mut courier = WebhookCourier::new(gateway.clone());
        self.tasks
            .spawn("webhook-courier", Kind::Keeper, async move {
                loop {
                    let next = courier.activate().await;
                    tokio::select! {
                        biased;
                        () = courier.progress() => {}
                        () = rest(&gateway, next, Wake::Webhooks) => {}
                    }
                }
            });
        let events = LightningEvents::new(self.gateway.clone(), self.gate.clone());
        self.tasks
            .spawn("lightning-events", Kind::Keeper, async move {
                loop {
                    let event = events.next().await;
                    events.handle(event).await;
                }
            });
    }

    /// Jobs that wait for the writer.
    pub fn queued(&self) -> usize {
        self.gateway.store.queue_len()
    }

    /// One batch of the writer. How many jobs it ran.
    pub fn turn(&mut self) -> Result<usize, Ended> {
        match catch_unwind(AssertUnwindSafe(|| self.writer.turn(false))) {
            Ok(Ok(Turn::Ran(jobs))) => Ok(jobs),
            Ok(Ok(Turn::Closed)) => Ok(0),
            Ok(Err(fatal)) => {
                if !self.disk.is_dead() {
                    panics::note(&fatal.0);
                }
                Err(Ended)
            }
            // The hook has noted it.
            Err(_) => Err(Ended),
        }
    }

    /// Polls one task once.
    pub fn poll(&mut self, place: usize) -> Result<(), Ended> {
        catch_unwind(AssertUnwindSafe(|| self.tasks.poll(place)))
            .map(|_| ())
            .map_err(|_| Ended)
    }

    /// The process is gone. What it answered before is answered: whoever was told may still read it.
    pub fn crash(mut self, dice: &Dice) -> (Vec<u8>, Left) {
        let crashed = self.disk.crash(dice);
        for place in self.tasks.ready_requests().into_iter().rev() {
            // Its disk is gone, so it may only panic or end.
            let _ = self.poll(place);
        }
        self.outside.chain.expect_commits_in(None);
        crashed
    }
}

/// Until the date, or until something is to be done.
async fn rest(gateway: &Gateway, until: Timestamp, wake: Wake) {
    tokio::select! {
        biased;
        () = gateway.store.signals().woken(wake) => {}
        () = gateway.clock.sleep_until(until) => {}
    }
}
