//! Differences between the index and the table. A proxy changes what the index returns.

use serde_json::{Value, json};
use skald_testkit::event_store::EventStoreFixture;
use skald_testkit::sample::account;

use super::{ChangedIndex, assert_faults, fill, filled, verified};

#[tokio::test]
async fn a_commit_without_an_entry_is_reported() {
    let hide = |items: &mut Vec<Value>| {
        items.retain(|item| item["pk"]["S"] != "default/account-7" || item["sk"]["N"] != "2")
    };
    let events = filled(ChangedIndex(hide)).await;
    let fault = "default/account-7 at version 2: in the index: no entry for this commit";
    assert_faults(&events, &[fault]).await;
    assert_eq!(verified(&events, 1, Some(&account("7"))).await.0, [fault]);
    assert_eq!(verified(&events, 1, Some(&account("8"))).await.0, [""; 0]);
}

#[tokio::test]
async fn an_entry_without_a_commit_is_reported() {
    let add = |items: &mut Vec<Value>| {
        let Some(entry) = items.iter().find(|item| item["pk"]["S"] == "default/account-7").cloned()
        else {
            return;
        };
        let mut ghost = entry.clone();
        ghost["sk"]["N"] = json!("9");
        items.push(ghost);
        items.sort_by_key(|item| item["at"]["S"].as_str().map(str::to_owned));
    };
    let events = filled(ChangedIndex(add)).await;
    let fault =
        "default/account-7 at version 9: in the index: an entry without a commit in the table";
    assert_faults(&events, &[fault]).await;
}

#[tokio::test]
async fn a_differing_or_malformed_entry_is_reported() {
    let change = |items: &mut Vec<Value>| {
        for item in items {
            match item["pk"]["S"].as_str() {
                Some("default/account-4") => item["types"]["S"] = json!("account.noted"),
                Some("default/account-8") => item["at"]["S"] = json!("jane@example.com"),
                _ => {}
            }
        }
    };
    let events = filled(ChangedIndex(change)).await;
    let expected = [
        "default/account-4 at version 1: in the index: the entry differs from the commit in \
         the table",
        "default/account-8 at version 1: in the index: no entry for this commit",
        "pk \"default/account-8\", sk 1: in the index: `at` is not in the form of a commit's time",
    ];
    assert_faults(&events, &expected).await;

    // Only the given stream is reported, even if other streams share its slice.
    for number in 12..60 {
        fill(events.store(), &account(&number.to_string()), 1).await;
    }
    for number in 0..60 {
        let (faults, _) = verified(&events, 1, Some(&account(&number.to_string()))).await;
        let own = format!("default/account-{number}");
        let expected: Vec<_> = expected
            .iter()
            .filter(|fault| [4, 8].contains(&number) && fault.contains(&own))
            .collect();
        assert_eq!(faults.iter().collect::<Vec<_>>(), expected, "{own}");
    }
}
