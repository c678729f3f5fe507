//! Configuration: environment variables that the template sets, read once at start.

use std::fmt;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};

/// Time limit of one attempt of an AWS call.
const ATTEMPT_LIMIT: Duration = Duration::from_millis(1_500);
/// Time limit of all attempts of an AWS call together. A function that answers HTTP also has a
/// limit on all of its calls.
const CALL_LIMIT: Duration = Duration::from_millis(4_000);
/// Attempts of an AWS call, with exponential backoff between them.
const ATTEMPTS: u32 = 4;

/// A required environment variable that is not set.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {0} is not set or empty: set it in the function's template")]
pub struct MissingVariable(&'static str);

/// The message: if `main` returns an error, the runtime prints its debug output.
impl fmt::Debug for MissingVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The value of this environment variable.
///
/// # Errors
/// [`MissingVariable`] if the variable is not set, not text, or empty.
///
/// # Examples
///
/// ```
/// use skald_lambda::config;
///
/// let missing = config::variable("TABLE_OF_NO_FUNCTION").unwrap_err();
/// assert_eq!(
///     missing.to_string(),
///     "the environment variable TABLE_OF_NO_FUNCTION is not set or empty: \
///      set it in the function's template"
/// );
/// ```
pub fn variable(name: &'static str) -> Result<String, MissingVariable> {
    optional(name).ok_or(MissingVariable(name))
}

/// The value of this environment variable. `None` if it is not set, not text, or empty.
///
/// # Examples
///
/// ```
/// use skald_lambda::config;
///
/// let currency = config::optional("CURRENCY_OF_NO_FUNCTION");
/// assert_eq!(currency.as_deref().unwrap_or("EUR"), "EUR");
/// ```
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the other modules take their configuration from here"
)]
pub fn optional(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The AWS configuration: region, credentials and endpoint from the environment, with limits that
/// fit those of a function.
///
/// # Examples
///
/// ```no_run
/// use skald_lambda::{config, queue::SqsDeadLetters};
///
/// # async fn open() -> Result<(), skald_lambda::Error> {
/// let aws = config::aws().await;
/// let url = config::variable("DEAD_LETTERS_URL")?;
/// let dead_letters = SqsDeadLetters::new(aws_sdk_sqs::Client::new(&aws), url);
/// # Ok(())
/// # }
/// ```
pub async fn aws() -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(ATTEMPT_LIMIT)
        .operation_timeout(CALL_LIMIT)
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts)
        .load()
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_that_ends_at_start_prints_what_to_set() {
        let error: crate::Error = variable("EVENTS_TABLE_OF_NO_STACK").unwrap_err().into();
        assert_eq!(
            format!("Error: {error:?}"),
            "Error: the environment variable EVENTS_TABLE_OF_NO_STACK is not set or empty: set it \
             in the function's template"
        );
    }
}
