//! The one place that calls foreign code: a module, its token, and the key in it.

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::AuthPin;

use super::messages::{Digest, Opening, Refusal, Scheme};
use super::{KeyWanted, TokenWanted};

/// The DER of a `DigestInfo` up to its SHA-256 (RFC 8017 §9.2, note 1): `CKM_RSA_PKCS` adds none.
const SHA256_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];

/// A salt as long as the digest (RFC 7518 §3.5).
const SALT: u64 = 32;

/// So many names are told where none is the one.
const TOLD: usize = 5;

/// A token that is logged in to, with its key.
pub(super) struct Token {
    session: Session,
    key: ObjectHandle,
}

impl Token {
    pub(super) fn open(opening: &Opening) -> Result<Self, Refusal> {
        let module = Pkcs11::new(&opening.module).map_err(|why| Refusal::new(unloaded(&why)))?;
        let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
        module.initialize(arguments).map_err(refused)?;
        let (slot, about) = find(&module, &opening.token)?;
        // SECURITY: a PIN that turns out wrong now would lock it.
        if about.user_pin_locked() {
            return Err(Refusal::new(
                "the token's PIN is locked: its security officer can set a new one",
            ));
        }
        if about.user_pin_final_try() {
            return Err(Refusal::new(
                "the token locks itself at one more wrong PIN, and the gateway does not try: log in by hand first",
            ));
        }
        let session = module.open_ro_session(slot).map_err(refused)?;
        log_in(&session, &opening.pin)?;
        let key = private_key(&session, &opening.key)?;
        Ok(Self { session, key })
    }

    /// The signature over a digest.
    pub(super) fn sign(&self, digest: &Digest) -> Result<Vec<u8>, String> {
        let signature = match digest.algorithm {
            Scheme::Ps256 => {
                let scheme = Mechanism::RsaPkcsPss(PkcsPssParams {
                    hash_alg: MechanismType::SHA256,
                    mgf: PkcsMgfType::MGF1_SHA256,
                    s_len: SALT.into(),
                });
                self.session.sign(&scheme, self.key, &digest.sha256)
            }
            Scheme::Rs256 => {
                let info = [&SHA256_INFO[..], &digest.sha256].concat();
                self.session.sign(&Mechanism::RsaPkcs, self.key, &info)
            }
        };
        signature.map_err(|why| match why {
            Error::Pkcs11(RvError::MechanismInvalid | RvError::MechanismParamInvalid, _)
                if digest.algorithm == Scheme::Ps256 =>
            {
                format!(
                    "{}: the token cannot sign by PS256; say `assertion: RS256`",
                    told(&why)
                )
            }
            why => told(&why),
        })
    }
}

/// The one token that is meant.
fn find(module: &Pkcs11, wanted: &TokenWanted) -> Result<(Slot, TokenInfo), Refusal> {
    let slots = module.get_slots_with_token().map_err(refused)?;
    // One that does not tell of itself is not the one that is meant.
    let told = |slot| Some((slot, module.get_token_info(slot).ok()?));
    let tokens: Vec<_> = slots.into_iter().filter_map(told).collect();
    let is_it = |(slot, about): &&(Slot, TokenInfo)| match wanted {
        TokenWanted::Label(label) => about.token_initialized() && about.label() == label,
        TokenWanted::Slot(number) => slot.id() == *number,
    };
    let mut found = tokens.iter().filter(is_it);
    match (found.next(), found.next()) {
        (Some((slot, about)), None) => Ok((*slot, about.clone())),
        (Some(_), Some(_)) => Err(Refusal::new(format!(
            "the module has several tokens of the label {wanted:?}; name a `slot`"
        ))),
        (None, _) => {
            let known = tokens.iter().filter(|(_, about)| about.token_initialized());
            let known = known.map(|(slot, about)| format!("{:?} in slot {slot}", about.label()));
            let known: Vec<_> = known.take(TOLD).collect();
            let known = match known.is_empty() {
                true => "none".to_owned(),
                false => known.join(", "),
            };
            Err(Refusal::new(format!(
                "the module has no {wanted}; it has {known}"
            )))
        }
    }
}

fn log_in(session: &Session, pin: &str) -> Result<(), Refusal> {
    let pin = AuthPin::new(pin.into());
    match session.login(UserType::User, Some(&pin)) {
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
        Err(
            why @ Error::Pkcs11(
                RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange,
                _,
            ),
        ) => Err(Refusal {
            why: format!("the token does not take the PIN ({})", told(&why)),
            is_pin: true,
        }),
        Err(why) => Err(refused(why)),
    }
}

/// The one private key that is meant, if it may sign on its own.
fn private_key(session: &Session, wanted: &KeyWanted) -> Result<ObjectHandle, Refusal> {
    let mut template = vec![
        Attribute::Class(ObjectClass::PRIVATE_KEY),
        Attribute::KeyType(KeyType::RSA),
    ];
    let label = wanted.label.iter();
    template.extend(label.map(|label| Attribute::Label(label.as_bytes().to_vec())));
    template.extend(wanted.id.iter().map(|id| Attribute::Id(id.clone())));
    let found = session.find_objects(&template).map_err(refused)?;
    let key = match found[..] {
        [key] => key,
        [] => {
            return Err(Refusal::new(format!(
                "the token has no private RSA {wanted}; it has {}",
                labels(session, &template[..2])
            )));
        }
        _ => {
            return Err(Refusal::new(format!(
                "the token has several private RSA keys that are {wanted}; name `id` too"
            )));
        }
    };
    let asks_each_time = session.get_attributes(key, &[AttributeType::AlwaysAuthenticate]);
    // A module that knows no such attribute has no such keys.
    if let Ok(attributes) = asks_each_time
        && attributes.contains(&Attribute::AlwaysAuthenticate(true))
    {
        return Err(Refusal::new(
            "the key wants the PIN for each signature (CKA_ALWAYS_AUTHENTICATE), as those that people sign \
             documents by; make one for programs",
        ));
    }
    Ok(key)
}

/// The names of what is there instead, for whoever misspelt one.
fn labels(session: &Session, template: &[Attribute]) -> String {
    let keys = session.find_objects(template).unwrap_or_default();
    let mut known = Vec::new();
    for key in keys.into_iter().take(TOLD) {
        let read = session.get_attributes(key, &[AttributeType::Label]);
        if let Some(Attribute::Label(label)) = read.unwrap_or_default().first() {
            known.push(format!("{:?}", String::from_utf8_lossy(label)));
        }
    }
    match known.is_empty() {
        true => "none".to_owned(),
        false => known.join(", "),
    }
}

fn unloaded(why: &Error) -> String {
    match why {
        Error::LibraryLoading(why) => format!("the module cannot be loaded: {why}"),
        Error::MissingSymbol(_) => {
            format!("the file is no PKCS#11 module: {why}")
        }
        other => told(other),
    }
}

fn refused(why: Error) -> Refusal {
    Refusal::new(told(&why))
}

/// The function and its return value, as the standard and the vendor's manual call them.
fn told(why: &Error) -> String {
    match why {
        Error::Pkcs11(value, function) => format!("C_{function:?}: {value:?}"),
        Error::NullFunctionPointer => "the module lacks a function that each must have".to_owned(),
        other => other.to_string(),
    }
}
