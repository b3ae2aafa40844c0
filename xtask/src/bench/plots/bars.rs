//! Bars of several parts each.

use std::path::{Path, PathBuf};

use plotters::prelude::*;

use super::chart::{SIZE, color};
use crate::Result;

/// Bars of several parts each, from left to right.
pub(super) struct Bars {
    /// The name of the picture, without its end.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) x: &'static str,
    pub(super) parts: Vec<&'static str>,
    /// The label of each bar, and the size of each part.
    pub(super) bars: Vec<(&'static str, Vec<f64>)>,
}

impl Bars {
    /// Draws the bars. Returns where they are.
    ///
    /// # Errors
    /// The picture cannot be written.
    pub(super) fn draw(&self, folder: &Path) -> Result<PathBuf> {
        let path = folder.join(format!("{}.svg", self.name));
        self.draw_at(&path)?;
        Ok(path)
    }

    fn draw_at(&self, path: &Path) -> Result {
        let area = SVGBackend::new(path, (SIZE.0, SIZE.1 / 2)).into_drawing_area();
        area.fill(&WHITE)?;
        let longest = self.bars.iter().map(|(_, parts)| parts.iter().sum());
        let longest: f64 = longest.fold(0.0, f64::max);
        let count = self.bars.len();
        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, ("sans-serif", 18))
            .margin(14)
            .x_label_area_size(40)
            .y_label_area_size(100)
            .build_cartesian_2d(0.0..longest * 1.35, (0..count).into_segmented())?;
        let name = |at: &SegmentValue<usize>| match at {
            SegmentValue::CenterOf(bar) => self.bars.get(*bar).map_or("", |bar| bar.0).to_owned(),
            _ => String::new(),
        };
        let mut mesh = chart.configure_mesh();
        mesh.y_label_formatter(&name).x_desc(self.x);
        mesh.disable_y_mesh().light_line_style(WHITE).draw()?;
        for (part, label) in self.parts.iter().enumerate() {
            let color = color(part);
            let rectangles = self.bars.iter().enumerate().map(|(bar, (_, sizes))| {
                let from: f64 = sizes[..part].iter().sum();
                let corners = [
                    (from, SegmentValue::Exact(bar)),
                    (from + sizes[part], SegmentValue::Exact(bar + 1)),
                ];
                let mut rectangle = Rectangle::new(corners, color.filled());
                rectangle.set_margin(8, 8, 0, 0);
                rectangle
            });
            chart
                .draw_series(rectangles)?
                .label(*label)
                .legend(move |(x, y)| {
                    Rectangle::new([(x, y - 4), (x + 12, y + 4)], color.filled())
                });
        }
        let mut labels = chart.configure_series_labels();
        labels.position(SeriesLabelPosition::MiddleRight);
        labels.background_style(WHITE).border_style(BLACK).draw()?;
        Ok(area.present()?)
    }
}
