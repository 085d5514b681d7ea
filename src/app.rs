//! Wiring: start order, stop order, and the only place that spawns.
//!
//! Start: data directory → seed → file → node → HTTP → keepers. The pages are up before the node is: its state is
//! something they show. Stop is the reverse: no new requests → live streams end → requests drain → keepers between
//! activations → node → writer drained → closed.

mod data_dir;
mod prices;
pub mod server;

use std::fs;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle as Thread;
use std::time::Duration;

use axum::{Router, middleware};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;
use tracing::{error, info, warn};

use self::server::Bounds;
use crate::adapters::chain::BitcoindChain;
use crate::adapters::clock::SystemClock;
use crate::adapters::courier::HttpCourier;
use crate::adapters::entropy::SystemEntropy;
use crate::adapters::ldk::{LdkConfig, LdkNode, hold, launch};
use crate::adapters::mark::FileMark;
use crate::config::Config;
use crate::domain::time::Timestamp;
use crate::http::{AppState, Caps};
use crate::keepers::bookkeeper::Bookkeeper;
use crate::keepers::calendar::Calendar;
use crate::keepers::chain_follower::ChainFollower;
use crate::keepers::gate::Gate;
use crate::keepers::lightning_events::LightningEvents;
use crate::keepers::marker::Marker;
use crate::keepers::payout_runner::{LightningPayer, OnchainPayer};
use crate::keepers::prompter::Prompter;
use crate::keepers::pruner::Pruner;
use crate::keepers::rate_fetcher::RateFetcher;
use crate::keepers::webhook_courier::WebhookCourier;
use crate::ports::clock::Clock;
use crate::ports::entropy::random;
use crate::ports::mark::Mark;
use crate::ports::rates::RateSource;
use crate::service::{Gateway, intake, mark, settle};
use crate::store::{self, Store, Wake, Writer};
use crate::wallet::Keychain;
use crate::{api, control, faults, http, lnurl, ui};

/// How long requests may take to drain when the process stops.
const DRAIN: Duration = Duration::from_secs(15);

/// How long messages to webhooks that are under way may take when the process stops. What takes longer is sent again
/// after the next start.
const LAST_MESSAGES: Duration = Duration::from_secs(5);

/// The file's name in the data directory.
pub const STORE_FILE: &str = "tollway.redb";

/// The seed's name in the data directory.
pub const SEED_FILE: &str = "seed";

/// The mark's name in the data directory: which generation of the file ran last.
pub const MARK_FILE: &str = "tollway.mark";

/// The process can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory or a file in it.
    #[error("{0}: {1}")]
    File(PathBuf, std::io::Error),
    /// The data directory belongs to somebody else.
    #[error(
        "{0} can't be closed to other users ({1}): it has to belong to the user that runs the gateway"
    )]
    NotPrivate(PathBuf, std::io::Error),
    /// The database.
    #[error(transparent)]
    Store(#[from] store::OpenError),
    /// There was a database here, and it is gone. It is never silently made anew.
    #[error(
        "there is no database file, but {0} says that there was one: put it back. To begin anew without it, remove that mark"
    )]
    Gone(String),
    /// The mark of the file's generation can't be written.
    #[error(transparent)]
    Mark(#[from] mark::NotMarked),
    /// The seed.
    #[error("{0}")]
    Seed(String),
    /// A setting.
    #[error("{0}")]
    Config(String),
    /// The HTTP address.
    #[error("can't listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
}

/// A running gateway.
pub struct App {
    gateway: Arc<Gateway>,
    writer: Thread<()>,
    node: Arc<LdkNode>,
    keepers: JoinSet<()>,
    http: tokio::task::JoinHandle<()>,
    stop_http: watch::Sender<bool>,
    stop_keepers: watch::Sender<bool>,
    /// Where generations of the file are marked; nowhere if an older one may be in its place.
    mark: Option<Arc<dyn Mark>>,
    /// Held as long as the data directory is used.
    lock: fs::File,
}

