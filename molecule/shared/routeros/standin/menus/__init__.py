"""What menus are beyond their schema."""

from __future__ import annotations

from ..table import Behaviour
from . import addresses, certificates, files, firewall, lists, routes, services, system, users, wireguard

BEHAVIOURS: dict[str, type[Behaviour]] = {
    "certificate": certificates.Certificates,
    "file": files.Files,
    "interface": system.Interfaces,
    "interface ethernet": addresses.Ethernet,
    "interface list": lists.Lists,
    "interface wireguard": wireguard.Interfaces,
    "interface wireguard peers": wireguard.Peers,
    "ip address": addresses.Addresses,
    "ip dhcp-client": addresses.DhcpClients,
    "ip dns": system.Dns,
    "ip firewall filter": firewall.Filter,
    "ip firewall mangle": firewall.Mangle,
    "ip firewall nat": firewall.Nat,
    "ip firewall raw": firewall.Raw,
    "ip neighbor discovery-settings": system.Discovery,
    "ip route": routes.Routes,
    "ip settings": system.IpSettings,
    "ip service": services.Services,
    "system clock": system.Clock,
    "system identity": system.Identity,
    "system license": system.License,
    "system logging": system.Logging,
    "system logging action": system.LoggingActions,
    "system ntp client": system.NtpClient,
    "system resource": system.Resource,
    "system scheduler": system.Scheduler,
    "tool mac-server": system.MacServer,
    "tool mac-server mac-winbox": system.MacServer,
    "user": users.Users,
    "user active": users.Active,
    "user group": users.Groups,
}
