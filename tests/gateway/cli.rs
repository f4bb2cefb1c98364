//! The real binary, as somebody who has read `--help` and the README: what it prints, where, and with
//! which exit code; and what it never prints.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;

use crate::support::organisation::{CALC, File, GRAPH};
use crate::support::{API_KEY, PATIENCE};
use bearergate::fake::{Contoso, KeyPair, Neighbourhood, Ports, SigningKey};

const BINARY: &str = env!("CARGO_BIN_EXE_bearergate");

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(arguments).stdin(Stdio::null());
    for name in ["BEARERGATE_CONFIG", "NO_COLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command.env("RUST_BACKTRACE", "1");
    command
}

fn run(arguments: &[&str]) -> Ran {
    Ran::of(command(arguments).output().unwrap())
}

/// What a command came to.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        let ran = Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        };
        for word in ["panicked", "stack backtrace", "RUST_BACKTRACE"] {
            assert!(!ran.err.contains(word), "{}", ran.err);
        }
        ran
    }

    /// Ended with this code; a failure says so on standard error, in lines of its own.
    fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(code == 0 || self.err.ends_with('\n'), "{self:?}");
        self
    }

    fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(
                self.out.contains(word) || self.err.contains(word),
                "{word} in {self:?}"
            );
        }
        self
    }
}

/// A process that is ended with the test.
struct Started {
    child: Child,
    lines: mpsc::Receiver<String>,
    seen: String,
}

impl Started {
    /// Starts it; its standard error and output are one stream of lines.
    fn new(arguments: &[&str], change: impl FnOnce(&mut Command)) -> Self {
        let mut command = command(arguments);
        change(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let mut child = command.spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        let streams: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().unwrap()),
            Box::new(child.stderr.take().unwrap()),
        ];
        for stream in streams {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _ = sender.send(line);
                }
            });
        }
        Self {
            child,
            lines,
            seen: String::new(),
        }
    }

    /// Waits for a line that holds all of these.
    fn line(&mut self, words: &[&str]) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("no {words:?} in\n{}", self.seen));
            self.seen += &format!("{line}\n");
            if words.iter().all(|word| line.contains(word)) {
                return line;
            }
        }
    }

    /// Sends SIGTERM; gives back the exit code and everything that was printed.
    fn stop(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        let code = self.child.wait().unwrap().code();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.seen += &format!("{line}\n");
        }
        (code, std::mem::take(&mut self.seen))
    }

    /// The address in the JSON line in which `serve` says where it listens.
    fn address(&mut self, words: &[&str]) -> String {
        let line: serde_json::Value = serde_json::from_str(&self.line(words)).unwrap();
        line["address"].as_str().unwrap().to_owned()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The dev organisation in this process, and a folder for files about it.
struct World {
    contoso: Contoso,
    doors: Neighbourhood,
    folder: tempfile::TempDir,
    // Dropped last: the doors live in it.
    runtime: tokio::runtime::Runtime,
}

impl World {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let contoso = Contoso::with_key(SigningKey::shared().unwrap());
        let doors = {
            let _inside = runtime.enter();
            contoso.open(Ports::default(), None).unwrap()
        };
        Self {
            contoso,
            doors,
            folder: tempfile::tempdir().unwrap(),
            runtime,
        }
    }

    fn file(&self) -> File {
        let (issuer, echo) = (self.doors.issuer.base(), self.doors.echo.base());
        let secret = self.contoso.mail_secret.expose();
        File::default()
            .identity(self.path(), "mail-daemon", &issuer, secret)
            .route("mail", &echo, "mail-daemon", GRAPH)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }

    fn config(&self, file: &File) -> String {
        self.write("gate.yaml", file.text(self.path()))
    }

    fn ask(&self, address: &str, head: &str) -> crate::support::Reply {
        let address = address.parse().unwrap();
        self.runtime.block_on(async {
            let mut connection = crate::support::Connection::open(address).await;
            connection
                .send(format!("GET {head}\r\nHost: localhost\r\n\r\n"))
                .await;
            connection.reply().await.unwrap()
        })
    }
}

