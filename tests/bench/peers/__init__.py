"""The tunnels that are measured, each a class of peers/base.py; a new one is a file and a line here."""
from .openvpn import OpenVpnTcp, OpenVpnUdp
from .raw import Raw
from .sallyport import Sallyport
from .wireguard_go import WireGuardGo

PEERS = {p.name: p for p in (Raw, OpenVpnTcp, OpenVpnUdp, WireGuardGo, Sallyport)}
