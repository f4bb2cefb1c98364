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

# Gives an application, or a managed identity, a role of an API: that is the administrator's consent.
grant() { # client id, API, role
  client=$(principal "$1")
  api=$(principal "$2")
  id=$(ask ad sp show --id "$2" --query "appRoles[?value=='$3'].id | [0]")
  [ -n "$id" ] || { echo "$2 has no role $3" >&2; exit 1; }
  has=$(ask rest --method GET --uri "$graph/servicePrincipals/$client/appRoleAssignments" \
    --query "value[?appRoleId=='$id'].id | [0]")
  [ -z "$has" ] || return 0
  az rest --method POST --uri "$graph/servicePrincipals/$client/appRoleAssignments" --output none \
    --body "{\"principalId\":\"$client\",\"resourceId\":\"$api\",\"appRoleId\":\"$id\"}"
  echo "role $3 of $2: given to $1"
}

# A certificate that an application proves itself with; its file holds no private key.
certificate() { # client id, file, thumbprint
  [ -z "$(ask ad app credential list --id "$1" --cert --query "[?customKeyIdentifier=='$3'].keyId | [0]")" ] || return 0
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
