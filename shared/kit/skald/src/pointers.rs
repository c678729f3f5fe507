//! Every port is implemented for `&T` and `Arc<T>` of what implements it, so a store that is shared
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
