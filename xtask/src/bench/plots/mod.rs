//! Pictures of what the bench measures, for docs/performance.md.

mod bars;
mod chart;
mod sweeps;

use std::path::Path;

use crate::{Result, repository::root};

/// Measures each sweep and draws it.
pub(crate) fn plot() -> Result {
    let folder = Path::new(root()).join("docs/images");
    for chart in sweeps::charts()? {
        eprintln!("{}", chart.draw(&folder)?.display());
    }
    eprintln!("{}", sweeps::parts()?.draw(&folder)?.display());
    Ok(())
}
