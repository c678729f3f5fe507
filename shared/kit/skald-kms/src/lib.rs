//! Wraps the keys of persons with a key of AWS KMS, which never leaves the service.
//!
//! A function that makes keys needs only `kms:GenerateDataKey`; a function that uses keys needs
//! only `kms:Decrypt`. Each wrapped key is bound to its person by the *encryption context*
//! `person`, `<tenant>/<id>`. It cannot be unwrapped for another person, and the service's own log
//! names the person whose key was requested. The log contains the person's id, never a name.

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

/// The name of the encryption context's only entry, to which a wrapped key is bound. The template's
/// roles require it.
const PERSON: &str = "person";

/// Makes keys and wraps them with one symmetric key of KMS. Clones use the same key.
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
    /// A key wrap that uses the KMS key with this ARN. The client brings its own time limits and
    /// retries.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn wrap(client: aws_sdk_kms::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use skald::personal::{KeyWrap, Person, PersonId};
    /// use skald::stream::Tenant;
    /// use skald_kms::KmsKeyWrap;
    ///
    /// let wrap = KmsKeyWrap::new(client, "arn:aws:kms:eu-central-1:111122223333:key/…");
    /// let ann = Person { tenant: Tenant::default(), id: PersonId::new("r-17")? };
    /// let (_, wrapped) = wrap.make(&ann).await?;
    /// // The key of one person cannot be unwrapped for another.
    /// let bob = Person { id: PersonId::new("r-18")?, ..ann };
    /// assert!(wrap.unwrap_key(&bob, &wrapped).await.is_err());
    /// # Ok(())
    /// # }
    /// ```
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
        let invalid =
            |fault: &str| StoreError::Unavailable { operation: OPERATION, source: fault.into() };
        let plain = answer
            .plaintext
            .and_then(plain_key)
            .ok_or_else(|| invalid("the answer has no key of 32 bytes"))?;
        let wrapped =
            answer.ciphertext_blob.ok_or_else(|| invalid("the answer has no wrapped key"))?;
        let by = answer.key_id.unwrap_or_else(|| self.key.to_string());
        Ok((plain, WrappedKey { by, bytes: wrapped.into_inner() }))
    }

    /// As [`KeyWrap::unwrap_key`]. A KMS key that is disabled or scheduled for deletion is a
    /// [`StoreError::Denied`], because an operator can fix it and the sealed data is not at fault.
    /// Each call names the KMS key to unwrap with. A person's key that was wrapped by another KMS
    /// key, in any account, is therefore also denied: an operator has configured the wrong one.
    async fn unwrap_key(
        &self,
        person: &Person,
        wrapped: &WrappedKey,
    ) -> Result<PersonKey, StoreError> {
        let undecryptable =
            || StoreError::OpenError { place: person.key(), fault: OpenError::Undecryptable };
        let decrypt = self
            .client
            .decrypt()
            .key_id(&*self.key)
            .ciphertext_blob(Blob::new(wrapped.bytes.clone()));
        match decrypt.encryption_context(PERSON, person.key()).send().await {
            Ok(answer) => answer.plaintext.and_then(plain_key).ok_or_else(undecryptable),
            Err(error) => match error.as_service_error() {
                Some(DecryptError::InvalidCiphertextException(_)) => Err(undecryptable()),
                _ => Err(sdk_error("Decrypt", error)),
            },
        }
    }
}

/// The plain key in an answer. `None` if its length is wrong. The bytes of the answer are wiped.
fn plain_key(plain: Blob) -> Option<PersonKey> {
    let plain = Zeroizing::new(plain.into_inner());
    plain.as_slice().try_into().ok().map(PersonKey::new)
}
