//! The HTTP server on a socket: what strangers can hold of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tollway::app::server::{Bounds, serve};

const BOUNDS: Bounds = Bounds {
    connections: 3,
    connections_of_one: 3,
    head_timeout: Duration::from_millis(200),
};

struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

async fn server(bounds: Bounds, trusted: &[&str]) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = Router::new().route("/", get(|| async { "here" }));
    let trusted: Vec<_> = (trusted.iter())
        .map(|ip| ip.parse().expect("an address"))
        .collect();
    let (stop, stops) = watch::channel(false);
    #[expect(clippy::disallowed_methods, reason = "the server runs beside its test")]
    let task = tokio::spawn(serve(listener, router, Arc::from(trusted), bounds, stops));
    Server {
        address,
        stop,
        task,
    }
}

impl Server {
    async fn send(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.expect("connects");
        stream.write_all(text.as_bytes()).await.expect("takes it");
        stream
    }
}

/// All that comes until the other side closes.
async fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    // Closed without a word counts as closed.
    let _ = stream.read_to_string(&mut text).await;
    text
}

const WHOLE: &str = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
const HALF: &str = "GET / HTTP/1.1\r\nHost: x\r\n";

#[tokio::test]
async fn half_a_request_is_not_waited_for_and_frees_its_place() {
    let server = server(BOUNDS, &[]).await;
    let mut halves = Vec::new();
    for _ in 0..3 {
        halves.push(server.send(HALF).await);
    }
    // All places are taken: this one waits outside until they are free again.
    let trusting = server.send(WHOLE);
    for half in halves {
        assert!(!rest(half).await.contains("here"));
    }
    assert!(rest(trusting.await).await.ends_with("here"));
}

#[tokio::test]
async fn one_client_holds_so_many_connections_and_a_trusted_proxy_more() {
    let bounds = Bounds {
        connections_of_one: 1,
        head_timeout: Duration::from_secs(60),
        ..BOUNDS
    };
    let own = server(bounds, &[]).await;
    let held = own.send(HALF).await;
    assert_eq!(rest(own.send(WHOLE).await).await, "", "one too many");
    drop(held);
    let behind = server(bounds, &["127.0.0.1"]).await;
    let _held = behind.send(HALF).await;
    assert!(rest(behind.send(WHOLE).await).await.ends_with("here"));
}

#[tokio::test]
async fn it_ends_when_it_is_asked_to_though_somebody_rests() {
    let bounds = Bounds {
        head_timeout: Duration::from_secs(60),
        ..BOUNDS
    };
    let server = server(bounds, &[]).await;
    let resting = server.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut first = [0; 4];
    let mut resting = resting;
    resting.read_exact(&mut first).await.expect("an answer");
    server.stop.send_replace(true);
    server.task.await.expect("it ends");
    assert!(rest(resting).await.ends_with("here"));
}
