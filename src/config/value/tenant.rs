//! A tenant: a GUID, and none of the words that stand for several tenants.

use serde_json::{Value as Json, json};

use crate::entra::Tenant;
use crate::located::{GUID_PATTERN, NodeId, Read, Reader, Schemas, shown};

impl Read for Tenant {
    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        let text = reader.text(node, "the tenant's GUID")?;
        match text.parse() {
            Ok(tenant) => Some(tenant),
            Err(why) => {
                reader.problem(node, format!("`{}` {why}", shown(text)));
                None
            }
        }
    }

    fn schema(_: &mut Schemas) -> Json {
        json!({ "type": "string", "pattern": GUID_PATTERN })
    }
}
