//! Certificates that change under a gateway that runs: who is connected stays, who comes gets the new
//! one, and a bad one changes nothing.

use super::{setup, world};
use crate::support::{Authority, TlsCaller, World};

const ENDS: &str = "bearergate_listener_certificate_expiry_seconds{listener=\"apis\"}";

/// Days until the first of the listener's certificates to end does.
async fn days(world: &World) -> f64 {
    let seconds = world.gateway.metric(ENDS).await.unwrap();
    (seconds / 86_400.0).round()
}

fn replace(world: &World, name: &str, bytes: &[u8]) {
    std::fs::write(world.path(&format!("{name}.pem")), bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_was_replaced_is_shown_from_the_next_handshake_on() {
    let authority = Authority::new("authority");
    let old = authority.server(&["gateway.example"]);
    let world = world("{ certificate: own.pem }", &[("own", old.whole())]).await;
    let address = world.gateway.address("apis");
    let caller = TlsCaller::default();
    let mut connected = caller.connect(address).await.unwrap();
    assert!(connected.get("/x").await.is_ok());
    assert_eq!(days(&world).await, 90.0);

    let names = ["renewed.example", "gateway.example"];
    let new = authority.issue(
        "renewed.example",
        &names,
        crate::support::Use::Server,
        (-1, 10),
    );
    replace(&world, "own", &new.whole());
    assert_eq!(caller.is_shown(address).await, "gateway.example", "not yet");
    world.gateway.reload(world.config()).await.unwrap();
    assert_eq!(caller.is_shown(address).await, "renewed.example");
    assert_eq!(days(&world).await, 10.0);
    assert!(connected.get("/x").await.is_ok(), "who was there stays");
    assert_eq!(connected.shown(), "gateway.example");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_of_clients_changes_with_the_next_handshake() {
    let (authority, before, after) = (
        Authority::new("authority"),
        Authority::new("clients"),
        Authority::new("clients"),
    );
    let own = authority.server(&["gateway.example"]);
    let files = [("own", own.whole()), ("clients", before.pem())];
    let world = world("{ certificate: own.pem, client_ca: clients.pem }", &files).await;
    let address = world.gateway.address("apis");
    let (old, new) = (
        TlsCaller::showing(&before.client("old")),
        TlsCaller::showing(&after.client("new")),
    );
    let mut connected = old.connect(address).await.unwrap();
    connected.get("/x").await.unwrap();
    assert!(new.get(address, "/x").await.is_err());
    replace(&world, "clients", &after.pem());
    world.gateway.reload(world.config()).await.unwrap();
    assert!(new.get(address, "/x").await.is_ok());
    assert!(old.get(address, "/x").await.is_err());
    // Nor is who connected before heard again.
    assert!(connected.get("/x").await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_spoke_http_2_before_is_not_heard_again_either() {
    let (authority, before, after) = (
        Authority::new("authority"),
        Authority::new("clients"),
        Authority::new("clients"),
    );
    let own = authority.server(&["gateway.example"]);
    let files = [("own", own.whole()), ("clients", before.pem())];
    let world = world("{ certificate: own.pem, client_ca: clients.pem }", &files).await;
    let caller = TlsCaller {
        protocols: b"\x02h2",
        ..TlsCaller::showing(&before.client("old"))
    };
    let connected = caller.connect(world.gateway.address("apis")).await.unwrap();
    let (mut client, connection) = h2::client::handshake(connected.into_stream())
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let mut ask = async |path: &str| {
        let request = http::Request::get(format!("https://gateway.example{path}"));
        let (answer, _) = client.send_request(request.body(()).unwrap(), true)?;
        Ok::<_, h2::Error>(answer.await?.status().as_u16())
    };
    assert_eq!(ask("/before").await.unwrap(), 200);
    // The same again changes nothing: who is connected stays.
    world.gateway.reload(world.config()).await.unwrap();
    assert_eq!(ask("/same").await.unwrap(), 200);
    replace(&world, "clients", &after.pem());
    world.gateway.reload(world.config()).await.unwrap();
    assert!(ask("/after").await.is_err());
    assert_eq!(world.contoso.echo.last().unwrap().target, "/same");
    let ended = tokio::time::timeout(crate::support::PATIENCE, connection).await;
    assert!(ended.is_ok(), "the connection ends");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_is_no_good_is_no_configuration() {
    let authority = Authority::new("authority");
    let own = authority.server(&["gateway.example"]);
    let other = authority.server(&["gateway.example"]);
    let files = [("own", own.whole())];
    let setup = setup("{ certificate: own.pem }", &files);
    let load = || {
        let text = setup.text();
        bearergate::config::Config::parse(&text, "test.yaml", setup.folder())
    };
    assert!(load().is_ok());
    let path = setup.path("own.pem");
    for (bytes, why) in [
        (b"".to_vec(), "is empty"),
        (own.chain(), "no private key"),
        (own.key(), "no certificate"),
        (
            [own.chain(), other.key()].concat(),
            "does not belong to the certificate",
        ),
        (own.whole()[..200].to_vec(), "cut off"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let told = load().unwrap_err().to_string();
        assert!(told.contains(why), "{told}");
    }
    std::fs::remove_file(&path).unwrap();
    assert!(load().is_err());
}