impl App {
    /// Starts everything. Returns once the pages are up; the node comes up behind them.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        Self::start_with(config, Store::open).await
    }

    /// The same with another way to open the store, whose path it is given: a bench measures what the disk is asked
    /// for.
    pub async fn start_with(
        config: &Config,
        open: impl FnOnce(&Path) -> Result<(Store, Writer), store::OpenError>,
    ) -> Result<Self, StartError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let entropy = Arc::new(SystemEntropy);
        faults::arm(config.network);
        data_dir::make_private(&config.data_dir)?;
        let lock = data_dir::lock(&config.data_dir)?;
        let store_path = config.data_dir.join(STORE_FILE);
        let mark: Arc<dyn Mark> = Arc::new(FileMark::at(config.data_dir.join(MARK_FILE)));
        let marked = mark.read().await;
        if !store_path.exists() && marked != Ok(None) {
            return Err(StartError::Gone(mark.place()));
        }
        let keychain = Arc::new(data_dir::open_seed(
            config,
            store_path.exists(),
            SystemEntropy,
        )?);
        let (store, writer) = open(&store_path)?;
        let writer =
            store::writer::spawn(writer).map_err(|e| StartError::File(store_path.clone(), e))?;
        let (rates, sources) = prices::open(config)?;
        let generation = store.glance(|rows| store::mark::generation(rows));
        let newest = mark::judge(generation, &marked, &mark.place());
        let ldk = ldk_config(config, &keychain);
        let (node, mark) = match newest {
            Ok(()) => {
                mark::renew(&store, mark.as_ref()).await?;
                (launch(ldk, store.clone(), clock.clone()), Some(mark))
            }
            Err(why) => (hold(ldk, clock.clone(), why), None),
        };
        let node = node.map_err(|e| StartError::Config(e.to_string()))?;
        let rpc = &config.bitcoind;
        let chain = Arc::new(BitcoindChain::new(
            &rpc.host,
            rpc.port,
            &rpc.user,
            &rpc.password,
            config.network,
        ));
        let follower = ChainFollower::new(
            store.clone(),
            chain.clone(),
            clock.clone(),
            store.watch(),
            Arc::new(|tx, touched, now| {
                intake::observe_addresses(tx, touched, now);
                settle::observe_batches(tx, now);
            }),
            Duration::from_millis(rpc.poll_millis),
        );
        let gateway = Arc::new(Gateway {
            store,
            lightning: node.clone(),
            chain,
            clock,
            rates,
            courier: Arc::new(HttpCourier::default()),
            private_webhooks: config.webhooks.allow_private_addresses,
            keychain,
            follower: follower.state(),
            network: config.network,
            base_url: config.http.base_url.clone(),
            limits: config.limits,
            setup_token: (!config.is_loopback())
                .then(|| hex::encode(random::<16>(entropy.as_ref()))),
            entropy,
        });
        tell_setup_token(&gateway).await;
        let (stop_http, http_stops) = watch::channel(false);
        let http = serve(config, &gateway, http_stops).await?;
        let (stop_keepers, keepers_stop) = watch::channel(false);
        let mut keepers = spawn_keepers(&gateway, follower, sources, mark.clone(), &keepers_stop);
        let socket = control::bind(&config.data_dir)
            .map_err(|e| StartError::File(config.data_dir.join(control::SOCKET_FILE), e))?;
        keepers.spawn(control::serve(socket, gateway.clone(), keepers_stop));
        info!(
            "listening on {}, reached at {}",
            config.http.listen, config.http.base_url
        );
        Ok(Self {
            gateway,
            writer,
            node,
            keepers,
            http,
            stop_http,
            stop_keepers,
            mark,
            lock,
        })
    }

    /// The verbs, for whoever shares the process.
    pub const fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// Runs until `asked` resolves, or a keeper dies: a gateway that is half alive is worse than none. True if it
    /// ended because it was asked to.
    pub async fn run_until(mut self, asked: impl Future<Output = ()>) -> bool {
        let in_order = tokio::select! {
            () = asked => true,
            ended = self.keepers.join_next() => {
                error!("a keeper ended ({ended:?}): the process stops");
                false
            }
        };
        self.stop().await;
        in_order
    }

    async fn stop(mut self) {
        info!("stopping");
        self.stop_http.send_replace(true);
        self.gateway.store.signals().end_live();
        if tokio::time::timeout(DRAIN, &mut self.http).await.is_err() {
            warn!("some requests did not end in time");
            self.http.abort();
        }
        self.stop_keepers.send_replace(true);
        while self.keepers.join_next().await.is_some() {}
        self.node.stop().await;
        if let Some(mark) = &self.mark
            && let Err(why) = mark::renew(&self.gateway.store, mark.as_ref()).await
        {
            error!("the last generation of the file is not marked: {why}");
        }
        self.gateway.store.close();
        if self.writer.join().is_err() {
            error!("the writer ended with a panic");
        }
        drop(self.lock);
        info!("stopped: everything is on disk");
    }
}

async fn tell_setup_token(gateway: &Gateway) {
    if let Some(token) = &gateway.setup_token
        && !gateway.has_admin().await
    {
        info!("no account yet: the first one needs this set-up token: {token}");
    }
}

async fn serve(
    config: &Config,
    gateway: &Arc<Gateway>,
    stop: watch::Receiver<bool>,
) -> Result<tokio::task::JoinHandle<()>, StartError> {
    let address = config.http.listen;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|e| StartError::Listen(address, e))?;
    let router = router(AppState {
        gateway: gateway.clone(),
        caps: Arc::new(Caps::new(&config.limits)),
    });
    let trusted: Arc<[IpAddr]> = config.http.trusted_proxies.clone().into();
    let router = router.layer(middleware::from_fn_with_state(
        trusted.clone(),
        http::see_through_proxies,
    ));
    #[expect(clippy::disallowed_methods, reason = "this is the file that spawns")]
    let task = tokio::spawn(server::serve(
        listener,
        router,
        trusted,
        Bounds::default(),
        stop,
    ));
    Ok(task)
}

