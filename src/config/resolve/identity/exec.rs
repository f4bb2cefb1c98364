//! A command that prints what proves us: may it be run at all, and what does it get?

use std::path::Path;

use super::foreign::{Foreign, unfit};
use crate::config::file::Exec;
use crate::config::resolve::context::{Context, rules};
use crate::config::secret_ref::is_variable;
use crate::located::{At, Text};
use crate::outbound::ExecCredential;
use crate::secret::{Secret, SecretSource};

pub(super) fn exec(context: &mut Context<'_>, written: &At<Exec>) -> Option<ExecCredential> {
    let environment = environment(context, &written.environment);
    let (program, arguments) = written.command.value()?.0.split_first()?;
    let path = Path::new(&program.0);
    let wrong = unfit(path, Foreign::Program);
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

/// Variables of the gateway's environment, by their names.
pub(super) fn environment(
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
