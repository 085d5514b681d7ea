//! A whole gateway over the fakes and a file in a directory of its own.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bitcoin::Network;
use rust_decimal::Decimal;
use tokio::sync::Mutex;
use tollway::config::Limits;
use tollway::domain::access::User;
use tollway::domain::ids::{InvoiceId, PaymentHash, PayoutId, PullPaymentId, StoreId, UserId};
use tollway::domain::invoice::Invoice;
use tollway::domain::money::{Currency, Money, Msat, Sat};
use tollway::domain::payout::Payout;
use tollway::domain::pull_payment::PullPayment;
use tollway::domain::store::Settings;
use tollway::domain::time::Timestamp;
use tollway::keepers::bookkeeper::Bookkeeper;
use tollway::keepers::calendar::Calendar;
use tollway::keepers::chain_follower::ChainFollower;
use tollway::keepers::gate::Gate;
use tollway::keepers::lightning_events::LightningEvents;
use tollway::keepers::payout_runner::{LightningPayer, OnchainPayer};
use tollway::keepers::prompter::Prompter;
use tollway::keepers::pruner::Pruner;
use tollway::keepers::webhook_courier::WebhookCourier;
use tollway::ports::clock::Clock;
use tollway::ports::entropy::random;
use tollway::service::invoice::NewInvoice;
use tollway::service::pull_payment::NewPullPayment;
use tollway::service::{Gateway, books, intake, settle};
use tollway::store::{self, Store, Tx, writer};
use tollway::wallet::Keychain;

use super::{
    Customer, FakeChain, FakeClock, FakeCourier, FakeEntropy, FakeLightning, FakeRates, Wish,
};

const WORDS: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon \
                     abandon abandon about";

/// When every world begins, in seconds since the Unix epoch.
pub const BEGIN: u64 = 1_800_000_000;

/// What survives a restart: the outside, and the file's directory.
struct Outside {
    dir: tempfile::TempDir,
    clock: Arc<FakeClock>,
    entropy: Arc<FakeEntropy>,
    rates: Arc<FakeRates>,
    chain: Arc<FakeChain>,
    lightning: Arc<FakeLightning>,
    customer: Customer,
    courier: Arc<FakeCourier>,
}

/// The writer's thread. Dropped, it ends in order.
struct Running {
    store: Store,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start(store: Store, writer: store::Writer) -> Self {
        let thread = Some(writer::spawn(writer).expect("a thread"));
        Self { store, thread }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.store.close();
        if let Some(thread) = self.thread.take() {
            // A writer that failed has aborted the process already.
            let _ = thread.join();
        }
    }
}

/// A gateway and its surroundings. One account, one store, whose till is hot.
pub struct World {
    /// What is tested.
    pub gateway: Arc<Gateway>,
    /// Its clock.
    pub clock: Arc<FakeClock>,
    /// Its prices.
    pub rates: Arc<FakeRates>,
    /// Its chain.
    pub chain: Arc<FakeChain>,
    /// Its node.
    pub lightning: Arc<FakeLightning>,
    /// Somebody else's node.
    pub customer: Customer,
    /// Its webhooks.
    pub courier: Arc<FakeCourier>,
    /// The first account.
    pub user: UserId,
    /// The first store.
    pub shop: StoreId,
    /// What the keepers have heard since the start.
    pub gate: Arc<Gate>,
    follower: Mutex<ChainFollower>,
    events: LightningEvents,
    lightning_payer: Mutex<LightningPayer>,
    onchain_payer: OnchainPayer,
    calendar: Calendar,
    prompter: Prompter,
    bookkeeper: Mutex<Bookkeeper>,
    pruner: Pruner,
    webhook_courier: Mutex<WebhookCourier>,
    writer: Running,
    entropy: Arc<FakeEntropy>,
    dir: tempfile::TempDir,
}

impl World {
    /// A world with a chain of ten blocks, an account and a store.
    pub async fn new() -> Self {
        Self::seeded(1).await
    }

    /// The same, from another seed.
    pub async fn seeded(seed: u64) -> Self {
        let clock = Arc::new(FakeClock::at_secs(BEGIN));
        let chain = Arc::new(FakeChain::default());
        chain.mine(10);
        let outside = Outside {
            dir: tempfile::tempdir().expect("a directory"),
            lightning: Arc::new(FakeLightning::seeded(seed + 1_000, clock.clone())),
            clock,
            entropy: Arc::new(FakeEntropy::seeded(seed)),
            rates: Arc::default(),
            chain,
            customer: Customer::seeded(seed + 2_000),
            courier: Arc::default(),
        };
        let mut world = Self::start(outside);
        world.look().await;
        let user = User {
            id: UserId(random(world.entropy.as_ref())),
            email: "owner@example.com".to_owned(),
            name: None,
            password_hash: String::new(),
            is_admin: true,
            created: world.clock.now(),
            has_had_key: false,
            image_url: None,
            invitation: None,
        };
        world.user = user.id;
        let row = user.clone();
        world.job(move |tx| store::access::put_user(tx, &row)).await;
        let (name, kept) = ("Shop".to_owned(), "{}".to_owned());
        let shop = world
            .gateway
            .create_store(&user, name, Settings::default(), kept)
            .await
            .expect("a store");
        world.shop = shop.id;
        world.open_gate().await;
        world
    }

