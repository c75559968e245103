"""What the roles and programs take for granted about a host: root's umask, its language, how a variable was given, who logs in."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Set
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from test_roles import BUILT, task_files, tasks

import support

ROLES = support.ROOT / "roles"
PLAYBOOKS = support.ROOT / "playbooks"

# --- Root's umask ---

#: Ansible's modules that make a file or a directory, and the option that says with which mode.
WITH_MODE = {
    "ansible.builtin.assemble", "ansible.builtin.blockinfile", "ansible.builtin.copy", "ansible.builtin.file", "ansible.builtin.get_url",
    "ansible.builtin.lineinfile", "ansible.builtin.replace", "ansible.builtin.template", "ansible.builtin.unarchive",
}  # fmt: skip
WITH_UMASK = {"ansible.builtin.git", "ansible.builtin.pip"}
#: Those that change a line of a file that is there, unless they are told to make it.
EDITS = {"ansible.builtin.blockinfile", "ansible.builtin.lineinfile", "ansible.builtin.replace"}
#: Calls that make a file or a directory with the modes that the umask leaves.
MAKES = {"mkdir", "makedirs", "touch", "write_text", "write_bytes", "copy", "copy2", "copyfile", "copytree", "extractall", "extract"}
#: Words of the shell that do.
SHELL_MAKES = re.compile(
    r"(?:^|[\s;(&|])(?:mkdir|touch|install|cp|tee|tar)\s(?!.*(?:\s-m|--mode))"
    r"|(?<![0-9&<>=-])>{1,2}\s*(?!/dev/null|/proc/|&)[\"$/{.a-z]",
    re.MULTILINE,
)


def programs(*folders: Path) -> Iterator[tuple[str, list[Path]]]:
    """Yield the Python programs that run on hosts: each its name and its modules; a folder of modules is one program."""
    for folder in folders:
        for place in sorted(path for path in folder.glob("*/files") if path.is_dir()):
            single = [path for path in place.iterdir() if path.is_file() and python(path)]
            yield from ((str(path.relative_to(support.ROOT)), [path]) for path in sorted(single))
            for package in sorted(path for path in place.iterdir() if path.is_dir()):
                modules = sorted(path for path in package.rglob("*") if path.is_file() and python(path))
                if modules:
                    yield str(package.relative_to(support.ROOT)), modules


def python(path: Path) -> bool:
    """Tell whether a file is a Python program or module."""
    return path.suffix == ".py" or (not path.suffix and path.read_bytes().startswith((b"#!/usr/bin/python3", b"#!/usr/bin/env python3")))


def calls(module: Path) -> list[tuple[str, ast.Call]]:
    """Return what a module calls, each with the last part of its name."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [(node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", ""), node) for node in found]


def makes(name: str, call: ast.Call) -> bool:
    """Tell whether a call makes a file or a directory; what lies below /proc is there."""
    if name != "open" or (call.args and ast.unparse(call.args[0]) == "FORWARDING"):
        return name in MAKES
    words = [each.value for each in [*call.args, *(keyword.value for keyword in call.keywords)] if isinstance(each, ast.Constant)]
    return any(isinstance(word, str) and re.fullmatch(r"[wax]b?\+?b?", word) for word in words) or "O_CREAT" in ast.dump(call)


PROGRAMS = dict(programs(ROLES, PLAYBOOKS))


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_that_makes_files_says_with_which_umask(name: str) -> None:
    """What it inherits is the host's: with 077, as CIS wants it for root, others could not read what they are meant to."""
    called = [each for module in PROGRAMS[name] for each in calls(module)]
    made = [word for word, call in called if makes(word, call)]
    assert not made or any(word == "umask" for word, _ in called), f"{name} calls {', '.join(sorted(set(made)))} and never os.umask"


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_private_program_gives_no_mode_that_its_umask_takes_back(name: str) -> None:
    """With os.umask(0o077) a directory of mode 0755 comes out as 0700, whatever the call says."""
    called = [each for module in PROGRAMS[name] for each in calls(module)]
    if not any(word == "umask" and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0o077 for word, call in called):
        return
    wide = [
        ast.unparse(call) for word, call in called for keyword in call.keywords
        if word in MAKES and keyword.arg == "mode" and isinstance(keyword.value, ast.Constant) and keyword.value.value & 0o077
    ]  # fmt: skip
    assert not wide, f"{name} has umask 077: {wide}"


