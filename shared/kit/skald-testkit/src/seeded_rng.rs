//! Random numbers that can be repeated.

/// A random number generator that yields the same numbers for the same seed (xorshift; Marsaglia
/// 2003).
///
/// ```
/// use skald_testkit::SeededRng;
///
/// let (mut first, mut second) = (SeededRng::new(7), SeededRng::new(7));
/// assert_eq!(first.below(6), second.below(6));
/// ```
#[derive(Debug, Clone)]
pub struct SeededRng(u64);

impl SeededRng {
    /// A generator with this seed, which must not be 0: otherwise every number would be 0.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `bound`, which must not be 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// A JSON string of `length` bytes, at least 2. Compression saves at most a fifth of it.
    ///
    /// # Examples
    ///
    /// ```
    /// use skald_testkit::SeededRng;
    ///
    /// let text = SeededRng::new(7).json(1_000);
    /// assert_eq!(text.len(), 1_000);
    /// assert!(serde_json::from_slice::<String>(&text).is_ok());
    /// ```
    pub fn json(&mut self, length: usize) -> Vec<u8> {
        let any = (2..length).map(|_| match self.next().to_be_bytes()[0] % 95 + b' ' {
            b'"' | b'\\' => b'x',
            other => other,
        });
        std::iter::once(b'"').chain(any.collect::<Vec<_>>()).chain([b'"']).collect()
    }
}
