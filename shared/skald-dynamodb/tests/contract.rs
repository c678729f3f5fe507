//! The stores and the index keep the contracts of every store.

mod support;

mod event_store {
    use crate::support::Events;

    skald_testkit::event_store_contract!(#[tokio::test] Events::start().await, plants: commits, items);
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
