//! The JSON Schemas of values, if the feature `schema` is enabled.

/// The schema of a type that is stored as text.
#[cfg(feature = "schema")]
#[doc(hidden)]
#[macro_export]
macro_rules! __text_schema {
    ($name:ident, $expected:literal $(, $pattern:literal)?) => {
        impl $crate::schemars::JsonSchema for $name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut $crate::schemars::SchemaGenerator) -> $crate::schemars::Schema {
                $crate::schemars::json_schema!({
                    "description": concat!("Must be ", $expected),
                    "type": "string",
                    $( "pattern": $pattern, )?
                })
            }
        }
    };
}

/// The schema of a type that is stored as a whole number from 1.
#[cfg(feature = "schema")]
#[doc(hidden)]
#[macro_export]
macro_rules! __number_schema {
    ($name:ident, $max:literal, $expected:literal) => {
        impl $crate::schemars::JsonSchema for $name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut $crate::schemars::SchemaGenerator) -> $crate::schemars::Schema {
                $crate::schemars::json_schema!({
                    "description": concat!("Must be ", $expected),
                    "type": "integer",
                    "minimum": 1,
                    "maximum": $max,
                })
            }
        }
    };
}

#[cfg(not(feature = "schema"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __text_schema {
    ($($anything:tt)*) => {};
}

#[cfg(not(feature = "schema"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __number_schema {
    ($($anything:tt)*) => {};
}
