//! A command that prints what proves us: may it be run at all?

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::config::file::Exec;
use crate::config::resolve::context::{Context, rules};
use crate::config::secret_ref::is_variable;
use crate::located::{At, Text};
use crate::outbound::ExecCredential;
use crate::secret::{Secret, SecretSource, why_unreadable};

pub(super) fn exec(context: &mut Context<'_>, written: &At<Exec>) -> Option<ExecCredential> {
    let environment = environment(context, &written.environment);
    let (program, arguments) = written.command.value()?.0.split_first()?;
    let path = Path::new(&program.0);
    let wrong = unfit(path);
    rules! { context,
        wrong.is_some() => program.node, wrong.unwrap_or_default();
    }
    let arguments = arguments.iter().map(|at| at.0.clone());
    Some(ExecCredential::new(
        path.to_owned(),
        arguments.collect(),
        *written.prints,
        *written.timeout,
        environment?,
    ))
}

/// Why a program is not run. SECURITY: what a search along `PATH` finds, or anybody may replace, would be
/// given the gateway's place.
fn unfit(path: &Path) -> Option<String> {
    if !path.is_absolute() {
        return Some("a command begins with the absolute path of a program".to_owned());
    }
    let shown = path.display();
    match std::fs::metadata(path) {
        Err(why) => Some(why_unreadable(path, &why)),
        Ok(about) if !about.is_file() => Some(format!("{shown} is no file")),
        Ok(about) if about.mode() & 0o111 == 0 => Some(format!("{shown} may not be executed")),
        Ok(about) if about.mode() & 0o002 != 0 => Some(format!(
            "anybody may write to {shown}: take that away (`chmod o-w`)"
        )),
        Ok(_) => None,
    }
}

fn environment(
    context: &mut Context<'_>,
    names: &[At<Text>],
) -> Option<Vec<(String, Secret<String>)>> {
    let read = |at: &At<Text>| {
        let name = &at.0;
        if !is_variable(name) {
            context.problem(at.node, "expected the name of a variable");
            return None;
        }
        let value = SecretSource::Env(name.clone()).read_text();
        let value = value.map_err(|why| context.problem(at.node, why.to_string()));
        Some((name.clone(), value.ok()?))
    };
    let read: Vec<_> = names.iter().map(read).collect();
    read.into_iter().collect()
}
