"""The software's own checkers, in one container without a network; and the roles' templates, rendered as Ansible renders them."""

from __future__ import annotations

import io
import subprocess
import tarfile
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template

import support
from unde.diff import hosts
from unde.model import Estate
from unde.plan import inventory, secrets

init_plugin_loader([])

IMAGE = "unde/debian:trixie"
LABEL = "unde.scenario=software-checks"
PACKAGES = "nftables redis-server postgresql-17 patroni pgbouncer pgbackrest etcd-server nginx haproxy prometheus prometheus-alertmanager wireguard-tools"
#: Unpacked, not installed: no script of a package runs, no service is asked for. What the image has already stays.
UNPACK = f"""
apt-get update -qq
for file in $(apt-get install --print-uris -qq -y --no-install-recommends {PACKAGES} | cut -d' ' -f1 | sed -n "s/^.file:\\(.*\\)./\\1/p" \\
              | sed 's/%25/%/g; s/%2b/+/g; s/%7e/~/g'); do
  case $file in *perl*|*fonts*|*libjs*|*postgresql-client*|*postgresql-common*|*javascript*|*llvm*|*locales*|*l10n*) continue;; esac
  dpkg-deb --extract "$file" / || exit 1
done
ldconfig
install -d -m 0755 /etc/unde/tls /asked /run/sshd
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=a -keyout /etc/unde/tls/host.key -out /etc/unde/tls/host.crt 2>/dev/null
cp /etc/unde/tls/host.crt /etc/unde/tls/ca.crt
cat /etc/unde/tls/host.crt /etc/unde/tls/host.key > /etc/unde/tls/host.pem
chmod 0644 /etc/unde/tls/*
ssh-keygen -A >/dev/null
useradd --system haproxy
getent passwd postgres >/dev/null || useradd --system postgres
mkdir -p /var/log/nginx /var/lib/nginx /run/haproxy /var/lib/haproxy
touch /etc/prometheus/telegram.token /etc/prometheus/slack.url
nginx -v && redis-server --version && nft --version
"""


#: Templates whose own text has braces.
OTHER_MARKS = ("peers.yml.j2",)


@dataclass(frozen=True)
class Case:
    """Files for one checker, and how it is asked; ``@`` stands for the folder with the files.

    Attributes:
        name: of the checker and what it is asked about; a folder's name.
        command: a line of sh; it ends with 0 where the software accepts.
        about: what was generated, for the message.

    """

    name: str
    files: dict[str, str]
    command: str
    about: Any = field(default=None, compare=False)


def started() -> str:
    """Start the container and put the software in it; return its name."""
    limits = ["--network", "none", "--pull", "never", "--label", LABEL, "--cap-add", "NET_ADMIN"]
    done = subprocess.run(["docker", "run", "--detach", "--rm", *limits, IMAGE, "sleep", "1800"], capture_output=True, text=True, check=True)
    name = done.stdout.strip()
    unpacked = subprocess.run(["docker", "exec", name, "sh", "-c", UNPACK], capture_output=True, text=True, check=False)
    if unpacked.returncode != 0:
        ended(name)
        raise AssertionError(f"the software is not in the image: {unpacked.stdout}{unpacked.stderr}")
    return name


def ended(name: str) -> None:
    """Remove the container."""
    subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=False)


def refused(container: str, cases: list[Case]) -> dict[str, str]:
    """Return case → what its checker said, for those that were not accepted; all are asked in one go."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        lines = []
        for case in cases:
            for file, text in case.files.items():
                data = text.encode()
                entry = tarfile.TarInfo(f"{case.name}/{file}")
                entry.size, entry.mode = len(data), 0o644
                archive.addfile(entry, io.BytesIO(data))
            asked = case.command.replace("@", f"/asked/{case.name}")
            said = f"/asked/{case.name}.said"
            lines.append(f"( cd /asked/{case.name}; {asked} ) >{said} 2>&1 </dev/null || {{ echo '== {case.name}'; cat {said}; }}")
        script = "\n".join(lines).encode()
        entry = tarfile.TarInfo("all.sh")
        entry.size = len(script)
        archive.addfile(entry, io.BytesIO(script))
    subprocess.run(["docker", "exec", "--interactive", container, "tar", "-x", "-C", "/asked"], input=packed.getvalue(), check=True)
    done = subprocess.run(["docker", "exec", container, "sh", "/asked/all.sh"], capture_output=True, text=True, check=True)
    found: dict[str, str] = {}
    for block in done.stdout.split("== ")[1:]:
        name, _, said = block.partition("\n")
        if name in {case.name for case in cases}:
            found[name] = said
    return found


@dataclass(frozen=True)
class Rendered:
    """What a role writes on a host of an estate."""

    estate: Estate
    plan: inventory.Inventory
    host: str
    role: str

    @cached_property
    def variables(self) -> dict[str, Any]:
        """Return the role's defaults, what the host is told, the vault, the role's own."""
        home, loader = support.ROOT / "roles" / self.role, DataLoader()
        defaults = loader.load_from_file(str(home / "defaults/main.yml"), trusted_as_template=True) or {}
        internal = loader.load_from_file(str(home / "vars/main.yml"), trusted_as_template=True) or {}
        host_variables = hosts.host_variables(self.plan, self.host)
        return {
            **defaults, **{name: _trusted(value) for name, value in host_variables.items()}, **secrets.fresh(self.estate), **dict.fromkeys(secrets.GIVEN, ""),
            "vault_former": {}, **internal, "inventory_hostname": self.host, "ansible_check_mode": False,
            "role_path": str(home), "ansible_search_path": [str(home)],
        }

    def file(self, template: str, **more: Any) -> str:
        """Return a template of the role as it is written."""
        home, loader = support.ROOT / "roles" / self.role, DataLoader()
        loader.set_basedir(str(home))
        marks = ", variable_start_string='[%', variable_end_string='%]'" if template in OTHER_MARKS else ""
        asked = trust_as_template(f"{{{{ lookup('ansible.builtin.template', '{template}'{marks}) }}}}")
        return str(Templar(loader=loader, variables=self.variables | more).template(asked))


def _trusted(value: Any) -> Any:
    """Return what the plan says with its references to the vault as templates, as the inventory plugin publishes them."""
    return trust_as_template(value) if isinstance(value, str) and value.startswith("{{ vault_") else value
