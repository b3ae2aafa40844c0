//! `cargo xtask page`: the live page of a pool with 10,000 keys under load, in headless Chromium.
//!
//! The page loads, changes under load, sorts and filters without a long frame, evicts, resets a circuit
//! and drains by click. The pictures are in `target/page/pictures`.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::{Result, cargo, tool};

/// Runs the test.
pub(crate) fn run() -> Result {
    let browser = tool::find(
        &["chromium", "chromium-browser", "google-chrome"],
        "chromium",
    )?;
    let node = tool::find(&["node"], "nodejs")?;
    let folder = install()?;
    let mut build = cargo::command();
    build.args([
        "build",
        "--package",
        "mcp-pool-admin",
        "--example",
        "busy_page",
    ]);
    cargo::finish(&mut build)?;
    eprintln!("page: a pool with 10,000 keys starts");
    let server = Server::start()?;
    let mut test = Command::new(node);
    test.current_dir(&folder).arg("test.mjs");
    test.arg(&server.url).arg(browser).arg("pictures");
    cargo::finish(&mut test)
}

/// Installs what drives the browser, and returns its folder.
fn install() -> Result<String> {
    let npm = tool::find(&["npm"], "npm")?;
    let folder = format!("{}/target/page", cargo::ROOT);
    fs::create_dir_all(&folder)?;
    for file in ["package.json", "package-lock.json", "test.mjs"] {
        let source = format!("{}/xtask/page/{file}", cargo::ROOT);
        fs::copy(source, Path::new(&folder).join(file))?;
    }
    eprintln!("page: npm installs puppeteer-core below target/page");
    let mut install = Command::new(npm);
    let quiet = ["ci", "--no-audit", "--no-fund", "--loglevel", "error"];
    install.current_dir(&folder).args(quiet);
    cargo::finish(&mut install)?;
    Ok(folder)
}

/// The example with the page. Dropping it ends it.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn start() -> Result<Self> {
        let mut run = cargo::command();
        run.args([
            "run",
            "--quiet",
            "--package",
            "mcp-pool-admin",
            "--example",
            "busy_page",
        ]);
        let process = run.stdout(Stdio::piped()).spawn()?;
        let mut server = Self {
            process,
            url: String::new(),
        };
        let printed = server.process.stdout.take().ok_or("no output")?;
        BufReader::new(printed).read_line(&mut server.url)?;
        server.url = server.url.trim().to_owned();
        match server.url.is_empty() {
            true => Err("the server of the page did not start".into()),
            false => Ok(server),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // What is gone already needs no end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