    fn start(outside: Outside) -> Self {
        let path = outside.dir.path().join("tollway.redb");
        let (store, writer) = Store::open(&path).expect("the file opens");
        let writer = Running::start(store.clone(), writer);
        outside.lightning.expect_intents_in(store.clone());
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
        let gateway = Gateway {
            store,
            lightning: outside.lightning.clone(),
            chain: outside.chain.clone(),
            clock: outside.clock.clone(),
            entropy: outside.entropy.clone(),
            rates: outside.rates.board(),
            courier: outside.courier.clone(),
            private_webhooks: false,
            keychain: Arc::new(
                Keychain::from_mnemonic(WORDS, Network::Regtest).expect("valid words"),
            ),
            follower: follower.state(),
            network: Network::Regtest,
            base_url: "http://127.0.0.1:8080".to_owned(),
            limits: Limits::default(),
            setup_token: None,
        };
        let gateway = Arc::new(gateway);
        let gate = Arc::new(Gate::default());
        Self {
            events: LightningEvents::new(gateway.clone(), gate.clone()),
            lightning_payer: Mutex::new(LightningPayer::new(gateway.clone(), gate.clone())),
            onchain_payer: OnchainPayer::new(gateway.clone()),
            calendar: Calendar::new(gateway.clone(), gate.clone()),
            prompter: Prompter::new(gateway.clone()),
            bookkeeper: Mutex::new(Bookkeeper::new(gateway.clone(), gate.clone())),
            pruner: Pruner::new(gateway.clone(), gate.clone()),
            webhook_courier: Mutex::new(WebhookCourier::new(gateway.clone())),
            gate,
            gateway,
            clock: outside.clock,
            rates: outside.rates,
            chain: outside.chain,
            lightning: outside.lightning,
            customer: outside.customer,
            courier: outside.courier,
            user: UserId([0; 16]),
            shop: StoreId::HOUSE,
            follower: Mutex::new(follower),
            writer,
            entropy: outside.entropy,
            dir: outside.dir,
        }
    }

    /// Ends the process in order and starts it again on the same file; the outside goes on as it was.
    pub fn restart(self) -> Self {
        let (user, shop) = (self.user, self.shop);
        // The file's lock goes with its last handle, and the node has one for its check of P2.
        self.lightning.forget_intents();
        drop((self.writer, self.follower, self.gateway));
        drop((self.lightning_payer, self.onchain_payer));
        drop((self.events, self.calendar, self.prompter));
        drop((self.pruner, self.bookkeeper, self.webhook_courier));
        let mut world = Self::start(Outside {
            dir: self.dir,
            clock: self.clock,
            entropy: self.entropy,
            rates: self.rates,
            chain: self.chain,
            lightning: self.lightning,
            customer: self.customer,
            courier: self.courier,
        });
        (world.user, world.shop) = (user, shop);
        world
    }

