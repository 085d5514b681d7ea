//! Whole processes in bad surroundings: a full disk, a second process, yesterday's file in today's place.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use reqwest::Method;
use serde_json::{Value, json};
use tollway::domain::ids::StoreId;

use crate::gateway::text;
use crate::sandbox::{sandbox, until};

const EMAIL: &str = "a@example.com";
const PASSWORD: &str = "correct horse battery";

/// A gateway of its own without a bitcoind: the pages are all there is.
struct Lone {
    dir: tempfile::TempDir,
    port: u16,
}

impl Lone {
    fn new() -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        let dir = tempfile::tempdir().unwrap();
        let config = format!(
            "data_dir = \"{}/data\"\nnetwork = \"regtest\"\n\
             [http]\nlisten = \"127.0.0.1:{port}\"\nbase_url = \"http://127.0.0.1:{port}\"\n\
             [bitcoind]\nhost = \"127.0.0.1\"\nport = 1\nuser = \"u\"\npassword = \"p\"\n",
            dir.path().display()
        );
        std::fs::write(dir.path().join("config.toml"), config).unwrap();
        Self { dir, port }
    }

    /// Runs it, with no file of it longer than so many KiB if there is a limit.
    fn serve(&self, kib_max: Option<u64>) -> Serving {
        let limit = kib_max.map_or_else(String::new, |kib| {
            // Without the signal, a write beyond the limit fails as on a full disk.
            format!("trap '' XFSZ; ulimit -f {kib}; ")
        });
        let script = format!("{limit}exec \"$0\" serve --config \"$1\"");
        let mut command = Command::new("bash");
        command
            .args(["-c", &script, env!("CARGO_BIN_EXE_tollway")])
            .arg(self.dir.path().join("config.toml"));
        Serving::start(&mut command, self.port)
    }
}

/// A process that serves; killed when it is dropped.
struct Serving {
    process: Child,
    url: String,
}

