"""Say which tunnels a host has, as JSON: read-only, runs on the host from standard input."""

import glob
import json
import os
import re

DIRECTORY = "/etc/wireguard"


def read(path):
    """Return the text of a file."""
    with open(path, encoding="utf-8", errors="replace") as handle:
        return handle.read()


def look(owner, interfaces, check):
    """Tell our interfaces from those of others, and what would be overwritten."""
    answer = {"owned": [], "peers": {}, "public": [], "refused": []}
    for path in sorted(glob.glob(DIRECTORY + "/*.conf")):
        interface, text = os.path.basename(path)[: -len(".conf")], read(path)
        mark = re.match(r"# unde\.infra (\S+) ", text)
        if mark and mark.group(1) == owner:
            answer["owned"].append(interface)
            peer = re.search(r"^PublicKey = (\S+)$", text, re.M)
            if peer:
                answer["peers"][interface] = peer.group(1)
        elif interface in interfaces:
            whose = "the role " + mark.group(1) if mark else "somebody else"
            answer["refused"].append(
                "%s was written by %s and is not overwritten by %s. Take that tunnel down (systemctl disable --now wg-quick@%s), "
                "keep its private key as %s/%s.key (mode 0600), move the file away, and run again."
                % (path, whose, owner, interface, DIRECTORY, interface))
    answer["public"] = [read(path).strip() for path in glob.glob(DIRECTORY + "/*.pub")]
    for interface in interfaces:
        # In check mode the keys have not been made.
        if not check and not os.path.exists("%s/%s.key" % (DIRECTORY, interface)):
            answer["refused"].append(
                "%s/%s.key does not exist: the role wireguard_keys makes it and goes first "
                "(on a host that is adopted it must be in the adopt list too)." % (DIRECTORY, interface))
    return answer


def main(text):
    """Read the question, print the answer."""
    wish = json.loads(text)
    print(json.dumps(look(wish["owner"], wish["interfaces"], wish["check"])))
