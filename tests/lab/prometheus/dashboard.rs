//! The dashboard's panels, and what their queries return.

use super::Failure;
use super::servers::{Series, Servers};
use serde_json::Value;
use std::path::Path;

/// Seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    pub from: f64,
    pub drawn_to: f64,
    pub to: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Lines,
    /// A bar for as long as the series has a value.
    Bars,
}

#[derive(Debug)]
pub struct Panel {
    pub title: String,
    pub unit: String,
    pub kind: Kind,
    pub threshold: Option<f64>,
    /// The lines of the client that is drawn.
    pub lines: Vec<Line>,
    /// Queries that returned nothing for any client.
    empty: Vec<String>,
}

impl Panel {
    /// A panel that is not from the dashboard.
    #[allow(dead_code, reason = "shared with the program `service`")]
    pub fn drawn(title: &str, unit: &str, kind: Kind, lines: Vec<Line>) -> Panel {
        let (title, unit) = (title.to_owned(), unit.to_owned());
        Panel { title, unit, kind, threshold: None, lines, empty: Vec::new() }
    }
}

#[derive(Debug)]
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

/// The client whose panels are drawn: its endpoint is gone.
pub const DRAWN: &str = "orders";

/// Queries as Grafana would: every client for the verdict, and one client for the picture.
pub async fn query(servers: &Servers, dashboard: &Path, span: Span) -> Result<Vec<Panel>, Failure> {
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(dashboard)?)?;
    let mut panels = Vec::new();
    for panel in dashboard["panels"].as_array().ok_or("a dashboard without panels")? {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let defaults = &panel["fieldConfig"]["defaults"];
        let (mut lines, mut empty) = (Vec::new(), Vec::new());
        for target in panel["targets"].as_array().ok_or("a panel without queries")? {
            let (expression, legend) = (text(&target["expr"]), text(&target["legendFormat"]));
            let all = servers.query_range(&filled(&expression, ".*"), span.from, span.to).await?;
            if all.iter().all(|series| series.points.is_empty()) {
                empty.push(expression.clone());
            }
            for series in servers.query_range(&filled(&expression, DRAWN), span.from, span.drawn_to).await? {
                lines.push(Line { name: named(&legend, &series), points: series.points });
            }
        }
        panels.push(Panel {
            title: text(&panel["title"]),
            unit: text(&defaults["unit"]),
            kind: if panel["type"] == "state-timeline" { Kind::Bars } else { Kind::Lines },
            threshold: defaults["thresholds"]["steps"][1]["value"].as_f64(),
            lines,
            empty,
        });
    }
    let queries: usize = panels.iter().map(|panel| panel.lines.len()).sum();
    println!("{} panels of the dashboard, {queries} lines of {DRAWN}", panels.len());
    Ok(panels)
}

pub fn empty(panels: &[Panel]) -> impl Iterator<Item = String> + '_ {
    let said = |panel: &Panel| {
        let title = panel.title.clone();
        panel.empty.clone().into_iter().map(move |query| format!("{title} No data: {query}"))
    };
    panels.iter().flat_map(said)
}

/// Fills in variables as Grafana does. Ranges are as in the rules of this run: a second stands for a minute.
fn filled(expression: &str, client: &str) -> String {
    let filled = expression.replace("$job", ".*").replace("$instance", ".*").replace("$client", client);
    filled.replace("$__rate_interval", "5s").replace("m]", "s]")
}

/// `{{reason}}` becomes the label's value; the one client that is drawn needs no name.
fn named(legend: &str, series: &Series) -> String {
    let mut name = legend.replace("{{client}}", "");
    for (label, value) in &series.labels {
        name = name.replace(&format!("{{{{{label}}}}}"), value);
    }
    name.trim().to_owned()
}
