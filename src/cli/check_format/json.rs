//! The outcome as one JSON object.

use super::Report;

pub(super) fn render(report: &Report) -> String {
    // INVARIANT: texts, numbers and lists have no way not to be JSON.
    serde_json::to_string_pretty(report).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::{refused, valid};
    use super::*;

    #[test]
    fn problems_have_their_places() {
        assert_eq!(
            render(&refused()),
            r#"{
  "file": "deploy/gate way.yaml",
  "valid": false,
  "routes": null,
  "issuers": null,
  "identities": null,
  "problems": [
    {
      "line": 14,
      "column": 19,
      "path": "routes[0].callers[0].bearer.issuer",
      "message": "there is no issuer `contosso`",
      "hint": "did you mean `contoso`?"
    },
    {
      "line": null,
      "column": null,
      "path": "",
      "message": "100% wrong,\nand more",
      "hint": null
    }
  ],
  "notes": [],
  "online": null
}"#
        );
    }

    #[test]
    fn what_was_tried_is_told_with_its_outcome() {
        assert_eq!(
            render(&valid()),
            r#"{
  "file": "/etc/bearergate/config.yaml",
  "valid": true,
  "routes": 0,
  "issuers": 0,
  "identities": 0,
  "problems": [],
  "notes": [
    "identity mail: its certificate ends in 12 days, at 2026-12-08T00:00:00Z"
  ],
  "online": [
    {
      "what": "keys of contoso",
      "ok": true,
      "detail": "2 keys"
    },
    {
      "what": "token of mail for https://graph.microsoft.com/.default",
      "ok": false,
      "detail": "AADSTS7000222: the client secret has expired"
    }
  ]
}"#
        );
    }
}
