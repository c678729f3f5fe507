//! The stores, the index and the keys pass their contracts.

mod event_store {
    use crate::support::Events;

    skald_testkit::event_store_contract!(
        #[tokio::test] Events::start().await, plants: commits, items
    );
}

mod view_store {
    use crate::support::Views;

    skald_testkit::view_store_contract!(
        #[tokio::test]
        Views::start().await
    );
}

mod commit_index {
    use crate::support::Events;

    skald_testkit::commit_index_contract!(
        #[tokio::test]
        Events::start().await
    );
}

mod person_keys {
    use crate::support::keys::Keys;

    skald_testkit::person_keys_contract!(
        #[tokio::test]
        Keys::start().await
    );
}
