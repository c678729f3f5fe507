//! Chance that can be repeated.

/// Numbers that look random, the same for the same seed (xorshift; Marsaglia 2003).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice that begin with this number, which is not 0: after it comes nothing but 0.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    const fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `bound`, which is not 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }

    /// A JSON string of so many bytes, at least 2, of which hardly a fifth can be saved.
    pub fn json(&mut self, length: usize) -> Vec<u8> {
        let any = (2..length).map(|_| match self.roll().to_be_bytes()[0] % 95 + b' ' {
            b'"' | b'\\' => b'x',
            other => other,
        });
        std::iter::once(b'"').chain(any.collect::<Vec<_>>()).chain([b'"']).collect()
    }
}
