//! What is told while it runs.

use serde_json::{Value as Json, json};

use crate::config::value::Level;
use crate::located::{FilePath, May, Must, NodeId, Or, Read, Reader, Schemas, object};
use crate::telemetry::LogFormat;

object! {
    /// The process's own log, on standard error, and the access lines.
    Log "a mapping such as `{ level: info }`" {
        /// The least severe level that is written: `error`, `warn`, `info`, `debug` or `trace`.
        level: Or<Level> = "info",
        /// One JSON object a line, or `text` for people.
        format: Or<LogFormat> = "json",
        /// Whether each request gets a line, on standard output; or `{ file: … }`, the file that the lines are appended to. `SIGUSR1` opens it anew, for logrotate.
        access: May<Access> = "`true`",
    }
}

object! {
    /// A file of access lines.
    AccessFile "`true`, `false` or `{ file: … }`" {
        /// Where it is, beside the configuration where that is not an absolute path. It is made where it is missing, its folder is not.
        file: Must<FilePath>,
    }
}

#[derive(Debug)]
pub(in crate::config) enum Access {
    /// On standard output, or none.
    Lines(bool),
    File(AccessFile),
}

impl Read for Access {
    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        match reader.scalar(node) {
            Some(("true" | "false", _)) => bool::read(node, reader).map(Self::Lines),
            _ => AccessFile::read(node, reader).map(Self::File),
        }
    }

    fn schema(schemas: &mut Schemas) -> Json {
        let file = AccessFile::schema(schemas);
        json!({ "oneOf": [{ "type": "boolean" }, file] })
    }
}
