//! The HTTP server: who may connect, for how long a request may take to arrive, and how it all ends.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;
use tracing::{debug, warn};

use crate::http::ClientAddr;

/// What strangers may hold of a server.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Open connections at most. Each takes a descriptor, of which the node, bitcoind's RPC and the disk need some too: a
    /// process has 1,024 where nobody says otherwise.
    pub connections: usize,
    /// Of them, those of one client address. Trusted proxies speak for many.
    pub connections_of_one: usize,
    /// How long the head of a request may take to arrive, and how long a connection may rest between two requests.
    pub head_timeout: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 800,
            connections_of_one: 256,
            head_timeout: Duration::from_secs(30),
        }
    }
}

/// What may be read ahead of a request's head: more than any that is answered.
const HEAD_BYTES_MAX: usize = 64 * 1_024;

/// How long to wait when no connection can be taken because descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Serves until `stop` is true, and then until every request under way is answered.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    trusted: Arc<[IpAddr]>,
    bounds: Bounds,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(bounds.connections));
    let clients = Arc::new(Clients::default());
    let mut open = JoinSet::new();
    loop {
        // Those that have ended are forgotten.
        while open.try_join_next().is_some() {}
        let taken = tokio::select! {
            // An error means that the app is gone: stop as well.
            _ = stop.wait_for(|stop| *stop) => break,
            taken = accept(&listener, &places) => taken,
        };
        let Some((stream, peer, place)) = taken else {
            continue;
        };
        let counted = !trusted.contains(&peer.ip());
        let client = counted.then(|| clients.enter(peer.ip(), bounds.connections_of_one));
        if let Some(None) = client {
            // Closed at once.
            continue;
        }
        let connection = connection(stream, peer, router.clone(), bounds, stop.clone());
        open.spawn(async move {
            connection.await;
            drop((place, client));
        });
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    // Who comes when all places are taken waits outside.
    let place = places.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, place)),
        Err(error) => {
            warn!("no connection can be taken: {error}");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    bounds: Bounds,
    mut stop: watch::Receiver<bool>,
) {
    // Answers are small and written whole.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.head_timeout)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let stopped = async {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!("a connection of {peer} ended: {error}");
    }
}

/// How many connections each client address has.
#[derive(Default)]
struct Clients(Mutex<HashMap<IpAddr, usize>>);

/// A connection that counts, as long as it is held.
struct Counted {
    clients: Arc<Clients>,
    client: IpAddr,
}

impl Clients {
    /// `None` if this one has too many already.
    fn enter(self: &Arc<Self>, peer: IpAddr, most: usize) -> Option<Counted> {
        let ClientAddr(client) = ClientAddr::of(peer);
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(client).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        let clients = self.clone();
        Some(Counted { clients, client })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = (self.clients.0.lock()).unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.client);
            }
        }
    }
}
