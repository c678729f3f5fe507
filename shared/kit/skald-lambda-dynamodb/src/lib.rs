//! The wiring that Lambda functions with stores on DynamoDB share: [`Stores`] opens the stores that
//! the environment names, and [`serve_view`] is the whole function of a view.
//!
//! | variable | names | read by |
//! |---|---|---|
//! | `EVENTS_TABLE` | the table of the events | [`Stores::events`], [`Stores::index`], [`serve_view`] |
//! | `PERSON_KEYS_TABLE` | the table of the persons' keys | [`Stores::person_keys`] |
//! | `PERSON_KEYS_KMS_KEY` | the ARN of the KMS key that wraps them | [`Stores::person_keys`] |
//! | `DEAD_LETTERS_URL` | the queue of a view's dead letters | [`serve_view`] |
//!
//! The table of a view has a variable of its own, which the function names.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use skald::view::Projection;
use skald_dynamodb::{
    DynamoDbCommitIndex, DynamoDbEventStore, DynamoDbPersonKeys, DynamoDbViewStore,
};
use skald_kms::KmsKeyWrap;
use skald_lambda::config::{self, MissingVariable};
use skald_lambda::queue::{Queue, SqsDeadLetters};
use skald_lambda::views::ViewKeeper;
use skald_lambda::{Error, clock};

/// Opens the stores of a function. All of them use one client, so they share its connections.
///
/// # Examples
///
/// ```no_run
/// # async fn open() -> Result<(), skald_lambda::Error> {
/// use skald_lambda::config;
/// use skald_lambda_dynamodb::Stores;
///
/// let stores = Stores::new(&config::aws().await);
/// let (events, keys) = (stores.events()?, stores.person_keys()?);
/// let loans = stores.view("LOANS_TABLE")?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Stores {
    aws: SdkConfig,
    dynamodb: Client,
}

impl Stores {
    /// Opens stores with this configuration.
    #[must_use]
    pub fn new(aws: &SdkConfig) -> Self {
        Self { aws: aws.clone(), dynamodb: Client::new(aws) }
    }

    /// The event store in the table that `EVENTS_TABLE` names.
    ///
    /// # Errors
    /// [`MissingVariable`] if the variable is not set.
    pub fn events(&self) -> Result<DynamoDbEventStore, MissingVariable> {
        Ok(DynamoDbEventStore::new(self.dynamodb.clone(), config::variable("EVENTS_TABLE")?))
    }

    /// The index of all commits in the table that `EVENTS_TABLE` names.
    ///
    /// # Errors
    /// [`MissingVariable`] if the variable is not set.
    pub fn index(&self) -> Result<DynamoDbCommitIndex, MissingVariable> {
        Ok(DynamoDbCommitIndex::new(self.dynamodb.clone(), config::variable("EVENTS_TABLE")?))
    }

    /// The view store in the table that this variable names.
    ///
    /// # Errors
    /// [`MissingVariable`] if the variable is not set.
    pub fn view(&self, variable: &'static str) -> Result<DynamoDbViewStore, MissingVariable> {
        Ok(DynamoDbViewStore::new(self.dynamodb.clone(), config::variable(variable)?))
    }

    /// The keys of persons in the table that `PERSON_KEYS_TABLE` names, wrapped by the KMS key that
    /// `PERSON_KEYS_KMS_KEY` names.
    ///
    /// # Errors
    /// [`MissingVariable`] if one of the variables is not set.
    pub fn person_keys(&self) -> Result<DynamoDbPersonKeys<KmsKeyWrap>, MissingVariable> {
        let kms = aws_sdk_kms::Client::new(&self.aws);
        let wrap = KmsKeyWrap::new(kms, config::variable("PERSON_KEYS_KMS_KEY")?);
        let table = config::variable("PERSON_KEYS_TABLE")?;
        Ok(DynamoDbPersonKeys::new(self.dynamodb.clone(), table, wrap, clock::now))
    }
}

/// Serves a function that keeps the view of projection `P` up to date, until the runtime ends it.
/// The rows are in the table that the variable `view_table` names.
///
/// # Errors
/// [`MissingVariable`] if a variable is not set; otherwise if the runtime's interface fails.
///
/// # Examples
///
/// ```no_run
/// use skald::view::Projection;
/// use skald_lambda::{Error, config, start_logging};
/// use skald_lambda_dynamodb::serve_view;
///
/// /// The `main` of the function that keeps the view `Loans` up to date.
/// async fn main_of<Loans: Projection>() -> Result<(), Error> {
///     start_logging();
///     serve_view::<Loans>(&config::aws().await, "LOANS_TABLE").await
/// }
/// ```
pub async fn serve_view<P: Projection>(
    aws: &SdkConfig,
    view_table: &'static str,
) -> Result<(), Error> {
    let stores = Stores::new(aws);
    let keeper = ViewKeeper::<P, _, _>::new(stores.events()?, stores.view(view_table)?);
    let sqs = aws_sdk_sqs::Client::new(aws);
    let dead_letters = SqsDeadLetters::new(sqs, config::variable("DEAD_LETTERS_URL")?);
    Queue::new(keeper, dead_letters).serve().await
}
