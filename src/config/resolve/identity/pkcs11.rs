//! A key that a PKCS#11 module gives access to: which one is meant, and may the module be loaded?

use super::exec::environment;
use super::foreign::{Foreign, unfit};
use crate::config::file::Pkcs11;
use crate::config::resolve::context::{Context, rules};
use crate::located::At;
use crate::outbound::{KeyWanted, Pkcs11Key, TokenWanted};

pub(super) fn pkcs11(context: &mut Context<'_>, written: &At<Pkcs11>) -> Option<Pkcs11Key> {
    let environment = environment(context, &written.environment);
    let pin = written.pin.get().and_then(|at| context.secret(at));
    let wrong = written
        .module
        .value()
        .and_then(|at| unfit(&at.0, Foreign::Module));
    let module = written.module.node().unwrap_or(written.node);
    let (token, slot) = (written.token.is_written(), written.slot.is_written());
    let names_a_key = written.label.is_written() || written.id.is_written();
    let id = written.id.value().map(|at| bytes(&at.0));
    rules! { context,
        wrong.is_some() => module, wrong.clone().unwrap_or_default();
        token && slot => written.node, "a token is named by its label or by its slot, not by both";
        !token && !slot && written.complete => written.node, "expected `token` or `slot`";
        !names_a_key && written.complete => written.node, "expected `label`, `id` or both";
        id == Some(None) => written.id.node(),
            "expected the key's id in hexadecimal", "as `pkcs11-tool --list-objects` shows it, such as 01a4";
    }
    let token = match (written.token.value(), written.slot.value()) {
        (Some(label), None) => TokenWanted::Label(label.0.clone()),
        (None, Some(slot)) => TokenWanted::Slot(u64::try_from(*slot).ok()?),
        _ => return None,
    };
    if wrong.is_some() || !names_a_key || id == Some(None) {
        return None;
    }
    let key = KeyWanted {
        label: written.label.value().map(|at| at.0.clone()),
        id: id.flatten(),
    };
    let module = written.module.value()?.0.clone();
    let mut key = Pkcs11Key::new(module, token, key, pin?);
    key.timeout = *written.timeout;
    key.environment = environment?;
    Some(key)
}

/// Two digits a byte, with or without colons between them.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<_> = text.chars().filter(|it| *it != ':').collect();
    if digits.is_empty() || digits.len() % 2 != 0 {
        return None;
    }
    let byte = |pair: &[char]| {
        let (high, low) = (pair[0].to_digit(16)?, pair[1].to_digit(16)?);
        u8::try_from(high * 16 + low).ok()
    };
    digits.chunks(2).map(byte).collect()
}
