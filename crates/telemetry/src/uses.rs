//! How the uses of sessions are recorded.

use opentelemetry::{KeyValue, metrics::Histogram};

/// Records the uses of the sessions of one upstream: the most frequent event that OpenTelemetry gets itself.
#[derive(Default)]
pub(crate) struct Uses {
    /// The histogram with the attributes of the upstream, found once.
    #[cfg(feature = "bound-instruments")]
    bound: std::sync::OnceLock<opentelemetry::metrics::BoundHistogram<f64>>,
}

impl Uses {
    /// Records a use, in seconds. The histogram and the attributes are the same each time.
    #[inline]
    pub(crate) fn record(
        &self,
        histogram: &Histogram<f64>,
        attributes: &[KeyValue],
        used_for: f64,
    ) {
        #[cfg(feature = "bound-instruments")]
        self.bound
            .get_or_init(|| histogram.bind(attributes))
            .record(used_for);
        #[cfg(not(feature = "bound-instruments"))]
        histogram.record(used_for, attributes);
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::{Key, metrics::MeterProvider};
    use opentelemetry_sdk::metrics::{
        InMemoryMetricExporter, SdkMeterProvider,
        data::{AggregatedMetrics, MetricData},
    };

    use super::*;

    /// The name of each upstream, how often it was used and for how long in all.
    fn exported(exporter: &InMemoryMetricExporter) -> Vec<(String, u64, f64)> {
        let finished = exporter.get_finished_metrics().unwrap();
        let last = finished.last().unwrap();
        let mut all = Vec::new();
        for metric in last.scope_metrics().flat_map(|scope| scope.metrics()) {
            let AggregatedMetrics::F64(MetricData::Histogram(histogram)) = metric.data() else {
                continue;
            };
            all.extend(histogram.data_points().map(|point| {
                let mut attributes = point.attributes();
                let name = attributes.find(|it| it.key == Key::new("upstream"));
                let name = name.unwrap().value.to_string();
                (name, point.count(), point.sum())
            }));
        }
        all.sort_by(|one, other| one.0.cmp(&other.0));
        all
    }

    #[test]
    fn the_uses_of_each_upstream_are_recorded_with_its_attributes_over_all_collections() {
        let exporter = InMemoryMetricExporter::default();
        let provider = SdkMeterProvider::builder()
            .with_periodic_exporter(exporter.clone())
            .build();
        let histogram = provider.meter("test").f64_histogram("uses").build();
        let [search, files] = [Uses::default(), Uses::default()];
        let record = |uses: &Uses, name: &'static str, used_for| {
            uses.record(&histogram, &[KeyValue::new("upstream", name)], used_for);
        };
        record(&search, "search", 1.0);
        record(&files, "files", 0.5);
        provider.force_flush().unwrap();
        record(&search, "search", 2.0);
        provider.force_flush().unwrap();
        let expected = [("files".to_owned(), 1, 0.5), ("search".to_owned(), 2, 3.0)];
        assert_eq!(exported(&exporter), expected);
    }
}
