//! The options of the demo.

use crate::Result;

/// What the demo is to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Options {
    Help,
    /// Runs the job once and reports.
    Report {
        json: bool,
    },
    /// Goes on, with the live page on this port of loopback; 0 for any.
    Serve {
        port: u16,
    },
}

impl Options {
    /// # Errors
    /// An argument is none of the options.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self> {
        let arguments: Vec<String> = arguments.into_iter().collect();
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        match words[..] {
            [] => Ok(Self::Report { json: false }),
            ["--json"] => Ok(Self::Report { json: true }),
            ["--serve"] => Ok(Self::Serve { port: 0 }),
            ["--serve", "--port", port] => Ok(Self::Serve {
                port: port.parse().map_err(|_| format!("no port: {port}"))?,
            }),
            ["--help" | "-h"] => Ok(Self::Help),
            _ => Err(format!("not understood: {}\n{HELP}", words.join(" ")).into()),
        }
    }
}

pub(crate) const HELP: &str = "\
cargo xtask demo [--json | --serve [--port PORT]]

  --json         prints one JSON object in place of the tables
  --serve        goes on until it is interrupted, with the live page
  --port PORT    the port of the live page on loopback; any free one without
";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_are_understood_and_others_are_refused() {
        assert_eq!(parse("").unwrap(), Options::Report { json: false });
        assert_eq!(parse("--json").unwrap(), Options::Report { json: true });
        assert_eq!(parse("--serve").unwrap(), Options::Serve { port: 0 });
        let serve = parse("--serve --port 9090").unwrap();
        assert_eq!(serve, Options::Serve { port: 9090 });
        for wrong in ["--jsn", "--json --serve", "--serve --port", "--port 1"] {
            assert!(
                parse(wrong).unwrap_err().to_string().contains(HELP),
                "{wrong}"
            );
        }
        parse("--serve --port x").unwrap_err();
    }
}
