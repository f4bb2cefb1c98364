use http::HeaderValue;

use super::*;

fn challenge(fields: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for field in fields {
        headers.append(WWW_AUTHENTICATE, HeaderValue::from_str(field).unwrap());
    }
    headers
}

fn shown(realm: &str, folder: &Path) -> Result<String, KeyError> {
    let key = key(&challenge(&[&format!("Basic realm={realm}")]), folder);
    key.map(|key| key.expose().clone())
}

#[test]
fn a_key_of_the_folder_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let path = folder.join("7f1c.key");
    std::fs::write(&path, "the-key\n").unwrap();
    let path = path.display().to_string();
    assert_eq!(shown(&path, folder).unwrap(), "the-key");
    assert_eq!(shown(&format!("\"{path}\""), folder).unwrap(), "the-key");
    let odd = challenge(&["Negotiate", &format!("BASIC  Realm = {path}")]);
    assert_eq!(key(&odd, folder).unwrap().expose(), "the-key");
    std::fs::write(&path, "x".repeat(4096)).unwrap();
    assert_eq!(shown(&path, folder).unwrap().len(), 4096);
    std::fs::write(&path, "x".repeat(4097)).unwrap();
    assert_eq!(
        shown(&path, folder),
        Err(KeyError::TooLarge(path.clone().into()))
    );
    for wrong in ["", "\n", "two words", "caf\u{e9}", "a\nb"] {
        std::fs::write(&path, wrong).unwrap();
        assert_eq!(
            shown(&path, folder),
            Err(KeyError::NotText(path.clone().into())),
            "{wrong:?}"
        );
    }
    std::fs::remove_file(&path).unwrap();
    let why = shown(&path, folder).unwrap_err();
    assert!(why.to_string().contains("cannot be read"), "{why}");
}

/// Whoever answers in the agent's place must not learn what this process can read.
#[test]
fn no_other_file_is_shown() {
    let outside = tempfile::tempdir().unwrap();
    let folder = outside.path().join("tokens");
    std::fs::create_dir_all(folder.join("below")).unwrap();
    std::fs::create_dir_all(folder.join("folder.key")).unwrap();
    let secret = outside.path().join("secret.key");
    for path in [
        &secret,
        &folder.join("below/x.key"),
        &folder.join("x.pem"),
        &folder.join(".key"),
    ] {
        std::fs::write(path, "stolen").unwrap();
    }
    std::os::unix::fs::symlink(&secret, folder.join("link.key")).unwrap();
    let pipe = folder.join("pipe.key");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let inside = folder.display();
    for realm in [
        secret.display().to_string(),
        format!("{inside}/../secret.key"),
        format!("{inside}/below/x.key"),
        format!("{inside}/below/../x.key"),
        format!("{inside}/x.pem"),
        format!("{inside}/.key"),
        format!("{inside}/link.key"),
        format!("{inside}/folder.key"),
        format!("{inside}/pipe.key"),
        format!("{inside}/"),
        "x.key".to_owned(),
        "/etc/passwd".to_owned(),
        String::new(),
    ] {
        let why = shown(&realm, &folder).unwrap_err();
        assert_eq!(why, KeyError::Elsewhere(folder.clone()), "{realm}");
        assert!(!why.to_string().contains("stolen"));
    }
}

#[test]
fn it_takes_one_challenge_of_the_right_kind() {
    let folder = Path::new("/var/opt/azcmagent/tokens");
    let one = "Basic realm=/var/opt/azcmagent/tokens/a.key";
    for fields in [
        &[][..],
        &["Basic"],
        &["Bearer realm=/var/opt/azcmagent/tokens/a.key"],
        &["Basic file=/var/opt/azcmagent/tokens/a.key"],
        &["Basic /var/opt/azcmagent/tokens/a.key"],
        &[one, one],
    ] {
        assert_eq!(
            key(&challenge(fields), folder),
            Err(KeyError::NoChallenge),
            "{fields:?}"
        );
    }
}
