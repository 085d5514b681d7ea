//! `tollway audit`: counts everything a second time, and says where two sides differ.

use std::path::Path;

use super::Settings;
use crate::api::books::AuditData;
use crate::app::STORE_FILE;
use crate::control::{Answer, CallError, call};
use crate::service::books;
use crate::store::{Store, writer};

/// Prints a line for each thing that has to hold. Fails if one does not.
pub(super) async fn run(settings: Settings) -> Result<(), String> {
    let config = settings.read().map_err(|e| e.to_string())?;
    let audit = match call(&config.data_dir, "audit").await {
        Ok(Answer::Audit(audit)) => audit,
        Ok(Answer::Refused(why)) => return Err(why),
        Err(CallError::NotRunning(_)) => of_file(&config.data_dir).await?,
        Err(error @ CallError::Io(_)) => return Err(error.to_string()),
    };
    print(&audit);
    if audit.holds {
        Ok(())
    } else {
        Err("the books don't balance".to_owned())
    }
}

/// Audits the file itself; its lock keeps a server from starting meanwhile.
async fn of_file(data_dir: &Path) -> Result<AuditData, String> {
    let path = data_dir.join(STORE_FILE);
    if !path.exists() {
        return Err(format!("there is no database in {}", data_dir.display()));
    }
    let (store, writer) = Store::open(&path).map_err(|e| e.to_string())?;
    let thread = writer::spawn(writer).map_err(|e| e.to_string())?;
    let audit = books::file(&store).await;
    store.close();
    if thread.join().is_err() {
        return Err("the writer ended with a panic".to_owned());
    }
    let audit = audit.map_err(|e| e.to_string())?;
    Ok(AuditData::from(&audit))
}

fn print(audit: &AuditData) {
    for line in &audit.identities {
        let verdict = if line.holds { "ok" } else { "DIFFERS" };
        println!(
            "{}: {} {} {verdict}",
            line.name, line.left_msat, line.right_msat
        );
    }
    if let Some(why) = &audit.node_not_compared {
        println!("node: not compared: {why}");
    }
}
