//! How well two samples can be told apart.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};

/// How often the medians of samples that are drawn anew are compared.
const DRAWN: usize = 1_000;
/// How many standard deviations 95 % are within.
const WITHIN: f64 = 1.96;

/// Times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Compared {
    /// By how much the median of the one is above that of the other.
    pub(super) difference: f64,
    /// Where that is with a confidence of 95 % (bootstrap, percentiles).
    pub(super) interval: [f64; 2],
    /// Of all pairs of one and the other, the share in which the one is larger; pairs of equals count half.
    pub(super) slower: f64,
    /// Where that share is in 95 % of cases if the two are alike (Mann and Whitney).
    pub(super) chance: [f64; 2],
}

/// Compares sorted samples.
pub(super) fn compare(one: &[Duration], other: &[Duration]) -> Compared {
    // The same samples give the same answer.
    let mut rng = rand::rngs::StdRng::seed_from_u64(0);
    let mut draw = |from: &[Duration]| -> Vec<Duration> {
        let at = (0..from.len()).map(|_| rng.random_range(0..from.len()));
        at.filter_map(|at| from.get(at).copied()).collect()
    };
    let mut differences: Vec<f64> =
        (0..DRAWN).map(|_| median(&mut draw(one)) - median(&mut draw(other))).collect();
    differences.sort_unstable_by(f64::total_cmp);
    let drawn = |share: f64| {
        let at = (differences.len() as f64 * share) as usize;
        differences.get(at).copied().unwrap_or_default()
    };
    let (many, others) = (one.len().max(1) as f64, other.len().max(1) as f64);
    let larger: f64 = one
        .iter()
        .map(|value| {
            let below = other.partition_point(|there| there < value);
            let up_to = other.partition_point(|there| there <= value);
            (below + up_to) as f64 / 2.0
        })
        .sum();
    let spread = WITHIN * ((many + others + 1.0) / (12.0 * many * others)).sqrt();
    Compared {
        difference: median(&mut one.to_vec()) - median(&mut other.to_vec()),
        interval: [drawn(0.025), drawn(0.975)],
        slower: larger / (many * others),
        chance: [0.5 - spread, 0.5 + spread],
    }
}

fn median(sample: &mut [Duration]) -> f64 {
    if sample.is_empty() {
        return 0.0;
    }
    let (_, median, _) = sample.select_nth_unstable(sample.len() / 2);
    median.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(range: std::ops::Range<u64>) -> Vec<Duration> {
        range.map(Duration::from_micros).collect()
    }

    #[test]
    fn what_is_alike_cannot_be_told_apart() {
        let seen = compare(&sample(0..1000), &sample(0..1000));
        assert_eq!((seen.difference, seen.slower), (0.0, 0.5));
        assert!(seen.interval[0] < 0.0 && seen.interval[1] > 0.0, "{seen:?}");
        assert!(seen.chance[0] > 0.47 && seen.chance[1] < 0.53, "{seen:?}");
    }

    #[test]
    fn what_differs_is_told_apart() {
        let seen = compare(&sample(500..1500), &sample(0..1000));
        assert!((seen.difference - 0.5).abs() < 1e-9, "{seen:?}");
        assert!(seen.interval[0] > 0.4 && seen.interval[1] < 0.6, "{seen:?}");
        // Of a million pairs 125,000 are the other way round.
        assert!((seen.slower - 0.875).abs() < 0.001, "{seen:?}");
        let apart = compare(&sample(2000..2010), &sample(0..10));
        assert_eq!(apart.slower, 1.0);
    }
}
