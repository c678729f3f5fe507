//! A text is rejected, or it is a message that survives a round trip.

#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use skald::message::CommitMessage;
use skald::stream::Version;
use skald_fuzz::{Edit, SampleEvent, commit};

#[derive(Debug, Arbitrary)]
enum Input {
    /// Any text that is sent to the queue.
    Text(String),
    /// A message of the relay, edited or not.
    Changed { first: u64, events: Vec<SampleEvent>, hint: bool, edits: Vec<Edit> },
}

fuzz_target!(|input: Input| {
    match input {
        Input::Text(text) => read(&text),
        Input::Changed { first, events, hint, edits } => {
            let message = CommitMessage::of(commit(Version::new(first), &events, false));
            let message = if hint { message.into_hint() } else { message };
            let json = message.to_json();
            // Commits have no other versions.
            if edits.is_empty() && (1..u64::MAX / 2).contains(&first) {
                assert_eq!(
                    CommitMessage::from_json(&json).expect("a written message can be read"),
                    message
                );
            }
            read(&String::from_utf8_lossy(&Edit::all(&edits, json.into_bytes())));
        }
    }
});

fn read(text: &str) {
    match CommitMessage::from_json(text) {
        Ok(message) => {
            let again = CommitMessage::from_json(&message.to_json())
                .expect("a written message can be read");
            assert_eq!(again, message);
        }
        Err(invalid) => assert!(!invalid.to_string().is_empty()),
    }
}
