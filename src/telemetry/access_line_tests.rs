use super::*;

fn line() -> AccessLine<'static> {
    AccessLine {
        time_ms: 1_800_000_000_123,
        severity: Severity::Usual,
        request_id: "r-1",
        trace_id: None,
        listener: "apis",
        protocol: Some(Version::HTTP_11),
        route: Some("calc"),
        method: "GET",
        path: "/calc/v1/add/1/1",
        status: 403,
        reason: Some("role_missing"),
        detail: Some("none of invokeRole"),
        principal: Some("app:1234"),
        token_id: None,
        client: Some([127, 0, 0, 1].into()),
        upstream: Some("http://calc:8080"),
        heard: Some((503, Duration::from_micros(1_200))),
        duration: Duration::from_micros(1_234),
        bytes_out: 512,
    }
}

fn rendered(line: &AccessLine<'_>, format: LogFormat) -> String {
    let mut out = Vec::new();
    line.render(format, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn both_forms_tell_the_same() {
    assert_eq!(
        rendered(&line(), LogFormat::Json),
        concat!(
            r#"{"timestamp":"2027-01-15T08:00:00.123Z","level":"INFO","kind":"access","#,
            r#""request_id":"r-1","listener":"apis","protocol":"http/1.1","#,
            r#""route":"calc","method":"GET","path":"/calc/v1/add/1/1","status":403,"#,
            r#""reason":"role_missing","detail":"none of invokeRole","principal":"app:1234","#,
            r#""client":"127.0.0.1","upstream":"http://calc:8080","upstream_status":503,"#,
            r#""upstream_ms":1.2,"duration_ms":1.234,"bytes_out":512}"#,
            "\n"
        )
    );
    assert_eq!(
        rendered(&line(), LogFormat::Text),
        concat!(
            "2027-01-15T08:00:00.123Z  INFO access: 403 GET /calc/v1/add/1/1 route=calc ",
            "reason=role_missing ",
            r#"detail="none of invokeRole" principal=app:1234 client=127.0.0.1 "#,
            "upstream=http://calc:8080 listener=apis protocol=http/1.1 request_id=r-1 ",
            "upstream_status=503 upstream_ms=1.2 duration_ms=1.234 bytes_out=512\n"
        )
    );
}

#[test]
fn the_level_tells_whose_attention_is_asked_for() {
    for (severity, level) in [
        (Severity::Usual, "INFO"),
        (Severity::Failed, "WARN"),
        (Severity::Bug, "ERROR"),
    ] {
        let line = AccessLine { severity, ..line() };
        let json: serde_json::Value =
            serde_json::from_str(&rendered(&line, LogFormat::Json)).unwrap();
        assert_eq!(json["level"], level);
        let text = rendered(&line, LogFormat::Text);
        assert!(text.contains(&format!(" {level} access: ")), "{text}");
    }
}

#[test]
fn nothing_in_a_request_can_forge_a_line_or_a_field() {
    for forged in [
        "/a\n{\"status\":200}",
        "/a\r\n2027-01-15T08:00:00.123Z 200 GET /",
        "/a status=200 reason=x",
        "/a\",\"status\":200,\"x\":\"",
        "/a\u{1b}[2K\u{1b}[1A",
        "/a\u{9b}2K",
        "/a\u{2028}next",
        "/a\u{85}next",
        "/a\u{202e}dlrow",
        "/a\\\"",
        "\u{0}",
        "",
    ] {
        let mut line = line();
        line.path = forged;
        line.request_id = forged;
        line.method = forged;
        for format in [LogFormat::Json, LogFormat::Text] {
            let text = rendered(&line, format);
            assert_eq!(text.matches('\n').count(), 1, "{text:?}");
            assert!(text.ends_with('\n'));
            let body = text.trim_end_matches('\n');
            assert!(!body.contains(char::is_control), "{text:?}");
            assert!(!body.contains(['\u{2028}', '\u{202e}']), "{text:?}");
        }
        let json: serde_json::Value =
            serde_json::from_str(&rendered(&line, LogFormat::Json)).unwrap();
        assert_eq!(json["status"], 403);
        assert_eq!(json["reason"], "role_missing");
        assert_eq!(json["request_id"], json["path"]);
        let text = rendered(&line, LogFormat::Text);
        let bare: Vec<&str> = outside_quotes(&text);
        assert_eq!(
            bare.iter()
                .filter(|word| word.starts_with("reason="))
                .count(),
            1
        );
        assert!(
            !bare.iter().any(|word| word.starts_with("status=")),
            "{text}"
        );
    }
}

/// The words of a text line that are not quoted.
fn outside_quotes(line: &str) -> Vec<&str> {
    let line = line.trim_end();
    let (mut words, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b' ' if !quoted => {
                words.push(&line[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    assert!(!quoted, "{line}");
    words.push(&line[start..]);
    words
}

#[test]
fn a_line_is_bounded_and_cut_between_characters() {
    let path = format!("/{}", "é".repeat(100_000));
    let other = "x".repeat(100_000);
    let mut long = line();
    long.path = &path;
    long.method = &other;
    long.request_id = &other;
    long.detail = Some(&other);
    long.principal = Some(&other);
    for format in [LogFormat::Json, LogFormat::Text] {
        assert!(rendered(&long, format).len() < 8 * LONG);
    }
    let json: serde_json::Value = serde_json::from_str(&rendered(&long, LogFormat::Json)).unwrap();
    let path = json["path"].as_str().unwrap();
    assert_eq!(
        path.len(),
        1023,
        "1 KiB less the half of a two-byte character"
    );
}

#[test]
fn a_time_past_the_calendar_is_still_written() {
    let mut far = line();
    far.time_ms = u64::MAX;
    assert!(rendered(&far, LogFormat::Text).starts_with("9999-12-31T23:59:59.999Z "));
}
