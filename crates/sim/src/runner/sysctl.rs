//! A script's preamble as knobs: names and values as `lastack_stack::knobs` reads them.

use super::{Failure, Runner};
use crate::script::ast::{Script, Sysctl};
use lastack_stack::{Knobs, knobs::table};

impl Runner<'_> {
    /// A command in the middle of a script.
    pub(super) fn set_knobs(&mut self, sysctls: &[Sysctl]) -> Result<(), Failure> {
        let mut knobs = self.machine.stack.knobs().clone();
        change(&mut knobs, self.script, sysctls)?;
        self.machine.stack.set_knobs(knobs);
        Ok(())
    }
}

pub(super) fn knobs(script: &Script) -> Result<Knobs, Failure> {
    let mut knobs = Knobs::default();
    change(&mut knobs, script, &script.sysctls)?;
    Ok(knobs)
}

fn change(knobs: &mut Knobs, script: &Script, sysctls: &[Sysctl]) -> Result<(), Failure> {
    for sysctl in sysctls {
        set(knobs, sysctl).map_err(|message| Failure {
            name: script.name.clone(),
            line: sysctl.line,
            message,
            sides: None,
        })?;
    }
    Ok(())
}

/// A name without a dot is one of `net.ipv4`; numbers may be joined by commas, as the tool's helper script has them.
fn set(knobs: &mut Knobs, sysctl: &Sysctl) -> Result<(), String> {
    let Sysctl { name, value, .. } = sysctl;
    let short = !name.contains(['.', '/']);
    let name = if short { format!("net.ipv4.{name}") } else { name.clone() };
    let knob = table::find(&name).map_err(|error| error.to_string())?;
    // Their commas are their own.
    let list = knob.name.ends_with("_ports") || knob.name.ends_with("_key");
    let value = if list { value.clone() } else { value.replace(',', " ") };
    knob.write(knobs, &value).map_err(|error| error.to_string())
}
