//! A chart of lines.

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use plotters::prelude::*;

use crate::Result;

/// Lines over a logarithmic axis.
pub(super) struct Chart {
    /// The name of the picture, without its end.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) x: &'static str,
    pub(super) y: &'static str,
    pub(super) lines: Vec<Line>,
}

/// A line, with a point for each measurement.
pub(super) struct Line {
    pub(super) label: &'static str,
    pub(super) points: Vec<(f64, f64)>,
}

impl Chart {
    /// Draws the chart. Returns where it is.
    ///
    /// # Errors
    /// The picture cannot be written.
    pub(super) fn draw(&self, folder: &Path) -> Result<PathBuf> {
        let path = folder.join(format!("{}.svg", self.name));
        self.draw_at(&path)?;
        Ok(path)
    }

    fn draw_at(&self, path: &Path) -> Result {
        let area = SVGBackend::new(path, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let (x, y) = self.ranges();
        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, ("sans-serif", 18))
            .margin(14)
            .x_label_area_size(44)
            .y_label_area_size(70)
            .build_cartesian_2d(x.log_scale(), y)?;
        let mut mesh = chart.configure_mesh();
        mesh.x_desc(self.x).y_desc(self.y);
        mesh.light_line_style(WHITE).draw()?;
        for (number, line) in self.lines.iter().enumerate() {
            let color = color(number);
            let points = line.points.iter().copied();
            chart
                .draw_series(LineSeries::new(points.clone(), color.stroke_width(2)))?
                .label(line.label)
                .legend(move |(x, y)| {
                    Rectangle::new([(x, y - 2), (x + 14, y + 2)], color.filled())
                });
            chart.draw_series(points.map(|point| Circle::new(point, 3, color.filled())))?;
        }
        let mut labels = chart.configure_series_labels();
        labels.position(SeriesLabelPosition::UpperLeft);
        labels.background_style(WHITE).border_style(BLACK).draw()?;
        Ok(area.present()?)
    }

    fn ranges(&self) -> (Range<f64>, Range<f64>) {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let from = points().map(|point| point.0).fold(f64::INFINITY, f64::min);
        let to = points().map(|point| point.0).fold(0.0, f64::max);
        let top = points().map(|point| point.1).fold(0.0, f64::max);
        (from..to, 0.0..top * 1.1)
    }
}

/// The colour of a line or part. They differ for those who do not see red and green apart, too.
pub(super) fn color(number: usize) -> RGBColor {
    COLORS[number % COLORS.len()]
}

pub(super) const SIZE: (u32, u32) = (760, 420);
const COLORS: [RGBColor; 4] = [
    RGBColor(0, 90, 181),
    RGBColor(220, 50, 32),
    RGBColor(90, 180, 230),
    RGBColor(240, 160, 120),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_and_label_is_in_the_picture() {
        let folder = std::env::temp_dir();
        let chart = Chart {
            name: "chart-of-a-test",
            title: "a title",
            x: "keys",
            y: "ns",
            lines: vec![
                Line {
                    label: "this one",
                    points: vec![(1.0, 10.0), (10.0, 20.0)],
                },
                Line {
                    label: "that one",
                    points: vec![(1.0, 30.0), (10.0, 5.0)],
                },
            ],
        };
        assert_eq!(chart.ranges(), (1.0..10.0, 0.0..33.0));
        let path = chart.draw(&folder).unwrap();
        let svg = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        for text in ["a title", "keys", "ns", "this one", "that one"] {
            assert!(svg.contains(text), "{text}");
        }
        for number in [0, 1] {
            let RGBColor(red, green, blue) = color(number);
            let color = format!("#{red:02X}{green:02X}{blue:02X}");
            // The line, its points and its sign in the list of lines.
            assert!(svg.matches(&color).count() >= 4, "{color}: {svg}");
        }
    }
}