#[test]
fn misuse_ends_with_2_and_a_sentence_on_standard_error() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().display().to_string();
    let missing = format!("{here}/gate.yml");
    let binary = folder.path().join("binary.yaml");
    std::fs::write(&binary, [0xff, 0xfe, 0x00]).unwrap();
    let binary = binary.display().to_string();
    let cases: &[(&[&str], &[&str])] = &[
        (&[], &["Usage:"]),
        (&["nonsense"], &["unrecognized subcommand"]),
        (&["serve"], &["--config <FILE>"]),
        (&["serve", "--config", ""], &["--config <FILE>"]),
        (
            &["serve", "--config", &missing],
            &["no such file: ", &missing],
        ),
        (
            &["check", "--config", &missing],
            &["no such file: ", &missing],
        ),
        (
            &["token", "-c", &missing, "-i", "a", "-s", "b"],
            &["no such file: ", &missing],
        ),
        (&["check", "--config", &here], &["is a directory", &here]),
        (
            &["check", "--config", &binary],
            &[&binary, "1 problem; nothing was started."],
        ),
        (
            &["check", "--config", "/dev/null"],
            &["nothing was started"],
        ),
        (&["check", "--confg", &missing], &["--confg", "--config"]),
        (&["probe"], &["<URL>"]),
        (&["probe", "127.0.0.1:9090/readyz"], &["URL"]),
        (&["probe", "nonsense"], &["nonsense"]),
        (&["probe", "http://192.0.2.1/readyz"], &["loopback"]),
        (
            &["probe", "http://127.0.0.1:1/", "--timeout", "soon"],
            &["--timeout"],
        ),
        (&["certificate"], &["Usage:"]),
        (&["certificate", "new"], &["--name <CN>"]),
        (
            &["certificate", "new", "--name", ""],
            &["1 to 64 characters"],
        ),
        (
            &["certificate", "new", "--name", "x", "--bits", "1024"],
            &["2048, 3072, 4096"],
        ),
        (
            &["certificate", "new", "--name", "x", "--days", "0"],
            &["1..=3650"],
        ),
    ];
    for (arguments, words) in cases {
        let ran = run(arguments).ends(2).says(words);
        assert_eq!(ran.out, "", "{arguments:?}: errors go to standard error");
    }
}

#[test]
fn what_cannot_be_done_ends_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("file");
    std::fs::write(&out, "").unwrap();
    let out = out.display().to_string();
    let cases: &[(&[&str], &[&str])] = &[
        (
            &["probe", "http://127.0.0.1:1/readyz"],
            &["does not answer", "refused"],
        ),
        (
            &["certificate", "new", "--name", "x", "--out", &out],
            &["cannot make the folder", &out],
        ),
        (
            &[
                "certificate",
                "new",
                "--name",
                "x",
                "--out",
                "/tmp",
                "--passphrase-file",
                "/nowhere",
            ],
            &["/nowhere", "No such file"],
        ),
    ];
    for (arguments, words) in cases {
        assert_eq!(run(arguments).ends(1).says(words).out, "");
    }
}

#[test]
fn output_that_nobody_takes_is_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let file = File::default()
        .plain("x", "http://127.0.0.1:1", "")
        .text(folder.path());
    let config = folder.path().join("gate.yaml");
    std::fs::write(&config, file).unwrap();
    let config = config.display().to_string();
    let out = folder.path().join("made").display().to_string();
    for arguments in [
        &["schema"][..],
        &["version"],
        &["check", "--config", &config],
        &["certificate", "new", "--name", "x", "--out", &out],
        &["dev", "--any-ports"],
        &["--help"],
    ] {
        // `| head -1`, after head has gone.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command(arguments)
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let ran = Ran::of(output).ends(0);
        assert_eq!(ran.err, "", "{arguments:?}");
    }
    for arguments in [
        &["schema"][..],
        &["version"],
        &["check", "--config", &config],
    ] {
        let full = std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let output = command(arguments)
            .stdout(full)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        Ran::of(output)
            .ends(1)
            .says(&["cannot write to standard output"]);
    }
}

