//! The dashboard and the alerts are valid, and query only metrics that exist.

use std::convert::Infallible;

use promql_parser::{
    parser::{self, Expr},
    util::{ExprVisitor, walk_expr},
};
use serde_json::Value;

use crate::prometheus;

/// The series and labels in an expression.
#[derive(Default)]
struct Queried {
    series: Vec<String>,
    labels: Vec<String>,
}

#[test]
fn the_dashboard_queries_only_metrics_that_exist() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut checked = 0;
    for panel in panels {
        for target in panel["targets"].as_array().expect("targets") {
            let expression = target["expr"].as_str().expect("an expression");
            check(&expression.replace("$__rate_interval", "5m"));
            checked += 1;
        }
    }
    assert!(checked >= panels.len());
    for variable in dashboard["templating"]["list"]
        .as_array()
        .expect("variables")
    {
        let query = variable["query"].as_str().expect("a query");
        if let Some(inner) = query.strip_prefix("label_values(") {
            let (series, label) = inner.trim_end_matches(')').split_once(", ").expect("two");
            assert!(prometheus::series().contains(series), "{series}");
            assert!(prometheus::labels().contains(label), "{label}");
        }
    }
}

#[test]
fn every_metric_is_in_the_dashboard_or_an_alert() {
    let both = format!("{DASHBOARD}{ALERTS}");
    // A constant needs no panel.
    let constant = ["mcp_pool_session_idle_max", "mcp_pool_session_idle_min"];
    for (metric, _) in prometheus::FAMILIES {
        let shown = both.contains(metric);
        assert!(shown != constant.contains(&metric), "{metric}");
    }
}

#[test]
fn the_alerts_query_only_metrics_that_exist_and_are_in_the_guide() {
    let file: Value = serde_saphyr::from_str(ALERTS).expect("YAML");
    let groups = file["groups"].as_array().expect("groups");
    let rules = groups.iter().flat_map(|group| group["rules"].as_array());
    let rules: Vec<&Value> = rules.flatten().collect();
    assert!(!rules.is_empty());
    for rule in rules {
        let name = rule["alert"].as_str().expect("a name");
        check(rule["expr"].as_str().expect("an expression"));
        assert!(rule["annotations"]["summary"].is_string(), "{name}");
        assert!(OPERATING.contains(&format!("`{name}`")), "{name}");
    }
}

fn check(expression: &str) {
    let parsed = parser::parse(expression);
    let parsed = parsed.unwrap_or_else(|error| panic!("{error}: {expression}"));
    let mut queried = Queried::default();
    walk_expr(&mut queried, &parsed).expect("it never fails");
    assert!(!queried.series.is_empty(), "{expression}");
    let (series, labels) = (prometheus::series(), prometheus::labels());
    for name in queried.series {
        assert!(series.contains(&name), "{name} in {expression}");
    }
    for name in queried.labels {
        assert!(labels.contains(&name), "{name} in {expression}");
    }
}

impl ExprVisitor for Queried {
    type Error = Infallible;

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, Infallible> {
        let selector = match expression {
            Expr::VectorSelector(selector) => Some(selector),
            Expr::MatrixSelector(matrix) => Some(&matrix.vs),
            Expr::Aggregate(aggregate) => {
                let modifier = aggregate.modifier.iter();
                let labels = modifier.flat_map(|modifier| &modifier.labels().labels);
                self.labels.extend(labels.cloned());
                None
            }
            _ => None,
        };
        if let Some(selector) = selector {
            self.series.extend(selector.name.clone());
            let matchers = selector.matchers.matchers.iter();
            self.labels
                .extend(matchers.map(|matcher| matcher.name.clone()));
        }
        Ok(true)
    }
}

const ALERTS: &str = include_str!("../../../../docs/dashboards/alerts.yaml");
const DASHBOARD: &str = include_str!("../../../../docs/dashboards/grafana.json");
const OPERATING: &str = include_str!("../../../../docs/operating.md");
