//! The figures, and what they must not exceed.

use tabled::{builder::Builder, settings::Style};

use crate::Result;

/// One figure.
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) value: f64,
    /// What it must not exceed.
    pub(super) most: Option<f64>,
}

impl Figure {
    /// A figure without a bound.
    pub(super) fn new(name: impl Into<String>, value: f64) -> Self {
        Self {
            name: name.into(),
            value,
            most: None,
        }
    }

    pub(super) fn at_most(self, most: f64) -> Self {
        Self {
            most: Some(most),
            ..self
        }
    }
}

/// Prints the figures as a table, or as one JSON object with their bounds under `at_most`.
pub(super) fn show(figures: &[Figure], json: bool) -> Result {
    if json {
        let value = |figure: &Figure| (figure.name.clone(), rounded(figure.value).into());
        let most = |figure: &Figure| Some((figure.name.clone(), rounded(figure.most?).into()));
        let mut object: serde_json::Map<_, _> = figures.iter().map(value).collect();
        let bounds: serde_json::Map<_, _> = figures.iter().filter_map(most).collect();
        object.insert("at_most".to_owned(), bounds.into());
        println!("{}", serde_json::to_string_pretty(&object)?);
        return Ok(());
    }
    let mut table = Builder::new();
    table.push_record(["figure", "value", "at most"]);
    for figure in figures {
        let most = figure
            .most
            .map_or_else(String::new, |most| rounded(most).to_string());
        table.push_record([figure.name.clone(), rounded(figure.value).to_string(), most]);
    }
    println!("{}", table.build().with(Style::sharp()));
    Ok(())
}

/// # Errors
/// The figures that exceed their bounds.
pub(super) fn check(figures: &[Figure]) -> Result {
    let exceeds = |figure: &&Figure| figure.most.is_some_and(|most| figure.value > most);
    let broken: Vec<String> = figures
        .iter()
        .filter(exceeds)
        .map(|figure| format!("{} is {}", figure.name, rounded(figure.value)))
        .collect();
    match broken.is_empty() {
        true => Ok(()),
        false => Err(format!("above their bounds: {}", broken.join(", ")).into()),
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}
