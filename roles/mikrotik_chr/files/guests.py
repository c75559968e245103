"""Define the guests as they are wanted, keep them running, and restart those that run otherwise where that is allowed.

Runs on the host, read from standard input; answers with what it did (in check mode: would do) as JSON. A domain carries the identity of
its definition as its description: the defined one and, until the next restart, the running one.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time

#: Seconds that a guest may take to shut down by itself.
SHUTDOWN_S = 90


def virsh(*words):
    """Run virsh on the system's guests; the caller judges the status."""
    return subprocess.run(["virsh", "--quiet", "--connect", "qemu:///system", *words], check=False, capture_output=True, text=True)


class Guest:
    """A guest as it is wanted and as it is."""

    def __init__(self, name, definition):
        """Ask for its state."""
        self.name, self.identity = name, hashlib.sha256(definition.encode()).hexdigest()
        self.definition = definition.replace("<description/>", "<description>%s</description>" % self.identity)
        self.state = virsh("domstate", name).stdout.strip()
        self.defined = virsh("desc", name, "--config").stdout.strip()
        self.running = virsh("desc", name, "--live").stdout.strip() if self.state == "running" else ""
        self.autostart = any(line.split() == ["Autostart:", "enable"] for line in virsh("dominfo", name).stdout.splitlines())


class Host:
    """The host, and what was (in check mode: would be) done to it."""

    def __init__(self, check):
        """Nothing was done yet."""
        self.check, self.done = check, []

    def do(self, *words):
        """Run virsh, unless this is a rehearsal."""
        self.done.append("virsh " + " ".join(words))
        if not self.check:
            ran = virsh(*words)
            if ran.returncode:
                sys.exit("%s: %s" % (self.done[-1], ran.stderr.strip()))

    def define(self, guest):
        """Define a guest; a running one stays as it is until its next start."""
        with tempfile.NamedTemporaryFile("w", prefix=guest.name + "-", suffix=".xml", encoding="utf-8") as file:
            file.write(guest.definition)
            file.flush()
            self.done.append("virsh define %s" % guest.name)
            if not self.check:
                ran = virsh("define", "--validate", file.name)
                if ran.returncode:
                    sys.exit("%s: %s" % (self.done[-1], ran.stderr.strip()))

    def restart(self, guest):
        """Ask a guest to shut down, start it as it is defined now."""
        self.do("shutdown", guest.name)
        if not self.check:
            end = time.monotonic() + SHUTDOWN_S
            while virsh("domstate", guest.name).stdout.strip() != "shut off":
                if time.monotonic() > end:
                    sys.exit("%s did not shut down within %d s; it runs on as it was" % (guest.name, SHUTDOWN_S))
                time.sleep(0.5)
        self.do("start", guest.name)


def main(text):
    """Read the wish, apply it, print what was done and what waits."""
    # What the programs called here say is read: in English, whatever the language of who logs in.
    os.environ.update(LC_ALL="C.UTF-8", LANGUAGE="")
    wish = json.loads(text)
    host, waiting = Host(wish["check"]), []
    # Before the packages are there, in a rehearsal, nothing can be asked.
    tools = os.path.exists("/usr/bin/virsh")
    for name, definition in wish["guests"].items():
        if not tools:
            host.done += ["virsh define %s" % name, "virsh start %s" % name]
            continue
        guest = Guest(name, definition)
        if guest.defined != guest.identity:
            host.define(guest)
        if not guest.autostart:
            host.do("autostart", name)
        if guest.state == "paused":
            host.do("resume", name)
        elif guest.state != "running":
            host.do("start", name)
        elif guest.running != guest.identity and wish["may_restart"]:
            host.restart(guest)
        elif guest.running != guest.identity:
            waiting.append(name)
    print(json.dumps({"changed": bool(host.done), "done": host.done, "waiting": waiting}))
