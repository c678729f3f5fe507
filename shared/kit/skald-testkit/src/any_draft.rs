//! Strategies for drafts of all kinds, valid and malformed: names, JSON, depths and marks.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use skald::commit::{Context, Draft};
use skald::event::EventData;
use skald::json::{MAX_EVENT_LEVELS, MAX_STATE_LEVELS};
use skald::snapshot::Snapshot;

use crate::fixtures::{at, context, id};

/// JSON in forms that no serializer would choose: slightly deeper than `max_levels`, with marks of
/// personal values, or malformed.
pub(crate) fn any_json(max_levels: usize) -> impl Strategy<Value = Vec<u8>> {
    let string = any::<String>().prop_map(|text| serde_json::Value::from(text).to_string());
    let number = "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?";
    let malformed = prop_oneof![
        8 => Just("null"),
        8 => Just("true"),
        4 => Just(r#""\ud83d\/\u0041""#),
        4 => Just(r#""\ud83d\ude00\/\u0041""#),
        1 => Just("1e400"), 1 => Just("\"\\x\""), 1 => Just("01"),
    ];
    let leaf = prop_oneof![string, number, malformed.prop_map(str::to_owned)];
    let json = leaf.prop_recursive(3, 16, 4, |inner| {
        let name = prop_oneof![
            8 => "[a-e]",
            1 => r"\\u006[1-5]",
            1 => "plain|sealed|erased|of|personal",
            1 => r"\$person",
        ];
        let field = (name, "[ \n\r\t]{0,2}", inner.clone())
            .prop_map(|(name, space, value)| format!("\"{name}\"{space}:{space}{value}{space}"));
        let person = prop_oneof![8 => "\"[a-z]-[0-9]\"", 1 => "\"[a-z] ?\"|7|\\{\\}"];
        let mark = (
            person,
            prop_oneof![4 => Just("plain"), 1 => Just("erased"), 1 => Just("other")],
            inner.clone(),
            any::<bool>(),
        )
            .prop_map(|(of, form, content, reversed)| {
                if reversed {
                    format!("{{ \"{form}\" : {content}, \"$person\" :{of} }}")
                } else {
                    format!("{{\"$person\":{of},\"{form}\":{content}}}")
                }
            });
        prop_oneof![
            4 => vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            4 => vec(field, 0..3).prop_map(|fields| format!("{{{}}}", fields.join(","))),
            1 => mark,
        ]
    });
    let nesting =
        prop_oneof![6 => Just(0), 1 => max_levels - 8..max_levels + 3, 1 => Just(4_000_usize)];
    let cut = prop_oneof![12 => Just(0_usize), 1 => 1..4_usize];
    (json, nesting, cut).prop_map(|(json, levels, cut)| {
        let nested = format!("{}{json}{}", "[".repeat(levels), "]".repeat(levels));
        nested.as_bytes()[..nested.len() - cut.min(nested.len())].to_vec()
    })
}

/// A draft of a few events.
pub(crate) fn any_draft() -> impl Strategy<Value = Draft> {
    let event_type = prop_oneof![
        30 => "[a-z]{1,9}(\\.[a-z][a-z0-9_]{0,9}){0,2}",
        1 => any::<String>(),
        1 => "[a-z.]{60,70}",
    ];
    let schema = prop_oneof![30 => 1..9_u32, 5 => any::<u32>(), 1 => Just(0)];
    let event = (event_type, schema, any_json(MAX_EVENT_LEVELS));
    let events = vec(
        event.prop_map(|(event_type, schema, data)| EventData { event_type, schema, data }),
        1..3,
    );
    let snapshot = (any::<u32>(), any_json(MAX_STATE_LEVELS))
        .prop_map(|(schema, state)| Snapshot { schema, state });
    let snapshot = prop_oneof![3 => Just(None), 1 => snapshot.prop_map(Some)];
    let name = || prop_oneof![30 => "[A-Za-z0-9._:-]{1,128}", 1 => any::<String>()];
    let metadata = vec((name(), any::<String>()), 0..3).prop_map(BTreeMap::from_iter);
    (events, snapshot, name(), metadata).prop_map(|(events, snapshot, source, metadata)| {
        let context = Context { source, metadata, ..context() };
        Draft { commit_id: id("any"), at: at(0), context, events, snapshot }
    })
}
