//! `bearergate certificate new`: key pair, self-signed certificate, PFX, the manifest's
//! `keyCredentials`, and what to do with them.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};

use super::files::{NewFile, ensure_absent, write_all};
use super::material::{CommonName, Material, random_passphrase};
use crate::cli::say;
use crate::clock::UnixTime;
use crate::secret::{Secret, SecretSource};

/// What a file's name ends in, what it is for, and whether it is secret.
const FILES: [(&str, &str, bool); 5] = [
    (
        ".pfx",
        "private key and certificate (PKCS#12, AES-256)",
        true,
    ),
    (".pass", "its passphrase", true),
    (".key.pem", "private key (PEM, same passphrase)", true),
    (".cer", "certificate to upload (PEM)", false),
    (
        ".manifest.json",
        "the same as keyCredentials of the manifest",
        false,
    ),
];

/// Make a key pair and a certificate by which an application proves itself to Entra
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  bearergate certificate new --name mail-daemon --out secrets
  bearergate certificate new --name mail-daemon --out secrets --days 90 --force  to renew it")]
pub(crate) struct CertificateNew {
    /// Common name of the certificate; the files are called after it
    #[arg(long, value_name = "CN")]
    name: CommonName,
    /// Folder for the files
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Days until the certificate ends
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
    /// Size of the RSA key
    #[arg(long, default_value = "2048", value_parser = bits())]
    bits: u32,
    /// Take the passphrase from this file instead of making one
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Write the private key as encrypted PEM as well
    #[arg(long)]
    pem: bool,
    /// Replace files that are there already
    #[arg(long)]
    force: bool,
}

impl CertificateNew {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let summary = self.make(UnixTime::now())?;
        say!("{}", summary.trim_end())
    }

    fn make(&self, now: UnixTime) -> anyhow::Result<String> {
        std::fs::create_dir_all(&self.out)
            .with_context(|| format!("cannot make the folder {}", self.out.display()))?;
        let folder = self.out.canonicalize()?;
        if !self.force {
            ensure_absent(self.wanted().map(|(end, ..)| self.path(&folder, end)))?;
        }
        let passphrase = self.passphrase()?;
        let material = Material::new(&self.name, self.bits, self.days, passphrase, now)?;
        let files = self.files(&folder, &material)?;
        write_all(&files, self.force)?;
        self.summary(&folder, &material, &files)
    }

    fn passphrase(&self) -> anyhow::Result<Secret<String>> {
        match &self.passphrase_file {
            Some(file) => Ok(SecretSource::File(file.clone()).read_text()?),
            None => random_passphrase(),
        }
    }

    fn wanted(&self) -> impl Iterator<Item = &'static (&'static str, &'static str, bool)> {
        FILES.iter().filter(|(end, ..)| match *end {
            ".pass" => self.passphrase_file.is_none(),
            ".key.pem" => self.pem,
            _ => true,
        })
    }

    fn path(&self, folder: &Path, end: &str) -> PathBuf {
        folder.join(format!("{}{end}", self.name.stem()))
    }

    fn files(&self, folder: &Path, material: &Material) -> anyhow::Result<Vec<NewFile>> {
        let file = |&(end, purpose, secret): &(&str, _, _)| {
            let content = match end {
                ".pfx" => material.sealed.clone(),
                ".pass" => material.passphrase.expose().as_bytes().to_vec().into(),
                ".key.pem" => material.key_pem()?,
                ".cer" => material.certificate.to_pem()?.into(),
                _ => (serde_json::to_string_pretty(&material.manifest()?)? + "\n")
                    .into_bytes()
                    .into(),
            };
            Ok(NewFile {
                path: self.path(folder, end),
                purpose,
                secret,
                content,
            })
        };
        self.wanted().map(file).collect()
    }

    fn summary(
        &self,
        folder: &Path,
        material: &Material,
        files: &[NewFile],
    ) -> anyhow::Result<String> {
        let key = &material.read_back;
        let listed: String = files
            .iter()
            .map(|file| {
                let name = file.path.file_name().unwrap_or_default().to_string_lossy();
                let keep = if file.secret { "; keep it secret" } else { "" };
                format!("  {name:<32} {}{keep}\n", file.purpose)
            })
            .collect();
        let passphrase = match &self.passphrase_file {
            Some(given) => given.canonicalize()?,
            None => self.path(folder, ".pass"),
        };
        Ok(format!(
            "RSA {bits} key with a self-signed certificate, CN={name}, until {until}\n\
             in {folder}:\n\
             \n\
             {listed}\
             \n\
             Thumbprints\n\
             \x20 SHA-1, as the portal shows it    {hex}\n\
             \x20 x5t                              {x5t}\n\
             \x20 x5t#S256                         {x5t_s256}\n\
             \n\
             Upload the certificate: portal, App registrations, Certificates & secrets; or\n\
             \x20 az ad app credential reset --id <client id> --cert {cer} --append\n\
             or add the manifest file's entry to keyCredentials in the app registration's manifest.\n\
             \n\
             Then let the gateway use it:\n\
             \x20 identities:\n\
             \x20   {stem}:\n\
             \x20     entra: {{ tenant: <tenant id>, client_id: <client id> }}\n\
             \x20     credentials:\n\
             \x20       - certificate:\n\
             \x20           file: {pfx}\n\
             \x20           passphrase: {{ file: {passphrase} }}\n",
            bits = self.bits,
            name = self.name.as_str(),
            until = key.not_after(),
            folder = folder.display(),
            hex = material.thumbprint_hex()?,
            x5t = key.certificate().thumbprint_sha1(),
            x5t_s256 = key.certificate().thumbprint_sha256(),
            cer = for_shell(&self.path(folder, ".cer")),
            stem = for_yaml(&self.name.stem()),
            pfx = for_yaml(&self.path(folder, ".pfx").to_string_lossy()),
            passphrase = for_yaml(&passphrase.to_string_lossy()),
        ))
    }
}

fn bits() -> impl clap::builder::TypedValueParser<Value = u32> {
    PossibleValuesParser::new(["2048", "3072", "4096"]).try_map(|text| text.parse::<u32>())
}

/// A scalar that YAML reads as this text.
fn for_yaml(text: &str) -> String {
    let plain = |sign: char| sign.is_ascii_alphanumeric() || "/._-".contains(sign);
    let begins = text.starts_with(|sign: char| sign.is_ascii_alphabetic() || sign == '/');
    let is_text = !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        .contains(&text.to_ascii_lowercase().as_str());
    if begins && is_text && text.chars().all(plain) {
        text.to_owned()
    } else {
        // JSON strings are YAML's double-quoted ones.
        serde_json::Value::from(text).to_string()
    }
}

/// `@PATH` as one word of a POSIX shell.
fn for_shell(path: &Path) -> String {
    let text = format!("@{}", path.display());
    let plain = |sign: char| sign.is_ascii_alphanumeric() || "@/._-".contains(sign);
    if text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
#[path = "new_tests.rs"]
mod tests;
