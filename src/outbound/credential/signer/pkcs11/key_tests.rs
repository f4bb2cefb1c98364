//! The gateway's side, by a shell script in place of the process that loads the module.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;
use crate::entra::Algorithm;
use crate::outbound::SIGNING_COMMAND;

const OPENED: &str = "read opening; echo '\"Opened\"'";
/// `signed`, in base64.
const SIGNED: &str = "echo '{\"Signed\":\"c2lnbmVk\"}'";

/// A key whose process is this script; `$HERE` is a folder of the test's own, where `starts` has a line for
/// each start.
fn key(folder: &Path, script: &str) -> Pkcs11Key {
    let program = folder.join("signs");
    let script = format!(
        "#!/bin/sh\nHERE={}\necho >> $HERE/starts\n{script}\n",
        folder.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    let wanted = KeyWanted {
        label: Some("mail".to_owned()),
        id: Some(vec![0x01, 0xa4]),
    };
    let token = TokenWanted::Label("gateway".to_owned());
    let pin = Secret::new("97531".to_owned());
    let mut key = Pkcs11Key::new("/opt/module.so".into(), token, wanted, pin);
    key.program = program;
    key
}

async fn sign(key: &Pkcs11Key) -> Result<Vec<u8>, String> {
    let digest = [7; 32];
    let wanted = SignatureWanted {
        algorithm: Algorithm::Ps256,
        digest: &digest,
    };
    key.sign(&wanted).await
}

fn starts(folder: &Path) -> usize {
    std::fs::read_to_string(folder.join("starts")).map_or(0, |text| text.lines().count())
}

#[tokio::test]
async fn a_process_signs_many_times_and_is_told_the_pin_by_a_pipe_alone() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "read opening; echo \"$opening\" > $HERE/opening; echo \"$*\" > $HERE/arguments; env > $HERE/environment\n\
         echo '\"Opened\"'; while read wanted; do echo \"$wanted\" > $HERE/wanted; {SIGNED}; done"
    );
    let mut key = key(folder.path(), &script);
    key.environment = vec![(
        "MODULE_CONF".to_owned(),
        Secret::new("/etc/module".to_owned()),
    )];
    for _ in 0..3 {
        assert_eq!(sign(&key).await.unwrap(), b"signed");
    }
    assert_eq!(starts(folder.path()), 1);
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(
        read("opening").trim(),
        r#"{"module":"/opt/module.so","token":{"Label":"gateway"},"key":{"label":"mail","id":[1,164]},"pin":"97531"}"#
    );
    assert!(read("wanted").starts_with(r#"{"algorithm":"Ps256","sha256":[7,7,"#));
    assert_eq!(read("arguments").trim(), SIGNING_COMMAND);
    let environment = read("environment");
    assert!(
        environment.contains("MODULE_CONF=/etc/module"),
        "{environment}"
    );
    assert!(
        !environment.contains("97531") && !environment.contains("CARGO"),
        "{environment}"
    );
    assert!(!format!("{key:?} {key}").contains("97531"));
    assert_eq!(
        key.to_string(),
        "PKCS#11 (/opt/module.so, token gateway, key mail 01a4)"
    );
}

#[tokio::test]
async fn a_token_that_went_away_is_opened_anew_once() {
    let folder = tempfile::tempdir().unwrap();
    // Each process signs once; then the card is gone.
    let gone = r#"echo '{"Refused":{"why":"C_Sign: DeviceRemoved","is_pin":false}}'"#;
    let key = key(
        folder.path(),
        &format!("{OPENED}; read wanted; {SIGNED}; read wanted; {gone}; sleep 60"),
    );
    for started in 1..=3 {
        assert_eq!(sign(&key).await.unwrap(), b"signed");
        assert_eq!(starts(folder.path()), started);
    }
    // One that never signs is asked once, and no second one after it.
    let never = tempfile::tempdir().unwrap();
    let key = self::key(
        never.path(),
        &format!("{OPENED}; read wanted; {gone}; sleep 60"),
    );
    assert_eq!(sign(&key).await.unwrap_err(), "C_Sign: DeviceRemoved");
    assert_eq!(starts(never.path()), 1);
}

#[tokio::test]
async fn a_wrong_pin_is_tried_once() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = r#"read opening; echo '{"Refused":{"why":"the token does not take the PIN (C_Login: PinIncorrect)","is_pin":true}}'"#;
    let key = key(folder.path(), wrong);
    let (first, second) = (
        sign(&key).await.unwrap_err(),
        sign(&key.clone()).await.unwrap_err(),
    );
    assert!(
        first.contains("PinIncorrect") && first.contains("It is not tried again"),
        "{first}"
    );
    assert_eq!(first, second);
    assert_eq!(starts(folder.path()), 1);
}

#[tokio::test]
async fn what_does_not_answer_is_killed_with_what_it_began() {
    for hung in [
        "sleep 600 & echo $! > $HERE/child; wait",
        &format!("{OPENED}; sleep 600 & echo $! > $HERE/child; wait"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut key = key(folder.path(), hung);
        key.timeout = Duration::from_secs(2);
        let why = sign(&key).await.unwrap_err();
        assert!(why.contains("did not within 2s"), "{why}");
        let child = std::fs::read_to_string(folder.path().join("child")).unwrap();
        let alive = Path::new("/proc").join(child.trim()).join("stat");
        // Gone, or a corpse that nobody has taken note of.
        let is_dead = || std::fs::read_to_string(&alive).map_or(true, |stat| stat.contains(") Z "));
        while !is_dead() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn what_crashes_or_speaks_nonsense_is_said() {
    for (script, why) in [
        (
            "exit 3",
            "the process that loads the module ended (exit status: 3)",
        ),
        (
            "kill -SEGV $$",
            "the process that loads the module ended (signal: 11",
        ),
        (
            &format!("{OPENED}; read wanted; kill -ABRT $$"),
            "the process that loads the module ended (signal: 6",
        ),
        (
            "read opening; echo hello; exec sleep 600",
            "the process that loads the module ended (signal: 9",
        ),
        (
            "read opening; exec cat /dev/zero",
            "the process that loads the module ended (signal: 9",
        ),
        (
            &format!("read opening; {SIGNED}; exec sleep 600"),
            "answers what it was not asked",
        ),
        (
            &format!("{OPENED}; read wanted; echo '{{\"Signed\":\"?\"}}'; exec sleep 600"),
            "says what is no signature",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let said = sign(&key(folder.path(), script)).await.unwrap_err();
        assert!(said.contains(why), "{script}: {said}");
    }
    let folder = tempfile::tempdir().unwrap();
    let mut key = key(folder.path(), "exit 0");
    key.program = "/nowhere/bearergate".into();
    let said = sign(&key).await.unwrap_err();
    assert!(said.contains("cannot be started: No such file"), "{said}");
}
