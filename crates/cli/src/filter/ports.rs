//! What of a filter the kernel can do: ranges of ports outside of which nothing passes.

use super::Filter;
use super::expression::{Comparison, End, Expression};
use lastack_host::PortFilter;

type Range = (u16, u16);
const ANY: Range = (0, u16::MAX);
/// First above last: no port at all.
const NONE: Range = (1, 0);

/// A superset of what an expression lets pass.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    pub(super) local: Range,
    pub(super) remote: Range,
}

impl Ports {
    const ALL: Ports = Ports { local: ANY, remote: ANY };

    fn at(end: End, range: Range) -> Ports {
        match end {
            End::Local => Ports { local: range, ..Ports::ALL },
            End::Remote => Ports { remote: range, ..Ports::ALL },
        }
    }

    pub(super) fn of(expression: &Expression) -> Ports {
        let join = |parts: &[Expression], join: fn(Range, Range) -> Range| {
            let both = |a: Ports, b: Ports| Ports {
                local: join(a.local, b.local),
                remote: join(a.remote, b.remote),
            };
            parts.iter().map(Ports::of).reduce(both).unwrap_or(Ports::ALL)
        };
        match expression {
            Expression::Or(any) => join(any, |a, b| (a.0.min(b.0), a.1.max(b.1))),
            Expression::And(all) => join(all, |a, b| (a.0.max(b.0), a.1.min(b.1))),
            Expression::Not(_) => Ports::ALL,
            Expression::Host { end, port, .. } => {
                port.map_or(Ports::ALL, |port| Ports::at(*end, (port, port)))
            }
            Expression::Port { end, comparison, port } => Ports::at(*end, range(*comparison, *port)),
        }
    }
}

fn range(comparison: Comparison, port: u16) -> Range {
    match comparison {
        Comparison::Equal => (port, port),
        Comparison::NotEqual => ANY,
        Comparison::Less => port.checked_sub(1).map_or(NONE, |last| (0, last)),
        Comparison::LessOrEqual => (0, port),
        Comparison::Greater => port.checked_add(1).map_or(NONE, |first| (first, u16::MAX)),
        Comparison::GreaterOrEqual => (port, u16::MAX),
    }
}

impl Filter {
    /// For the kernel to look at; `None` when nothing can pass.
    pub(crate) fn ports(&self) -> Option<PortFilter> {
        let Ports { local, remote } = self.expression.as_ref().map_or(Ports::ALL, Ports::of);
        let possible = local.0 <= local.1 && remote.0 <= remote.1;
        possible.then(|| PortFilter::default().local(local.0..=local.1).remote(remote.0..=remote.1))
    }
}
