#!/bin/sh
# The rustdoc of `make lint`. It writes the usual pages, and for each crate of the kit also JSON,
# which tests/public-api reads. The JSON format is unstable, but rust-toolchain.toml pins the
# toolchain that determines it. RUSTC_BOOTSTRAP permits the unstable option. It is set for rustdoc
# only: if it were set for Cargo, Cargo would compile the dependencies that read it again, here and
# in the next goal.
export RUSTC_BOOTSTRAP=1
rustdoc "$@" || exit
case " $* " in
*" shared/kit/skald"*"/src/lib.rs "*) exec rustdoc "$@" --output-format json ;;
esac