def every_task() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the tasks and handlers of all roles, and those of the playbooks."""
    files = [file for role in BUILT for file in task_files(role)] + sorted(PLAYBOOKS.rglob("*.yml"))
    for file in files:
        for task in tasks_of(file):
            yield file, task


def tasks_of(file: Path) -> list[dict[str, Any]]:
    """Return the tasks of a file of tasks or of plays."""
    found = tasks(file) if isinstance(yaml.safe_load(file.read_text(encoding="utf-8")), list) else []
    todo = [inner for entry in found for key in ("tasks", "pre_tasks", "post_tasks", "handlers") for inner in entry.get(key) or []]
    while todo:
        task = todo.pop(0)
        found.append(task)
        todo += [inner for key in ("block", "rescue", "always") for inner in task.get(key) or []]
    return found


def test_every_task_that_makes_a_file_says_its_mode() -> None:
    """Ansible's modules follow root's umask where no mode is given."""
    silent = []
    for file, task in every_task():
        for module in WITH_MODE & set(task):
            options = task[module]
            edits = module in EDITS and not options.get("create")
            if "mode" not in options and not edits and options.get("state") not in ("absent", "link"):
                silent.append(f"{file.relative_to(support.ROOT)}: {task['name']}: {module} without mode")
        for module in WITH_UMASK & set(task):
            if "umask" not in task[module]:
                silent.append(f"{file.relative_to(support.ROOT)}: {task['name']}: {module} without umask")
    assert not silent, "\n".join(silent)


def shell_texts() -> Iterator[tuple[str, str]]:
    """Yield what is given to a shell on hosts: the shell tasks' text, and the shell programs of the roles."""
    for file, task in every_task():
        for module in ("ansible.builtin.shell", "ansible.builtin.command"):
            given = task.get(module)
            if given:
                text = given if isinstance(given, str) else str(given.get("cmd") or "\n".join(map(str, given.get("argv") or [])))
                yield f"{file.relative_to(support.ROOT)}: {task['name']}", text
    for path in sorted(ROLES.glob("*/files/**/*")) + sorted(ROLES.glob("*/templates/**/*")):
        if path.is_file() and (path.suffix == ".sh" or path.read_bytes().startswith((b"#!/bin/sh", b"#!/bin/bash"))):
            yield str(path.relative_to(support.ROOT)), path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("where", "text"), [pytest.param(*each, id=each[0]) for each in shell_texts()])
def test_a_shell_text_that_makes_files_says_with_which_mode(where: str, text: str) -> None:
    """By umask, or by -m."""
    code = re.sub(r"\(\(.*?\)\)", "", "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#")))
    made = [found.group().strip() for found in SHELL_MAKES.finditer(code)]
    assert not made or "umask" in code, f"{where}: {made}"


# --- The host's language ---

#: Programs that speak the language of who calls them, or of their server.
TRANSLATED = re.compile(
    r"(?<![\w/.-])(?:/\S*/)?(virsh|psql|pg_controldata|pg_basebackup|pg_ctl|initdb|ping(?= -)|apt|apt-get|apt-cache|cryptsetup|mount|df|git|tar|useradd)"
    r"(?=[\s\"',\]]|$)", re.MULTILINE,
)  # fmt: skip
#: What a program's output is read with, in a condition or an expression.
READS = r"{name}(?:\.results[^ ]*)?\.(?:stdout|stderr|msg)"
#: What is asked in SQL is answered in SQL's words; only what goes wrong is said in the server's language.
SQL = {"psql", "pg_basebackup"}


def runs_programs(module: Path) -> bool:
    """Tell whether a module calls programs and reads what they say."""
    return any(word in ("run", "check_output", "Popen") and "subprocess" in ast.unparse(call.func) for word, call in calls(module))


@pytest.mark.parametrize("name", [name for name, modules in PROGRAMS.items() if any(map(runs_programs, modules))])
def test_a_program_that_reads_others_has_them_speak_english(name: str) -> None:
    """``virsh domstate`` says "laufend" to who logs in with a German locale."""
    text = "".join(module.read_text(encoding="utf-8") for module in PROGRAMS[name])
    assert "LC_ALL" in text, f"{name} runs programs in the language of whoever calls it"
    # LANGUAGE wins over LC_ALL wherever the locale is not plain C; an environment of one's own does not have it.
    assert "LANGUAGE" in text or '"PATH"' in text, f"{name} leaves LANGUAGE as it is"


