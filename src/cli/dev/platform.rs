//! A machine with managed identities, for programs that take their tokens from the platform: any Azure SDK does
//! with `AZURE_POD_IDENTITY_AUTHORITY_HOST` set to its base URL, and so does this gateway.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use openssl::hash::MessageDigest;
use serde_json::{Value, json};

use super::stage::secret_text;
use crate::fake::{
    ApiRegistration, AppRegistration, Contoso, KeyPair, Machine, Running, bind, serve,
};

/// Where it usually is.
const PORT: u16 = 8403;

/// The machine's own identity, and one that was assigned to it.
const OWN: &str = "4d0b7e1f-52c6-4a3e-8b97-1c2d3e4f5a60";
const ASSIGNED: &str = "7c6e4d2a-0b1f-4c3d-9e5a-6f7081920a1b";

/// Where Azure Arc's agent has its keys; whoever wants to try that puts this one there.
const ARC_KEYS: &str = "/var/opt/azcmagent/tokens";

/// All platforms in one, alive until dropped.
pub(super) struct Platform {
    machine: Machine,
    plain: Running,
    /// For Service Fabric, which is known by its certificate.
    secure: Running,
    thumbprint: String,
    arc_key_file: String,
    arc_key: String,
}

impl Platform {
    pub(super) fn open(contoso: &Contoso, any_port: bool) -> anyhow::Result<Self> {
        for (client, role) in [(OWN, "Mail.Read"), (ASSIGNED, "Mail.Send")] {
            let app = AppRegistration::new(client).in_tenant(Contoso::MAIL_TENANT);
            let app = app.role(ApiRegistration::GRAPH, role);
            contoso.issuer.register(|registry| registry.with_app(app));
        }
        let machine = Machine::new(contoso.issuer.clone(), Contoso::MAIL_TENANT)
            .with_own(OWN)
            .with_assigned(ASSIGNED, "mail");
        let (arc_key, name) = (secret_text("arc"), secret_text("bearergate"));
        let arc_key_file = Path::new(ARC_KEYS).join(format!("{name}.key"));
        machine.behave(|it| it.arc_key = Some((arc_key_file.clone(), arc_key.clone())));
        let pair = KeyPair::generate("fabric")?;
        let digest = pair.certificate().digest(MessageDigest::sha1())?;
        let thumbprint = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        let port = if any_port { 0 } else { PORT };
        Ok(Self {
            plain: serve(bind(port)?, None, Arc::new(machine.clone()))?,
            secure: serve(bind(0)?, Some(&pair), Arc::new(machine.clone()))?,
            machine,
            thumbprint,
            arc_key_file: arc_key_file.to_str().context("a path of ours")?.to_owned(),
            arc_key,
        })
    }

    pub(super) fn base(&self) -> String {
        self.plain.base()
    }

    /// Where and by what each platform is known, for a test client.
    pub(super) fn facts(&self) -> Value {
        let ids = self.machine.ids(ASSIGNED);
        let (object_id, resource_id) = ids.unwrap_or_default();
        json!({
            "base": self.base(),
            "secure_base": self.secure.base(),
            "thumbprint": self.thumbprint,
            "header": self.machine.header().expose(),
            "arc_key_file": self.arc_key_file,
            "arc_key": self.arc_key,
            "own": { "client_id": OWN },
            "assigned": {
                "client_id": ASSIGNED,
                "object_id": object_id,
                "resource_id": resource_id,
            },
        })
    }
}
