//! JSON texts at the limits of what may be stored, valid and invalid.

use skald::json::JsonFault;
use skald::json::JsonFault::{NamedTwice, NotJson, Number, Text, TooDeep};
use skald::personal::InvalidMark;

/// A nested list of this depth.
fn nested(levels: usize) -> Vec<u8> {
    format!("{}1{}", "[".repeat(levels - 1), "]".repeat(levels - 1)).into_bytes()
}

/// Texts that no store accepts, each with its fault, if JSON may have at most `max_levels` levels.
pub(crate) fn invalid(max_levels: usize) -> Vec<(Vec<u8>, JsonFault)> {
    let mark = JsonFault::InvalidMark;
    let texts: [(&[u8], JsonFault); 26] = [
        (b"", NotJson),
        (b"{", NotJson),
        (b"{} {}", NotJson),
        (b" {}", NotJson),
        (b"{}\n", NotJson),
        (b"order", NotJson),
        (b"NaN", NotJson),
        (b"\"\xe9\"", NotJson),
        (b"\xef\xbb\xbf{}", NotJson),
        (b"{\"a\":1e400}", Number),
        (br#"["\ud800"]"#, Text),
        (br#"{"\udead":1}"#, Text),
        (br#"{"a":1,"a":2}"#, NamedTwice),
        (br#"{"a":1,"\u0061":2}"#, NamedTwice),
        (br#"{"$person":"c-1","plain":"Jane","also":1}"#, mark(InvalidMark::Mixed)),
        (br#"[{"$person":"c-1"}]"#, mark(InvalidMark::Mixed)),
        (br#"{"$person":"no one","plain":"Jane"}"#, mark(InvalidMark::Person)),
        (br#"{"$person":{"of":"c-1","plain":"Jane"}}"#, mark(InvalidMark::Person)),
        (br#"{"\u0024person":7,"plain":"Jane"}"#, mark(InvalidMark::Person)),
        (br#"{"$person":"c-1","name":"Jane"}"#, mark(InvalidMark::Form)),
        (br#"{"$person":"c-1","sealed":true}"#, mark(InvalidMark::Form)),
        (br#"{"$person":"c-1","erased":false}"#, mark(InvalidMark::Form)),
        (br#"{"$person":"c-1","sealed":"AQID"}"#, mark(InvalidMark::Seal)),
        (br#"{"$person":"c-1","sealed":"no base64!"}"#, mark(InvalidMark::Seal)),
        (br#"{"$person":"c-1","sealed":""}"#, mark(InvalidMark::Seal)),
        (
            br#"{"$person":"c-1","plain":[{"$person":"c-1","plain":"Jane"}]}"#,
            mark(InvalidMark::Nested),
        ),
    ];
    let texts = texts.into_iter().map(|(text, fault)| (text.to_vec(), fault));
    let deep = [max_levels + 1, 150_000].map(|levels| (nested(levels), TooDeep { max_levels }));
    let large = [(format!("[{}]", "9".repeat(400)).into_bytes(), Number)];
    texts.chain(deep).chain(large).collect()
}

/// Unusual texts that every store must accept and return unchanged.
pub(crate) fn valid(max_levels: usize) -> Vec<Vec<u8>> {
    let texts: [&[u8]; 9] = [
        br#"{"sealed":true,"of":"c-1"}"#,
        br#"{"personal":"Jane","of":"c-1","erased":true,"plain":null}"#,
        br#"["$person",{"$Person":"c-1","person":"$person"}]"#,
        br#"{"":{"a":1},"A":{"a":1},"a":[1,1]}"#,
        br#"[18446744073709551616,-0,1.10,1e308,1e-999,122.416294033786585]"#,
        br#"["\ud83d\ude00\u0000\/\"\\",{"\u0061" :"b"}]"#,
        b"{ \"a\" : [ 1 ,\t2,\r\n3 ] , \"b\":{ } }",
        b"null",
        b"\"\"",
    ];
    texts.into_iter().map(<[u8]>::to_vec).chain([nested(max_levels)]).collect()
}