#[test]
fn version_and_schema_tell_what_this_is() {
    run(&["version"])
        .ends(0)
        .says(&["bearergate 0.", "pingora 0.", "OpenSSL 3."]);
    let schema: serde_json::Value = serde_json::from_str(&run(&["schema"]).ends(0).out).unwrap();
    assert!(schema["properties"]["routes"].is_object());
    let help = run(&["--help"]).ends(0).says(&["Exit codes: 0 done"]).out;
    for command in [
        "dev",
        "serve",
        "check",
        "token",
        "certificate",
        "schema",
        "probe",
        "version",
    ] {
        assert!(
            help.lines()
                .any(|line| line.trim_start().starts_with(command)),
            "{help}"
        );
        run(&[command, "--help"]).ends(0);
    }
    assert!(
        help.lines().all(|line| line.chars().count() <= 105),
        "{help}"
    );
}

#[test]
fn check_prints_the_plan_and_colours_are_for_terminals() {
    let world = World::new();
    let config = world.config(&world.file().plain("open", "http://127.0.0.1:1", ""));
    let ran = run(&["check", "--config", &config]).ends(0).says(&[
        "who may come in",
        "the key payroll",
        "mail-daemon's",
        "nobody's",
        "2 routes, 0 issuers, 1 identity: valid.",
    ]);
    assert_eq!(ran.err, "");
    assert!(!ran.out.contains('\u{1b}'), "a pipe gets no colours");
    assert!(
        ran.out.contains(&world.doors.echo.base()),
        "a URL stays whole:\n{}",
        ran.out
    );
    let forced = command(&["check", "--online", "--config", &config])
        .env("CLICOLOR_FORCE", "1")
        .output()
        .unwrap();
    assert!(Ran::of(forced).out.contains("\u{1b}["));
    let unwanted = command(&["check", "--online", "--config", &config])
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    assert!(!Ran::of(unwanted).out.contains('\u{1b}'));
}

#[test]
fn check_online_tells_what_works_and_what_does_not() {
    let world = World::new();
    let (issuer, echo) = (world.doors.issuer.base(), world.doors.echo.base());
    let config = world.config(&world.file());
    let ran = run(&["check", "--online", "--config", &config]).ends(0);
    assert!(ran.out.contains("ok  token of mail-daemon"), "{}", ran.out);
    assert!(ran.out.contains("ok  upstream 127.0.0.1"), "{}", ran.out);

    let broken = world
        .file()
        .identity(
            world.path(),
            "reports",
            &issuer,
            "not this application's secret",
        )
        .route("reports", &echo, "reports", GRAPH)
        .plain("gone", "http://127.0.0.1:1", "");
    let ran = run(&["check", "--online", "--config", &world.config(&broken)])
        .ends(1)
        .says(&[
            "failed  token of reports",
            "AADSTS7000215",
            "give the secret's Value",
            "failed  upstream 127.0.0.1:1",
            "2 of these failed; the file itself is valid",
        ]);
    assert!(
        ran.out.contains("ok  token of mail-daemon"),
        "all are tried"
    );
    assert!(!ran.out.contains("not this application's secret"));
}

#[test]
fn check_says_when_a_certificate_has_ended_and_what_is_wrong_with_a_pfx() {
    let world = World::new();
    let now = bearergate::clock::UnixTime::now();
    let ended = KeyPair::generate_expired("old", now).unwrap();
    world.write("old.pfx", ended.pkcs12("a passphrase").unwrap());
    world.write("old.pass", "a passphrase\n");
    world.write("wrong.pass", "another passphrase\n");
    let with = |pass: &str| {
        let credential = format!("certificate: {{ file: old.pfx{pass} }}");
        let file = File::default()
            .identity_with("mail-daemon", &world.doors.issuer.base(), &credential)
            .route("mail", &world.doors.echo.base(), "mail-daemon", GRAPH);
        let config = world.config(&file);
        (run(&["check", "--config", &config]), config)
    };
    let (ran, _) = with(", passphrase: { file: old.pass }");
    ran.ends(0)
        .says(&["note  identity mail-daemon: its certificate ended at"]);
    let (ran, config) = with(", passphrase: { file: wrong.pass }");
    let ran = ran
        .ends(2)
        .says(&["gate.yaml:", "the passphrase does not open it"]);
    assert!(!ran.err.contains("another passphrase"), "{}", ran.err);
    let ran = run(&["serve", "--config", &config]).ends(2);
    assert!(
        !ran.err.contains("listening"),
        "nothing is bound before the file is valid"
    );
    let (ran, _) = with("");
    ran.ends(2).says(&["give `passphrase`"]);
}