    /// Now.
    pub fn clock_now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The directory of the file.
    pub fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// Runs a job of the writer.
    pub async fn job<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Tx<'_>) -> R + Send + 'static,
    ) -> R {
        let store = &self.gateway.store;
        store.insist("test", job).await.expect("the job runs")
    }

    /// The chain follower looks once.
    pub async fn look(&self) {
        self.follower.lock().await.activate().await;
    }

    /// A person has looked at every spend that was not made here: on-chain payouts go on.
    pub async fn release_till(&self) {
        let shop = self.shop;
        let store = &self.gateway.store;
        let spends = store
            .read(move |rows| store::hold::spends(rows, shop))
            .await;
        let seen = spends.iter().map(|spend| spend.txid).collect();
        let held = self.gateway.release_till(shop, seen).await;
        assert!(!held.expect("done"), "nothing came meanwhile");
    }

    /// Mines, and lets the follower look.
    pub async fn mine(&self, blocks: u32) {
        self.chain.mine(blocks);
        self.look().await;
    }

    /// The keeper of Lightning events takes in everything that waits, and then waits itself.
    pub async fn take_events(&self) {
        while self.lightning.waiting_events() > 0 {
            let event = self.events.next().await;
            self.events.handle(event).await;
        }
        let nothing = futures::FutureExt::now_or_never(self.events.next());
        assert!(nothing.is_none(), "an event came from nowhere");
    }

    /// The chain and the node have nothing new for a while, and what is open is compared with the node: from here
    /// on payouts are sent.
    pub async fn open_gate(&self) {
        self.look().await;
        self.take_events().await;
        self.clock.advance_secs(2);
        self.run_payouts().await;
        assert!(self.gate.is_reconciled(), "the gate stays closed");
    }

    /// Both payers look once; the earlier of when they want to look again.
    pub async fn run_payouts(&self) -> Timestamp {
        let lightning = self.pay_over_lightning().await;
        lightning.min(self.onchain_payer.activate().await)
    }

    /// The Lightning payer looks once, the other one does not.
    pub async fn pay_over_lightning(&self) -> Timestamp {
        self.lightning_payer.lock().await.activate().await
    }

    /// The bookkeeper looks twice, as far apart as it wants to.
    pub async fn keep_books(&self) {
        let mut bookkeeper = self.bookkeeper.lock().await;
        self.clock.advance_secs(2);
        for _ in 0..2 {
            let next = bookkeeper.activate().await;
            let rest = next.millis_since(self.clock.now());
            self.clock.advance_secs(rest.div_ceil(1_000));
        }
    }

    /// The pruner looks once.
    pub async fn prune(&self) -> Timestamp {
        self.pruner.activate().await
    }

    /// The courier of webhooks carries what is due, until nothing is; what hangs stays under way. When it wants to look
    /// again.
    pub async fn carry(&self) -> Timestamp {
        let mut courier = self.webhook_courier.lock().await;
        loop {
            let next = courier.activate().await;
            if courier.under_way() <= self.courier.hanging() {
                return next;
            }
            tokio::select! {
                () = courier.progress() => {}
                () = self.courier.hung() => {}
            }
        }
    }

    /// Every keeper looks once.
    pub async fn turn(&self) {
        self.look().await;
        self.take_events().await;
        self.prompter.activate().await;
        self.pruner.activate().await;
        self.run_payouts().await;
        self.calendar.activate().await;
    }

    /// An invoice over so many satoshi.
    pub async fn invoice(&self, sat: u64) -> Invoice {
        let new = NewInvoice {
            amount: Some(Decimal::from(sat)),
            currency: Some(Currency::SATS),
            ..NewInvoice::default()
        };
        let made = self.gateway.create_invoice(self.shop, new).await;
        made.expect("an invoice")
    }

    /// An invoice as the last commit left it.
    pub async fn see_invoice(&self, id: InvoiceId) -> Invoice {
        let seen = move |rows: &store::Snapshot| store::invoice::find(rows, id);
        self.gateway.store.read(seen).await.expect("it exists")
    }

    /// What a pull payment over so many satoshi asks for: both rails, no person needed.
    pub fn new_pull_payment(sat: u64) -> NewPullPayment {
        NewPullPayment {
            name: "Bounty".to_owned(),
            description: String::new(),
            limit: Money {
                amount: Decimal::from(sat),
                currency: Currency::SATS,
            },
            rails: None,
            bolt11_days: 30,
            auto_approve: true,
            starts_at: None,
            expires_at: None,
            claim_max: None,
            claims_max: None,
            rate_lock_secs: None,
        }
    }

    /// A pull payment over so many satoshi.
    pub async fn pull_payment(&self, sat: u64) -> PullPayment {
        self.pull_payment_as(Self::new_pull_payment(sat)).await
    }

    /// A pull payment.
    pub async fn pull_payment_as(&self, new: NewPullPayment) -> PullPayment {
        let made = self.gateway.create_pull_payment(self.shop, new).await;
        made.expect("a pull payment")
    }

    /// A pull payment as the last commit left it.
    pub async fn see_pull_payment(&self, id: PullPaymentId) -> PullPayment {
        let seen = move |rows: &store::Snapshot| store::pull_payment::find(rows, id);
        self.gateway.store.read(seen).await.expect("it exists")
    }

    /// A payout as the last commit left it.
    pub async fn see_payout(&self, id: PayoutId) -> Payout {
        let seen = move |rows: &store::Snapshot| store::payout::find(rows, id);
        self.gateway.store.read(seen).await.expect("it exists")
    }

    /// All payouts of the store, newest first.
    pub async fn payouts(&self) -> Vec<Payout> {
        let shop = self.shop;
        let all = move |rows: &store::Snapshot| {
            let mut payouts = Vec::new();
            store::payout::newest_first(rows, shop, &mut |payout| {
                payouts.push(payout);
                std::ops::ControlFlow::Continue(())
            });
            payouts
        };
        self.gateway.store.read(all).await
    }

    /// An ordinary invoice of the customer, made now.
    pub fn customer_invoice(&self, sat: u64) -> (String, PaymentHash) {
        self.customer.invoice(&self.wish(sat))
    }

    /// What an ordinary invoice made now says.
    pub fn wish(&self, sat: u64) -> Wish {
        Wish::of(Sat(sat).to_msat(), self.clock.now())
    }

    /// The customer pays a hash of ours.
    pub async fn receive(&self, hash: PaymentHash, amount: Msat) {
        self.lightning.receives(hash, amount);
        self.take_events().await;
    }

    /// Every row fits its neighbours, and the books balance (P11).
    pub async fn check(&self) {
        let checked = self.gateway.store.read(|rows| store::check::check(rows));
        assert_eq!(checked.await, Ok(()));
        let audit = books::file(&self.gateway.store).await.expect("an audit");
        let wrong: Vec<_> = audit.identities.iter().filter(|one| !one.holds()).collect();
        assert!(wrong.is_empty(), "P11 {wrong:#?}");
    }
}
