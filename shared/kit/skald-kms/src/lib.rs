//! Wraps the keys of persons with a key of AWS KMS, which never leaves the service.
//!
//! Whoever makes keys needs `kms:GenerateDataKey`, whoever uses them `kms:Decrypt`, and nothing
//! else. Each wrapped key is bound to its person by the *encryption context* `person`,
//! `<tenant>/<id>`: it unwraps for nobody else, and the service's own log says whose key was asked
//! for. That is an id, never a name.

use std::fmt;
use std::sync::Arc;

use aws_sdk_kms::Client;
use aws_sdk_kms::operation::decrypt::DecryptError;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use skald::personal::{KeyWrap, WrappedKey};
use skald::personal::{OpenError, Person, PersonKey};
use skald::store::StoreError;
use skald_aws::sdk_error;
use zeroize::Zeroizing;

/// What a wrapped key is bound to: the name of the encryption context's only entry. The template's
/// roles insist on it.
const PERSON: &str = "person";

/// Makes keys and wraps them by one symmetric key of KMS. Clones are the same.
#[derive(Clone)]
pub struct KmsKeyWrap {
    client: Client,
    key: Arc<str>,
}

impl fmt::Debug for KmsKeyWrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KmsKeyWrap").field(&self.key).finish()
    }
}

impl KmsKeyWrap {
    /// Wraps with the key of this ARN. The client brings its own time limits and retries.
    #[must_use]
    pub fn new(client: Client, key: impl Into<String>) -> Self {
        Self { client, key: key.into().into() }
    }
}

impl KeyWrap for KmsKeyWrap {
    async fn make(&self, person: &Person) -> Result<(PersonKey, WrappedKey), StoreError> {
        const OPERATION: &str = "GenerateDataKey";
        let generate =
            self.client.generate_data_key().key_id(&*self.key).key_spec(DataKeySpec::Aes256);
        let answer = generate.encryption_context(PERSON, person.key()).send().await;
        let answer = answer.map_err(|error| sdk_error(OPERATION, error))?;
        let unfit =
            |fault: &str| StoreError::Unavailable { operation: OPERATION, source: fault.into() };
        let plain = answer
            .plaintext
            .and_then(plain_key)
            .ok_or_else(|| unfit("an answer without a key of 32 bytes"))?;
        let wrapped =
            answer.ciphertext_blob.ok_or_else(|| unfit("an answer without the wrapped key"))?;
        let by = answer.key_id.unwrap_or_else(|| self.key.to_string());
        Ok((plain, WrappedKey { by, bytes: wrapped.into_inner() }))
    }

    /// As [`KeyWrap::unwrap_key`]. A key of the service that is disabled, or about to be deleted,
    /// is refused: that can be mended, and what is sealed is not at fault. The service is told
    /// which key to unwrap with, so a key that another one wrapped, in whatever account, is
    /// refused: an operator has set the wrong one.
    async fn unwrap_key(
        &self,
        person: &Person,
        wrapped: &WrappedKey,
    ) -> Result<PersonKey, StoreError> {
        let unfit = || StoreError::OpenError { place: person.key(), fault: OpenError::Unfit };
        let decrypt = self
            .client
            .decrypt()
            .key_id(&*self.key)
            .ciphertext_blob(Blob::new(wrapped.bytes.clone()));
        match decrypt.encryption_context(PERSON, person.key()).send().await {
            Ok(answer) => answer.plaintext.and_then(plain_key).ok_or_else(unfit),
            Err(error) => match error.as_service_error() {
                Some(DecryptError::InvalidCiphertextException(_)) => Err(unfit()),
                _ => Err(sdk_error("Decrypt", error)),
            },
        }
    }
}

/// The plain key in an answer; none if it has another length. What the answer held is wiped.
fn plain_key(plain: Blob) -> Option<PersonKey> {
    let plain = Zeroizing::new(plain.into_inner());
    plain.as_slice().try_into().ok().map(PersonKey::new)
}
