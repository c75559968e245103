"""The inventory plugin, as ``ansible-inventory`` and ``ansible-doc`` meet it."""

from __future__ import annotations

import json
import os
import re
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

import support
import unde
from unde.model import Estate
from unde.plan import groups


def copied(folder: Path, added: str = "", changed: tuple[str, str] = ("", "")) -> Path:
    """Return a copy of the shipped layout with text added at its end, or changed once."""
    text = support.LAYOUT.read_text(encoding="utf-8")
    assert changed[0] in text
    file = folder / "layout.yml"
    file.write_text(text.replace(*changed, 1) + added, encoding="utf-8")
    return file


def test_hosts_groups_and_variables(listed: dict[str, Any], estate: Estate) -> None:
    """From a checkout, without a flag: every host, in its groups, with what its groups share."""
    told = listed["_meta"]["hostvars"]
    assert set(told) == set(estate.hosts)
    grouped = groups.members(estate)
    for name, host in estate.hosts.items():
        assert all(name in listed[group]["hosts"] for group in grouped[name]), name
        assert told[name]["unde_roles"] == list(host.roles)
    shards = {f"shard_{n}" for n in range(estate.layout.shards.count)}
    others = {"day_09", "phase_1", "phase_2", "role_etcd", "state_running"}
    assert {f"site_{site}" for site in estate.layout.sites} | others | shards <= set(listed)
    assert not any("-" in group for group in listed)


def test_what_is_published_as_an_expression(estate: Estate) -> None:
    """Ansible computes for every host what the plan says: who is where."""
    show = ["ansible", "all", "-c", "local", "-m", "debug", "-a", "var=base_hosts"]
    done = support.run(*show, ANSIBLE_STDOUT_CALLBACK="json", ANSIBLE_LOAD_CALLBACK_PLUGINS="1")
    [task] = json.loads(done.stdout)["plays"][0]["tasks"]
    assert set(task["hosts"]) == set(estate.hosts)
    assert all(result["base_hosts"] == unde.inventory(estate).shared["base_hosts"] for result in task["hosts"].values())
    assert unde.inventory(estate).shared.keys() == {"base_hosts", "unde_gates_of_days", "unde_rollout", "unde_rotations", "unde_vault_entries"}


def test_the_guard_is_published(listed: dict[str, Any], estate: Estate) -> None:
    """Who is not ours to build is neither restarted nor initialized, and base manages less of it."""
    for name, variables in listed["_meta"]["hostvars"].items():
        host = estate.hosts[name]
        assert variables["unde_state"] == host.kind.state
        assert variables["unde_may_restart"] is variables["unde_may_initialize"] is host.ours
        assert variables["unde_adopt"] == list(host.adopt)
        assert ("ssh" in variables["base_manage"]) is host.ours
    adopted = listed["_meta"]["hostvars"]["helsinki-gw"]["unde_adopt"]
    assert adopted == ["base", "firewall", "exporters", "gateway", "mikrotik_chr"]  # with what adopting the gateway brings


def test_options_of_constructed(tmp_path: Path) -> None:
    """The documentation's own example, and the rest of the constructed options, beside the layout's keys."""
    documented = support.run("ansible-doc", "-t", "inventory", "--json", "unde.infra.layout")
    example = json.loads(documented.stdout)["unde.infra.layout"]["examples"]
    added = "groups:\n  with_many_tunnels: wireguard_peer_tunnels | default([]) | length > 1\n"
    told = support.inventory("-i", copied(tmp_path, example + added))
    assert told["rolls_out_on_14"]["hosts"] == ["local-app"]
    assert told["with_many_tunnels"]["hosts"] == ["local-etcd-1", "etcd-3"]
    assert told["_meta"]["hostvars"]["local-app"]["behind_a_tunnel"] is True
    assert told["_meta"]["hostvars"]["scraper"]["behind_a_tunnel"] is False


def test_documentation() -> None:
    """``ansible-doc`` shows the plugin's options, those of the fragments among them, and what it requires."""
    done = support.run("ansible-doc", "-t", "inventory", "unde.infra.layout")
    assert done.returncode == 0
    assert all(word in done.stdout for word in ("overlay", "assignments", "keyed_groups", "cache_plugin", "UNDE_OVERLAY", "REQUIREMENTS"))


