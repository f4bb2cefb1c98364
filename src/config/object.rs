//! An object of the file is declared once: its keys, their types and what they say. The struct, its
//! reader and its JSON Schema all come from that.

/// Declares an object of the file. The first line says what it is, in messages and in the schema.
macro_rules! object {
    (
        $(#[doc = $about:literal])+
        $name:ident $expected:literal {
            $( $(#[doc = $key_about:literal])+ $key:ident : $kind:ty ),* $(,)?
        }
        $( later [$($later:literal),* $(,)?] )?
    ) => {
        $(#[doc = $about])+
        #[derive(Debug)]
        pub(in crate::config) struct $name {
            $( $(#[doc = $key_about])+ pub(in crate::config) $key: $kind, )*
            /// Every key is known: what is absent was left out, not misspelt.
            #[allow(dead_code, reason = "only objects with a choice of keys are asked")]
            pub(in crate::config) complete: bool,
        }

        impl $crate::config::reader::Read for $name {
            fn read(
                node: $crate::config::tree::NodeId,
                reader: &mut $crate::config::reader::Reader<'_, '_>,
            ) -> Option<Self> {
                let before = reader.count();
                reader.map(node, $expected)?;
                reader.check_keys(
                    node,
                    &[$( $crate::config::object::key_name(stringify!($key)) ),*],
                    &[$($($later),*)?],
                );
                let complete = reader.count() == before;
                $( let $key = reader.field(node, $crate::config::object::key_name(stringify!($key))); )*
                Some(Self { $($key,)* complete })
            }

            fn schema(schemas: &mut $crate::config::schema::Schemas) -> serde_json::Value {
                schemas.object(
                    stringify!($name),
                    concat!($($about),+),
                    |schemas| vec![
                        $( $crate::config::schema::Property {
                            key: $crate::config::object::key_name(stringify!($key)),
                            about: concat!($($key_about),+),
                            required: <$kind as $crate::config::reader::Field>::REQUIRED,
                            schema: <<$kind as $crate::config::reader::Field>::Of
                                as $crate::config::reader::Read>::schema(schemas),
                        } ),*
                    ],
                )
            }
        }
    };
}
pub(super) use object;

/// The key that a field is named after: `r#match` is `match`.
pub(super) fn key_name(field: &'static str) -> &'static str {
    field.strip_prefix("r#").unwrap_or(field)
}
