//! What answers in place of Exchange Online's PowerShell: it knows the cmdlets and parameters that the guides
//! use, as Microsoft documents them, and no others.

use std::path::Path;

use super::directory::Directory;

/// Cmdlets with their parameters, of Microsoft's reference of the module ExchangePowerShell.
const CMDLETS: &[(&str, &[&str])] = &[
    (
        "Connect-ExchangeOnline",
        &["-UserPrincipalName", "-ShowBanner"],
    ),
    ("Disconnect-ExchangeOnline", &["-Confirm"]),
    (
        "New-DistributionGroup",
        &["-Name", "-Type", "-Members", "-DisplayName", "-Alias"],
    ),
    ("Get-DistributionGroup", &["-Identity"]),
    (
        "New-ServicePrincipal",
        &["-AppId", "-ObjectId", "-DisplayName"],
    ),
    (
        "New-ManagementScope",
        &["-Name", "-RecipientRestrictionFilter", "-RecipientRoot"],
    ),
    (
        "New-ManagementRoleAssignment",
        &[
            "-Name",
            "-Role",
            "-App",
            "-CustomResourceScope",
            "-RecipientAdministrativeUnitScope",
            "-RecipientGroupScope",
        ],
    ),
    (
        "Remove-ManagementRoleAssignment",
        &["-Identity", "-Confirm"],
    ),
    (
        "Test-ServicePrincipalAuthorization",
        &["-Identity", "-Resource"],
    ),
    ("Format-Table", &[]),
];

/// Runs a script, a cmdlet a line.
pub fn run(folder: &Path, words: &[String], directory: &mut Directory) -> Result<String, String> {
    // A script with the parameters that it declares, or without any.
    let (file, app, object) = match words {
        [file] => (file, "$AppId", "$ObjectId"),
        [file, app, object] => (file, app.as_str(), object.as_str()),
        _ => return Err(format!("pwsh {words:?}")),
    };
    let script =
        std::fs::read_to_string(folder.join(file)).map_err(|why| format!("{file}: {why}"))?;
    let script = script.replace("$AppId", app).replace("$ObjectId", object);
    let lines = script.lines().map(str::trim);
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        for called in line.split(['(', '|', ')']).map(str::trim) {
            if called.split(' ').next().is_some_and(is_cmdlet) {
                known(called)?;
            }
        }
        perform(line, directory).map_err(|why| format!("{line}\n{why}"))?;
    }
    Ok(String::new())
}

fn is_cmdlet(word: &str) -> bool {
    let mut parts = word.split('-');
    let verb = parts
        .next()
        .is_some_and(|verb| verb.starts_with(|first: char| first.is_ascii_uppercase()));
    verb && parts
        .next()
        .is_some_and(|noun| noun.starts_with(|first: char| first.is_ascii_uppercase()))
}

fn known(called: &str) -> Result<(), String> {
    let words = words(called);
    let name = words.first().map_or("", String::as_str);
    let known = CMDLETS.iter().find(|(known, _)| *known == name);
    let (_, parameters) =
        known.ok_or_else(|| format!("{name} is not recognized as a name of a cmdlet"))?;
    for word in words.iter().skip(1).filter(|word| word.starts_with('-')) {
        let word = word.split(':').next().unwrap_or(word);
        if !parameters.contains(&word) {
            return Err(format!(
                "{name}: a parameter cannot be found that matches {word}"
            ));
        }
    }
    Ok(())
}

/// The words of a line; what stands in quotes is one, without them.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for character in line.chars() {
        match (quote, character) {
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), close) if open == close => quote = None,
            (None, ' ') => words.push(String::new()),
            (_, other) => words.last_mut().unwrap().push(other),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn perform(line: &str, directory: &mut Directory) -> Result<(), String> {
    let words = words(line);
    let after = |name: &str| {
        let mut pairs = words.windows(2).filter(|pair| pair[0] == name);
        pairs
            .next()
            .map(|pair| pair[1].clone())
            .ok_or_else(|| format!("{name} is missing"))
    };
    match words[0].as_str() {
        "New-ServicePrincipal" => {
            let (app, object) = (after("-AppId")?, after("-ObjectId")?);
            match directory.is_principal(&app, &object) {
                true => Ok(()),
                false => Err(format!(
                    "{object} is not the enterprise application's object id"
                )),
            }
        }
        "New-ManagementRoleAssignment" => {
            after("-CustomResourceScope").map_err(|_| "nothing limits it".to_owned())?;
            let role = after("-Role")?;
            let role = role
                .strip_prefix("Application ")
                .ok_or("no role for applications")?;
            // Exchange tells nobody in the token; the fake mailbox knows no other way.
            directory.grant(&after("-App")?, role)
        }
        _ => Ok(()),
    }
}
