//! `certificate new`: OpenSSL's own tool is the judge of it, and then the gateway.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::support::{API_KEY, Connection, Process, run};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bearergate::fake::Contoso;
use openssl::x509::X509;

use super::setup;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_certificate_agrees_with_openssl_and_gets_mail_through_the_gateway() {
    let setup = setup();
    let out = setup.folder().display().to_string();
    let arguments = ["certificate", "new", "--name", "mail daemon", "--out", &out];
    let ran = run(&arguments).ends(0);
    let at = |end: &str| format!("{out}/mail-daemon{end}");
    for (end, mode) in [
        (".pfx", 0o600),
        (".pass", 0o600),
        (".cer", 0o644),
        (".manifest.json", 0o644),
    ] {
        let about = std::fs::metadata(at(end)).unwrap_or_else(|_| panic!("{end}: {}", ran.out));
        assert_eq!(about.permissions().mode() & 0o777, mode, "{end}");
    }
    let passphrase = std::fs::read_to_string(at(".pass")).unwrap();
    assert!(
        !ran.out.contains(passphrase.trim()),
        "the passphrase is not printed"
    );
    run(&arguments).ends(1).says(&["already there", "--force"]);

    // OpenSSL's own tool is the judge.
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl").args(arguments).output().unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    let text = openssl(&["x509", "-in", &at(".cer"), "-noout", "-text"]);
    assert!(
        text.contains("(2048 bit)") && text.contains("CN = mail daemon"),
        "{text}"
    );
    let print = openssl(&[
        "x509",
        "-in",
        &at(".cer"),
        "-noout",
        "-fingerprint",
        "-sha1",
    ]);
    let hex = print.trim().rsplit('=').next().unwrap().replace(':', "");
    assert!(ran.out.contains(&hex), "{hex} in {}", ran.out);
    let pass = format!("file:{}", at(".pass"));
    let inside = openssl(&[
        "pkcs12",
        "-in",
        &at(".pfx"),
        "-passin",
        &pass,
        "-nodes",
        "-nocerts",
    ]);
    assert!(inside.contains("PRIVATE KEY"));
    let wrong = Command::new("openssl")
        .args([
            "pkcs12",
            "-in",
            &at(".pfx"),
            "-passin",
            "pass:wrong",
            "-nodes",
        ])
        .output()
        .unwrap();
    assert!(!wrong.status.success());
    let manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(at(".manifest.json")).unwrap()).unwrap();
    let credential = &manifest["keyCredentials"][0];
    let decoded = |member: &str| {
        STANDARD
            .decode(credential[member].as_str().unwrap())
            .unwrap()
    };
    let thumbprint: String = decoded("customKeyIdentifier")
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    assert_eq!(thumbprint, hex);
    let der = decoded("value");
    let certificate = X509::from_pem(&std::fs::read(at(".cer")).unwrap()).unwrap();
    assert_eq!(certificate.to_der().unwrap(), der);

    // Uploaded, and used as the summary says.
    setup.contoso.issuer.register(|registry| {
        registry.with_app_changed(Contoso::MAIL_CLIENT, |app| app.certificate(&der).unwrap())
    });
    let lines = ran.out.lines();
    let summary: Vec<&str> = lines
        .skip_while(|line| *line != "  identities:")
        .skip(1)
        .collect();
    let identity = summary.join("\n").replace(
        "{ tenant: <tenant id>, client_id: <client id> }",
        "{ tenant: $MAIL_TENANT, client_id: $MAIL_CLIENT, authority: $ISSUER }",
    );
    let setup = setup.put("/identities", &identity);
    let gate = Process::serve(&setup.written()).await;
    let mut connection = Connection::open(gate.address("legacy")).await;
    connection
        .send(format!(
            "GET /mail/x HTTP/1.1\r\nHost: a\r\nX-Api-Key: {API_KEY}\r\n\r\n"
        ))
        .await;
    let reply = connection.reply().await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text());
    let asked = setup.contoso.issuer.last_token_request().unwrap();
    assert!(asked.field("client_assertion").is_some());
    assert_eq!(gate.stop().await.0, Some(0));
}
