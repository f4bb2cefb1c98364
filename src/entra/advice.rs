//! What should an operator do about an AADSTS code? A sentence for each one that app-only token
//! requests meet, and whether trying again can help. Everything else is the OAuth `error`'s.

/// What a code calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Somebody must change something: the sentence says what.
    Act(&'static str),
    /// It passes by itself.
    Wait(&'static str),
    /// The requests themselves are too many.
    SlowDown(&'static str),
}

impl Remedy {
    /// The remedy for a code, where it is known.
    pub(super) fn of(code: u64) -> Option<Self> {
        TABLE
            .iter()
            .find(|(codes, _)| codes.contains(&code))
            .map(|(_, remedy)| *remedy)
    }

    /// The remedy that a refusal's `[Reason - …]` calls for, where one code has several.
    pub(super) fn for_reason(code: u64, description: &str) -> Option<Self> {
        if code != 700_027 {
            return None;
        }
        let (_, reason) = description.split_once("[Reason - ")?;
        let reason = reason.split(".,").next()?.split(']').next()?;
        let reason = reason.to_ascii_lowercase();
        let mut reasons = KEY_REASONS.iter();
        reasons
            .find(|(words, _)| words.iter().any(|word| reason.contains(word)))
            .map(|(_, sentence)| Act(sentence))
    }
}

/// The remedy where no code is known: by `error` (RFC 6749 §5.2).
pub(super) fn for_error(error: &str) -> &'static str {
    match error {
        "invalid_client" => "the endpoint does not accept this client id with this credential",
        "unauthorized_client" => "the application may not use the client credentials grant here",
        "invalid_scope" | "invalid_resource" | "invalid_target" => {
            "check `scope`: it names one API and ends in /.default"
        }
        "invalid_grant" => "the application lacks a consent or an assignment",
        "access_denied" | "interaction_required" => "a policy of the tenant forbids this sign-in",
        "unsupported_grant_type" => {
            "the endpoint does not know the client credentials grant; check `authority`"
        }
        _ => "the endpoint refused the request",
    }
}

/// Whether a code says that no federated credential fits the assertion's own words.
pub(super) fn is_about_federation(code: u64) -> bool {
    FEDERATION.contains(&code)
}

/// Whether another credential of the same application may be taken where this one is refused. By `error`,
/// for numbers may change (RFC 6749 §5.2); but for two that do not keep to it.
pub(super) fn blames_credential(error: &str, code: Option<u64>) -> bool {
    match code {
        // A public client may show none, whichever it is.
        Some(700_025) => false,
        // The application that an assertion names is looked for by its `iss`, not by `client_id`.
        Some(700_016) => true,
        _ => error == "invalid_client",
    }
}

use Remedy::{Act, SlowDown, Wait};

/// What 700027 says is wrong with the key of an assertion.
const KEY_REASONS: &[(&[&str], &str)] = &[
    (
        &["tenant"],
        "the application is not of this tenant, or its certificate is another tenant's; check \
         `tenant` and `client_id`",
    ),
    (
        &["expired"],
        "the certificate has expired; `bearergate certificate new` makes another: upload it to the \
         app registration",
    ),
    (
        &["not yet valid", "not valid yet", "not yet active"],
        "the certificate is not valid yet; see when it begins, and set this host's clock by NTP",
    ),
    (
        &["verify the signature", "signature"],
        "Entra has this certificate, and the signature does not fit it; `key` and `file` may not be a \
         pair",
    ),
    (
        &["not found"],
        "Entra does not know this certificate; upload it to the app registration of this client id \
         (a new one takes some minutes), or try `assertion: RS256`",
    ),
];

/// Issuer, subject or audience of an assertion is none that was registered.
const FEDERATION: &[u64] = &[70_021, 700_211, 700_212, 700_213, 7_002_138];

#[rustfmt::skip]
const TABLE: &[(&[u64], Remedy)] = &[
    // The credential.
    (&[7_000_215], Act("the client secret is wrong; give the secret's Value, not its Secret ID, \
        and see that it belongs to this client id")),
    (&[7_000_222], Act("the client secret has expired; add a new secret or a certificate to the \
        app registration")),
    (&[7_000_218], Act("the endpoint saw no credential in the request; a proxy in between may have \
        changed it")),
    (&[700_025], Act("the app registration is a public client; switch off `Allow public client \
        flows`, or use another registration")),
    (&[700_027], Act("Entra does not know this certificate; upload it to the app registration of \
        this client id (a new one takes some minutes), or try `assertion: RS256`")),
    (&[7_000_214, 7_000_277], Act("the certificate was revoked; `bearergate certificate new` makes \
        another: upload it to the app registration")),
    (&[1_000_502], Act("the certificate has expired or is not valid yet; `bearergate \
        certificate new` makes another: upload it to the app registration")),
    (&[700_024], Act("the assertion's times do not fit Entra's clock; set this host's clock by NTP")),
    (&[50_027, 50_012, 700_023], Act("the assertion is not valid for this endpoint; check \
        `authority`, `tenant` and `endpoint`, for its audience is the URL it is posted to")),
    (&[50_048], Act("the assertion's `sub` and `iss` differ, which this gateway never sends; a \
        proxy in between may have replaced it")),
    (&[700_030], Act("the tenant trusts certificates of this application by subject and issuer, \
        and this one fits neither; set `x5c: true` or use the trusted authority's certificate")),
    (FEDERATION, Act("no federated credential of the app \
        registration fits the token's issuer, subject and audience; they are compared by upper and \
        lower case too, and a new one takes some minutes")),
    (&[700_229], Act("only app-only tokens of Entra's may serve as this federated credential")),
    (&[51_000, 500_181], Act("the application is set to a certificate-bound kind of token that is \
        not available")),
    // The application and its tenant.
    (&[700_016], Act("there is no such application in this tenant; check `tenant` and `client_id`, \
        and that an administrator has consented")),
    (&[7_000_112], Act("the application is disabled in this tenant; an administrator must enable \
        it")),
    (&[90_002], Act("there is no such tenant in this cloud; check `tenant` and `cloud`")),
    (&[900_382, 900_432, 900_439], Act("the tenant or the application lives in another national \
        cloud; set `cloud`")),
    (&[9_001_023, 50_194, 90_038], Act("this grant needs the tenant's own endpoint; set `tenant` \
        to the tenant's GUID")),
    (&[50_034], Act("the account is not in this tenant; check `tenant`")),
    // What is asked for.
    (&[500_011], Act("the tenant has no API by the name in `scope`; check the App ID URI, and that \
        the API's enterprise application exists in this tenant")),
    (&[50_001, 650_057], Act("the API in `scope` is not valid or not among the permissions the \
        registration asks for")),
    (&[65_001, 650_056], Act("an administrator has not consented to the application's permissions")),
    (&[70_011], Act("the scope is malformed; it is the API's App ID URI and /.default")),
    (&[1_002_012], Act("an application asks for all it was granted at once; end `scope` in \
        /.default")),
    (&[700_022, 28_000], Act("the scope names several APIs; name one, and use a route for each")),
    (&[901_002], Act("this endpoint takes no `resource`; use `endpoint: v2`")),
    (&[900_144], Act("a parameter is missing; check `authority` and `endpoint`")),
    (&[50_013, 500_133], Act("the token that was given as proof is invalid or has expired; its \
        owner must get a new one")),
    (&[50_105], Act("the API demands assignment; assign one of its app roles to this application")),
    (&[50_146, 501_461], Act("the API maps claims and lacks the signing key for it; its owner must \
        set it up")),
    // Policies.
    (&[53_000, 53_003, 530_032], Act("Conditional Access blocks this application, mostly by \
        address or risk; change the policy or the address the gateway goes out by")),
    (&[50_076, 50_079], Act("the tenant demands a second factor, which no application can give; \
        exclude it from that policy")),
    (&[100_007], Act("the application may not use this regional endpoint; leave `region` out")),
    // What passes.
    (&[90_006, 90_033, 90_090], Wait("Entra has a passing fault")),
    (&[90_061], Wait("Entra cannot reach the issuer of the federated credential")),
    (&[90_055], Wait("Entra limits the whole tenant for the moment")),
    (&[50_196], SlowDown("Entra sees this client asking in a loop; find what else uses this client \
        id")),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_stands_once_and_has_one_line() {
        let mut seen = HashSet::new();
        for (codes, remedy) in TABLE {
            let (Act(sentence) | Wait(sentence) | SlowDown(sentence)) = remedy;
            assert!(sentence.len() > 20 && sentence.len() < 220, "{sentence}");
            assert!(!sentence.contains(['\n', '\r']) && !sentence.contains("  "));
            assert!(!sentence.ends_with('.'), "it stands within a longer line");
            for code in *codes {
                assert!(seen.insert(code), "{code} stands twice");
            }
        }
    }

    #[test]
    fn the_page_of_troubleshooting_has_each_code_with_its_advice() {
        let page = include_str!("../../docs/troubleshooting.md");
        let rows: Vec<_> = page
            .lines()
            .filter_map(|line| line.strip_prefix("| "))
            .collect();
        for (codes, remedy) in TABLE {
            let (Act(sentence) | Wait(sentence) | SlowDown(sentence)) = remedy;
            let codes: Vec<_> = codes.iter().map(u64::to_string).collect();
            let row = format!("{} | {sentence} |", codes.join(", "));
            assert!(
                rows.iter().any(|found| found.starts_with(&row)),
                "no row: | {row}"
            );
        }
        for (words, sentence) in KEY_REASONS {
            let words: Vec<_> = words.iter().map(|word| format!("*{word}*")).collect();
            let row = format!("700027 with {} | {sentence} |", words.join(", "));
            assert!(
                rows.iter().any(|found| found.starts_with(&row)),
                "no row: | {row}"
            );
        }
        let numbered = rows
            .iter()
            .filter(|row| row.starts_with(|first: char| first.is_ascii_digit()));
        assert_eq!(
            numbered.count(),
            TABLE.len() + KEY_REASONS.len(),
            "and no other"
        );
    }

    #[test]
    fn what_passes_is_told_from_what_somebody_must_do() {
        assert!(matches!(Remedy::of(7_000_215), Some(Act(text)) if text.contains("Value")));
        assert!(matches!(Remedy::of(90_033), Some(Wait(_))));
        assert!(matches!(Remedy::of(50_196), Some(SlowDown(_))));
        assert_eq!(Remedy::of(1), None);
    }
}