def test_the_cache_is_used_and_follows_the_layout(tmp_path: Path) -> None:
    """A second reading takes the plan from the cache; a change of the layout makes a new one."""
    file, store = copied(tmp_path), tmp_path / "store"
    settings = {
        "ANSIBLE_INVENTORY_CACHE": "true",
        "ANSIBLE_INVENTORY_CACHE_PLUGIN": "ansible.builtin.jsonfile",
        "ANSIBLE_INVENTORY_CACHE_CONNECTION": str(store),
    }
    first = support.inventory("-i", file, **settings)
    [entry] = [path for path in store.iterdir() if path.is_file()]
    text = entry.read_text(encoding="utf-8")
    entry.write_text(text.replace('10.2.0.2\\"', '10.2.0.222\\"'), encoding="utf-8")  # what only the cache can say
    assert support.inventory("-i", file, **settings)["_meta"]["hostvars"]["local-app"]["unde_address"] == "10.2.0.222"
    copied(tmp_path, changed=("address: 10.2.0.2\n", "address: 10.2.0.3\n"))
    third = support.inventory("-i", file, **settings)
    assert first["_meta"]["hostvars"]["local-app"]["unde_address"] == "10.2.0.2"
    fourth = support.inventory("-i", file, **settings, UNDE_SET="hosts.local-app.address=10.2.0.5")
    assert fourth["_meta"]["hostvars"]["local-app"]["unde_address"] == "10.2.0.5"
    assert third["_meta"]["hostvars"]["local-app"]["unde_address"] == "10.2.0.3"