impl Serving {
    fn start(command: &mut Command, port: u16) -> Self {
        let process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            process,
            url: format!("http://127.0.0.1:{port}/api/v1"),
        }
    }

    /// Status and body of an answer; none if nobody answers. Without a key it is the owner with their password.
    async fn call(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: &Value,
    ) -> Option<(u16, Value)> {
        let request = reqwest::Client::new()
            .request(method, format!("{}/{path}", self.url))
            .json(body);
        let request = match key {
            // A stranger.
            Some("") => request,
            Some(key) => request.header("Authorization", format!("token {key}")),
            None => request.basic_auth(EMAIL, Some(PASSWORD)),
        };
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        let text = answer.text().await.ok()?;
        Some((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    /// Makes an API key with many rights; none if that fails.
    async fn new_key(&self, key: Option<&str>) -> Option<String> {
        let right = |store: u8| format!("btcpay.store.canviewinvoices:{}", StoreId([store; 32]));
        let mut rights: Vec<String> = (1..40).map(right).collect();
        if key.is_none() {
            rights = vec!["unrestricted".to_owned()];
        }
        let body = json!({"label": "k", "permissions": rights});
        let made = self.call(Method::POST, "api-keys", key, &body).await;
        let (status, key) = made?;
        match status {
            200 => Some(text(&key, "apiKey")),
            500..=599 => None,
            _ => panic!("{status} {key}"),
        }
    }

    /// Whether a key is known.
    async fn knows(&self, key: &str) -> bool {
        let current = self.call(Method::GET, "api-keys/current", Some(key), &Value::Null);
        current.await.is_some_and(|(status, _)| status == 200)
    }

    async fn answers(&self) {
        until("answering", || async {
            let health = self.call(Method::GET, "health", Some(""), &Value::Null);
            health.await.map(drop).ok_or_else(|| "silent".to_owned())
        })
        .await;
    }

    /// Waits for its end: whether it ended well, and everything it said.
    fn ended(mut self) -> (bool, String) {
        let status = self.process.wait().unwrap();
        let mut said = String::new();
        let mut out = self.process.stdout.take().unwrap();
        out.read_to_string(&mut said).unwrap();
        let mut err = self.process.stderr.take().unwrap();
        err.read_to_string(&mut said).unwrap();
        (status.success(), said)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_ends_the_process_and_it_starts_cleanly_when_there_is_room() {
    let lone = Lone::new();
    let serving = lone.serve(None);
    serving.answers().await;
    let user = json!({"email": EMAIL, "password": PASSWORD, "isAdministrator": true});
    let made = serving
        .call(Method::POST, "users", Some(""), &user)
        .await
        .unwrap();
    assert!((200..300).contains(&made.0), "{made:?}");
    let first = serving.new_key(None).await.unwrap();
    drop(serving);

    let file = lone.dir.path().join("data/tollway.redb");
    let kib = std::fs::metadata(&file).unwrap().len().div_ceil(1_024);
    let serving = lone.serve(Some(kib));
    serving.answers().await;
    let mut kept = vec![first.clone()];
    while let Some(key) = serving.new_key(Some(&first)).await {
        kept.push(key);
        assert!(kept.len() < 10_000, "the disk is never full");
    }
    let (well, said) = serving.ended();
    assert!(!well, "{said}");
    assert!(
        said.contains("the database file failed") && said.contains("the process ends"),
        "{said}"
    );

    let serving = lone.serve(None);
    serving.answers().await;
    // What was answered before the disk was full is there.
    for key in kept.iter().rev().take(20) {
        assert!(serving.knows(key).await, "of {}", kept.len());
    }
    assert!(serving.new_key(Some(&first)).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_the_same_directory_is_turned_away() {
    let lone = Lone::new();
    let first = lone.serve(None);
    first.answers().await;
    let (well, said) = lone.serve(None).ended();
    assert!(
        !well && said.contains("another process is using this data directory"),
        "{said}"
    );
    first.answers().await;
}

/// Ends a process in order.
fn stop(pid: &str) {
    let _ = Command::new("kill").args(["-s", "TERM", pid]).output();
}

fn shop_files(dir: &Path) -> (PathBuf, PathBuf) {
    let config = dir.join("shop/config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let settings: toml::Table = text.parse().unwrap();
    let data = settings["data_dir"].as_str().unwrap();
    (config, Path::new(data).join("tollway.redb"))
}

#[tokio::test(flavor = "multi_thread")]
async fn yesterdays_file_never_reaches_a_peer() {
    let Some(mut sandbox) = sandbox().await else {
        return;
    };
    let (config, file) = shop_files(sandbox.dir());
    stop(&sandbox.shop.pid);
    sandbox.shop.dead().await;
    let yesterday = std::fs::read(&file).unwrap();
    sandbox.restart_shop(&[]);
    sandbox.connected().await;
    let channels = sandbox.customer.channels().await.len();
    let invoice = sandbox.shop.invoice(7_000).await;
    sandbox.customer.pay(&invoice.bolt11().await).await;
    invoice.is("Settled").await;
    stop(&sandbox.shop.pid);
    sandbox.shop.dead().await;
    let today = std::fs::read(&file).unwrap();

    std::fs::write(&file, &yesterday).unwrap();
    let serve = ["serve", "--config", config.to_str().unwrap()];
    let mut old = Command::new(env!("CARGO_BIN_EXE_tollway"))
        .args(serve)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("answering", || async {
        let answers = sandbox.shop.answers().await;
        answers.then_some(()).ok_or_else(|| "silent".to_owned())
    })
    .await;
    let refused = sandbox
        .shop
        .call(
            Method::POST,
            "S/invoices",
            Some(&json!({"amount": 1_000, "currency": "SATS"})),
        )
        .await;
    let why = format!("{refused:?}");
    assert!(
        why.contains("older than the one that ran here last"),
        "{why}"
    );
    let health = sandbox.shop.get("health").await;
    assert_eq!(health["synchronized"], false);
    stop(&old.id().to_string());
    assert!(old.wait().unwrap().success());

    std::fs::write(&file, &today).unwrap();
    sandbox.restart_shop(&[]);
    sandbox.connected().await;
    assert_eq!(sandbox.customer.channels().await.len(), channels);
    let invoice = sandbox.shop.invoice(8_000).await;
    sandbox.customer.pay(&invoice.bolt11().await).await;
    invoice.is("Settled").await;
}
