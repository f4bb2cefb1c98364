//! The text of the script: what all of it needs, and how words stand in it.

/// Functions that the steps call. Each looks before it does, so that the script may be run again.
pub(super) const FUNCTIONS: &str = r#"
# The value of a query, or nothing where it finds none or what it is asked of does not exist.
ask() { az "$@" --output tsv 2>/dev/null || :; }

# An application of this directory: it is there, and has a service principal.
application() { # client id
  if [ -z "$(ask ad app show --id "$1" --query appId)" ]; then
    echo "there is no registration $1 in this tenant; make one, and write its id into the file:" >&2
    echo "  az ad app create --display-name NAME --query appId --output tsv" >&2
    exit 1
  fi
  principal "$1" > /dev/null
}

# The object id of a service principal, which is made where there is none.
principal() { # client id
  found=$(ask ad sp show --id "$1" --query id)
  [ -n "$found" ] || found=$(az ad sp create --id "$1" --query id --output tsv)
  echo "$found"
}

# A role of an API that applications can be given.
role() { # API, id, value
  [ -z "$(ask ad app show --id "$1" --query "appRoles[?value=='$3'].id | [0]")" ] || return 0
  there=$(az ad app show --id "$1" --query appRoles --output json)
  case $there in '[]') there='[' ;; *) there="${there%]*}," ;; esac
  printf '%s{"id":"%s","value":"%s","displayName":"%s","description":"%s","allowedMemberTypes":["Application"],"isEnabled":true}]' \
    "$there" "$2" "$3" "$3" "$3" > "$work/roles.json"
  az ad app update --id "$1" --app-roles "@$work/roles.json" --output none
  echo "role $3 of $1: made"
}

# A scope of an API, by which others may act there for users, once an administrator consents.
scope() { # API, id, value
  [ -z "$(ask ad app show --id "$1" --query "api.oauth2PermissionScopes[?value=='$3'].id | [0]")" ] || return 0
  [ -n "$(ask ad app show --id "$1" --query "identifierUris | [0]")" ] ||
    az ad app update --id "$1" --identifier-uris "api://$1" --output none
  there=$(az ad app show --id "$1" --query api.oauth2PermissionScopes --output json)
  case $there in '[]') there='[' ;; *) there="${there%]*}," ;; esac
  printf '{"api":{"oauth2PermissionScopes":%s{"id":"%s","value":"%s","type":"Admin","isEnabled":true,"adminConsentDisplayName":"%s","adminConsentDescription":"%s"}]}}' \
    "$there" "$2" "$3" "$3" "$3" > "$work/scopes.json"
  app=$(az ad app show --id "$1" --query id --output tsv)
  az rest --method PATCH --uri "$graph/applications/$app" --body "@$work/scopes.json" --output none
  echo "scope $3 of $1: made"
}

# The id of a role or a scope that an API has; what was made a moment ago is there a moment later.
id_of() { # API, appRoles or oauth2PermissionScopes, value
  for pause in 1 2 4 8 0; do
    found=$(ask ad sp show --id "$1" --query "$2[?value=='$3'].id | [0]")
    [ -z "$found" ] || { echo "$found"; return 0; }
    sleep $pause
  done
  echo "$1 has no $3 among its $2" >&2
  return 1
}

# Lets an application act by a scope of an API for all users: that is the administrator's consent.
delegate() { # client id, API, scope
  client=$(principal "$1")
  api=$(principal "$2")
  id=$(id_of "$2" oauth2PermissionScopes "$3")
  consent=$(ask rest --method GET --uri "$graph/servicePrincipals/$client/oauth2PermissionGrants" \
    --query "value[?resourceId=='$api'] | [?consentType=='AllPrincipals'].id | [0]")
  has=''
  [ -z "$consent" ] || has=$(ask rest --method GET --uri "$graph/oauth2PermissionGrants/$consent" --query scope)
  case " $has " in *" $3 "*) return 0 ;; esac
  [ -n "$(ask ad app show --id "$1" \
    --query "requiredResourceAccess[?resourceAppId=='$2'] | [0].resourceAccess[?id=='$id'].id | [0]")" ] ||
    az ad app permission add --id "$1" --api "$2" --api-permissions "$id=Scope" --output none
  if [ -z "$consent" ]; then
    az rest --method POST --uri "$graph/oauth2PermissionGrants" --output none \
      --body "{\"clientId\":\"$client\",\"consentType\":\"AllPrincipals\",\"resourceId\":\"$api\",\"scope\":\"$3\"}"
  else
    az rest --method PATCH --uri "$graph/oauth2PermissionGrants/$consent" --output none --body "{\"scope\":\"$has $3\"}"
  fi
  echo "scope $3 of $2: $1 may act by it for users"
}

