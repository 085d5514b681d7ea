//! The command line: one file per command.

mod api;
mod audit;
pub mod dev;
mod seed;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, ConfigError};

/// A Lightning-first payment gateway in one binary.
#[derive(Parser)]
#[command(version, about, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the gateway.
    Serve(Settings),
    /// Count everything a second time, and say where two sides differ. Works while the gateway runs.
    Audit(Settings),
    /// Look at what the API offers.
    #[command(subcommand)]
    Api(api::Api),
    /// Look after the seed.
    #[command(subcommand)]
    Seed(seed::Seed),
    /// Tools of the regtest harness.
    #[command(hide = true)]
    Dev(dev::Dev),
}

/// Where settings come from.
#[derive(Args)]
pub struct Settings {
    /// The configuration file.
    #[arg(long, env = "TOLLWAY_CONFIG")]
    config: Option<PathBuf>,
    /// Over the file's `data_dir`.
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Over the file's `http.listen`.
    #[arg(long)]
    listen: Option<String>,
    /// Over the file's `http.base_url`.
    #[arg(long)]
    base_url: Option<String>,
}

impl Settings {
    fn read(&self) -> Result<Config, ConfigError> {
        let flags = [
            (
                "TOLLWAY__DATA_DIR",
                self.data_dir.as_ref().map(|dir| dir.display().to_string()),
            ),
            ("TOLLWAY__HTTP__LISTEN", self.listen.clone()),
            ("TOLLWAY__HTTP__BASE_URL", self.base_url.clone()),
        ];
        let flags = flags
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Config::read(self.config.as_deref(), std::env::vars().chain(flags))
    }
}

/// Runs a command.
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(settings) => serve::serve(&settings),
        Command::Audit(settings) => in_runtime(audit::run(settings)),
        Command::Api(api) => {
            api::run(&api);
            ExitCode::SUCCESS
        }
        Command::Seed(seed) => seed::run(&seed),
        Command::Dev(dev) => in_runtime(dev::run(dev)),
    }
}

fn in_runtime(work: impl Future<Output = Result<(), String>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => Err(error.to_string()),
    };
    told(done)
}

/// Success, or the reason on standard error.
fn told(done: Result<(), String>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("tollway: {why}");
            ExitCode::FAILURE
        }
    }
}
