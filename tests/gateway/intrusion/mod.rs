//! What one who knows the gateway's source would try: where two things that are each in order meet.
//! Two issuers, one cache, one key on several routes, a scheme that a route does not read.

mod credentials;
mod headers;
mod identities;
mod issuers;
mod keys;
mod overrides;
mod secrets;
mod spellings;
mod tokens;
mod told;

use std::ops::Deref;

use crate::support::{API_KEY, Reply, Setup, World, contoso};
use bearergate::fake::{ApiRegistration, AppRegistration, Contoso, SigningKey, TokenBuilder};

const FABRIKAM: &str = "11111111-aaaa-4bbb-8ccc-222222222222";
const OTHER_API: &str = "aaaa0000-1111-4222-8333-444444444444";
const OTHER_CLIENT: &str = "0f8b2f4e-7c1d-4a50-9a53-3d2f6f0c9b11";
const TENANT: &str = Contoso::CALC_TENANT;
const API: &str = Contoso::CALC_API;
const CALCULATOR: &str = Contoso::CALC_CLIENT;
const USER: &str = "ann@contoso.example";
const CLIENT_SECRET: &str = "a~client~secret~that~is~never~told~to~anyone";

/// Two organisations, each with its own keys, in front of one gateway.
struct Both {
    world: World,
    fabrikam: Contoso,
}

impl Deref for Both {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

fn fabrikam() -> Contoso {
    Contoso::with_key(SigningKey::generate().unwrap())
}

fn setup(fabrikam: &Contoso) -> Setup {
    let app = AppRegistration::new(Contoso::MAIL_CLIENT)
        .in_tenant(Contoso::MAIL_TENANT)
        .secret(CLIENT_SECRET)
        .role(ApiRegistration::GRAPH, "Mail.Read");
    let contoso = contoso();
    contoso.issuer.register(|registry| registry.with_app(app));
    Setup::among(contoso, "intrusion.yaml")
        .beside(fabrikam)
        .fill("FABRIKAM", FABRIKAM)
        .fill("OTHER_API", OTHER_API)
        .fill("OTHER_CLIENT", OTHER_CLIENT)
        .file("client.secret", CLIENT_SECRET)
}

async fn world() -> Both {
    let fabrikam = fabrikam();
    let world = setup(&fabrikam).ready().await;
    Both { world, fabrikam }
}

impl Both {
    fn foreign(&self) -> TokenBuilder {
        let token = self.fabrikam.issuer.token(FABRIKAM);
        token.audience(OTHER_API).client(CALCULATOR)
    }

    async fn present(&self, target: &str, token: &str) -> (u16, String) {
        let reply = self
            .gateway
            .get_by_both("apis", target, &[bearer(token)])
            .await;
        reply.verdict()
    }

    async fn with_key(&self, target: &str, more: &[&str]) -> Reply {
        let mut headers = vec![format!("X-Api-Key: {API_KEY}")];
        headers.extend(more.iter().map(|line| (*line).to_owned()));
        self.gateway.get("legacy", target, &headers).await
    }
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}
