//! Arguments and output: what misuse comes to, what cannot be done, and who is not there to read.

use std::process::Stdio;

use crate::support::{Ran, Setup, command, run};

#[test]
fn misuse_ends_with_2_and_a_sentence_on_standard_error() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().display().to_string();
    let missing = format!("{here}/gate.yml");
    let binary = folder.path().join("binary.yaml");
    std::fs::write(&binary, [0xff, 0xfe, 0x00]).unwrap();
    let binary = binary.display().to_string();
    #[rustfmt::skip]
    let cases: &[(&[&str], &[&str])] = &[
        (&[], &["Usage:"]),
        (&["nonsense"], &["unrecognized subcommand"]),
        (&["serve"], &["--config <FILE>"]),
        (&["serve", "--config", ""], &["--config <FILE>"]),
        (&["serve", "--config", &missing], &["no such file: ", &missing]),
        (&["check", "--config", &missing], &["no such file: ", &missing]),
        (&["token", "-c", &missing, "-i", "a", "-s", "b"], &["no such file: ", &missing]),
        (&["check", "--config", &here], &["is a directory", &here]),
        (&["check", "--config", &binary], &[&binary, "1 problem; nothing was started."]),
        (&["check", "--config", "/dev/null"], &["nothing was started"]),
        (&["check", "--confg", &missing], &["--confg", "--config"]),
        (&["probe"], &["<URL>"]),
        (&["probe", "127.0.0.1:9090/readyz"], &["URL"]),
        (&["probe", "nonsense"], &["nonsense"]),
        (&["probe", "ftp://127.0.0.1/readyz"], &["http or https"]),
        (&["probe", "http://127.0.0.1:1/", "--timeout", "soon"], &["--timeout"]),
        (&["probe", "https://127.0.0.1:1/", "--ca-file", &missing], &["--ca-file: there is no file gate.yml"]),
        (&["probe", "https://127.0.0.1:1/", "--ca-file", &binary], &["--ca-file", &binary]),
        (&["certificate"], &["Usage:"]),
        (&["certificate", "new"], &["--name <CN>"]),
        (&["certificate", "new", "--name", ""], &["1 to 64 characters"]),
        (&["certificate", "new", "--name", "x", "--bits", "1024"], &["2048, 3072, 4096"]),
        (&["certificate", "new", "--name", "x", "--days", "0"], &["1..=3650"]),
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
    #[rustfmt::skip]
    let cases: &[(&[&str], &[&str])] = &[
        (&["probe", "http://127.0.0.1:1/readyz"], &["does not answer", "refused"]),
        (&["certificate", "new", "--name", "x", "--out", &out], &["cannot make the folder", &out]),
        (&["certificate", "new", "--name", "x", "--out", "/tmp", "--passphrase-file", "/nowhere"], &["no file nowhere in /"]),
    ];
    for (arguments, words) in cases {
        assert_eq!(run(arguments).ends(1).says(words).out, "");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn output_that_nobody_takes_is_no_panic() {
    let setup = Setup::open("http://127.0.0.1:1", "", "");
    let config = setup.written();
    let out = setup.path("made").display().to_string();
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
        "api-key",
        "schema",
        "probe",
        "why",
        "completions",
        "manual",
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
