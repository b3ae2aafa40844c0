//! A Prometheus of this command's own.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use tokio::time::sleep;

use super::rules::RULES;
use crate::{Result, repository::root};

/// A Prometheus that scrapes one address each second, with the rules of the alerts. It ends with this
/// value, and so does its folder.
pub(super) struct Prometheus {
    child: Child,
    folder: PathBuf,
    address: SocketAddr,
    http: reqwest::Client,
}

impl Prometheus {
    /// Starts one.
    ///
    /// # Errors
    /// There is no `prometheus`, or it does not answer.
    pub(super) async fn start(target: SocketAddr) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("mcp-prometheus-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let config = folder.join("prometheus.yml");
        fs::write(&config, configuration(target))?;
        // Nothing listens on this port between here and the start of the process.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("prometheus: {error}"))?;
        let prometheus = Self {
            child,
            folder,
            address,
            http: reqwest::Client::new(),
        };
        for _ in 0..250 {
            if prometheus.query("1").await.is_ok() {
                return Ok(prometheus);
            }
            sleep(Duration::from_millis(100)).await;
        }
        Err("prometheus does not answer".into())
    }

    /// The series that an expression gives now, each with its labels and its value.
    pub(super) async fn query(&self, expression: &str) -> Result<Vec<Value>> {
        let answer = self.get("query", &[("query", expression)]).await?;
        let series = answer["data"]["result"].as_array();
        series
            .cloned()
            .ok_or_else(|| format!("{expression}: {answer}").into())
    }

    /// The rules, each with its name, expression and health.
    pub(super) async fn rules(&self) -> Result<Vec<Value>> {
        let answer = self.get("rules", &[]).await?;
        let groups = answer["data"]["groups"].as_array();
        let groups = groups.ok_or_else(|| format!("no rules: {answer}"))?;
        let rules = groups.iter().filter_map(|group| group["rules"].as_array());
        Ok(rules.flatten().cloned().collect())
    }

    async fn get(&self, what: &str, query: &[(&str, &str)]) -> Result<Value> {
        let url = format!("http://{}/api/v1/{what}", self.address);
        let url = reqwest::Url::parse_with_params(&url, query)?;
        let answer = self.http.get(url).send().await?.text().await?;
        Ok(serde_json::from_str(&answer)?)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Each fails only where the process or its folder is gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn configuration(target: SocketAddr) -> String {
    let rules = std::path::Path::new(root()).join(RULES);
    format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
         rule_files: [{}]\n\
         scrape_configs: [{{job_name: pool, static_configs: [{{targets: ['{target}']}}]}}]\n",
        rules.display()
    )
}
