//! The key in a token, to the gateway: who signs, for how long it may think, and what is not tried twice.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::messages::{Digest, Opening, Refusal};
use super::process::{Failure, Process};
use crate::located::visible;
use crate::outbound::credential::beside::Beside;
use crate::outbound::credential::signer::SignatureWanted;
use crate::secret::Secret;

/// So much of what a module says is told.
const TOLD: usize = 300;

/// `pkcs11:` of `sign`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pkcs11Key {
    pub module: PathBuf,
    pub token: TokenWanted,
    pub key: KeyWanted,
    pub pin: Secret<String>,
    /// How long a signature may take, logging in and waiting for its turn included.
    pub timeout: Duration,
    /// What the module gets of the gateway's environment.
    pub environment: Vec<(String, Secret<String>)>,
    /// What loads it: this very program.
    pub program: PathBuf,
    /// One signature at a time.
    state: Beside<Mutex<State>>,
}

/// Which of the module's tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenWanted {
    Label(String),
    Slot(u64),
}

/// Which of the token's private keys: by `CKA_LABEL`, `CKA_ID` or both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyWanted {
    pub label: Option<String>,
    pub id: Option<Vec<u8>>,
}

#[derive(Default)]
struct State {
    /// The process that is logged in.
    process: Option<Process>,
    /// What the token said of the PIN. SECURITY: a wrong one is never tried twice, for tokens lock themselves
    /// after some. Another PIN is another definition, with a state of its own.
    pin_refused: Option<String>,
}

impl Pkcs11Key {
    pub fn new(module: PathBuf, token: TokenWanted, key: KeyWanted, pin: Secret<String>) -> Self {
        Self {
            module,
            token,
            key,
            pin,
            timeout: Duration::from_secs(10),
            environment: Vec::new(),
            // The file that this process was started from, even where another has taken its place.
            program: PathBuf::from("/proc/self/exe"),
            state: Beside::default(),
        }
    }

    pub(in crate::outbound::credential::signer) async fn sign(
        &self,
        wanted: &SignatureWanted<'_>,
    ) -> Result<Vec<u8>, String> {
        let digest = Digest {
            algorithm: wanted.algorithm.into(),
            sha256: *wanted.digest,
        };
        match tokio::time::timeout(self.timeout, self.signed(&digest)).await {
            Ok(Ok(signature)) => Ok(signature),
            Ok(Err(why)) => Err(why.chars().take(TOLD).map(visible).collect()),
            Err(_) => {
                let most = humantime::format_duration(self.timeout);
                Err(format!(
                    "it did not within {most}; its process, if it was its turn, was killed"
                ))
            }
        }
    }

    async fn signed(&self, digest: &Digest) -> Result<Vec<u8>, String> {
        let mut state = self.state.lock().await;
        if let Some(why) = &state.pin_refused {
            return Err(why.clone());
        }
        // Taken, not borrowed: whoever gives up waiting drops it, and that kills it.
        if let Some(mut process) = state.process.take()
            && let Ok(signature) = process.sign(digest).await
        {
            state.process = Some(process);
            return Ok(signature);
        }
        // There is none, or what it was logged in to went away: a card was pulled, an HSM started anew. What is
        // wrong for good is wrong in a new one too.
        let asked = async {
            let mut process = Process::start(self, &self.opening()).await?;
            let signature = process.sign(digest).await?;
            Ok::<_, Failure>((process, signature))
        };
        match asked.await {
            Ok((process, signature)) => {
                state.process = Some(process);
                Ok(signature)
            }
            Err(Failure::Refused(Refusal { why, is_pin: true })) => {
                let why = format!(
                    "{why}. It is not tried again, for tokens lock themselves after some wrong ones: correct \
                     what `pin` names and reload, or restart"
                );
                state.pin_refused = Some(why.clone());
                Err(why)
            }
            Err(Failure::Refused(Refusal { why, .. }) | Failure::Process(why)) => Err(why),
        }
    }

    fn opening(&self) -> Opening {
        Opening {
            module: self.module.clone(),
            token: self.token.clone(),
            key: self.key.clone(),
            pin: Zeroizing::new(self.pin.expose().clone()),
        }
    }
}

impl fmt::Display for Pkcs11Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (module, token, key) = (self.module.display(), &self.token, &self.key);
        write!(out, "PKCS#11 ({module}, {token}, {key})")
    }
}

impl fmt::Display for TokenWanted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label(label) => write!(out, "token {label}"),
            Self::Slot(slot) => write!(out, "slot {slot}"),
        }
    }
}

impl fmt::Display for KeyWanted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("key")?;
        if let Some(label) = &self.label {
            write!(out, " {label}")?;
        }
        if let Some(id) = &self.id {
            out.write_str(" ")?;
            id.iter().try_for_each(|byte| write!(out, "{byte:02x}"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
