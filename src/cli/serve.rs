//! `tollway serve`: run the gateway until SIGTERM or SIGINT.

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use super::{Settings, told};
use crate::app::App;
use crate::telemetry;

pub(super) fn serve(settings: &Settings) -> ExitCode {
    told(run(settings))
}

fn run(settings: &Settings) -> Result<(), String> {
    let config = settings.read().map_err(|e| e.to_string())?;
    telemetry::start();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("tollway")
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).map_err(|e| e.to_string())?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(|e| e.to_string())?;
        let app = App::start(&config).await.map_err(|e| e.to_string())?;
        let asked = async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        if app.run_until(asked).await {
            Ok(())
        } else {
            Err("a part of the gateway died: see the log".to_owned())
        }
    })
}