#[test]
fn token_shows_claims_and_keeps_the_token_to_itself_unless_asked() {
    let world = World::new();
    let config = world.config(&world.file());
    let token = ["token", "--config", &config, "--identity"];
    let with = |rest: &[&str]| run(&[&token[..], rest].concat());
    let ran = with(&["mail-daemon", "--scope", GRAPH]).ends(0).says(&[
        "\"aud\": \"https://graph.microsoft.com\"",
        "\"Mail.Read\"",
        "valid until",
    ]);
    assert!(!ran.out.contains("eyJ"), "{}", ran.out);
    let raw = with(&["mail-daemon", "--scope", CALC, "--raw"]).ends(0).out;
    assert_eq!(
        (raw.trim_end().split('.').count(), raw.lines().count()),
        (3, 1),
        "{raw}"
    );
    with(&["mail-deamon", "--scope", GRAPH])
        .ends(2)
        .says(&["no identity `mail-deamon`", "did you mean `mail-daemon`?"]);
    with(&["x", "--scope", GRAPH])
        .ends(2)
        .says(&["it has: mail-daemon"]);
    with(&["mail-daemon", "--scope", "api://nobody/.default"])
        .ends(1)
        .says(&[
            "identity mail-daemon got no token",
            "AADSTS500011",
            "check the App ID URI",
        ]);
}

#[test]
fn a_new_certificate_agrees_with_openssl_and_gets_mail_through_the_gateway() {
    let world = World::new();
    let out = world.path().display().to_string();
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
        use base64::Engine as _;
        let text = credential[member].as_str().unwrap();
        base64::engine::general_purpose::STANDARD
            .decode(text)
            .unwrap()
    };
    let thumbprint: String = decoded("customKeyIdentifier")
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    assert_eq!(thumbprint, hex);
    let der = decoded("value");
    let pem = std::fs::read(at(".cer")).unwrap();
    assert_eq!(
        openssl::x509::X509::from_pem(&pem)
            .unwrap()
            .to_der()
            .unwrap(),
        der
    );

    // Uploaded, and used as the summary says.
    world.contoso.issuer.register(|registry| {
        registry.with_app_changed(Contoso::MAIL_CLIENT, |app| app.certificate(&der).unwrap())
    });
    let summary: Vec<&str> = ran
        .out
        .lines()
        .skip_while(|line| *line != "  identities:")
        .collect();
    let authority = world.doors.issuer.base();
    let identities = summary.join("\n").replace(
        "{ tenant: <tenant id>, client_id: <client id> }",
        &format!(
            "{{ tenant: {}, client_id: {}, authority: \"{authority}\" }}",
            Contoso::MAIL_TENANT,
            Contoso::MAIL_CLIENT
        ),
    );
    let identities = identities.replace("\n  ", "\n").replacen("  ", "", 1);
    let routes = File::default().route("mail", &world.doors.echo.base(), "mail-daemon", GRAPH);
    let text = routes
        .text(world.path())
        .replace("routes:\n", &format!("{identities}\nroutes:\n"));
    let config = world.write("gate.yaml", text);
    let mut gate = Started::new(&["serve", "--config", &config], |_| {});
    let address = gate.address(&["\"listening\"", "legacy"]);
    let reply = world.ask(
        &address,
        &format!("/mail/x HTTP/1.1\r\nX-Api-Key: {API_KEY}"),
    );
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(
        world
            .contoso
            .issuer
            .last_token_request()
            .unwrap()
            .field("client_assertion")
            .is_some()
    );
    assert_eq!(gate.stop().0, Some(0));
}

