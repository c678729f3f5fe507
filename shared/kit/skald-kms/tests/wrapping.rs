//! The requests to the service, and the meaning of its answers for a caller that needs a key.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod support;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;
use skald::personal::{KeyEntry, OpenError, Person, PersonId, PersonKey};
use skald::personal::{KeyWrap, WrappedKey};
use skald::store::StoreError;
use skald::stream::Tenant;
use skald_testkit::person_keys::{Shown, shown};

use support::{Answer, KEY, Kms, error};

fn person(tenant: &str, id: &str) -> Person {
    Person { tenant: Tenant::new(tenant).unwrap(), id: PersonId::new(id).unwrap() }
}

fn jane() -> Person {
    person("default", "c-1")
}

async fn contents(key: PersonKey) -> Shown {
    shown(KeyEntry::Key(key)).await
}

fn is_undecryptable(result: Result<PersonKey, StoreError>) -> bool {
    let Err(StoreError::OpenError { place, fault }) = result else { return false };
    place == "default/c-1" && matches!(fault, OpenError::Undecryptable)
}

#[tokio::test]
async fn a_key_is_unwrapped_to_what_was_wrapped() {
    let wrap = Kms::default().wrap().await;
    let (first, wrapped) = wrap.make(&jane()).await.unwrap();
    let (second, _) = wrap.make(&jane()).await.unwrap();
    let (first, second) = (contents(first).await, contents(second).await);
    assert_ne!(first, second, "the same key was made twice");
    assert_eq!(contents(wrap.unwrap_key(&jane(), &wrapped).await.unwrap()).await, first);
    assert_eq!(first, contents(PersonKey::new([0; 32])).await, "it is the service's key");
    assert_eq!((wrapped.by.as_str(), wrapped.bytes.as_slice()), (KEY, b"wrapped 0".as_slice()));
}

#[tokio::test]
async fn a_key_is_unwrapped_only_for_its_person() {
    let wrap = Kms::default().wrap().await;
    for other in [person("default", "c-2"), person("other", "c-1")] {
        let (_, wrapped) = wrap.make(&other).await.unwrap();
        assert!(is_undecryptable(wrap.unwrap_key(&jane(), &wrapped).await), "{}", other.key());
    }
    let nothing = WrappedKey { by: KEY.to_owned(), bytes: b"nothing".to_vec() };
    let error = wrap.unwrap_key(&jane(), &nothing).await;
    assert!(error.as_ref().is_err_and(|error| !error.is_transient()));
    assert!(is_undecryptable(error));
}

#[tokio::test]
async fn each_request_names_the_person_and_the_key_to_use() {
    let kms = Kms::default();
    let wrap = kms.wrap().await;
    let (_, wrapped) = wrap.make(&jane()).await.unwrap();
    // The key that is named in the table does not decide which key is used.
    let wrapped =
        WrappedKey { by: "arn:aws:kms:eu-central-1:999999999999:key/theirs".to_owned(), ..wrapped };
    wrap.unwrap_key(&jane(), &wrapped).await.unwrap();
    let (context, blob) = (json!({ "person": "default/c-1" }), BASE64.encode("wrapped 0"));
    let generate = json!({ "KeyId": KEY, "KeySpec": "AES_256", "EncryptionContext": context });
    let decrypt = json!({ "KeyId": KEY, "CiphertextBlob": blob, "EncryptionContext": context });
    assert_eq!(
        kms.calls(),
        [("GenerateDataKey".to_owned(), generate), ("Decrypt".to_owned(), decrypt)]
    );
}

/// The errors of making a key and of unwrapping one.
async fn errors_for(answer: Answer) -> [StoreError; 2] {
    let wrap = Kms::that_answers(answer).wrap().await;
    let wrapped = WrappedKey { by: KEY.to_owned(), bytes: vec![1] };
    [wrap.make(&jane()).await.unwrap_err(), wrap.unwrap_key(&jane(), &wrapped).await.unwrap_err()]
}

fn kind(error: &StoreError) -> &'static str {
    assert!(error.is_transient(), "the error blames the sealed data: {error}");
    match error {
        StoreError::Throttled { .. } => "throttled",
        StoreError::Unavailable { .. } => "unavailable",
        StoreError::Denied { .. } => "denied",
        StoreError::Corrupt { .. } | StoreError::InvalidRow { .. } => "corrupt",
        StoreError::OpenError { .. } | StoreError::PersonErased(_) => "about a person",
    }
}

#[tokio::test]
async fn each_error_of_the_service_is_classified() {
    for (code, status, expected) in [
        ("ThrottlingException", 400, "throttled"),
        ("LimitExceededException", 400, "throttled"),
        ("RequestLimitExceeded", 400, "throttled"),
        ("TooManyRequests", 429, "throttled"),
        ("KMSInternalException", 500, "unavailable"),
        ("KeyUnavailableException", 500, "unavailable"),
        ("DependencyTimeoutException", 503, "unavailable"),
        ("AccessDeniedException", 400, "denied"),
        ("DisabledException", 400, "denied"),
        ("IncorrectKeyException", 400, "denied"),
        ("KMSInvalidStateException", 400, "denied"),
        ("NotFoundException", 400, "denied"),
    ] {
        for error in errors_for(Some((status, error(code)))).await {
            assert_eq!(kind(&error), expected, "{code}");
            let source = std::error::Error::source(&error).unwrap();
            assert_eq!(source.to_string(), format!("{code}: for a test"));
        }
    }
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_unavailable() {
    assert_eq!(errors_for(None).await.each_ref().map(kind), ["unavailable"; 2]);
}

#[tokio::test]
async fn an_answer_without_a_key_of_32_bytes_is_rejected() {
    for plain in [json!(BASE64.encode([7; 31])), json!(BASE64.encode([7; 33])), json!("")] {
        let [made, unwrapped] =
            errors_for(Some((200, json!({ "Plaintext": plain, "CiphertextBlob": "AQ==" })))).await;
        assert_eq!(kind(&made), "unavailable");
        assert!(is_undecryptable(Err(unwrapped)));
    }
    let lost = json!({ "Plaintext": BASE64.encode([7; 32]) });
    assert_eq!(kind(&error_of_make(lost).await), "unavailable");
}

/// The error of making a key if the service returns this body.
async fn error_of_make(body: serde_json::Value) -> StoreError {
    Kms::that_answers(Some((200, body))).wrap().await.make(&jane()).await.unwrap_err()
}

#[tokio::test]
async fn debug_output_shows_only_the_name_of_the_wrapping_key() {
    assert_eq!(format!("{:?}", Kms::default().wrap().await), format!("KmsKeyWrap({KEY:?})"));
}
