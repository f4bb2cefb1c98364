//! Which web pages may call, through the real gateway: preflights, the gateway's own errors, and pages
//! that only look like the ones that may.

mod pages;
mod preflights;

use bearergate::fake::Contoso;

use crate::support::{API_KEY, Answering, Origin, Reply, Setup, World};

const APP: &str = "https://app.example.com";
const ADMIN: &str = "https://admin.example.com";
/// All that a browser looks for in an answer.
const SHARING: [&str; 6] = [
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-expose-headers",
    "access-control-max-age",
];

/// An upstream that opens itself to every page, and a gateway before it.
async fn world() -> (Answering, World) {
    let origin = Origin::open().await.answering(|_| {
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nAccess-Control-Allow-Origin: *\r\n\
         Access-Control-Allow-Credentials: true\r\nVary: Accept\r\nX-Total: 7\r\n\r\nok"
            .to_owned()
    });
    let setup = Setup::of("cors.yaml").fill("UPSTREAM", &*origin.url);
    (origin, setup.ready().await)
}

impl World {
    async fn preflight(&self, target: &str, origin: &str, method: &str) -> Reply {
        self.preflight_at("apis", target, origin, method).await
    }

    async fn preflight_at(
        &self,
        listener: &str,
        target: &str,
        origin: &str,
        method: &str,
    ) -> Reply {
        let request = format!(
            "OPTIONS {target} HTTP/1.1\r\nHost: gateway.test\r\nOrigin: {origin}\r\n\
             Access-Control-Request-Method: {method}\r\n\
             Access-Control-Request-Headers: authorization,x-other\r\n\r\n"
        );
        let mut connection = self.gateway.connect(listener).await;
        connection.send(request).await;
        let head = connection.head().await.unwrap();
        // A 204 has no body; what has one is read as it stands.
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers: Vec<_> = headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let mut reply = Reply {
            status,
            headers,
            body: Vec::new(),
        };
        if let Some(length) = reply.header("content-length") {
            assert_ne!(status, 204, "a 204 has no length");
            assert_ne!(length, "0");
            reply.body = connection.until("}\n").await.unwrap().into_bytes();
        }
        reply
    }

    /// As a page of this origin asks, with these fields.
    async fn page(&self, target: &str, origin: &str, headers: &[String]) -> Reply {
        let mut headers = headers.to_vec();
        headers.push(format!("Origin: {origin}"));
        headers.push("Sec-Fetch-Site: cross-site".to_owned());
        self.gateway.get("apis", target, &headers).await
    }

    fn bearer(&self) -> Vec<String> {
        let token = self.token().role(Contoso::CALC_ROLE).mint();
        vec![format!("Authorization: Bearer {token}")]
    }
}

fn key() -> Vec<String> {
    vec![format!("X-Api-Key: {API_KEY}")]
}

/// What a browser would find of it.
fn shared(reply: &Reply) -> Vec<(&str, &str)> {
    let found = SHARING.iter().filter_map(|name| {
        let values = reply.all(name);
        assert!(values.len() < 2, "{name} twice: {values:?}");
        Some((*name, *values.first()?))
    });
    found.collect()
}
