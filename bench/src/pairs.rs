//! Interleaved runs of several cases, and what may be quoted of them: medians, spreads and ratios pair by pair.
//!
//! A case is measured once per round, all cases in every round, so a machine that slows down slows them all.

use serde::Serialize;

/// One number per round.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Series {
    /// The case's name.
    pub(crate) name: &'static str,
    /// Its unit, such as "µs CPU per connection".
    pub(crate) unit: &'static str,
    /// One sample per round, in the order of the rounds.
    pub(crate) samples: Vec<f64>,
}

/// Least, middle and largest sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    /// Least.
    pub(crate) min: f64,
    /// Median.
    pub(crate) median: f64,
    /// Largest.
    pub(crate) max: f64,
}

impl Spread {
    /// The spread of a non-empty list.
    pub(crate) fn of(samples: &[f64]) -> Spread {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median =
            if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 };
        Spread { min: sorted[0], median, max: sorted[sorted.len() - 1] }
    }
}

impl Series {
    /// The ratio of this series to `base`, round by round.
    pub(crate) fn ratio_to(&self, base: &Series) -> Spread {
        let ratios: Vec<f64> =
            self.samples.iter().zip(&base.samples).map(|(ours, base)| ours / base).collect();
        Spread::of(&ratios)
    }
}

/// A case: what it is called and how one round of it is measured.
pub(crate) struct Case<'a> {
    /// The case's name.
    pub(crate) name: &'static str,
    /// Runs one round and returns its number.
    pub(crate) round: Box<dyn FnMut() -> f64 + 'a>,
}

/// Runs every case once per round, after one round that is not counted.
pub(crate) fn interleave(unit: &'static str, rounds: usize, mut cases: Vec<Case<'_>>) -> Vec<Series> {
    let mut series: Vec<Series> =
        cases.iter().map(|case| Series { name: case.name, unit, samples: Vec::new() }).collect();
    for round in 0..=rounds {
        for (case, series) in cases.iter_mut().zip(&mut series) {
            let sample = (case.round)();
            if round > 0 {
                series.samples.push(sample);
            }
        }
        eprintln!("round {round} of {rounds} done");
    }
    series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_of_odd_and_even_lists() {
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Spread { min: 1.0, median: 2.0, max: 3.0 });
        assert_eq!(Spread::of(&[4.0, 1.0, 2.0, 3.0]).median, 2.5);
    }

    #[test]
    fn ratios_are_taken_pair_by_pair() {
        let ours = Series { name: "ours", unit: "", samples: vec![2.0, 8.0, 3.0] };
        let base = Series { name: "base", unit: "", samples: vec![1.0, 2.0, 3.0] };
        assert_eq!(ours.ratio_to(&base), Spread { min: 1.0, median: 2.0, max: 4.0 });
    }

    #[test]
    fn the_first_round_is_not_counted() {
        let mut calls = 0.0;
        let case = Case {
            name: "count",
            round: Box::new(|| {
                calls += 1.0;
                calls
            }),
        };
        assert_eq!(interleave("calls", 3, vec![case])[0].samples, vec![2.0, 3.0, 4.0]);
    }
}
