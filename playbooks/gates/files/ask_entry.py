"""Ask an entry as a user does: ask_entry.py ADDRESS PORT NAME. Prints the protocol that it agrees to by ALPN, and its status for `/`.

Whether the certificate is one that users trust is not asked here: its end is watched, and the lab's is of the estate's own authority.
"""

import http.client
import socket
import ssl
import sys

SILENCE_S = 10


def shown(address, port, name, protocols):
    """Return a TLS connection under a name."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(protocols)
    return context.wrap_socket(socket.create_connection((address, port), SILENCE_S), server_hostname=name)


def main(address, port, name):
    """Ask twice: for the best protocol, and for the page."""
    with shown(address, int(port), name, ["h2", "http/1.1"]) as connection:
        protocol = connection.selected_alpn_protocol()
    page = http.client.HTTPSConnection(name, int(port), timeout=SILENCE_S)
    page.sock = shown(address, int(port), name, ["http/1.1"])
    page.request("GET", "/")
    status = page.getresponse().status
    print(protocol, status)
    return 0 if status < 500 else 1


try:
    sys.exit(main(*sys.argv[1:]))
except (OSError, http.client.HTTPException) as error:
    sys.exit(f"{sys.argv[1]}:{sys.argv[2]} does not answer as {sys.argv[3]}: {error}")
