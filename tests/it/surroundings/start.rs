//! What a whole process makes of its data directory.

use std::path::Path;

use tollway::app::{App, MARK_FILE, SEED_FILE, STORE_FILE, StartError};
use tollway::config::Config;
use tollway::control;
use tollway::ports::lightning::NodeState;
use tollway::store::OpenError;

/// A configuration without a bitcoind: the pages come up, the node waits.
pub fn config(dir: &Path) -> Config {
    let file = dir.join("tollway.toml");
    let text = format!(
        r#"
        data_dir = "{}/data"
        network = "regtest"
        [http]
        listen = "127.0.0.1:0"
        base_url = "http://127.0.0.1:3000"
        [bitcoind]
        host = "127.0.0.1"
        port = 1
        user = "u"
        password = "p"
        "#,
        dir.display()
    );
    std::fs::write(&file, text).expect("writes");
    Config::read(Some(&file), std::iter::empty()).expect("reads")
}

/// Starts, looks where the node stands, and stops in order.
pub async fn run(config: &Config) -> Result<NodeState, StartError> {
    let app = App::start(config).await?;
    let state = app.gateway().lightning.state();
    assert!(app.run_until(std::future::ready(())).await);
    Ok(state)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_a_data_directory() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = config(dir.path());
    let first = App::start(&config).await.expect("starts");
    let seed = std::fs::read(config.data_dir.join(SEED_FILE)).expect("a seed");
    let second = App::start(&config).await.map(|_| ());
    assert!(matches!(second, Err(StartError::Store(OpenError::InUse))));
    // It did not even make a seed of its own on the way.
    assert_eq!(
        std::fs::read(config.data_dir.join(SEED_FILE)).expect("a seed"),
        seed
    );
    assert!(first.run_until(std::future::ready(())).await);
    run(&config).await.expect("the directory is free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_gone_or_cut_off_is_never_made_anew() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = config(dir.path());
    run(&config).await.expect("starts");
    let path = config.data_dir.join(STORE_FILE);
    let whole = std::fs::read(&path).expect("reads");
    std::fs::remove_file(&path).expect("removes");
    let gone = run(&config).await.map(|_| ());
    let why = gone.expect_err("it is gone").to_string();
    assert!(
        why.contains("there is no database file") && why.contains(MARK_FILE),
        "{why}"
    );
    assert!(!path.exists());
    for length in [0, 100, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).expect("writes");
        let refused = run(&config).await.map(|_| ());
        let refused = refused.expect_err("it is cut off");
        assert!(
            matches!(refused, StartError::Store(OpenError::Damaged(_))),
            "{length}: {refused}"
        );
        let left = std::fs::read(&path).expect("reads");
        assert_eq!(left, whole[..length], "{length}");
    }
    std::fs::write(&path, &whole).expect("writes");
    run(&config).await.expect("the whole file runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_that_was_killed_begins_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = config(dir.path());
    std::fs::create_dir_all(&config.data_dir).expect("makes");
    let draft = config.data_dir.join(format!("{STORE_FILE}.new"));
    std::fs::write(&draft, b"half").expect("writes");
    run(&config).await.expect("starts");
    assert!(!draft.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_may_not_be_written_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut config = config(dir.path());
    std::fs::write(dir.path().join("a-file"), b"x").expect("writes");
    config.data_dir = dir.path().join("a-file");
    let refused = run(&config).await.map(|_| ());
    let why = refused.expect_err("it is a file").to_string();
    assert!(why.contains("a-file"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_looks_into_a_directory_that_was_there_before() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a directory");
    let config = config(dir.path());
    let mode = |path: &Path| {
        let file = std::fs::metadata(path).expect("it is there");
        file.permissions().mode() & 0o777
    };
    for start in ["the first", "a later"] {
        std::fs::create_dir_all(&config.data_dir).expect("makes");
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&config.data_dir, open).expect("sets");
        run(&config).await.expect("starts");
        assert_eq!(mode(&config.data_dir), 0o700, "{start} start");
    }
    assert_eq!(mode(&config.data_dir.join(STORE_FILE)), 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_caller_of_the_control_socket_is_hung_up_on() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = config(dir.path());
    let app = App::start(&config).await.expect("starts");
    let socket = config.data_dir.join(control::SOCKET_FILE);
    let silent = std::os::unix::net::UnixStream::connect(socket).expect("connects");
    let asked = control::call(&config.data_dir, "hello");
    let answer = tokio::time::timeout(std::time::Duration::from_secs(60), asked).await;
    let answer = answer.expect("nobody blocks it").expect("answered");
    assert!(matches!(answer, control::Answer::Refused(_)), "{answer:?}");
    drop(silent);
    assert!(app.run_until(std::future::ready(())).await);
}
