//! A headless Chromium through chromedriver: as much of the `WebDriver` protocol as the tests need.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

/// The member of an element's reference (`WebDriver` 12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Milliseconds that looking for an element waits until there is one.
const WAIT_MILLIS: u32 = 20_000;

/// One window.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    http: reqwest::Client,
}

impl Browser {
    /// Starts one; `None` where there is no chromedriver, which is an error if `TOLLWAY_REQUIRE_BROWSER` is set.
    pub async fn start(with_script: bool) -> Option<Self> {
        let path = std::env::var("CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".to_owned());
        let started = Command::new(&path)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut driver = match started {
            Ok(driver) => driver,
            Err(why) => {
                let required = std::env::var_os("TOLLWAY_REQUIRE_BROWSER").is_some();
                assert!(!required, "{path} does not start: {why}");
                eprintln!("SKIPPED: {path} does not start ({why}); regtest/test installs it");
                return None;
            }
        };
        let mut lines = BufReader::new(driver.stdout.take().expect("its output")).lines();
        let port = loop {
            let line = lines.next().expect("it says its port").expect("text");
            if let Some((_, port)) = line.split_once("successfully on port ") {
                break port.trim_end_matches('.').parse().expect("a port");
            }
        };
        let mut browser = Self {
            driver,
            port,
            session: String::new(),
            http: reqwest::Client::new(),
        };
        let script = if with_script { 1 } else { 2 };
        let options = json!({
            "args": [
                "--headless=new",
                // Chromium's own walls need rights that a container seldom has.
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--no-first-run",
                "--window-size=390,844",
            ],
            "prefs": { "profile.managed_default_content_settings.javascript": script },
        });
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "implicit": WAIT_MILLIS },
        } } });
        let made = browser.call("", wanted).await;
        let session = made["sessionId"].as_str().expect("a session");
        session.clone_into(&mut browser.session);
        Some(browser)
    }

    async fn call(&self, command: &str, body: Value) -> Value {
        let slash = if self.session.is_empty() { "" } else { "/" };
        let url = format!(
            "http://127.0.0.1:{}/session{slash}{}{command}",
            self.port, self.session
        );
        let sent = self.http.post(url).json(&body).send().await;
        let mut answer: Value = sent.expect("an answer").json().await.expect("JSON");
        let value = answer["value"].take();
        assert!(value.get("error").is_none(), "{command} {body}: {value}");
        value
    }

    /// Opens a page.
    pub async fn go(&self, url: &str) {
        self.call("/url", json!({ "url": url })).await;
    }

    /// Waits for an element, and names it.
    pub async fn find(&self, xpath: &str) -> String {
        let wanted = json!({ "using": "xpath", "value": xpath });
        let found = self.call("/element", wanted).await;
        found[ELEMENT].as_str().expect("an element").to_owned()
    }

    /// Waits for an element that says this.
    pub async fn sees(&self, text: &str) {
        self.find(&format!("//body//*[text()[contains(., \"{text}\")]]"))
            .await;
    }

    /// Clicks an element once it is there.
    pub async fn click(&self, xpath: &str) {
        let element = self.find(xpath).await;
        self.call(&format!("/element/{element}/click"), json!({}))
            .await;
    }

    /// Presses the button that says this.
    pub async fn press(&self, word: &str) {
        self.click(&format!("//button[normalize-space() = '{word}']"))
            .await;
    }

    /// Types into the field with this id, over what was in it.
    pub async fn fill(&self, id: &str, text: &str) {
        let element = self.find(&format!("//*[@id = '{id}']")).await;
        let path = format!("/element/{element}");
        self.call(&format!("{path}/clear"), json!({})).await;
        self.call(&format!("{path}/value"), json!({ "text": text }))
            .await;
    }

    /// Chooses a file of this machine in the field with this id.
    pub async fn choose(&self, id: &str, path: &str) {
        let element = self.find(&format!("//*[@id = '{id}']")).await;
        self.call(
            &format!("/element/{element}/value"),
            json!({ "text": path }),
        )
        .await;
    }

    /// What a function's body returns in the page; what a promise brings, if that is one.
    pub async fn run(&self, body: &str) -> Value {
        let script = json!({ "script": body, "args": [] });
        self.call("/execute/sync", script).await
    }

    /// How many elements there are now.
    pub async fn count(&self, css: &str) -> Value {
        let body = format!("return document.querySelectorAll('{css}').length");
        self.run(&body).await
    }

    /// The path of the page.
    pub async fn path(&self) -> String {
        let path = self.run("return location.pathname").await;
        path.as_str().expect("a path").to_owned()
    }

    /// What the console has complained about since the last look; a status that a page answers with is none of it.
    pub async fn complaints(&self) -> Vec<Value> {
        let mut log = self.call("/se/log", json!({ "type": "browser" })).await;
        let entries = log.as_array_mut().expect("a list");
        entries.retain(|entry| entry["source"] != "network");
        std::mem::take(entries)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Killed, chromedriver would leave its browser behind: that one is asked to go first, also after a panic.
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
            let host = format!("Host: 127.0.0.1:{}\r\nConnection: close", self.port);
            let ask = format!(
                "DELETE /session/{} HTTP/1.1\r\n{host}\r\n\r\n",
                self.session
            );
            if stream.write_all(ask.as_bytes()).is_ok() {
                let _ = stream.read(&mut [0; 64]);
            }
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