def test_a_task_that_reads_a_translated_program_has_it_speak_english() -> None:
    """Also where a shell reads it within the task."""
    german = []
    for file, task in every_task():
        for module in ("ansible.builtin.shell", "ansible.builtin.command"):
            given = task.get(module)
            if not given:
                continue
            text = given if isinstance(given, str) else str(given.get("cmd") or " ".join(map(str, given.get("argv") or [])))
            inside = [name for name in TRANSLATED.findall(text) if re.search(rf"\$\([^)]*{name}|{name}[^\n|]*\|\s*(?:grep|awk|sed|while|cut)", text)]
            outside = task.get("register") and re.search(READS.format(name=task["register"]), file.read_text(encoding="utf-8")) and TRANSLATED.findall(text)
            if not re.search(re.escape(str(task.get("register"))) + r"\.(stderr|msg)", conditions(task)):
                outside = [name for name in outside or [] if name not in SQL]
            if (inside or outside) and "LC_ALL" not in text + str(task.get("environment")):
                german.append(f"{file.relative_to(support.ROOT)}: {task['name']}: {sorted({*inside, *(outside or [])})}")
    assert not german, "\n".join(german)


def conditions(task: dict[str, Any]) -> str:
    """Return the conditions of a task as one text."""
    return str([task.get(key) for key in ("failed_when", "changed_when", "until", "when")])


def test_no_message_of_postgresql_is_recognized_by_its_words() -> None:
    """A server speaks the language of its lc_messages, whatever its client sets."""
    words = ("authentication failed", "database system is", "does not exist", "already exists", "permission denied", "Connection refused", "could not connect")
    files = [file for role in ("core_database", "exporters", "patroni", "pgbackrest", "pgbouncer", "postgres_shard") for file in (ROLES / role).rglob("*")]
    found = [
        f"{file.relative_to(support.ROOT)}:{number}: {line.strip()}"
        for file in files if file.suffix in (".py", ".yml", ".sh") and "effects" not in file.name
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if any(word in line for word in words) and re.search(r"stderr|stdout| in ", line)
    ]  # fmt: skip
    assert not found, "\n".join(found)


# --- Switches given as text ---

#: Keys whose values are expressions without braces.
EXPRESSIONS = {"when", "that", "failed_when", "changed_when", "until", "end_play", "var"}
#: Variables that say yes or no, and are no option of one role.
YES_OR_NO = {"unde_may_restart", "unde_may_initialize"}