/// How long a request's body may pause on its way.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// All routes of the three HTTP floors.
pub fn router(state: AppState) -> Router {
    Router::new()
        .merge(api::router(state.clone()))
        .merge(lnurl::router(state.clone()))
        .merge(ui::router(state))
        .layer(middleware::from_fn(http::bounded))
        .layer(RequestBodyTimeoutLayer::new(BODY_TIMEOUT))
        .layer(CatchPanicLayer::new())
}

/// Spawns a keeper: it is activated, then rests until the date that it names, a wake or the stop.
macro_rules! keep {
    ($keepers:ident, $gateway:ident, $stop:ident, $wake:expr, $keeper:expr) => {{
        #[allow(unused_mut, reason = "some keepers remember nothing")]
        let mut keeper = $keeper;
        let (store, clock) = ($gateway.store.clone(), $gateway.clock.clone());
        let mut stops = $stop.clone();
        $keepers.spawn(async move {
            loop {
                let next = keeper.activate().await;
                if rest(&clock, next, &store, $wake, &mut stops).await {
                    return;
                }
            }
        });
    }};
}

fn spawn_keepers(
    gateway: &Arc<Gateway>,
    follower: ChainFollower,
    sources: Vec<Arc<dyn RateSource>>,
    mark: Option<Arc<dyn Mark>>,
    stop: &watch::Receiver<bool>,
) -> JoinSet<()> {
    let gate = Arc::new(Gate::default());
    let mut keepers = JoinSet::new();
    let lightning = LightningPayer::new(gateway.clone(), gate.clone());
    let onchain = OnchainPayer::new(gateway.clone());
    let calendar = Calendar::new(gateway.clone(), gate.clone());
    let prompter = Prompter::new(gateway.clone());
    let bookkeeper = Bookkeeper::new(gateway.clone(), gate.clone());
    let pruner = Pruner::new(gateway.clone(), gate.clone());
    keep!(keepers, gateway, stop, Some(Wake::Chain), follower);
    keep!(
        keepers,
        gateway,
        stop,
        Some(Wake::LightningPayouts),
        lightning
    );
    keep!(keepers, gateway, stop, Some(Wake::OnchainPayouts), onchain);
    keep!(keepers, gateway, stop, Some(Wake::Calendar), calendar);
    keep!(keepers, gateway, stop, Some(Wake::Prompts), prompter);
    keep!(keepers, gateway, stop, None, bookkeeper);
    keep!(keepers, gateway, stop, None, pruner);
    let (board, clock) = (gateway.rates.clone(), gateway.clock.clone());
    let fetcher = RateFetcher::new(sources, board, clock);
    keep!(keepers, gateway, stop, None, fetcher);
    if let Some(mark) = mark {
        let (store, clock) = (gateway.store.clone(), gateway.clock.clone());
        let marker = Marker::new(store.clone(), mark, clock.clone());
        let mut stops = stop.clone();
        keepers.spawn(async move {
            loop {
                tokio::select! {
                    () = store.signals().woken(Wake::Mark) => {}
                    _ = stops.wait_for(|stop| *stop) => return,
                }
                let next = marker.activate().await;
                if rest(&clock, next, &store, None, &mut stops).await {
                    return;
                }
            }
        });
    }
    let mut courier = WebhookCourier::new(gateway.clone());
    let (store, clock) = (gateway.store.clone(), gateway.clock.clone());
    let mut stops = stop.clone();
    keepers.spawn(async move {
        loop {
            let next = courier.activate().await;
            let stopped = tokio::select! {
                () = courier.progress() => *stops.borrow(),
                stopped = rest(&clock, next, &store, Some(Wake::Webhooks), &mut stops) => stopped,
            };
            if stopped {
                let _ = tokio::time::timeout(LAST_MESSAGES, courier.finish()).await;
                return;
            }
        }
    });
    let events = LightningEvents::new(gateway.clone(), gate);
    let mut stops = stop.clone();
    keepers.spawn(async move {
        loop {
            let event = tokio::select! {
                event = events.next() => event,
                _ = stops.wait_for(|stop| *stop) => return,
            };
            events.handle(event).await;
        }
    });
    keepers
}

/// Rests until the date, a wake or the stop; true on stop.
async fn rest(
    clock: &Arc<dyn Clock>,
    until: Timestamp,
    store: &Store,
    wake: Option<Wake>,
    stops: &mut watch::Receiver<bool>,
) -> bool {
    let woken = async {
        match wake {
            Some(wake) => store.signals().woken(wake).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = clock.sleep_until(until) => false,
        () = woken => false,
        _ = stops.wait_for(|stop| *stop) => true,
    }
}

fn ldk_config(config: &Config, keychain: &Keychain) -> LdkConfig {
    LdkConfig {
        network: config.network,
        storage_dir: config.data_dir.join("ldk"),
        seed: keychain.node_seed(),
        rpc_host: config.bitcoind.host.clone(),
        rpc_port: config.bitcoind.port,
        rpc_user: config.bitcoind.user.clone(),
        rpc_password: config.bitcoind.password.clone(),
        listen: config.node.listen.iter().cloned().collect(),
        alias: config.node.alias.clone(),
    }
}
