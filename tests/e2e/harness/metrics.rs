//! Metrics in the form in which Prometheus collects them.

use std::collections::BTreeMap;

#[derive(Debug)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: usize,
}

/// What is counted in whole numbers, so not the sums of histograms.
#[derive(Debug)]
pub(crate) struct Metrics(Vec<Sample>);

impl Metrics {
    pub(crate) fn parse(exposition: &str) -> Self {
        Self(exposition.lines().filter(|line| !line.starts_with('#')).filter_map(parse_sample).collect())
    }

    /// The sum over all samples of this name that have these labels, among others.
    pub(crate) fn count(&self, name: &str, labels: &[(&str, &str)]) -> usize {
        let matches = |sample: &&Sample| {
            sample.name == name
                && labels.iter().all(|(label, value)| sample.labels.get(*label).is_some_and(|found| found == value))
        };
        self.0.iter().filter(matches).map(|sample| sample.value).sum()
    }

    /// The label names of every sample of this name.
    pub(crate) fn labels(&self, name: &str) -> Vec<Vec<&str>> {
        let samples = self.0.iter().filter(|sample| sample.name == name);
        samples.map(|sample| sample.labels.keys().map(String::as_str).collect()).collect()
    }
}

fn parse_sample(line: &str) -> Option<Sample> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    let labels = labels.trim_end_matches('}');
    let labels = labels.split(',').filter_map(|label| {
        let (label, value) = label.split_once('=')?;
        Some((label.to_owned(), value.trim_matches('"').to_owned()))
    });
    Some(Sample { name: name.to_owned(), labels: labels.collect(), value: value.parse().ok()? })
}
