//! Who has which address: the networks that the command line names, else the first free ones.

#[cfg(test)]
mod tests;

use super::network::{Network, Route};
use crate::values::Cidr;
use anyhow::{Result, bail};
use lastack::device::tun::Ipv6;
use std::net::IpAddr;

/// Addresses of the two ends of the device, with prefix lengths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) host: Vec<(IpAddr, u8)>,
    pub(crate) stack: Vec<(IpAddr, u8)>,
    /// What a user should know about the choice.
    pub(crate) remark: Option<String>,
}

impl Place {
    /// Chooses by the host's routes.
    pub(crate) fn choose(addresses: &[Cidr], routes: &[Route]) -> Result<Place> {
        if !addresses.is_empty() {
            return Place::of(addresses, routes);
        }
        let network = Network::first_free(routes)?;
        let first = Network::first_free(&[])?;
        let remark = (network != first).then(|| {
            format!(
                "{} overlaps a route of this host: taking {}",
                Place::networks(&first.stack()),
                Place::networks(&network.stack())
            )
        });
        Ok(Place { host: network.host(), stack: network.stack(), remark })
    }

    fn networks(addresses: &[(IpAddr, u8)]) -> String {
        addresses
            .iter()
            .filter_map(|&(address, prefix)| Cidr::new(Cidr::new(address, prefix)?.nth(0), prefix))
            .map(|network| network.to_string())
            .collect::<Vec<_>>()
            .join(" or ")
    }

    fn of(addresses: &[Cidr], routes: &[Route]) -> Result<Place> {
        let mut place = Place { host: Vec::new(), stack: Vec::new(), remark: None };
        for &own in addresses {
            let (address, prefix) = (own.address(), own.prefix());
            if place.stack.iter().any(|(other, _)| other.is_ipv4() == address.is_ipv4()) {
                bail!("--address {own}: one address of each IP version is enough");
            }
            let host =
                [own.nth(1), own.nth(2)].into_iter().find(|&host| host != address && own.contains(host));
            let Some(host) = host else {
                bail!(
                    "--address {own}: the network has no room for the host's address: use a shorter prefix"
                );
            };
            if routes.iter().any(|route| route.overlaps(address, prefix)) {
                bail!(
                    "--address {own} overlaps a route of this host: choose another network, or leave --address out"
                );
            }
            place.host.push((host, prefix));
            place.stack.push((address, prefix));
        }
        Ok(place)
    }

    /// Without IPv6 where the host has none. Says so.
    pub(crate) fn limit_to(&mut self, ipv6: Ipv6) -> Result<()> {
        if ipv6 != Ipv6::Disabled {
            return Ok(());
        }
        self.host.retain(|(address, _)| address.is_ipv4());
        self.stack.retain(|(address, _)| address.is_ipv4());
        if self.stack.is_empty() {
            bail!("this host has IPv6 switched off: give --address an IPv4 network");
        }
        let off = "IPv6 is switched off on this host: serving IPv4 only";
        self.remark = Some(match self.remark.take() {
            Some(remark) => format!("{remark}\n{off}"),
            None => off.to_owned(),
        });
        Ok(())
    }

    /// The networks of the device.
    pub(crate) fn neighbours(&self) -> Vec<Cidr> {
        self.host.iter().filter_map(|&(address, prefix)| Cidr::new(address, prefix)).collect()
    }
}