@cache
def switches() -> frozenset[str]:
    """Return the variables that say yes or no: what the roles' specifications call so, and what holds for all."""
    specified = [
        name
        for role in BUILT for entry in yaml.safe_load((ROLES / role / "meta/argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"].values()
        for name, option in (entry.get("options") or {}).items() if option.get("type") == "bool"
    ]  # fmt: skip
    return frozenset(YES_OR_NO | set(specified))


def expressions(value: Any, key: str = "") -> Iterator[str]:
    """Yield the templates of a YAML value; a condition is made one."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from expressions(inner, str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from expressions(inner, key)
    elif isinstance(value, str):
        if "{{" in value or "{%" in value:
            yield value
        elif key in EXPRESSIONS:
            yield "{{ (" + value + ") }}"


def bare(template: str, names: Set[str]) -> list[str]:
    """Return the switches that a template takes as they come, whether they say false or "false"."""
    # Prometheus has templates of its own with the usual braces, so that one of ours has others.
    braces = {"variable_start_string": "[%", "variable_end_string": "%]"} if "[% " in template else {}
    tree = jinja2.Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"], **braces).parse(template)
    parents = {id(child): node for node in walk(tree) for child in node.iter_child_nodes()}
    found = []
    for node in tree.find_all(jinja2.nodes.Name):
        if node.name not in names or node.ctx != "load":
            continue
        above = parents[id(node)]
        while isinstance(above, jinja2.nodes.Filter) and above.name in ("default", "d"):
            above = parents[id(above)]
        told = isinstance(above, jinja2.nodes.Filter) and above.name == "bool"
        if not told and not (isinstance(above, jinja2.nodes.Test) and above.name in ("defined", "undefined")):
            found.append(node.name)
    return found


def walk(node: jinja2.nodes.Node) -> Iterator[jinja2.nodes.Node]:
    """Yield a node and all below it."""
    yield node
    for child in node.iter_child_nodes():
        yield from walk(child)


def templated() -> Iterator[Path]:
    """Yield the files of roles and playbooks that hold templates."""
    for place in (*(ROLES / role / folder for role in BUILT for folder in ("tasks", "handlers", "vars", "defaults", "templates")), PLAYBOOKS):
        yield from sorted(path for path in place.rglob("*") if path.suffix in (".yml", ".j2"))


@pytest.mark.parametrize("file", [pytest.param(file, id=str(file.relative_to(support.ROOT))) for file in templated()])
def test_a_switch_means_the_same_as_text(file: Path) -> None:
    """``-e alertmanager_may_be_silent=false`` gives the text "false", which is true as it stands."""
    text = file.read_text(encoding="utf-8")
    names = switches()
    if not any(name in text for name in names):
        return
    given = [text] if file.suffix == ".j2" else list(expressions(yaml.safe_load(text)))
    found = [name for template in given if any(name in template for name in names) for name in bare(template, names)]
    assert not found, f"{file.relative_to(support.ROOT)}: without | bool: {', '.join(sorted(set(found)))}"


@pytest.mark.parametrize("template", ["{{ 'a' if unde_may_restart else 'b' }}", "{% if not unde_may_restart | default(true) %}x{% endif %}"])
def test_the_search_for_bare_switches_finds_them(template: str) -> None:
    """A rule that finds nothing proves nothing."""
    assert bare(template, switches()) == ["unde_may_restart"]


# --- An address that comes up late ---

#: Units and drop-ins of services that listen on the host's own address, or reach others by it.
UNITS = re.compile(r"(^|/)(.*\.service|.*\.unit|unit\.conf|drop-in\.conf)\.j2$")
#: Drop-ins of services that listen on no address of the host's private networks, or are started when they are asked for.
NO_ADDRESS = {"roles/docker/templates/unit.conf.j2"}


def units() -> list[Path]:
    """Return the templates of units and of their drop-ins."""
    return sorted(file for file in ROLES.glob("*/templates/**/*") if UNITS.search(str(file)))


@pytest.mark.parametrize("file", [pytest.param(file, id=str(file.relative_to(support.ROOT))) for file in units()])
def test_a_service_comes_up_whenever_its_address_does(file: Path) -> None:
    """After five attempts in ten seconds systemd gives up, unless it is told not to; a tunnel, or a private interface, takes longer."""
    text = file.read_text(encoding="utf-8")
    waits = "until ip -4 -o address show" in text
    once = "Type=oneshot" in text and "network-online" not in text
    if once or str(file.relative_to(support.ROOT)) in NO_ADDRESS or "{% extends" in text:
        return
    assert waits or ("StartLimitIntervalSec=0" in text and re.search(r"^Restart=(always|on-failure)$", text, re.MULTILINE)), file


@pytest.mark.parametrize("role", ["postgres_shard", "pgbouncer"])
def test_a_service_that_starts_without_its_address_waits_for_it(role: str) -> None:
    """PostgreSQL and PgBouncer go on with what they could listen on, and would never listen on the rest."""
    texts = [file.read_text(encoding="utf-8") for file in (ROLES / role / "templates").glob("*.conf.j2")]
    assert any("until ip -4 -o address show" in text for text in texts)


# --- Who is root where ---


def test_a_role_is_never_root_on_the_machine_that_ansible_runs_on() -> None:
    """Plays say that they need root on their hosts; a task that a role does locally says that it needs none."""
    silent = [
        f"{file.relative_to(support.ROOT)}: {task.get('name')}"
        for role in BUILT for file in task_files(role) for task in tasks(file)
        if re.search(r"localhost|_caller", str(task.get("delegate_to", ""))) or task.get("connection") == "local" or "local_action" in task
        if "become" not in task or (task["become"] is not False and "localhost" not in str(task["become"]))
    ]  # fmt: skip
    assert not silent, "\n".join(silent)


def test_no_task_becomes_a_user_that_a_role_creates() -> None:
    """Where the user is not there yet, the connection fails before the task begins, and no failed_when hears of it; runuser ends with a return code."""
    files = [file for folder in ("roles", "playbooks") for file in (support.ROOT / folder).rglob("*.yml")]
    becoming = [str(file.relative_to(support.ROOT)) for file in files if "become_user:" in file.read_text(encoding="utf-8")]
    assert not becoming, "\n".join(becoming)


@pytest.mark.parametrize("file", [pytest.param(file, id=str(file.relative_to(support.ROOT))) for role in BUILT for file in task_files(role)])
def test_a_role_does_not_depend_on_who_logs_in(file: Path) -> None:
    """With sudo the user is root, and ~, $HOME or ansible_user would be somebody else's."""
    outer = ("name", "block", "rescue", "always")
    texts = [json.dumps({key: value for key, value in task.items() if key not in outer}) for task in tasks(file)]
    found = [word for text in texts for word in re.findall(r"ansible_user\b|synchronize|remote_user|(?<![\w/.=])~/|\$HOME\b", text)]
    # What is refused where no key lets the login in looks for the login's own key.
    assert not found or file == ROLES / "base/tasks/prepare.yml", found


# --- Programs that a host may lack ---


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_copes_where_kmod_is_missing(name: str) -> None:
    """Containers and small images have no modprobe."""
    text = "".join(module.read_text(encoding="utf-8") for module in PROGRAMS[name])
    assert '"modprobe"' not in text or 'shutil.which("modprobe")' in text
