//! Ids that look like the provider's and are unique: each holds the number of the life and a counter.

/// Makes the ids of one life.
#[derive(Debug)]
pub(crate) struct Ids {
    number: u64,
    counter: u64,
}

impl Ids {
    pub(crate) fn new(number: u64) -> Self {
        Self { number, counter: 0 }
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// Stripe: a prefix and 24 letters and digits, such as `pi_1N00000042x007Qk2LmZ8sT1`.
    pub(crate) fn stripe(&mut self, rng: &mut fastrand::Rng, prefix: &str) -> String {
        let tail: String = (0..10).map(|_| rng.alphanumeric()).collect();
        let counter = self.next();
        format!("{prefix}_1N{:08}x{counter:03}{tail}", self.number)
    }

    /// A version 4 UUID that begins with the number.
    pub(crate) fn uuid(&mut self, rng: &mut fastrand::Rng) -> String {
        let high = (self.number >> 32) as u16;
        let (low, counter) = (self.number as u32, self.next());
        format!("{low:08x}-{high:04x}-4{counter:03x}-8{:03x}-{:012x}", rng.u16(..4_096), rng.u64(..1 << 48))
    }

    /// An integer that begins with the number.
    pub(crate) fn integer(&mut self) -> u64 {
        self.number * 1_000 + self.next()
    }

    /// Paddle: a prefix and 26 lower-case letters and digits.
    pub(crate) fn paddle(&mut self, rng: &mut fastrand::Rng, prefix: &str) -> String {
        let tail: String = (0..10).map(|_| rng.alphanumeric().to_ascii_lowercase()).collect();
        let counter = self.next();
        format!("{prefix}_01{:010}x{counter:03}{tail}", self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn have_the_length_of_the_providers_ids() {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut ids = Ids::new(42);
        assert_eq!(ids.stripe(&mut rng, "pi").len(), "pi_".len() + 24);
        assert_eq!(ids.uuid(&mut rng).len(), 36);
        assert_eq!(ids.paddle(&mut rng, "txn").len(), "txn_".len() + 26);
        assert_eq!(ids.integer(), 42_004);
    }
}