#[test]
fn no_secret_assertion_or_token_is_ever_printed() {
    let world = World::new();
    let pair = KeyPair::generate("mail-daemon").unwrap();
    world.contoso.register_mail_certificate(&pair).unwrap();
    world.write("mail.pfx", pair.pkcs12("PFX-PASSPHRASE-7").unwrap());
    world.write("mail.pass", "PFX-PASSPHRASE-7\n");
    let (issuer, echo) = (world.doors.issuer.base(), world.doors.echo.base());
    let certificate = "certificate: { file: mail.pfx, passphrase: { file: mail.pass } }";
    let file = world
        .file()
        .identity_with("by-certificate", &issuer, certificate)
        .identity(world.path(), "wrong", &issuer, "WRONG-SECRET-7")
        .route("certificate", &echo, "by-certificate", GRAPH)
        .route("wrong", &echo, "wrong", GRAPH);
    let config = world.config(&file);
    let mut gate = Started::new(&["serve", "--config", &config], |command| {
        command
            .env("RUST_LOG", "trace")
            .env("RUST_BACKTRACE", "full");
    });
    let address = gate.address(&["\"listening\"", "legacy"]);
    let admin = gate.address(&["admin listening"]);
    let mut hidden = vec![
        API_KEY.to_owned(),
        "PFX-PASSPHRASE-7".to_owned(),
        "WRONG-SECRET-7".to_owned(),
        world.contoso.mail_secret.expose().clone(),
        "CALLERS-OWN-7".to_owned(),
    ];
    let mut answers = String::new();
    for (route, status) in [
        ("mail", 200),
        ("certificate", 200),
        ("wrong", 502),
        ("nowhere", 404),
    ] {
        let head = format!(
            "/{route}/x?$search=QUERY-7 HTTP/1.1\r\nX-Api-Key: {API_KEY}\r\n\
             Authorization: Bearer CALLERS-OWN-7"
        );
        let reply = world.ask(&address, &head);
        assert_eq!(reply.status, status, "{route}: {}", reply.text());
        if status != 200 {
            answers += &reply.text();
        }
        let token = world
            .contoso
            .echo
            .last()
            .unwrap()
            .header("authorization")
            .unwrap()
            .to_owned();
        hidden.push(token.trim_start_matches("Bearer ").to_owned());
        let asked = world.contoso.issuer.last_token_request().unwrap();
        hidden.extend(asked.field("client_assertion").map(str::to_owned));
    }
    world.ask(
        &address,
        &format!("/mail/x HTTP/1.1\r\nX-Api-Key: {API_KEY}x"),
    );
    answers += &world.ask(&admin, "/metrics HTTP/1.1").text();
    answers += &world.ask(&admin, "/readyz HTTP/1.1").text();
    let (code, printed) = gate.stop();
    assert_eq!(code, Some(0));
    assert!(printed.contains("AADSTS7000215"), "{printed}");
    hidden.extend(["eyJ".to_owned(), "QUERY-7".to_owned()]);
    for secret in hidden {
        assert!(
            secret.len() > 2 && !printed.contains(&secret),
            "{secret} in\n{printed}"
        );
        assert!(!answers.contains(&secret), "{secret} in\n{answers}");
    }
}

