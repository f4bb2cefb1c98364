//! Two outcomes that the renderers are shown.

use std::path::Path;

use super::*;

/// Of a file with a problem in it, and one that it has as a whole.
pub(in super::super) fn refused() -> Report {
    let told = |line, path: &str, message: &str, hint: Option<&str>| Told {
        line,
        column: line.map(|_| 19),
        path: path.to_owned(),
        message: message.to_owned(),
        hint: hint.map(str::to_owned),
    };
    Report {
        file: "deploy/gate way.yaml".to_owned(),
        valid: false,
        routes: None,
        issuers: None,
        identities: None,
        problems: vec![
            told(
                Some(14),
                "routes[0].callers[0].bearer.issuer",
                "there is no issuer `contosso`",
                Some("did you mean `contoso`?"),
            ),
            told(None, "", "100% wrong,\nand more", None),
        ],
        notes: Vec::new(),
        online: None,
    }
}

/// Of a valid file with a certificate that ends soon and a secret that has.
pub(in super::super) fn valid() -> Report {
    const EMPTY: &str = "version: 1\nlisteners: { apis: { address: 127.0.0.1:0 } }\nroutes: []\n";
    let config = Config::parse(EMPTY, "config.yaml", Path::new("")).unwrap();
    let tried = |what: &str, ok, detail: &str| Tried {
        what: what.to_owned(),
        ok,
        detail: detail.to_owned(),
    };
    let note = "identity mail: its certificate ends in 12 days, at 2026-12-08T00:00:00Z";
    let online = vec![
        tried("keys of contoso", true, "2 keys"),
        tried(
            "token of mail for https://graph.microsoft.com/.default",
            false,
            "AADSTS7000222: the client secret has expired",
        ),
    ];
    let file = Path::new("/etc/bearergate/config.yaml");
    Report::valid(file, &config, vec![note.to_owned()], Some(online))
}

#[test]
fn a_problem_is_told_with_its_place_or_without_one() {
    let problems = Config::parse("versoin: 1", "x.yaml", Path::new("")).unwrap_err();
    let report = Report::refused(Path::new("x.yaml"), &problems);
    assert!(!report.valid && report.routes.is_none());
    let mut problems = report.problems.iter();
    let typo = problems.find(|told| told.path == "versoin").unwrap();
    assert_eq!((typo.line, typo.column), (Some(1), Some(1)));
}
