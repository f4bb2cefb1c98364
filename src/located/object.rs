//! An object is declared once: its keys, with their types, defaults, bounds and what they say. The
//! struct, its reader and its JSON Schema all come from that.

/// Declares an object. The first line says what it is, in messages and in the schema. A key may say
/// what it is where it is left out, `= "…"`, and within what bounds it must lie, `in "…" to "…"`.
/// With `=> Domain`, a method `fill` makes that struct out of the keys, which all have defaults.
macro_rules! object {
    (
        $(#[doc = $about:literal])+
        $name:ident $expected:literal => $domain:ident $body:tt
        $( later $later:tt )?
    ) => {
        $crate::located::object! { $(#[doc = $about])+ $name $expected $body $( later $later )? }
        $crate::located::object! { @fill $name $domain $body }
    };
    (
        @fill $name:ident $domain:ident {
            $( $(#[doc = $about:literal])+ $key:ident : $kind:ty
                $(= $absent:literal $(in $least:literal to $most:literal)?)? ),* $(,)?
        }
    ) => {
        impl $name {
            pub(crate) fn fill(&self) -> $domain {
                $domain { $( $key: (*self.$key).clone().into(), )* }
            }
        }
    };
    (
        $(#[doc = $about:literal])+
        $name:ident $expected:literal {
            $( $(#[doc = $key_about:literal])+ $key:ident : $kind:ty
                $(= $absent:literal $(in $least:literal to $most:literal)?)? ),* $(,)?
        }
        $( later [$($later:literal),* $(,)?] )?
    ) => {
        #[derive(Debug)]
        pub(crate) struct $name {
            $( pub(crate) $key: $kind, )*
            /// Every key is known: what is absent was left out, not misspelt.
            #[allow(dead_code, reason = "only objects with a choice of keys are asked")]
            pub(crate) complete: bool,
        }

        impl $name {
            const KEYS: &[$crate::located::Declared] = &[ $(
                $crate::located::Declared {
                    field: stringify!($key),
                    about: concat!($($key_about),+),
                    absent: &[$($absent)?],
                    bounds: &[$($(($least, $most))?)?],
                },
            )* ];
        }

        $( $( const _: () = assert!(
            !<$kind as $crate::located::Field>::HAS_DEFAULT || $crate::located::is_default($absent),
            "a default is a scalar, `[]` or `{{}}`"
        ); )? )*

        impl $crate::located::Read for $name {
            fn read(
                node: $crate::located::NodeId,
                reader: &mut $crate::located::Reader<'_>,
            ) -> Option<Self> {
                let known: Vec<_> = Self::KEYS.iter().map($crate::located::Declared::key).collect();
                let complete = reader.keys(node, $expected, &known, &[$($($later),*)?])?;
                let mut keys = Self::KEYS.iter();
                $(
                    let declared = keys.next()?;
                    let $key: $kind = reader.field(node, declared)?;
                    $( $( let _: (&str, &str) = ($least, $most); reader.within(&$key, declared); )? )?
                )*
                Some(Self { $($key,)* complete })
            }

            fn schema(schemas: &mut $crate::located::Schemas) -> serde_json::Value {
                let kinds: &[$crate::located::Describe] = &[$($crate::located::Schemas::key::<$kind>),*];
                schemas.object(stringify!($name), concat!($($about),+), Self::KEYS, kinds)
            }
        }
    };
}
pub(crate) use object;
