//! How long the release binary takes to be ready, and what it holds while it is idle.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::client::{Connection, Shop};
use crate::report::Report;
use crate::sandbox::{Sandbox, until};

const EXPECTED_READY: Duration = Duration::from_secs(1);
const EXPECTED_RSS_MB: u64 = 80;

/// How long it is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(5);

/// What the shop's data holds.
#[derive(Clone, Copy)]
pub enum Load {
    /// Next to nothing.
    Idle,
    /// The invoices of a run.
    OpenInvoices,
}

/// Starts the shop on its data a few times.
pub fn run(runtime: &Runtime, sandbox: &mut Sandbox, report: &mut Report, load: Load) {
    let holding = match load {
        Load::Idle => "new store",
        Load::OpenInvoices => "those invoices open",
    };
    let shop = Shop::of(sandbox);
    let pid = sandbox.get("TOLLWAY_PID").to_owned();
    let after_work = rss_mb(&pid);
    stop(&pid);
    until("the shop is gone", || is_gone(&pid));
    let mut readies = Vec::new();
    let mut idle = 0;
    for round in 0..5 {
        let begin = Instant::now();
        let mut child = serve(sandbox);
        let ready = runtime.block_on(ready(&shop, begin));
        readies.push(ready);
        if round == 4 {
            std::thread::sleep(IDLE);
            idle = rss_mb(&child.id().to_string());
        }
        stop(&child.id().to_string());
        child.wait().expect("it ends");
    }
    readies.sort_unstable();
    let [best, .., worst] = readies[..] else {
        unreachable!("there were five rounds");
    };
    let middle = readies[2];
    report.expect(
        format!("start to ready, {holding}"),
        format!("{} ms", middle.as_millis()),
        &format!(
            "under 1 s; five starts, {} to {} ms",
            best.as_millis(),
            worst.as_millis()
        ),
        middle < EXPECTED_READY,
    );
    let what = format!("idle memory (RSS), {holding}");
    let before = format!("{after_work} MB before the restart");
    match load {
        Load::Idle => report.expect(
            what,
            format!("{idle} MB"),
            &format!("under 80 MB; {before}"),
            idle < EXPECTED_RSS_MB,
        ),
        // Open invoices are held in memory until their time is over.
        Load::OpenInvoices => report.add(what, format!("{idle} MB"), before),
    }
    sandbox.restart_shop(false);
}

fn serve(sandbox: &Sandbox) -> Child {
    Command::new(sandbox.get("TOLLWAY_BIN"))
        .args(["serve", "--config", sandbox.get("TOLLWAY_CONFIG")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary runs")
}

/// Asks until it says that node and wallets have caught up.
async fn ready(shop: &Shop, begin: Instant) -> Duration {
    let request = shop.request("GET", "health", "");
    loop {
        assert!(begin.elapsed() < Duration::from_secs(60), "it never starts");
        if let Ok(mut connection) = Connection::open(&shop.address).await {
            while let Ok(body) = connection.call(&request).await {
                if String::from_utf8_lossy(body).contains("true") {
                    return begin.elapsed();
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn stop(pid: &str) {
    let status = Command::new("kill").args(["-TERM", pid]).status();
    assert!(status.is_ok_and(|status| status.success()), "kill {pid}");
}

fn is_gone(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
}

fn rss_mb(pid: &str) -> u64 {
    std::fs::read_to_string(format!("/proc/{pid}/status"))
        .ok()
        .and_then(|status| {
            let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
            let kb: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
            Some(kb / 1_024)
        })
        .unwrap_or_else(|| panic!("process {pid} is gone"))
}
