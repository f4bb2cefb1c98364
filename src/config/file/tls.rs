//! TLS of a listener: what is shown to callers, and what is asked of them.

use serde_json::{Value as Json, json};

use crate::config::secret_ref::SecretRef;
use crate::edge::TlsVersion;
use crate::located::{
    At, FilePath, Filled, Form, May, Must, NodeId, Or, Read, Reader, Scalar, Schemas, Value, Wrong,
    object,
};

object! {
    /// A certificate that a listener shows, and what it asks of its callers.
    ListenerCertificate "TLS such as `{ certificate: …, key: … }`" {
        /// A PEM certificate with its chain, or a `.pfx` or `.p12` (PKCS#12); DER and base64 of either do as well.
        certificate: Must<FilePath>,
        /// The path of the PEM key, where it is not in the same file.
        key: May<FilePath> = "in `certificate`",
        /// What opens the key: `{ file: … }` or `{ env: … }`.
        passphrase: May<SecretRef> = "none",
        /// PEM certificates of the authorities, roots or intermediates, whose client certificates are accepted. In a list, for the first entry to say.
        client_ca: May<FilePath> = "none",
        /// Whether callers show a certificate of `client_ca`: `required`, else there is no connection; `optional`, and one that is shown must be good; `none`. In a list, for the first entry to say.
        client_certificate: May<ClientCertificate> = "`required` with `client_ca`, else `none`",
        /// The oldest version that is spoken: `1.2` or `1.3`. In a list, for the first entry to say.
        minimum: Or<TlsVersion> = "1.2",
    }
}

/// `client_certificate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum ClientCertificate {
    None,
    Optional,
    Required,
}

/// One certificate, or several, from which the name picks that a caller asks for.
#[derive(Debug)]
pub(in crate::config) struct Tls(pub(in crate::config) Vec<At<ListenerCertificate>>);

impl Read for Tls {
    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        if matches!(reader.tree().value(node), Value::List(_)) {
            return Filled::read(node, reader).map(|Filled(entries)| Self(entries));
        }
        At::read(node, reader).map(|one| Self(vec![one]))
    }

    fn schema(schemas: &mut Schemas) -> Json {
        let one = ListenerCertificate::schema(schemas);
        json!({ "oneOf": [one, { "type": "array", "minItems": 1, "items": one }] })
    }
}

impl Scalar for TlsVersion {
    const EXPECTED: &str = "`1.2` or `1.3`";
    const FORM: Form = Form::Any;

    fn parse(text: &str) -> Result<Self, Wrong> {
        match text {
            "1.2" => Ok(Self::V1_2),
            "1.3" => Ok(Self::V1_3),
            "1.0" | "1.1" => Err(Wrong::because(format!("TLS {text} is broken (RFC 8996)"))
                .hint("`1.2` is the oldest that is spoken")),
            _ => Err(Wrong::default()),
        }
    }

    fn described() -> Json {
        json!({ "enum": [1.2, 1.3, "1.2", "1.3"] })
    }
}
