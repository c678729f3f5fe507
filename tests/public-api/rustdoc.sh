#!/bin/sh
# The rustdoc of `make lint`. It writes the pages as always, and for a crate of the kit the same as
# JSON, which tests/public-api reads. rustdoc calls the JSON unstable; its format is fixed by the
# toolchain that rust-toolchain.toml pins. The variable that permits it is set for rustdoc alone: if
# Cargo had it, it would compile the dependencies that ask for it again, here and in the next goal.
export RUSTC_BOOTSTRAP=1
rustdoc "$@" || exit
case " $* " in
*" shared/kit/skald"*"/src/lib.rs "*) exec rustdoc "$@" --output-format json ;;
esac