#[test]
fn probe_tells_health_by_its_exit_code() {
    let world = World::new();
    let nowhere = format!(
        "version: 1\nlisteners: {{ apis: {{ address: 127.0.0.1:0 }} }}\n\
         admin: {{ address: 127.0.0.1:0 }}\n\
         issuers: {{ gone: {{ entra: {{ tenant: {}, authority: \"http://127.0.0.1:1\" }} }} }}\n\
         routes:\n  - id: x\n    listener: apis\n    match: {{ path: /x }}\n    callers: \
         [{{ bearer: {{ issuer: gone, audiences: [api], any_valid_token: true }} }}]\n    \
         upstream: {{ url: \"http://127.0.0.1:1\" }}\n",
        Contoso::CALC_TENANT,
    );
    let config = world.write("gone.yaml", nowhere);
    let mut gate = Started::new(&["serve", "--config", &config], |_| {});
    let admin = gate.address(&["admin listening"]);
    run(&["probe", &format!("http://{admin}/livez")])
        .ends(0)
        .says(&["200"]);
    run(&["probe", &format!("http://{admin}/readyz")])
        .ends(1)
        .says(&["answered 503", "gone"]);
    run(&["probe", &format!("http://{admin}/nothing")])
        .ends(1)
        .says(&["answered 404"]);
    let (code, printed) = gate.stop();
    assert_eq!(code, Some(0), "{printed}");
    run(&["probe", &format!("http://{admin}/livez")])
        .ends(1)
        .says(&["does not answer"]);
}

#[test]
fn a_taken_port_is_said_at_once() {
    let world = World::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let text = world
        .file()
        .text(world.path())
        .replacen("127.0.0.1:0", &address, 1);
    let config = world.write("gate.yaml", text);
    run(&["serve", "--config", &config]).ends(1).says(&[
        "legacy cannot listen on",
        &address,
        "in use",
    ]);
}

#[test]
fn dev_comes_up_says_where_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let ready = folder.path().join("ready.json");
    let name = ready.display().to_string();
    let scratch = folder.path().join("scratch");
    std::fs::create_dir(&scratch).unwrap();
    let arguments = ["dev", "--https", "--any-ports", "--ready-file", &name];
    let mut dev = Started::new(&arguments, |command| {
        command.env("TMPDIR", &scratch);
    });
    dev.line(&["Ctrl-C"]);
    assert_eq!(
        std::fs::metadata(&ready).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let facts: serde_json::Value = serde_json::from_slice(&std::fs::read(&ready).unwrap()).unwrap();
    assert!(facts["authority"].as_str().unwrap().starts_with("https://"));
    assert!(Path::new(facts["ca_file"].as_str().unwrap()).exists());
    assert_ne!(std::fs::read_dir(&scratch).unwrap().count(), 0);
    let (code, printed) = dev.stop();
    assert_eq!(code, Some(0), "{printed}");
    for told in [
        "issuer's authority (PEM)",
        "calculator.header",
        "→ 401 no_credential",
    ] {
        assert!(printed.contains(told), "{told} in\n{printed}");
    }
    for secret in ["api_key", "clients"] {
        let text = facts[secret].as_str().unwrap_or("eyJ");
        assert!(!printed.contains(text), "{printed}");
    }
    assert!(!ready.exists(), "what it tells of is gone");
    assert_eq!(
        std::fs::read_dir(&scratch).unwrap().count(),
        0,
        "keys and tokens are gone"
    );
}

#[test]
fn dev_moves_off_taken_ports_and_says_so() {
    // Whoever holds a port, this test or another process: it is taken.
    let held: Vec<_> = [8080, 8400]
        .iter()
        .map(|port| std::net::TcpListener::bind(("127.0.0.1", *port)))
        .collect();
    let mut dev = Started::new(&["dev"], |_| {});
    dev.line(&["Ctrl-C"]);
    let (code, printed) = dev.stop();
    drop(held);
    assert_eq!(code, Some(0), "{printed}");
    assert!(
        printed.contains("apis: 127.0.0.1:8080 is taken"),
        "{printed}"
    );
    assert!(
        printed.contains("issuer: 127.0.0.1:8400 is taken"),
        "{printed}"
    );
    assert!(
        !printed.contains("curl http://127.0.0.1:8080/"),
        "{printed}"
    );
}

#[test]
fn dev_try_runs_what_it_prints() {
    run(&["dev", "--try", "--any-ports"])
        .ends(0)
        .says(&["5 passed, 0 failed"]);
}
