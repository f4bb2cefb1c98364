//! Queries that reach past the path, in every spelling, and those that real clients send.

use super::*;

fn rules(allow: &[&str]) -> QueryRules {
    let allow = allow.iter().map(|text| match text.split_once('=') {
        Some((name, value)) => AllowedOption {
            name: name.to_owned(),
            value: Some(value.to_owned()),
        },
        None => AllowedOption {
            name: (*text).to_owned(),
            value: None,
        },
    });
    QueryRules {
        allow: allow.collect(),
    }
}

#[test]
fn what_reaches_past_the_path_is_refused_in_every_encoding() {
    for query in [
        "$expand=x",
        "$expand",
        "expand=x",
        "EXPAND=x",
        "%24expand=x",
        "a=b&%24%65xpand=x",
        "$EXPAND=messages",
        "%2524expand=x",
        "%252524%2565xpand=x",
        "+$expand=x",
        "%2B$expand=x",
        "%20$expand%20=x",
        "$expand%00=x",
        "$+expand=x",
        "a=1;$expand=x",
        "a=1;expand=x",
        "a=1%26$expand=x",
        "a=1%2526%2524expand%253Dx",
        "$top=1?$expand=x",
        "%u0024expand=x",
        "%u0024%u0065xpand=x",
        "$%u0065xpand=x",
        "%ff&$expand=x",
        "a=%FF&%24expand=x",
        "%25252525252524expand=x",
        "a=%252525252525252525252524",
        "$apply=expand(members,filter(true))",
        "apply=expand(members)",
        "$compute=a as b",
        "$select=members($expand=owners)",
        "$select=members($select=id;$expand=owners)",
        "$select=members(%24expand%3Downers)",
        "$select=members(expand=owners)",
        "$select=members(%20expand%20=owners)",
        "$select=members($levels=2)",
        "$filter=$root/users('ceo')/id eq 'x'",
        "$filter=%24root/users",
        "$filter=$%20root/users",
        "$orderby=$root/users",
        "$search=$root",
        "@p=$root/users&$filter=@p",
        "$id=../../users('x')",
        "$root=x",
        "$ref=x",
        "$unheard=x",
        "$levels=max",
        "$batch=x",
        "$=x",
        "a=b&$",
    ] {
        assert!(rules(&[]).check(query, true).is_err(), "{query}");
    }
    for query in ["id=../../users('x')", "root=x", "ref=x"] {
        assert!(rules(&[]).check(query, true).is_err(), "{query}");
        assert_eq!(rules(&[]).check(query, false), Ok(()), "{query}");
    }
}

#[test]
fn what_clients_send_passes() {
    for query in [
        "",
        "$top=10",
        "top=10",
        "$Top=10&$SKIP=20",
        "x=$it",
        "$orderby=receivedDateTime%20desc",
        "$filter=startswith(subject,'100%25')",
        "$filter=subject eq 'a %26 b'",
        "$filter=id eq 'x' and from/emailAddress/address eq 'a@b'",
        "$filter=members/$count gt 5&$count=true&ConsistencyLevel=eventual",
        "$filter=assignedLicenses/any(x:x/skuId eq 1)",
        "$search=%22expand%22",
        "$search=\"price $100\"",
        "$select=id,subject&$top=10&$skiptoken=X%2bY%3d%3d",
        "$skiptoken=a$b$root&$deltatoken=$expand",
        "startDateTime=2026-01-01T00:00:00Z&endDateTime=2026-01-02T00:00:00Z",
        "$format=application/json;odata.metadata=none",
        "api-version=2022-01-01",
        "comp=list&restype=container",
        "%F6=1",
    ] {
        assert_eq!(rules(&[]).check(query, true), Ok(()), "{query}");
        assert_eq!(rules(&[]).check(query, false), Ok(()), "{query}");
    }
}

#[test]
fn a_route_may_allow_more_by_name_and_value() {
    let some = rules(&[
        "$expand=attachments",
        "$expand=singleValueExtendedProperties*",
        "id",
    ]);
    for query in [
        "$expand=attachments",
        "expand=attachments",
        "$Expand=attachments&$top=1",
        "%24expand=attachments",
        "$expand=%61ttachments",
        "$expand=singleValueExtendedProperties($filter=id eq 'String {66f5a359} Name Color')",
        "$expand=singleValueExtendedProperties(%24filter=id%20eq%20'x')",
        "$expand=attachments,singleValueExtendedProperties",
        "id=5",
    ] {
        assert_eq!(some.check(query, true), Ok(()), "{query}");
    }
    for query in [
        "$expand=messages",
        "$expand=Attachments",
        "$expand=attachments,messages",
        "$expand=attachments%2Cmessages",
        "$expand=attachments/item",
        "$expand=attachments&$expand=messages",
        "$expand=attachments%26$expand=messages",
        "$expand=attachments;$expand=messages",
        "$expand=singleValueExtendedProperties,messages",
        "$expand=singleValueExtendedProperties($filter=id eq '('),messages",
        "$expand=singleValueExtendedProperties($expand=messages)",
        "$expand=singleValueExtendedProperties(expand=messages)",
        "$expand=singleValueExtendedProperties/messages",
        "$expand=singleValueExtendedProperties&$filter=$root/x",
        "$apply=x",
    ] {
        assert!(some.check(query, true).is_err(), "{query}");
    }
    let all = rules(&["$expand"]);
    for query in ["$expand=a,b($expand=c)", "expand=a;b", "a=%3B$expand=b"] {
        assert_eq!(all.check(query, true), Ok(()), "{query}");
    }
    assert!(all.check("$expand=a($apply=b)", true).is_err());
}
