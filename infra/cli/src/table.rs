//! Orders as a table.

use skald::time::Timestamp;

use crate::order::Order;

const HEADER: [&str; 5] = ["order", "status", "waits", "step", "reason"];

/// The table of these orders, a line each: how long each waits, at which step, and why.
pub(crate) fn of(orders: &[Order], now: Timestamp) -> String {
    let rows = orders.iter().map(|order| cells(order, now));
    let rows: Vec<[String; 5]> = std::iter::once(HEADER.map(str::to_owned)).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths = [0, 1, 2, 3].map(|column| width(column).unwrap_or_default());
    let line = |row: &[String; 5]| {
        let padded = widths.iter().zip(row).map(|(width, cell)| format!("{cell:width$}  "));
        format!("{}{}", padded.collect::<String>(), row[4]).trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

fn cells(order: &Order, now: Timestamp) -> [String; 5] {
    let overdue_since = order.deadline.filter(|_| order.overdue);
    let (since, step, reason) = match &order.parked {
        Some(parked) => {
            (parked.since, parked.step.as_str(), parked.reason.clone().unwrap_or_default())
        }
        None => match overdue_since {
            Some(deadline) => (deadline, "-", "its deadline has passed".to_owned()),
            None => (order.placed_at, "-", String::new()),
        },
    };
    let texts = [&order.order_id, &order.status, &age(since, now), step, &reason];
    // A control character could change what the terminal shows.
    texts.map(|text| text.replace(char::is_control, " "))
}

/// The time from `since` until `now`, in its two largest units.
fn age(since: Timestamp, now: Timestamp) -> String {
    let seconds = (now.as_millis() - since.as_millis()).max(0) / 1_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m"),
        (0, _, _) => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_its_two_largest_units() {
        for (seconds, expected) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (3_599, "59m"),
            (7_500, "2h 5m"),
            (90_000, "1d 1h"),
        ] {
            assert_eq!(
                age(Timestamp::EPOCH, Timestamp::EPOCH.plus_millis(1_000 * seconds)),
                expected
            );
        }
        assert_eq!(
            age(Timestamp::EPOCH.plus_millis(5_000), Timestamp::EPOCH),
            "0s",
            "clocks differ"
        );
    }
}
