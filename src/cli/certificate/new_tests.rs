use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use clap::Parser;
use openssl::hash::{MessageDigest, hash};
use openssl::x509::X509;
use zeroize::Zeroizing;

use super::*;
use crate::entra::CertificateKey;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    command: CertificateNew,
}

fn parse(words: &[&str]) -> Result<CertificateNew, clap::Error> {
    Line::try_parse_from([&["new"], words].concat()).map(|line| line.command)
}

/// The command with these words more, in a folder of its own.
fn command(folder: &tempfile::TempDir, words: &[&str]) -> CertificateNew {
    let out = folder.path().to_str().unwrap();
    parse(&[&["--name", "mail-daemon", "--out", out], words].concat()).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn read(folder: &tempfile::TempDir, name: &str) -> Vec<u8> {
    std::fs::read(folder.path().join(name)).unwrap()
}

fn secret(folder: &tempfile::TempDir, name: &str) -> Secret<String> {
    SecretSource::File(folder.path().join(name))
        .read_text()
        .unwrap()
}

fn now() -> UnixTime {
    UnixTime::from_seconds(1_790_000_000)
}

#[test]
fn the_gateway_reads_what_was_made() {
    let folder = tempfile::tempdir().unwrap();
    let summary = command(&folder, &["--pem"]).make(now()).unwrap();
    assert_eq!(
        names(folder.path()),
        ["cer", "key.pem", "manifest.json", "pass", "pfx"].map(|end| format!("mail-daemon.{end}"))
    );
    let passphrase = secret(&folder, "mail-daemon.pass");
    assert_eq!(passphrase.expose().len(), 43);
    let key = CertificateKey::from_pkcs12(&read(&folder, "mail-daemon.pfx"), Some(&passphrase));
    let key = key.unwrap();
    assert_eq!(now().until(key.not_after()).as_secs(), 365 * 86_400);
    let pem = CertificateKey::from_pem(
        &read(&folder, "mail-daemon.cer"),
        &read(&folder, "mail-daemon.key.pem"),
        Some(&passphrase),
    );
    assert_eq!(pem.unwrap(), key);

    let der = X509::from_pem(&read(&folder, "mail-daemon.cer"))
        .unwrap()
        .to_der()
        .unwrap();
    let sha1 = hash(MessageDigest::sha1(), &der).unwrap();
    let sha256 = hash(MessageDigest::sha256(), &der).unwrap();
    let hex: String = sha1.iter().map(|byte| format!("{byte:02X}")).collect();
    for thumbprint in [
        hex,
        URL_SAFE_NO_PAD.encode(sha1),
        URL_SAFE_NO_PAD.encode(sha256),
    ] {
        assert!(summary.contains(&thumbprint), "{thumbprint} in {summary}");
    }

    let manifest: serde_json::Value =
        serde_json::from_slice(&read(&folder, "mail-daemon.manifest.json")).unwrap();
    let credential = &manifest["keyCredentials"][0];
    assert_eq!(credential["customKeyIdentifier"], STANDARD.encode(sha1));
    assert_eq!(credential["value"], STANDARD.encode(&der));
    assert_eq!(credential["type"], "AsymmetricX509Cert");
    assert_eq!(credential["usage"], "Verify");
    assert!(uuid::Uuid::try_parse(credential["keyId"].as_str().unwrap()).is_ok());
    assert_eq!(credential.as_object().unwrap().len(), 5);
}

#[test]
fn secrets_are_their_owners_alone_and_not_in_the_summary() {
    let folder = tempfile::tempdir().unwrap();
    let summary = command(&folder, &["--pem"]).make(now()).unwrap();
    let modes = [("pfx", 0o600), ("pass", 0o600), ("key.pem", 0o600)];
    for (end, expected) in modes {
        let path = folder.path().join(format!("mail-daemon.{end}"));
        let mode = path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, expected, "{end}");
    }
    assert!(!summary.contains(secret(&folder, "mail-daemon.pass").expose()));
    let pem = String::from_utf8(read(&folder, "mail-daemon.key.pem")).unwrap();
    assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
}

#[test]
fn nothing_is_replaced_unasked() {
    for end in ["pfx", "pass", "cer", "manifest.json", "key.pem"] {
        let folder = tempfile::tempdir().unwrap();
        let name = format!("mail-daemon.{end}");
        let path = folder.path().join(&name);
        std::fs::write(&path, "dear").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        let error = command(&folder, &["--pem"])
            .make(now())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(&name) && error.contains("--force"),
            "{error}"
        );
        assert_eq!(names(folder.path()), std::slice::from_ref(&name));
        assert_eq!(read(&folder, &name), b"dear");

        command(&folder, &["--force", "--pem"]).make(now()).unwrap();
        assert_ne!(read(&folder, &name), b"dear");
        assert_eq!(names(folder.path()).len(), 5, "no file is left beside");
        let secret = ["pfx", "pass", "key.pem"].contains(&end);
        let mode = path.metadata().unwrap().permissions().mode() & 0o777;
        assert!(!secret || mode == 0o600, "{end} kept the mode {mode:o}");
    }
}

