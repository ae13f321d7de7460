//! `/metrics`: the census and the counters in the format that Prometheus scrapes (OpenMetrics).

#[cfg(test)]
mod tests;

use lastack::observe::{Census, Counters};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::fmt;

/// What the answer is.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InState {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Named {
    name: &'static str,
}

/// The whole page.
pub(crate) fn page(census: &Census, counters: &Counters) -> Result<String, fmt::Error> {
    let sockets = Family::<InState, Gauge>::default();
    for (state, count) in census.iter() {
        sockets.get_or_create(&InState { state: state.name() }).set(i64::from(count));
    }
    let orphans: Gauge = Gauge::default();
    orphans.set(i64::from(census.orphans));
    let counted = Family::<Named, Counter>::default();
    for (counter, value) in counters.iter() {
        counted.get_or_create(&Named { name: counter.name() }).inc_by(value);
    }
    let mut registry = Registry::with_prefix("lastack");
    registry.register("sockets", "Sockets in each state, under the kernel's names", sockets);
    registry.register("orphans", "Sockets that no application holds, TIME_WAIT apart", orphans);
    registry.register("snmp", "Events, under the names that nstat prints", counted);
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}
