//! What should be done about an AADSTS code where the gateway asks to act for a user? A sentence for each that
//! means something else there than of an application's own token.

use super::advice::Remedy;
use Remedy::Act;

/// `None`: the same as for applications.
pub(super) fn remedy(code: u64) -> Option<Remedy> {
    let mut rows = TABLE.iter();
    let row = rows.find(|(codes, _)| codes.contains(&code));
    row.map(|(_, sentence)| Act(sentence))
}

/// The sentence for a code, without a word of Entra's own, which may name the user. `None`: the code is known
/// neither of users nor of applications.
pub fn advice_for_user(code: u64) -> Option<&'static str> {
    match remedy(code).or(Remedy::of(code))? {
        Act(sentence) | Remedy::Wait(sentence) | Remedy::SlowDown(sentence) => Some(sentence),
    }
}

#[rustfmt::skip]
const TABLE: &[(&[u64], &str)] = &[
    // The caller's token.
    (&[50_013], "Entra does not take the caller's token for one of its own for this application; see \
        that `client_id` is the API that it is for, and that the API has no signing key of its own"),
    (&[500_133, 50_133, 700_082, 50_173, 70_043], "the user's session has ended or was revoked; the \
        user must sign in again"),
    (&[500_131], "the caller's token is for another application; exchange it by the identity whose \
        `client_id` is the API that it is for"),
    (&[7_000_114], "an application's token cannot be exchanged; `app: app_only` serves applications \
        as the gateway's own"),
    // The user.
    (&[50_034, 50_020], "the user is not in this tenant; invite the user, or take tokens of the user's \
        own tenant"),
    (&[50_057], "the user's account is disabled"),
    (&[50_105], "the API demands assignment; assign the user, or a group of the user's, to it"),
    (&[50_072, 50_074, 50_076, 50_079, 50_158], "the tenant demands more of the user, mostly a second \
        factor; the caller is told what by `claims` in the challenge, which its client must ask for"),
    (&[50_196], "the user's client asks in a loop"),
    // Consent and policies.
    (&[65_001, 65_004], "neither the user nor an administrator has consented to these scopes for this \
        application"),
    (&[53_000, 53_001, 53_002, 53_003, 53_004, 530_032], "Conditional Access forbids it to this user, \
        device or place; the sign-in log says by which policy"),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_page_of_troubleshooting_has_each_code_once_with_its_advice() {
        let page = include_str!("../../docs/troubleshooting.md");
        let mut seen = HashSet::new();
        for (codes, sentence) in TABLE {
            assert!(codes.iter().all(|code| seen.insert(code)), "{codes:?}");
            assert!(!sentence.ends_with('.') && !sentence.contains("  "));
            let codes: Vec<_> = codes.iter().map(u64::to_string).collect();
            let row = format!("| of a user: {} | {sentence} |", codes.join(", "));
            assert!(page.contains(&row), "no row: {row}");
        }
        let rows = page.matches("| of a user: ").count();
        assert_eq!(rows, TABLE.len(), "and no other");
    }

    #[test]
    fn what_is_the_same_for_applications_is_said_there() {
        assert_eq!(remedy(7_000_215), None);
        assert!(matches!(remedy(50_076), Some(Act(text)) if text.contains("claims")));
    }
}
