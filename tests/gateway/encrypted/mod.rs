//! TLS listeners: what is spoken, which certificate is shown, whose are accepted, what handshakes may
//! cost, and certificates that change.

mod clients;
mod floods;
mod names;
mod renewal;
mod spoken;

use crate::support::{Authority, Gateway, Setup, World};

/// One public route to the echo behind a listener with this TLS; its files are `NAME.pem`, with the key.
async fn world(tls: &str, files: &[(&str, Vec<u8>)]) -> World {
    setup(tls, files).start().await
}

fn setup(tls: &str, files: &[(&str, Vec<u8>)]) -> Setup {
    let listener = format!("tls: {tls}");
    let setup = Setup::open("$ECHO", &listener, "");
    files.iter().fold(setup, |setup, (name, bytes)| {
        setup.file(&format!("{name}.pem"), bytes)
    })
}

/// A listener with one certificate and nothing else to say.
async fn plain_world() -> World {
    let shown = Authority::new("authority").server(&["gateway.example"]);
    world("{ certificate: own.pem }", &[("own", shown.whole())]).await
}

async fn refused(gateway: &Gateway, cause: &str) -> f64 {
    let name = "bearergate_connections_refused_total";
    let series = format!("{name}{{cause=\"{cause}\",listener=\"apis\"}}");
    gateway.metric(&series).await.unwrap()
}

/// What the echo was asked for so far.
fn reached(world: &World) -> bool {
    world.contoso.echo.last().is_some()
}
