//! A local cloud that several tests share.

use std::ops::Deref;

use tokio::sync::OnceCell;

use crate::LocalCloud;

/// A cloud for all tests of a process that do not disturb each other. The first test starts it, and
/// it ends with the process.
#[derive(Debug, Default)]
pub struct SharedCloud(OnceCell<LocalCloud>);

/// A shared cloud that one test uses. If the test fails, the cloud's log is kept.
#[derive(Debug)]
pub struct Borrowed<'a>(&'a LocalCloud);

impl SharedCloud {
    /// A cloud that is not started yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(OnceCell::const_new())
    }

    /// The cloud. The first caller starts it and calls `set_up`, for which the others wait. If that
    /// fails, the next caller tries again.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn set_up(&self, set_up: impl AsyncFnOnce(&LocalCloud)) -> Borrowed<'_> {
        let started = self.0.get_or_init(|| async {
            let cloud = LocalCloud::start(&[]);
            set_up(&cloud).await;
            cloud
        });
        Borrowed(started.await)
    }

    /// The cloud, for tests that set up themselves what they need.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn get(&self) -> Borrowed<'_> {
        self.set_up(async |_| {}).await
    }
}

impl Deref for Borrowed<'_> {
    type Target = LocalCloud;

    fn deref(&self) -> &LocalCloud {
        self.0
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        self.0.keep_log_of_failure();
    }
}
