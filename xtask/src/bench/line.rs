//! A line of the table.

use tabled::Tabled;

/// A row of the table.
#[derive(Tabled)]
pub(super) struct Line {
    what: &'static str,
    measured: String,
    #[tabled(rename = "beside")]
    peer: String,
    #[tabled(rename = "value or ratio", display = "short")]
    value: Option<f64>,
    target: String,
    #[tabled(rename = "")]
    outcome: &'static str,
}

/// The bound of a value.
pub(super) enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Line {
    pub(super) fn new(what: &'static str, measured: String) -> Self {
        Self {
            what,
            measured,
            peer: String::new(),
            value: None,
            target: String::new(),
            outcome: "",
        }
    }

    /// The line with a peer and a value; `None` where the value was not measured.
    pub(super) fn beside(
        self,
        peer: String,
        value: impl Into<Option<f64>>,
        target: Target,
    ) -> Self {
        let value = value.into();
        let (target, is_met) = match target {
            Target::AtLeast(bound) => (format!("≥ {bound}"), value.map(|value| value >= bound)),
            Target::AtMost(bound) => (format!("≤ {bound}"), value.map(|value| value <= bound)),
        };
        Self {
            peer,
            value,
            target,
            outcome: match is_met {
                Some(true) => "met",
                Some(false) => "not met",
                None => "not measured",
            },
            ..self
        }
    }
}

pub(super) fn ns(label: &str, value: f64) -> String {
    format!("{label}{value:.0} ns")
}

pub(super) fn us(value: f64) -> String {
    format!("{value:.1} µs")
}

pub(super) fn mega(per_second: f64) -> String {
    format!("{:.2} M/s", per_second / 1e6)
}

fn short(value: &Option<f64>) -> String {
    value.map_or_else(String::new, |value| format!("{value:.2}"))
}
