use proptest::prelude::*;

use super::*;

#[test]
fn patterns_match_as_written() {
    for (pattern, value, fits) in [
        (
            "*@payroll.contoso.example",
            "ada@payroll.contoso.example",
            true,
        ),
        (
            "*@payroll.contoso.example",
            "Ada@Payroll.Contoso.EXAMPLE",
            true,
        ),
        (
            "*@payroll.contoso.example",
            "@payroll.contoso.example",
            false,
        ),
        (
            "*@payroll.contoso.example",
            "payroll.contoso.example",
            false,
        ),
        (
            "*@payroll.contoso.example",
            "ada@payroll.contoso.example.evil",
            false,
        ),
        (
            "*@payroll.contoso.example",
            "ada@evil@payroll.contoso.example",
            false,
        ),
        (
            "*@payroll.contoso.example",
            "ada@evil.example/@payroll.contoso.example",
            false,
        ),
        (
            "*@payroll.contoso.example",
            "ada%40x@payroll.contoso.example",
            false,
        ),
        (
            "*@payroll.contoso.example",
            "ada@payrollXcontoso.example",
            false,
        ),
        ("ada@contoso.example", "ADA@contoso.example", true),
        ("ada@contoso.example", "adam@contoso.example", false),
        ("*@*", "a@b", true),
        ("*@*", "a@", false),
        ("*@*", "a@b@c", false),
        ("*", "a", true),
        ("*", "a@", false),
        ("*", "@", false),
        ("*", "a@b", false),
        ("*", "", false),
        ("*", "é", true),
        ("*", "a/b", false),
        ("*", "a%2Fb", false),
        ("*", "%", false),
        ("a%2Fb", "a%2Fb", false),
        ("a/b", "a/b", false),
        ("**", "a", false),
        ("**", "é", false),
        ("**", "ab", true),
        ("a*", "a", false),
        ("a*", "ab", true),
        ("*a", "a", false),
        ("*a", "aa", true),
        ("*a", "ab", false),
        ("a*a", "aa", false),
        ("a*a", "aaa", true),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "abbc", false),
        ("a*b*c", "abbbc", true),
        ("a*b*c", "axbc", false),
        ("*ab", "aab", true),
        ("team-*", "team-7", true),
        ("team-*", "Team-7", false),
        ("team-7", "team-7", true),
        ("team-7", "TEAM-7", false),
        ("team-7", "team-77", false),
        ("", "", true),
        ("", "a", false),
        // Only ASCII has its case folded: the Kelvin sign is no `k`.
        ("k@x", "K@x", true),
        ("k@x", "\u{212a}@x", false),
    ] {
        let pattern = ValuePattern(pattern.to_owned());
        assert_eq!(pattern.fits(value), fits, "{} {value}", pattern.0);
    }
}

#[test]
fn many_stars_take_one_pass() {
    // Tried one by one, the ways to place these stars would outlast the universe.
    let pattern = ValuePattern(format!("{}b", "a*".repeat(2000)));
    assert!(!pattern.fits(&"a".repeat(8000)));
    assert!(pattern.fits(&format!("{}b", "a".repeat(8000))));
}

#[test]
fn every_named_parameter_must_fit() {
    let params = |pairs: &[(&str, &str)]| {
        let mut params = Params::none();
        for (name, value) in pairs {
            params.push((*name).into(), (*value).to_owned());
        }
        params
    };
    let patterns = |texts: &[&str]| {
        texts
            .iter()
            .map(|text| ValuePattern((*text).into()))
            .collect()
    };
    let conditions = Where(vec![
        ("mailbox".into(), patterns(&["a@x", "b@x"])),
        ("folder".into(), patterns(&["inbox"])),
    ]);
    for (pairs, holds) in [
        (&[("mailbox", "b@x"), ("folder", "inbox")][..], true),
        (&[("mailbox", "c@x"), ("folder", "inbox")], false),
        (&[("mailbox", "a@x"), ("folder", "Inbox")], false),
        (&[("mailbox", "a@x")], false),
        (&[("Mailbox", "a@x"), ("folder", "inbox")], false),
        (&[], false),
    ] {
        assert_eq!(conditions.hold(&params(pairs)), holds, "{pairs:?}");
    }
    assert!(Where::default().hold(&Params::none()));
    let impossible = Where(vec![("mailbox".into(), Vec::new())]);
    assert!(!impossible.hold(&params(&[("mailbox", "a@x")])));
}

/// What a pattern means, said slowly.
fn means(pattern: &[char], value: &[char]) -> bool {
    match (pattern.split_first(), value.split_first()) {
        (None, None) => true,
        (Some(('*', more)), Some((first, rest))) => {
            !['@', '/'].contains(first) && (means(more, rest) || means(pattern, rest))
        }
        (Some((wanted, more)), Some((first, rest))) => wanted == first && means(more, rest),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn matching_means_what_it_says(pattern in "[ab@*é]{0,7}", value in "[ab@é]{0,9}") {
        let slowly = means(
            &pattern.chars().collect::<Vec<_>>(),
            &value.chars().collect::<Vec<_>>(),
        );
        prop_assert_eq!(ValuePattern(pattern).fits(&value), slowly);
    }

    #[test]
    fn any_pattern_and_value_are_compared_without_panic(pattern in "\\PC*", value in "\\PC*") {
        let _ = ValuePattern(pattern).fits(&value);
    }
}
