//! The table against itself, and spellings against the table.

use super::super::{NameRules, spelling};
use super::Removal::Unlisted;
use super::*;

fn name(text: &str) -> HeaderName {
    HeaderName::from_bytes(text.as_bytes()).unwrap()
}

#[test]
fn what_is_always_removed_or_framed_can_be_named_by_no_route() {
    let rules = NameRules::with(std::iter::empty());
    for (known, about, removal) in rows(NAMES).chain(rows(FAMILIES)) {
        let nameable = [Caller, Request].contains(&about);
        assert_eq!(unnameable(&name(known)).is_none(), nameable, "{known}");
        assert!(about != Caller || removal == UnlessKept, "{known}");
        let expected = match removal {
            Misspelled => Never,
            other => other,
        };
        assert_eq!(rules.removal(&name(known)), expected, "{known}");
    }
    for field in OF_ONE_HOP {
        assert!(unnameable(&name(field)).is_some(), "{field}");
    }
    assert_eq!(unkeepable(&header::SET_COOKIE), None);
    assert!(unnameable(&header::SET_COOKIE).is_some());
    assert!(unkeepable(&header::COOKIE).is_some());
}

#[test]
fn no_name_is_there_twice() {
    let mut seen = std::collections::HashSet::new();
    for (known, ..) in rows(NAMES).chain(rows(FAMILIES)) {
        assert!(seen.insert(spelling(&name(known))), "{known}");
    }
}

#[test]
fn every_spelling_is_the_same_name() {
    for field in [
        "x_original.uri",
        "X~Original-Uri",
        "X-ORIGINAL-URI",
        "x-http-method-any",
    ] {
        assert!(unnameable(&name(field)).is_some(), "{field}");
    }
    for field in [
        "x-client-id",
        "remote-user",
        "x-forwarded-user",
        "x-original",
        "x-secret",
    ] {
        assert_eq!(unnameable(&name(field)), None, "{field}");
    }
    assert_eq!(spelling(&name("X_Client.Id~")), "x-client-id-");
    assert_eq!(spelling(&name("x-client-id-")), "x-client-id-");
}

#[test]
fn a_name_that_is_told_is_removed_however_short_or_allowed_it_is() {
    let told = ["sub", "u", "prefer", "content-caller", "x-api-key2"].map(name);
    let rules = NameRules::with(told.iter());
    for field in [
        "sub",
        "SUB",
        "u",
        "prefer",
        "content-caller",
        "Content_Caller",
        "x.api.key2",
    ] {
        assert_eq!(rules.removal(&name(field)), UnlessKept, "{field}");
    }
    assert_eq!(rules.removal(&name("content-type")), Never);
}

#[test]
fn what_goes_on_beside_our_token_has_one_spelling() {
    let rules = NameRules::with(std::iter::empty());
    for field in [
        "Accept",
        "accept-language",
        "If-None-Match",
        "odata-version",
        "prefer",
        "grpc-timeout",
    ] {
        assert_eq!(rules.removal(&name(field)), Never, "{field}");
    }
    for field in [
        "if_match",
        "content.type",
        "accept_language",
        "o-data-version",
        "acceptance",
        "if",
        "content",
        "client_request_id",
        "grpc_timeout",
        "grpc-metadata",
        "mscrmcallerid",
        "x-ms-copy-source",
        "destination",
        "a",
    ] {
        assert_eq!(rules.removal(&name(field)), Unlisted, "{field}");
    }
}
