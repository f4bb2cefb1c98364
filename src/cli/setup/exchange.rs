//! Mailboxes: which application may touch which, by Exchange's *RBAC for Applications*. What Entra grants holds
//! for every mailbox of the tenant, so nothing is granted there.

use std::collections::BTreeSet;

use super::script::{Script, Word};
use crate::cli::graph_roles;
use crate::config::Config;
use crate::outbound::TokenDefinition;

/// What an identity's routes do with mailboxes.
#[derive(Debug, Default)]
pub(super) struct Mail {
    /// `Application Mail.Read` and its like.
    roles: BTreeSet<String>,
    mailboxes: BTreeSet<String>,
    /// Patterns, of which no group can be made.
    patterns: BTreeSet<String>,
}

impl Mail {
    pub(super) fn of(config: &Config, identity: &str) -> Self {
        let mut mail = Self::default();
        for route in &config.routes {
            let TokenDefinition::App {
                identity: carried,
                scope,
            } = &route.token
            else {
                continue;
            };
            if **carried != *identity {
                continue;
            }
            let role = match graph_roles::sufficient(route).first() {
                Some(role) => format!("Application {role}"),
                // Exchange's own token is what its SMTP takes.
                None if is_exchange(scope) => "Application SMTP.SendAsApp".to_owned(),
                None => continue,
            };
            mail.roles.insert(role);
            let parameters = route
                .callers
                .entries()
                .iter()
                .flat_map(|entry| &entry.parameters.0);
            for pattern in parameters.flat_map(|(_, patterns)| patterns) {
                let text = pattern.0.to_string();
                match text.contains('@') {
                    true if text.contains('*') => mail.patterns.insert(text),
                    true => mail.mailboxes.insert(text),
                    false => false,
                };
            }
        }
        mail
    }

    pub(super) fn is_empty(&self) -> bool {
        self.roles.is_empty()
    }

    /// The steps for one application, or for a managed identity's service principal.
    pub(super) fn write(&self, script: &mut Script, name: &str, client_id: &str) {
        script.remark("Its mailboxes, by Exchange: no Mail.* permission in Entra, for that would hold for every mailbox.");
        script.remark("It takes half an hour to two hours until it holds. What is there already, PowerShell says.");
        for pattern in &self.patterns {
            script.remark(&format!(
                "Add the mailboxes of {pattern} to the group bearergate-{name}."
            ));
        }
        let members: Vec<_> = self.mailboxes.iter().map(|it| literal(it)).collect();
        let members = match members[..] {
            [] => String::new(),
            _ => format!(" -Members {}", members.join(",")),
        };
        let group = literal(&format!("bearergate-{name}"));
        let mut lines = vec![
            "param([string]$AppId, [string]$ObjectId)".to_owned(),
            "Connect-ExchangeOnline -ShowBanner:$false".to_owned(),
            format!("New-DistributionGroup -Name {group} -Type Security{members}"),
            format!("New-ServicePrincipal -AppId $AppId -ObjectId $ObjectId -DisplayName {group}"),
            format!(
                "New-ManagementScope -Name {group} -RecipientRestrictionFilter \"MemberOfGroup -eq \
                 '$((Get-DistributionGroup {group}).DistinguishedName)'\""
            ),
        ];
        let roles = self.roles.iter().map(|role| {
            let role = literal(role);
            format!("New-ManagementRoleAssignment -App $ObjectId -Role {role} -CustomResourceScope {group}")
        });
        lines.extend(roles);
        lines.push("Disconnect-ExchangeOnline -Confirm:$false".to_owned());
        script.file("exchange.ps1", &lines);
        script.line(&format!("object=$(principal {client_id})"));
        let words = [
            Word::Shell("\"$work/exchange.ps1\""),
            Word::Text(client_id),
            Word::Shell("\"$object\""),
        ];
        script.call("pwsh", &words);
    }
}

pub(super) fn is_exchange(scope: &str) -> bool {
    let hosts = [
        "outlook.office365.com",
        "outlook.office.com",
        "outlook.office365.us",
        "partner.outlook.cn",
    ];
    hosts
        .iter()
        .any(|host| scope.trim_start_matches("https://").starts_with(host))
}

/// A word of PowerShell's. SECURITY: nothing of it is run.
fn literal(text: &str) -> String {
    let plain: String = text.chars().filter(|sign| !sign.is_control()).collect();
    // PowerShell takes typographic quotes for quotes.
    let doubled: String = plain
        .chars()
        .flat_map(|sign| match sign {
            '\'' | '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}' => vec![sign, sign],
            sign => vec![sign],
        })
        .collect();
    format!("'{doubled}'")
}
