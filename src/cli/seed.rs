//! `tollway seed show`: the twelve words, after a confirmation.

use std::io::{BufRead, Write};
use std::process::ExitCode;

use clap::Subcommand;

use super::{Settings, told};
use crate::app::SEED_FILE;

/// Look after the seed.
#[derive(Subcommand)]
pub(super) enum Seed {
    /// Show the twelve words that all keys come from.
    Show(Settings),
}

pub(super) fn run(seed: &Seed) -> ExitCode {
    match seed {
        Seed::Show(settings) => told(show(settings)),
    }
}

fn show(settings: &Settings) -> Result<(), String> {
    let config = settings.read().map_err(|e| e.to_string())?;
    let path = config.data_dir.join(SEED_FILE);
    let words = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    println!("Whoever sees these words can take all the money. Nobody should be looking.");
    print!("Type 'show' to see them: ");
    std::io::stdout().flush().map_err(|e| e.to_string())?;
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|e| e.to_string())?;
    if answer.trim() != "show" {
        return Err("nothing was shown".to_owned());
    }
    println!("{}", words.trim());
    Ok(())
}
