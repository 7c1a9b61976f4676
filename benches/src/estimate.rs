//! What rounds of measurement say: a median, and how far it can be trusted.

/// A figure out of many rounds, with the interval that 95 of 100 repetitions would fall into.
#[derive(Clone, Copy, Debug)]
pub struct Estimate {
    /// The figure of all rounds.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Estimate {
    /// What is known exactly.
    pub fn exact(value: f64) -> Self {
        Self { value, low: value, high: value }
    }

    /// A figure that is computed from whole rounds, of which there are so many. The interval is a bootstrap's: the figure of
    /// rounds drawn from these at random, again and again.
    pub fn of_rounds(rounds: usize, figure: impl Fn(&[usize]) -> f64) -> Self {
        const REPETITIONS: usize = 1000;
        let all: Vec<usize> = (0..rounds).collect();
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut draw = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % rounds.max(1) as u64).unwrap_or_default()
        };
        let repeated: Vec<f64> =
            (0..REPETITIONS).map(|_| figure(&all.iter().map(|_| draw()).collect::<Vec<_>>())).collect();
        Self { value: figure(&all), low: quantile(&repeated, 0.025), high: quantile(&repeated, 0.975) }
    }
}

/// The middle of these values.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a position in the list")]
    let position = (sorted.len().saturating_sub(1) as f64 * share).round() as usize;
    sorted.get(position).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_narrow_where_rounds_agree_and_wide_where_they_do_not() {
        let of = |values: [f64; 5]| {
            Estimate::of_rounds(5, |rounds| median(&rounds.iter().map(|round| values[*round]).collect::<Vec<_>>()))
        };
        let agreed = of([2.0; 5]);
        assert_eq!([agreed.value, agreed.low, agreed.high].map(f64::to_bits), [2.0_f64.to_bits(); 3]);
        let torn = of([1.0, 2.0, 3.0, 40.0, 50.0]);
        assert!((torn.value - 3.0).abs() < 1e-9 && torn.low <= 2.0 && torn.high >= 40.0, "{torn:?}");
    }
}
