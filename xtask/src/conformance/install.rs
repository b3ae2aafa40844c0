//! The tools of the scenarios, kept under `target`.

use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

use super::scenarios::Suite;
use crate::Result;

/// The installed tools.
pub(super) struct Installed {
    modules: PathBuf,
}

/// Installs both versions of the tool, and their node, unless done before.
pub(super) fn install(sh: &Shell) -> Result<Installed> {
    let home = Path::new(crate::root()).join("target/conformance");
    let installed = Installed {
        modules: home.join("node_modules"),
    };
    let stamp = home.join("installed");
    let wanted = PACKAGES.join(" ");
    if sh.read_file(&stamp).is_ok_and(|there| there == wanted) {
        return Ok(installed);
    }
    if cmd!(sh, "npm --version")
        .quiet()
        .ignore_stderr()
        .read()
        .is_err()
    {
        return Err("npm is missing; it comes with node".into());
    }
    sh.create_dir(&home)?;
    sh.write_file(home.join("package.json"), "{ \"private\": true }\n")?;
    cmd!(
        sh,
        "npm install --prefix {home} --no-audit --no-fund --silent"
    )
    .args(PACKAGES)
    .quiet()
    .run()?;
    sh.write_file(&stamp, wanted)?;
    Ok(installed)
}

impl Installed {
    /// The listing of the tool for a suite.
    pub(super) fn list(&self, sh: &Shell, suite: &Suite) -> Result<String> {
        let (node, tool) = (self.node(), self.tool(suite));
        let listing = cmd!(sh, "{node} {tool} list --client").args(suite.list_options());
        Ok(listing.quiet().read()?)
    }

    /// Plays a scenario with the client and returns the output of the tool.
    pub(super) fn play(
        &self,
        sh: &Shell,
        suite: &Suite,
        scenario: &str,
        client: &str,
    ) -> Result<String> {
        let (node, tool) = (self.node(), self.tool(suite));
        let play = cmd!(
            sh,
            "{node} {tool} client --command {client} --scenario {scenario}"
        );
        let play = play.args(suite.play_options()).quiet().ignore_status();
        let output = play.output()?;
        let printed = [output.stdout, output.stderr].concat();
        Ok(String::from_utf8_lossy(&printed).into_owned())
    }

    /// Plays the scenarios for servers of a revision against the server at `url`, and returns the
    /// output of the tool.
    pub(super) fn play_server(
        &self,
        sh: &Shell,
        url: &str,
        requirements: &str,
        results: &Path,
    ) -> Result<String> {
        let (node, tool) = (self.node(), self.modules.join(NEXT).join("dist/index.js"));
        let play = cmd!(
            sh,
            "{node} {tool} server --url {url} --requirements {requirements} --output-dir {results}"
        );
        let output = play.quiet().ignore_status().output()?;
        let printed = [output.stdout, output.stderr].concat();
        Ok(String::from_utf8_lossy(&printed).into_owned())
    }

    fn node(&self) -> PathBuf {
        self.modules.join(".bin/node")
    }

    fn tool(&self, suite: &Suite) -> PathBuf {
        self.modules.join(suite.package).join("dist/index.js")
    }
}

/// The name of the newer version.
const NEXT: &str = "conformance-next";

/// Each version has a name of its own.
///
/// Both need a newer node than many systems have.
const PACKAGES: [&str; 3] = [
    "conformance-released@npm:@modelcontextprotocol/conformance@0.1.16",
    "conformance-next@npm:@modelcontextprotocol/conformance@0.2.0-alpha.12",
    "node@22",
];
