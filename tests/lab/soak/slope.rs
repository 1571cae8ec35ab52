//! Does it grow? The slope of a series by ordinary least squares, with a confidence interval that allows for
//! correlated samples.
//!
//! Memory sampled four times a second is not a set of independent measurements: an outage lifts dozens of samples in a row.
//! The textbook interval, which treats each as independent, would be several times too narrow and call any wave a trend. So
//! the series is cut into blocks of equal time, longer than most outages, and the line is fitted to the blocks' means,
//! with Student's t for that few points. If neighbouring residuals are still correlated, the interval is widened as if there
//! were fewer blocks (Bayley and Hammersley's effective number for a first-order process).

/// Units of the series per minute.
#[derive(Debug, Clone, Copy)]
pub struct Slope {
    pub per_minute: f64,
    /// Half the width of the 95 % confidence interval.
    pub margin: f64,
    /// The value of the line at the first and the last moment.
    pub from: (f64, f64),
    pub to: (f64, f64),
    pub blocks: usize,
    /// The autocorrelation of neighbouring blocks' residuals.
    pub autocorrelation: f64,
}

/// Fewer blocks leave too few degrees of freedom; more would be shorter than the outages of a long run.
const BLOCKS: usize = 20;

impl Slope {
    /// Fits (seconds, value) in order of time. `None` if the series is too short.
    pub fn of(series: &[(f64, f64)]) -> Option<Slope> {
        let (first, last) = (series.first()?.0, series.last()?.0);
        let points = block_means(series, first, last);
        if points.len() < BLOCKS / 2 {
            return None;
        }
        let number = points.len() as f64;
        let mean = |of: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / number;
        let (x_mean, y_mean) = (mean(&|point| point.0), mean(&|point| point.1));
        let spread = points.iter().map(|(x, _)| (x - x_mean).powi(2)).sum::<f64>();
        let slope = points.iter().map(|(x, y)| (x - x_mean) * (y - y_mean)).sum::<f64>() / spread;
        let residuals: Vec<f64> = points.iter().map(|(x, y)| y - y_mean - slope * (x - x_mean)).collect();
        let squares = residuals.iter().map(|residual| residual * residual).sum::<f64>();
        let neighbours = residuals.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>();
        let autocorrelation = if squares > 0.0 { neighbours / squares } else { 0.0 };
        // Only widens: a negative value may be chance.
        let together = autocorrelation.clamp(0.0, 0.9);
        let widening = ((1.0 + together) / (1.0 - together)).sqrt();
        let freedom = number - 2.0;
        let error = (squares / freedom / spread).sqrt();
        let line = |x: f64| (x, y_mean + slope * (x - x_mean));
        Some(Slope {
            per_minute: slope * 60.0,
            margin: student_95(freedom) * error * widening * 60.0,
            from: line(first),
            to: line(last),
            blocks: points.len(),
            autocorrelation,
        })
    }

    pub fn least(&self) -> f64 {
        self.per_minute - self.margin
    }

    pub fn most(&self) -> f64 {
        self.per_minute + self.margin
    }
}

fn block_means(series: &[(f64, f64)], first: f64, last: f64) -> Vec<(f64, f64)> {
    let mut blocks = vec![(0.0, 0.0, 0_u32); BLOCKS];
    for &(x, y) in series {
        let nth = ((x - first) / (last - first).max(f64::MIN_POSITIVE) * BLOCKS as f64) as usize;
        let block = &mut blocks[nth.min(BLOCKS - 1)];
        *block = (block.0 + x, block.1 + y, block.2 + 1);
    }
    let taken = blocks.into_iter().filter(|block| block.2 > 0);
    taken.map(|(x, y, count)| (x / f64::from(count), y / f64::from(count))).collect()
}

/// The 97.5 % quantile of Student's t, by the Cornish-Fisher expansion; accurate to half a per cent from six degrees of
/// freedom.
fn student_95(freedom: f64) -> f64 {
    const Z: f64 = 1.959_964;
    let first = (Z.powi(3) + Z) / (4.0 * freedom);
    let second = (5.0 * Z.powi(5) + 16.0 * Z.powi(3) + 3.0 * Z) / (96.0 * freedom.powi(2));
    Z + first + second
}