#[test]
fn a_link_in_the_way_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("elsewhere");
    std::os::unix::fs::symlink(&target, folder.path().join("mail-daemon.pfx")).unwrap();
    assert!(command(&folder, &[]).make(now()).is_err());
    command(&folder, &["--force"]).make(now()).unwrap();
    assert!(!target.exists());
}

#[test]
fn what_was_begun_is_undone_when_a_file_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| NewFile {
        path: folder.path().join(name),
        purpose: "",
        secret: true,
        content: Zeroizing::new(b"x".to_vec()),
    };
    std::fs::write(folder.path().join("c"), "dear").unwrap();
    let error = write_all(&[file("a"), file("b"), file("c")], false).unwrap_err();
    assert!(error.to_string().contains("cannot write"), "{error}");
    assert_eq!(names(folder.path()), ["c"]);
    assert_eq!(read(&folder, "c"), b"dear");
}

#[test]
fn a_given_passphrase_is_used_and_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let given = folder.path().join("given");
    std::fs::write(&given, "correct horse\n").unwrap();
    let out = folder.path().join("a new/folder");
    let words = [
        "--name",
        "CN=Contoso SuperApp Cert",
        "--days",
        "30",
        "--bits",
        "3072",
    ];
    let paths = [
        "--out",
        out.to_str().unwrap(),
        "--passphrase-file",
        given.to_str().unwrap(),
    ];
    let summary = parse(&[&words[..], &paths].concat())
        .unwrap()
        .make(now())
        .unwrap();
    let stem = "Contoso-SuperApp-Cert";
    assert_eq!(
        names(&out),
        ["cer", "manifest.json", "pfx"].map(|end| format!("{stem}.{end}"))
    );
    let pfx = std::fs::read(out.join(format!("{stem}.pfx"))).unwrap();
    let key = CertificateKey::from_pkcs12(&pfx, Some(&Secret::new("correct horse".to_owned())));
    assert_eq!(now().until(key.unwrap().not_after()).as_secs(), 30 * 86_400);
    let certificate = std::fs::read(out.join(format!("{stem}.cer"))).unwrap();
    let certificate = X509::from_pem(&certificate).unwrap();
    assert_eq!(certificate.public_key().unwrap().bits(), 3072);
    assert!(
        summary.contains("'@") && summary.contains("a new/folder"),
        "{summary}"
    );
    assert!(summary.contains("passphrase: { file: "), "{summary}");

    std::fs::write(&given, "correct\0horse").unwrap();
    let again = parse(&[&words[..], &paths, &["--force"]].concat()).unwrap();
    assert!(again.make(now()).unwrap_err().to_string().contains("NUL"));
}

#[test]
fn arguments_out_of_bounds_are_refused() {
    let long = "x".repeat(65);
    let cases: [&[&str]; 9] = [
        &[],
        &["--name", ""],
        &["--name", "CN="],
        &["--name", "a\nb"],
        &["--name", "…"],
        &["--name", &long],
        &["--name", "a", "--bits", "1024"],
        &["--name", "a", "--days", "0"],
        &["--name", "a", "--days", "3651"],
    ];
    for words in cases {
        assert!(parse(words).is_err(), "{words:?}");
    }
    assert_eq!(
        parse(&["--name", "../etc/x y"]).unwrap().name.stem(),
        "etc-x-y"
    );
}

#[test]
fn yaml_and_shell_read_what_is_meant() {
    let yaml = [
        ("/run/mail.pfx", "/run/mail.pfx"),
        ("mail-daemon", "mail-daemon"),
        ("no", "\"no\""),
        ("1.5", "\"1.5\""),
        ("-x", "\"-x\""),
        ("/a b: #c", "\"/a b: #c\""),
    ];
    for (text, expected) in yaml {
        assert_eq!(for_yaml(text), expected);
    }
    assert_eq!(for_shell(Path::new("/run/mail.cer")), "@/run/mail.cer");
    assert_eq!(
        for_shell(Path::new("/a b/it's.cer")),
        r"'@/a b/it'\''s.cer'"
    );
}

#[test]
fn the_openssl_command_agrees() {
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("skipped: no openssl command here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let summary = command(&folder, &["--pem"]).make(UnixTime::now()).unwrap();
    let openssl = |line: &str| {
        let output = Command::new("openssl")
            .args(line.split(' '))
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{line}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    let fingerprint = openssl("x509 -in mail-daemon.cer -noout -fingerprint -sha1");
    let fingerprint = fingerprint
        .trim()
        .split('=')
        .nth(1)
        .unwrap()
        .replace(':', "");
    assert!(summary.contains(&fingerprint), "{fingerprint} in {summary}");
    let text = openssl("x509 -in mail-daemon.cer -noout -text");
    for expected in [
        "Version: 3",
        "Public-Key: (2048 bit)",
        "Signature Algorithm: sha256WithRSAEncryption",
        "TLS Web Client Authentication",
        "CA:FALSE",
        "Digital Signature",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    let from_pfx = openssl("pkcs12 -in mail-daemon.pfx -passin file:mail-daemon.pass -nodes");
    assert!(from_pfx.contains("BEGIN PRIVATE KEY") && from_pfx.contains("BEGIN CERTIFICATE"));
    openssl("pkey -in mail-daemon.key.pem -passin file:mail-daemon.pass -noout");
    openssl("verify -CAfile mail-daemon.cer mail-daemon.cer");
}
