//! Every port is also implemented for `&T` and `Arc<T>` if `T` implements it, so a shared store
//! needs no wrapper of its own.

/// Implements a port for `&T` and `Arc<T>`. The body forwards each item to `**self`.
macro_rules! for_pointers {
    ($port:ident { $($body:tt)* }) => {
        impl<T: $port> $port for &T {
            $($body)*
        }

        impl<T: $port + Send> $port for std::sync::Arc<T> {
            $($body)*
        }
    };
}

pub(crate) use for_pointers;
