//! `tollway api list`: the operations of the API, as the router has them.

use clap::Subcommand;

use crate::api;

/// Looks at the API.
#[derive(Subcommand)]
pub enum Api {
    /// List every operation: method, path, permission and id.
    List,
}

/// Prints what was asked for.
pub(super) fn run(api: &Api) {
    match api {
        Api::List => list(),
    }
}

fn list() {
    let operations = api::operations();
    for one in operations.iter() {
        println!(
            "{:<6} {:<78} {:<52} {}",
            one.method.as_str(),
            one.address(),
            one.access.to_string(),
            one.id
        );
    }
    println!("{} operations", operations.iter().count());
}
