//! Logs, and what a panic means.

use std::panic;

use tracing::error;
use tracing_subscriber::EnvFilter;

/// Logs go to standard error. `RUST_LOG` sets levels; the default is ours at info, others at warn.
pub fn start() {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,tollway=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
    panic_on_these_threads_aborts();
}

/// A panic on the node's threads poisons ldk-node's locks, and one of LDK's own tasks that dies leaves the node half
/// alive: the process ends, a supervisor starts it again. (The writer's thread catches its jobs' panics and decides
/// itself.) Anywhere else a panic unwinds: a request becomes a 500, a keeper's ends the process in order.
fn panic_on_these_threads_aborts() {
    let default = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        default(info);
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("unnamed");
        if name.starts_with("ldk-") {
            error!("a panic on {name}: the process ends");
            std::process::abort();
        }
    }));
}
