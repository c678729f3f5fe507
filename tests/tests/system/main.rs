//! The tests that call the whole system as clients and operators do.
//!
//! They are one program, so that others run while some of them wait. A filter selects the tests of
//! a module, or a single one:
//!
//! ```sh
//! cargo test --package system-tests --test system order_path::
//! cargo test --package system-tests --test system an_idempotency_key_identifies_one_order
//! ```
//!
//! A cloud takes longer to start than most tests to run. Therefore tests share one, [`SHARED`], if
//! they do not disturb each other: each has customers, products and streams of its own and looks at
//! nothing else. A test starts a cloud of its own if it stops or changes a function, reads whole
//! tables, or compares all ledgers.

mod bad_input;
mod cancel_and_resume;
mod dispatch;
mod erasure;
mod faults;
mod operator;
mod order_path;
mod outcomes;
mod readme;
mod saga_faults;
mod sweeper;

use system_tests::SharedCloud;

/// The cloud of all tests that disturb no other.
static SHARED: SharedCloud = SharedCloud::new();