# Gives an application, or a managed identity, a role of an API: that is the administrator's consent.
grant() { # client id, API, role
  client=$(principal "$1")
  api=$(principal "$2")
  id=$(id_of "$2" appRoles "$3")
  has=$(ask rest --method GET --uri "$graph/servicePrincipals/$client/appRoleAssignments" \
    --query "value[?appRoleId=='$id'].id | [0]")
  [ -z "$has" ] || return 0
  az rest --method POST --uri "$graph/servicePrincipals/$client/appRoleAssignments" --output none \
    --body "{\"principalId\":\"$client\",\"resourceId\":\"$api\",\"appRoleId\":\"$id\"}"
  echo "role $3 of $2: given to $1"
}

# A certificate that an application proves itself with; its file holds no private key.
certificate() { # client id, file, thumbprint, the same in base64: a manifest has it so
  for known in "$3" "$4"; do
    [ -z "$(ask ad app credential list --id "$1" --cert --query "[?customKeyIdentifier=='$known'].keyId | [0]")" ] || return 0
  done
  az ad app credential reset --id "$1" --cert "@$2" --append --output none
  echo "certificate $3 of $1: uploaded"
}

# Somebody whose tokens prove an application.
trust() { # client id, name, issuer, subject, audience
  [ -z "$(ask ad app federated-credential list --id "$1" --query "[?subject=='$4'].name | [0]")" ] || return 0
  printf '{"name":"%s","issuer":"%s","subject":"%s","audiences":["%s"]}' "$2" "$3" "$4" "$5" > "$work/trust.json"
  az ad app federated-credential create --id "$1" --parameters "@$work/trust.json" --output none
  echo "federated credential $2 of $1: made"
}
"#;

/// A script in the making.
#[derive(Debug, Default)]
pub(super) struct Script(String);

/// A word of a line.
#[derive(Clone, Copy, Debug)]
pub(super) enum Word<'a> {
    /// What the configuration says: it stands in quotes.
    Text(&'a str),
    /// What the shell puts there: written by this program alone.
    Shell(&'static str),
}

impl Script {
    pub(super) fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    /// What the steps below are about.
    pub(super) fn part(&mut self, title: &str) {
        self.line("");
        self.remark(title);
    }

    /// SECURITY: no line of a configuration ends a remark and begins a command.
    pub(super) fn remark(&mut self, text: &str) {
        let is_control = |sign: char| sign.is_control() || matches!(sign, '\u{2028}' | '\u{2029}');
        let plain = text.replace(is_control, " ");
        self.line(&format!("# {plain}"));
    }

    /// A step about a role or a scope; a remark, where Entra could have none of that name, and what reads it
    /// would take it for something else.
    pub(super) fn step(&mut self, function: &str, words: &[&str]) {
        // RFC 6749 §3.3, but for what ends a text in a query.
        let is_sound = |byte: u8| byte.is_ascii_graphic() && !b"\"\\'".contains(&byte);
        let (name, _) = words.split_last().unwrap_or((&"", &[]));
        if name.is_empty() || !name.bytes().all(is_sound) {
            self.remark(&format!(
                "{function}: Entra knows no role or scope named {name:?}."
            ));
            return;
        }
        let words: Vec<_> = words.iter().map(|word| Word::Text(word)).collect();
        self.call(function, &words);
    }

    pub(super) fn call(&mut self, function: &str, words: &[Word<'_>]) {
        let words = words.iter().map(|word| match word {
            Word::Text(text) => quoted(text),
            Word::Shell(text) => (*text).to_owned(),
        });
        let words: Vec<_> = words.collect();
        self.line(&format!("{function} {}", words.join(" ")));
    }

    /// A file beside the others that the script makes.
    pub(super) fn file(&mut self, name: &str, lines: &[String]) {
        self.line(&format!("cat > \"$work/{name}\" <<'END'"));
        for line in lines {
            self.line(line.trim_end());
        }
        self.line("END");
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

/// SECURITY: what a configuration says is data, and a shell must not run it.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_be_read_as_something_else_is_no_step() {
        let mut script = Script::default();
        for name in ["a\"b", "a'b", "a\\b", "ä", "a b", ""] {
            script.step("role", &["api", name]);
        }
        assert!(
            script
                .text()
                .lines()
                .all(|line| line.starts_with("# role: Entra knows"))
        );
        let mut script = Script::default();
        script.step("role", &["api", "$(x).Read;|`"]);
        assert_eq!(script.text(), "role api '$(x).Read;|`'\n");
    }

    #[test]
    fn a_shell_runs_nothing_of_a_configuration() {
        let mut script = Script::default();
        script.call(
            "grant",
            &[
                Word::Text("$(rm -rf /)'; x"),
                Word::Shell("\"$client\""),
                Word::Text(""),
            ],
        );
        script.remark("a\nrm -rf /\r\u{2028}b");
        assert_eq!(
            script.text(),
            "grant '$(rm -rf /)'\\''; x' \"$client\" ''\n# a rm -rf /  b\n"
        );
    }
}