def shown(layout: Path, host: str, variable: str, **settings: str) -> Any:
    """Return what a play finds in a variable of a host."""
    done = support.run(
        "ansible", "-i", layout, host, "-c", "local", "-m", "debug", "-a", json.dumps({"var": variable}), ANSIBLE_STDOUT_CALLBACK="json",
        ANSIBLE_LOAD_CALLBACK_PLUGINS="1", **settings,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    [task] = json.loads(done.stdout)["plays"][0]["tasks"]
    return task["hosts"][host][variable]


def test_what_looks_like_a_template_in_the_layout_is_data(tmp_path: Path) -> None:
    """A command may have braces of its own; what the plan makes to be evaluated is evaluated. From the cache, too."""
    braces = ["{{.Name}}", "{{ inventory_hostname }}", "{% if x %}", "{# none #}", "{{", "$HOME %i"]
    words = ["bin/voice", *(f"--fmt={each}" for each in braces)]
    file = copied(tmp_path, changed=("command: [bin/voice]", f"command: {json.dumps(words)}"))
    cache = {
        "ANSIBLE_INVENTORY_CACHE": "true", "ANSIBLE_INVENTORY_CACHE_PLUGIN": "ansible.builtin.jsonfile",
        "ANSIBLE_INVENTORY_CACHE_CONNECTION": str(tmp_path / "store"),
    }  # fmt: skip
    for _ in ("made", "from the cache"):
        assert shown(file, "local-voice", "app_service_services[0].command", **cache) == words
    run = f"lookup('ansible.builtin.template', '{support.ROOT}/roles/app_service/templates/run.j2', template_vars={{'service': app_service_services[0]}})"
    script = shown(file, "local-voice", run, **cache).replace("exec bin/voice", "printf '%s\\n'")
    assert support.run("sh", "-c", script).stdout.splitlines() == words[1:]
    overlay = tmp_path / "overlay.yml"
    overlay.write_text(
        'vars: {vault_core_database_passwords: {production-pgbouncer: secret-of-the-pooler}, mine: "{{ unde_name }} at home", its: "<host> {{ unde_day }}"}\n'
    )
    layout = {"UNDE_OVERLAY": str(overlay), "UNDE_SET": "hosts.production-db.state=create"}
    assert shown(file, "local-voice", "mine", **layout) == "local-voice at home"
    assert shown(file, "local-voice", "its", **layout) == "local-voice 13"
    assert shown(file, "production-db", "pgbouncer_auth_password", **layout) == "secret-of-the-pooler"


def test_overlay_and_assignments(tmp_path: Path) -> None:
    """An overlay reaches every typed host and gives variables that win over the plan's; assignments come last."""
    (tmp_path / "overlay.yml").write_text(
        'vars: {ansible_connection: local, unde_may_restart: true, ansible_host: "{{ inventory_hostname }}"}\n'
        'hosts: {"*": {state: create, disk_gb: 10}, production-db: {roles: [core_database, pgbouncer, pgbackrest]}, push: {ram_gb: 2}}\n',
        encoding="utf-8",
    )
    told = support.inventory(UNDE_OVERLAY=str(tmp_path / "overlay.yml"), UNDE_SET="hosts.push.ram_gb=4,shards.count=2")
    variables = told["_meta"]["hostvars"]
    assert {each["unde_state"] for name, each in variables.items() if name != "shard-replica-0"} == {"create"}
    assert {each["ansible_connection"] for each in variables.values()} == {"local"}
    assert variables["scraper"]["ansible_host"] == "{{ inventory_hostname }}" or variables["scraper"]["ansible_host"] == "scraper"
    assert variables["helsinki-gw"]["unde_may_restart"] is True
    assert variables["push"]["redis_instances"][0]["maxmemory_mb"] == 2048
    assert "local-shard-1" in variables


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("address: 10.2.0.2\n", "address: 10.2.0.999\n"), "hosts.local-app.address — octet 999"),
        (("plugin: unde.infra.layout", "\tplugin: unde.infra.layout"), "YAML is indented with spaces, never with tabs"),
    ],
    ids=["schema", "yaml"],
)
def test_errors(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    """A layout with errors stops Ansible, with one readable message and no other plugin's opinion of the file."""
    done = support.run("ansible-inventory", "-i", copied(tmp_path, changed=change), "--list")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode != 0, "set any_unparsed_is_failed in ansible.cfg"
    assert "duplicate mapping key" not in done.stderr, "let no other plugin read YAML files in ansible.cfg"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("prod.yml", None),
        ("prod.yaml", None),
        ("the estate.yml", "plugin: 'unde.infra.layout'   # ours\n"),
        ("x.yml", '"plugin" : "unde.infra.layout"\r\n'),
        ("layout.yml", None),
        ("bom.yml", "\ufeffplugin: unde.infra.layout\n"),
    ],
)
def test_any_name_is_taken(name: str, text: str | None, tmp_path: Path) -> None:
    """What makes a file a layout is its key."""
    layout = support.LAYOUT.read_text(encoding="utf-8")
    if text:
        layout = text + layout.replace("plugin: unde.infra.layout\n", "", 1).removeprefix("---\n")
    (tmp_path / name).write_text(layout, encoding="utf-8")
    assert "local-shard-0" in support.inventory("-i", tmp_path / name)["_meta"]["hostvars"]


def test_a_layout_in_braces_is_taken(tmp_path: Path) -> None:
    """All of it in one pair of them, as YAML may be."""
    (tmp_path / "prod.yml").write_text(yaml.safe_dump(support.shipped(), default_flow_style=True), encoding="utf-8")
    assert "local-shard-0" in support.inventory("-i", tmp_path / "prod.yml")["_meta"]["hostvars"]


