//! What is asked of a token: its issuer, its audiences, and the conditions it must meet.

use super::context::{Context, rules};
use super::issuer::audiences;
use super::names::Known;
use crate::config::file::Bearer;
use crate::guid::Guid;
use crate::located::{At, Filled, May, Text};
use crate::policy::{
    BearerConditions, CONDITION_KEYS, ClaimValue, Condition, PrincipalKind, PrincipalRule,
};

pub(super) fn bearer(
    context: &mut Context<'_>,
    known: &Known<'_>,
    written: &At<Bearer>,
) -> Option<BearerConditions> {
    let name = written.issuer.get();
    let issuer = known.issuers.find(context, name);
    let said = written.audiences.is_written() || !written.complete;
    if let (false, Some(name), Some(issuer)) = (said, name, issuer) {
        rules! { context,
            !issuer.audiences.is_written() => written.node,
                format!("`audiences` is missing, here and on issuer `{}`", name.0),
                "name the application ID of the API that this route fronts";
        }
    }
    let claims = conditions(context, written);
    let principal = principal(context, written);
    let issuers_own = || issuer?.audiences.value();
    Some(BearerConditions {
        issuer: written.issuer.value()?.into(),
        audiences: audiences(written.audiences.value().or_else(issuers_own)?),
        principal,
        claims,
    })
}

fn conditions(context: &mut Context<'_>, written: &At<Bearer>) -> Vec<Condition> {
    let conditions = CONDITION_KEYS.iter().filter_map(|(key, claim, need)| {
        let values = match *key {
            "azp" => guids(&written.azp),
            "oid" => guids(&written.oid),
            "roles" => texts(&written.roles),
            "all_roles" => texts(&written.all_roles),
            "scp" => texts(&written.scp),
            _ => None,
        };
        let (claim, need, values) = (claim.clone(), *need, values?);
        Some((
            key,
            Condition {
                claim,
                need,
                values,
            },
        ))
    });
    let conditions: Vec<_> = conditions.collect();
    let any = &written.any_valid_token;
    if let Some((key, _)) = conditions.first() {
        rules! { context,
            **any => any.node(), format!("`any_valid_token` contradicts `{key}`"),
                format_args!("keep `{key}`");
        }
    }
    rules! { context,
        // In Entra any application of the tenant can get a validly signed token for any API,
        // without a role.
        conditions.is_empty() && !**any && written.complete => written.node,
            "any application of the tenant could come in: there is no condition",
            "name one of azp, roles, all_roles, scp, oid";
    }
    conditions
        .into_iter()
        .map(|(_, condition)| condition)
        .collect()
}

/// Those that could be read of a key that was written; a condition without any is never met.
fn guids(key: &May<Filled<Guid>>) -> Option<Vec<ClaimValue>> {
    let values = key.value().into_iter().flat_map(Filled::values);
    key.is_written()
        .then(|| values.copied().map(ClaimValue::Guid).collect())
}

fn texts(key: &May<Filled<Text>>) -> Option<Vec<ClaimValue>> {
    let values = key.value().into_iter().flat_map(Filled::values);
    let value = |Text(text): &Text| ClaimValue::Text(text.clone());
    key.is_written().then(|| values.map(value).collect())
}

fn principal(context: &mut Context<'_>, written: &Bearer) -> PrincipalRule {
    let app = PrincipalRule::Only(PrincipalKind::App);
    let delegated = written.scp.is_written();
    let rule = written.principal.value().copied();
    rules! { context,
        delegated && rule == Some(app) => written.principal.node(),
            "an application's own token never has `scp`: nobody could come in",
            "`principal: user` is the default beside `scp`; applications have `roles`";
    }
    rule.unwrap_or(match delegated {
        true => PrincipalRule::Only(PrincipalKind::User),
        false if *written.any_valid_token => PrincipalRule::Any,
        false => app,
    })
}
