//! Where the gateway's own tokens are kept beside memory, and under which key.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::context::{Context, rules};
use crate::config::file::{Redis, State};
use crate::config::secret_ref::SecretRef;
use crate::located::{At, FilePath};
use crate::secret::Secret;
use crate::store::{RedisDefinition, StateKey, StoreDefinition};

pub(super) fn state(context: &mut Context<'_>, written: &At<State>) -> Option<StoreDefinition> {
    rules! { context,
        !written.file.is_written() && !written.redis.is_written() => written.node,
            "nothing is kept: there is neither `file` nor `redis`";
    }
    let key = written.key.get().and_then(|at| key(context, at));
    let file = written.file.optional(|at| file(context, at));
    let redis = written.redis.optional(|at| redis(context, at));
    Some(StoreDefinition {
        key: key?,
        file: file?,
        redis: redis?,
    })
}

fn key(context: &mut Context<'_>, at: &At<SecretRef>) -> Option<StateKey> {
    let text = context.secret(at)?;
    let decoded = STANDARD
        .decode(text.expose().as_bytes())
        .map(Zeroizing::new);
    let bytes = decoded.ok().and_then(|it| <[u8; 32]>::try_from(&**it).ok());
    match bytes {
        Some(bytes) => Some(StateKey::new(Secret::new(bytes))),
        None => {
            let place = &at.0;
            let why = format!("the key in {place} is not 32 bytes in base64");
            let hint = "make one by `openssl rand -base64 32`";
            context.problem(at.node, why).hint(hint);
            None
        }
    }
}

/// It need not be there, but where it is to be, there must be a folder.
fn file(context: &mut Context<'_>, at: &At<FilePath>) -> Option<PathBuf> {
    let path = context.beside(at);
    let parent = path.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = parent.unwrap_or(Path::new("."));
    if path.is_dir() || path.file_name().is_none() {
        context.problem(at.node, format!("{} is a folder", path.display()));
        return None;
    }
    if !folder.is_dir() {
        let why = format!("there is no folder {}", folder.display());
        context.problem(at.node, why);
        return None;
    }
    Some(path)
}

fn redis(context: &mut Context<'_>, written: &At<Redis>) -> Option<RedisDefinition> {
    let password = written.password.optional(|at| context.secret(at));
    let ca_pem = written.ca_file.optional(|at| context.certificates(at));
    let at = written.url.get()?;
    let (url, is_exposed) = (&at.url, at.is_exposed());
    rules! { context,
        // SECURITY: what is kept is sealed, but whoever reads the password may take it all away.
        is_exposed && !*written.in_clear => at.node, "this goes in clear to another machine",
            "write `rediss://…`, or, where nobody can listen, `in_clear: true` beside it";
        !is_exposed && *written.in_clear => written.in_clear.node(), "this does not go in clear to another machine";
        url.scheme() != "rediss" => written.ca_file.node(), "`ca_file` is for rediss, and the URL is redis";
        written.user.is_written() && !written.password.is_written() => written.user.node(),
            "a user without a password: its `password` is missing";
    }
    Some(RedisDefinition {
        url: url.clone(),
        database: at.database,
        user: written.user.value().map(|it| it.0.clone()),
        password: password?,
        timeout: *written.timeout,
        ca_pem: ca_pem?,
    })
}