OTHERS = {
    "for another plugin": ("plugin: amazon.aws.aws_ec2\n", "is no layout: its plugin is amazon.aws.aws_ec2"),
    "mistyped": ("plugin: unde.infra.layot\n", "is no layout: its plugin is unde.infra.layot"),
    "an inventory": ("all: {hosts: {a: {}}}\n", "is no layout: no line of it says `plugin: unde.infra.layout`"),
    "empty": ("", "is no layout: no line of it says `plugin: unde.infra.layout`"),
    "a broken layout": ("\tplugin: unde.infra.layout\n", "YAML is indented with spaces, never with tabs"),
    "a broken layout in braces": ('{"plugin": "unde.infra.layout", ', "not valid YAML"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_other_files_are_refused_with_the_reason(what: str, tmp_path: Path) -> None:
    """In a checkout: nothing fails to parse without a word of why."""
    text, why = OTHERS[what]
    (tmp_path / "prod.yml").write_text(text, encoding="utf-8")
    done = support.run("ansible-inventory", "-i", tmp_path / "prod.yml", "--list")
    assert done.returncode != 0
    assert why in " ".join(done.stderr.split()), done.stderr


def test_what_is_not_there_is_refused_with_the_reason(tmp_path: Path) -> None:
    """No file, a link to nothing, a pipe."""
    (tmp_path / "link.yml").symlink_to("nowhere.yml")
    os.mkfifo(tmp_path / "pipe.yml")
    for name, why in (("no.yml", "No such file or directory"), ("link.yml", "No such file or directory"), ("pipe.yml", "it is no file")):
        done = support.run("ansible-inventory", "-i", tmp_path / name, "--list")
        assert done.returncode != 0
        assert f"cannot be read: {why}" in " ".join(done.stderr.split())


def test_another_plugin_may_take_what_is_no_layout(tmp_path: Path) -> None:
    """Where the user has more plugins, their files are theirs, without a word from this one."""
    (tmp_path / "others.yml").write_text("all: {hosts: {a: {}}}\n", encoding="utf-8")
    done = support.run("ansible-inventory", "-i", tmp_path / "others.yml", "--list", ANSIBLE_INVENTORY_ENABLED="unde.infra.layout,ansible.builtin.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert "a" in json.loads(done.stdout)["all"]["children"] or "a" in done.stdout


#: What a workplace has beside the repository's files: secrets, headers of encrypted disks, archives of services, remains of tools.
BESIDE = (
    *(".vault-password", "vault-password.txt", ".sops.yaml", "inventory/group_vars/all/vault.yml", "inventory/host_vars/push/vault.yml"),
    *("inventory/production.yml", "inventory/examples/.vault-password", "inventory/luks-headers/local-redis.img", "inventory/chr/backup.rsc"),
    *("inventory/artifacts/app.tar.gz", ".cache/inventory/plan.json", ".venv/bin/python", "build/lib/unde/cli.py", "dist/unde-0.1.0.tar.gz"),
    *("generator/unde.egg-info/PKG-INFO", "generator/unde/__pycache__/cli.cpython-311.pyc", "unde-infra-0.0.9.tar.gz", "site.retry"),
    *("roles/etcd/tasks/main.yml.orig", "roles/etcd/tasks/.main.yml.swp"),
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the collection in a workplace that is in use, and install it into a folder of its own, without a server; return another folder to work in."""
    folder = tmp_path_factory.mktemp("installed")
    listed = support.run("git", "ls-files", "--cached", "--others", "--exclude-standard").stdout.splitlines()
    for name in (*listed, *BESIDE):
        (folder / "checkout" / name).parent.mkdir(parents=True, exist_ok=True)
        if (support.ROOT / name).is_file():
            shutil.copy2(support.ROOT / name, folder / "checkout" / name, follow_symlinks=False)
        elif name in BESIDE:
            (folder / "checkout" / name).write_text("not for others\n", encoding="utf-8")
    built = support.run("ansible-galaxy", "collection", "build", folder / "checkout", "--output-path", folder, cwd=folder)
    assert built.returncode == 0, built.stderr
    [archive] = folder.glob("*.tar.gz")
    into = ("-p", folder / "collections", "--offline", "--no-deps")
    done = support.run("ansible-galaxy", "collection", "install", archive, *into, cwd=folder)
    assert done.returncode == 0, done.stderr
    (folder / "estate").mkdir()
    return folder


def test_the_installed_collection(installed: Path, listed: dict[str, Any]) -> None:
    """From the installed collection, in another folder: the same inventory, and its documentation."""
    work = installed / "estate"
    (work / "ansible.cfg").write_text(
        f"[defaults]\ncollections_path = {installed / 'collections'}\n[inventory]\nenable_plugins = unde.infra.layout\n", encoding="utf-8"
    )
    file = copied(work)
    told = support.inventory("-i", file, cwd=work)
    plain = yaml.safe_load(support.LAYOUT.read_text(encoding="utf-8"))
    assert set(plain["hosts"]) < set(told["_meta"]["hostvars"])
    local_app, same = told["_meta"]["hostvars"]["local-app"], listed["_meta"]["hostvars"]["local-app"]
    assert {key: local_app[key] for key in local_app if key.startswith(("unde_", "wireguard_"))} == {
        key: same[key] for key in same if key.startswith(("unde_", "wireguard_"))
    }
    shown = support.run("ansible-doc", "-t", "inventory", "unde.infra.layout", cwd=work)
    assert str(installed / "collections") in shown.stdout.replace("\n", "").replace(" ", "")


#: Folders that the archive holds whole, but for what no file of the repository is.
WHOLE = ("client", "docs", "generator", "meta", "playbooks", "plugins", "roles")
#: All else that it holds: layouts to begin with, what a rotation calls, what pip needs to install the package `unde` from it, and words.
OTHERS_SHIPPED = {
    *("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "pyproject.toml", "scripts/secrets", "inventory/layout.yml", "inventory/layout.schema.json"),
    *("MANIFEST.json", "FILES.json"),
}


def test_what_the_collection_ships(installed: Path) -> None:
    """All that a user needs, and nothing of the workplace: no tests, no lab, no tools of ours, no remains, and above all no secret."""
    [archive] = installed.glob("*.tar.gz")
    with tarfile.open(archive) as files:
        shipped = {each.name for each in files if not each.isdir()}
        assert files.getmember("scripts/secrets").mode & 0o111
    listed = set(support.run("git", "ls-files", "--cached", "--others", "--exclude-standard").stdout.splitlines())
    wanted = {name for name in listed if name.startswith((*(f"{room}/" for room in WHOLE), "inventory/examples/", "changelogs/changelog."))}
    assert sorted(wanted - shipped) == [], "what roles, playbooks and plugins need"
    assert sorted(shipped - wanted) == sorted(OTHERS_SHIPPED), "galaxy.yml, build_ignore"


#: Words about a checkout, which is what their links lead to.
OF_A_CHECKOUT = {"docs/development.md", "docs/lab.md"}


def test_every_link_of_the_shipped_words_leads_to_what_is_shipped(installed: Path) -> None:
    home = installed / "collections/ansible_collections/unde/infra"
    files = [file for file in sorted(home.rglob("*.md")) if str(file.relative_to(home)) not in OF_A_CHECKOUT]
    assert len(files) > 30
    links = [(file, target) for file in files for target in re.findall(r"\]\((?!\w+://)([^)\s#]+)", file.read_text(encoding="utf-8"))]
    assert [f"{file.relative_to(home)}: {target}" for file, target in links if not (file.parent / target).exists()] == []


def test_every_program_that_a_playbook_calls_is_shipped(installed: Path) -> None:
    """By its place in the collection."""
    home = installed / "collections/ansible_collections/unde/infra/playbooks"
    called = {(file, path) for file in home.rglob("*.yml") for path in re.findall(r"playbook_dir \}\}/([\w./-]+)", file.read_text(encoding="utf-8"))}
    assert called
    # Ansible's playbook_dir is that of the playbook; here all of them are one folder below.
    assert [f"{file}: {path}" for file, path in called if not (home / "operate" / path).exists()] == []


# ── What a user of the collection meets ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(params=["default settings", "docs/ansible.cfg"])
def workplace(request: pytest.FixtureRequest, installed: Path, tmp_path: Path) -> Path:
    """Return a folder of a user of the installed collection, without any settings or with those that it ships."""
    shipped = installed / "collections" / "ansible_collections" / "unde" / "infra" / "docs" / "ansible.cfg"
    if request.param != "default settings":
        (tmp_path / "ansible.cfg").write_bytes(shipped.read_bytes())
    return tmp_path


def as_user(installed: Path, workplace: Path, *words: str) -> Any:
    """Run a command in that folder; the one thing said is where the collection was installed."""
    return support.run(*words, cwd=workplace, ANSIBLE_COLLECTIONS_PATH=str(installed / "collections"), HOME=str(workplace))


@pytest.mark.parametrize("layout", ["layout.yml", *(f"examples/{path.name}" for path in sorted((support.ROOT / "inventory/examples").glob("*.yml")))])
def test_a_sound_layout_of_any_name(layout: str, workplace: Path, installed: Path) -> None:
    """Hosts, and not one warning; what is refused is refused."""
    (workplace / "prod.yml").write_bytes((support.ROOT / "inventory" / layout).read_bytes())
    told = as_user(installed, workplace, "ansible-inventory", "-i", "prod.yml", "--list")
    if layout.endswith("as-written.yml"):
        assert told.returncode != 0
        assert "address-duplicate" in told.stderr
        assert "duplicate mapping key" not in told.stderr
        return
    assert (told.returncode, told.stderr) == (0, "")
    assert set(support.estate(file=support.ROOT / "inventory" / layout).hosts) == set(json.loads(told.stdout)["_meta"]["hostvars"])


def test_its_playbook_finds_the_hosts(workplace: Path, installed: Path) -> None:
    """As documented: the installed playbook, with a layout called prod.yml."""
    (workplace / "prod.yml").write_bytes(support.LAYOUT.read_bytes())
    listed = as_user(installed, workplace, "ansible-playbook", "unde.infra.site", "-i", "prod.yml", "--list-hosts")
    assert listed.returncode == 0, listed.stderr
    assert "local-shard-0" in listed.stdout
    # A play for hosts that this layout has none of is passed over with a word; nothing else is said.
    said = [line for line in listed.stderr.splitlines() if line and "Could not match supplied host pattern" not in line]
    assert said == []
    assert "no hosts matched" not in listed.stdout + listed.stderr


BROKEN = {
    "a rule": (("address: 10.2.0.17,", "address: 10.2.0.2,"), "address-duplicate"),
    "the schema": (("address: 10.2.0.2\n", "address: 10.2.0.999\n"), "hosts.local-app.address — octet 999"),
    "a key that stands twice": (("plugin: unde.infra.layout\n", "plugin: unde.infra.layout\nplugin: unde.infra.layout\n"), "yaml-duplicate-key"),
    "as it is not written": (("ports: [9100]", "ports: [010]"), "yaml-not-as-written"),
    "a reference": (("from: [monitoring]\n", "from: [nobody]\n"), "flow-reference-unknown"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_layout_with_an_error_ends_the_run(what: str, workplace: Path, installed: Path) -> None:
    """The error is said, and nothing is called a success."""
    change, said = BROKEN[what]
    copied(workplace, changed=change).rename(workplace / "prod.yml")
    calls = [("ansible-inventory", "-i", "prod.yml", "--list"), ("ansible-playbook", "unde.infra.site", "-i", "prod.yml", "--list-hosts")]
    for words in calls[: 2 if what == "a rule" else 1]:
        done = as_user(installed, workplace, *words)
        assert done.returncode != 0, done.stdout
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_who_wants_a_warning_gets_one(installed: Path, tmp_path: Path) -> None:
    """Ansible's setting holds where somebody set it."""
    copied(tmp_path, changed=("address: 10.2.0.2\n", "address: 10.2.0.999\n")).rename(tmp_path / "prod.yml")
    (tmp_path / "ansible.cfg").write_text("[inventory]\nany_unparsed_is_failed = false\n", encoding="utf-8")
    done = as_user(installed, tmp_path, "ansible-inventory", "-i", "prod.yml", "--list")
    assert done.returncode == 0
    assert "octet 999" in done.stderr


@pytest.mark.parametrize("layout", sorted((support.ROOT / "inventory").rglob("*.yml")), ids=lambda path: path.name)
def test_no_shipped_layout_overrides_a_merged_key(layout: Path) -> None:
    """Ansible's default settings warn of each; docs/collection.md shows the way."""
    found = []

    def keys(node: yaml.MappingNode) -> list[str]:
        merges = [value for key, value in node.value if key.tag.endswith(":merge")]
        merged = [part for value in merges for part in (value.value if isinstance(value, yaml.SequenceNode) else [value])]
        return [*(key for part in merged for key in keys(part)), *(key.value for key, _ in node.value if not key.tag.endswith(":merge"))]

    def look(node: yaml.Node) -> None:
        if isinstance(node, yaml.MappingNode):
            named = keys(node)
            found.extend(f"{node.start_mark.line + 1}: {key}" for key in set(named) if named.count(key) > 1)
            for _, value in node.value:
                look(value)
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                look(item)

    look(yaml.compose(layout.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))
    assert not found
