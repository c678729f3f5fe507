//! Golden samples: a stored event of every shape that was ever written, which must stay readable.
//!
//! A sample is a file `<type>.<schema>.json` with the data of one event, written by hand, with
//! every field set. A file is never changed: another shape has another schema number and gets a
//! file of its own.
//!
//! ```
//! # use skald_testkit::sample::AccountEvent;
//! # let folder = std::env::temp_dir().join(format!("skald-golden-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder)?;
//! # std::fs::write(folder.join("account.deposited.1.json"), r#"{"amount":5}"#)?;
//! # std::fs::write(folder.join("account.withdrawn.1.json"), r#"{"amount":2}"#)?;
//! # std::fs::write(folder.join("account.noted.1.json"), r#"{"text":"hello"}"#)?;
//! skald_testkit::golden::check::<AccountEvent>(&folder);
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok::<(), std::io::Error>(())
//! ```

use std::fs;
use std::path::Path;

use serde_json::Value;
use skald::event::{DomainEvent, EventData};

/// Reads the sample of every shape of `E` in this folder. A sample of the newest shape must also be
/// written again as the same JSON.
///
/// # Panics
/// If a sample is missing, cannot be read, or is written differently. The message names it.
#[track_caller]
pub fn check<E: DomainEvent>(folder: &Path) {
    for &(event_type, schema) in E::SHAPES {
        let event = read::<E>(folder, event_type, schema);
        let Ok(written) = event.encode() else { panic!("{event_type} cannot be written") };
        if written.schema == schema {
            let [sample, again] = [data(folder, event_type, schema), written.data]
                .map(|json| serde_json::from_slice::<Value>(&json).ok());
            assert!(
                sample == again,
                "{event_type} at schema {schema} is not written as its sample"
            );
        }
    }
}

/// The sample of this shape as an event of the newest one.
///
/// # Panics
/// If the sample is missing or cannot be read.
///
/// # Examples
///
/// ```
/// # let folder = std::env::temp_dir().join(format!("skald-sample-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # std::fs::write(folder.join("account.deposited.1.json"), r#"{"amount":5}"#)?;
/// use skald_testkit::sample::{AccountEvent, Deposited};
///
/// let event = skald_testkit::golden::read::<AccountEvent>(&folder, "account.deposited", 1);
/// assert_eq!(event, Deposited { amount: 5 }.into());
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn read<E: DomainEvent>(folder: &Path, event_type: &str, schema: u32) -> E {
    let data = data(folder, event_type, schema);
    match E::decode(&EventData { event_type: event_type.to_owned(), schema, data }) {
        Ok(event) => event,
        Err(error) => panic!("the sample in {} is no longer read: {error}", folder.display()),
    }
}

#[track_caller]
fn data(folder: &Path, event_type: &str, schema: u32) -> Vec<u8> {
    let path = folder.join(format!("{event_type}.{schema}.json"));
    fs::read(&path).unwrap_or_else(|error| {
        panic!("{} cannot be read ({error}): write a sample of this shape", path.display())
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::check;
    use crate::sample::AccountEvent;

    /// A folder with a sample of each event of an account; that of `noted` has this text.
    fn samples(name: &str, noted: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("skald-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for (event, data) in [
            ("deposited", r#"{"amount":5}"#),
            ("withdrawn", r#"{ "amount": 5 }"#),
            ("noted", noted),
        ] {
            std::fs::write(folder.join(format!("account.{event}.1.json")), data).unwrap();
        }
        folder
    }

    #[test]
    fn samples_that_round_trip_pass() {
        check::<AccountEvent>(&samples("golden-right", r#"{"text":"hello"}"#));
    }

    #[test]
    #[should_panic(expected = "malformed event account.noted at schema 1")]
    fn a_sample_that_is_not_read_is_named() {
        check::<AccountEvent>(&samples("golden-unread", r#"{"note":"hello"}"#));
    }

    #[test]
    #[should_panic(expected = "account.noted at schema 1 is not written as its sample")]
    fn a_sample_that_is_written_differently_is_named() {
        check::<AccountEvent>(&samples("golden-differs", r#"{"text":"hello","by":"ann"}"#));
    }

    #[test]
    #[should_panic(expected = "account.withdrawn.1.json cannot be read")]
    fn a_sample_that_is_missing_is_named() {
        let folder = samples("golden-missing", r#"{"text":"hello"}"#);
        std::fs::remove_file(folder.join("account.withdrawn.1.json")).unwrap();
        check::<AccountEvent>(&folder);
    }
}
