//! Numbers with bounds.

crate::number_value! {
    /// A quantity of a product: ordered, received or reserved.
    pub struct Quantity(u32): 1..=1_000_000_000, "a whole number from 1 to 1000000000";

    /// The number of streams that a product's stock is spread over, so that many orders at once do
    /// not contend for one stream.
    pub struct StockShards(u16): 1..=16, "a whole number from 1 to 16";
}

impl StockShards {
    /// The numbers of the shards, from 0.
    pub fn numbers(self) -> std::ops::Range<u16> {
        0..self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_is_from_one_to_a_thousand_million() {
        for (number, valid) in
            [(0, false), (1, true), (1_000_000_000, true), (1_000_000_001, false), (1 << 32, false)]
        {
            assert_eq!(Quantity::new(number).is_ok(), valid, "{number}");
        }
    }

    #[test]
    fn a_number_out_of_bounds_does_not_decode() {
        for text in ["0", "17", "-1", "2.0", "\"2\"", "65537"] {
            assert!(serde_json::from_str::<StockShards>(text).is_err(), "{text}");
        }
        assert_eq!(serde_json::from_str::<StockShards>("16").unwrap(), StockShards::MAX);
    }
}
