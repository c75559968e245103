"""Write the reference documentation and the editors' schema from the code: docs/reference/*.md and inventory/layout.schema.json.

Nothing is listed here: keys come from the model, rules from their register with what they say of their golden examples,
commands from the command line itself. ``--check`` writes nothing and ends with 1 where a file is not what the code says.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

import unde
from unde import checks
from unde.checks import Rule
from unde.cli import app
from unde.model.reader import ADAPTER_KEYS
from unde.model.roles import MISSING_ON_BOOKWORM, RELEASES, ROLES
from unde.model.schema import Layout
from unde.plan.rotations import FIXED, ROTATIONS, Proof
from unde.plan.secrets import DATABASES, GIVEN_BY_NAME, REDIS, STORAGE_KEYS

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests" / "golden"
Schema = dict[str, Any]
WRITTEN = "<!-- Written by `make reference` from the code; changes made here are lost. -->"

#: How the entries of secrets that are mappings are named.
ENTRIES = {
    REDIS: "<instance>-<user>", DATABASES: "<database>-<user>", GIVEN_BY_NAME: "<name>",
    STORAGE_KEYS: "s3-<name>-access-key, …-secret-key",
}
ABOUT_SECRETS = """\
How a secret gets a new value while it is used: [rotate a secret](../operate.md#rotate-a-secret). Sessions that are open go on; the window is that of new
logins. What is seconds or minutes follows from the steps; nobody has measured it on an estate of real size. WireGuard's private keys are made on the hosts, and
have a playbook of their own, `rotate_tunnel_keys.yml`; MikroTik CHR's licence is bought once, and entered by hand on the router."""

ABOUT_RELEASES = """\
A host says what it runs, `hosts.<name>.release` (of a shard's members: `shards.<member>.release`); left out, it is `trixie`.
`unde check` refuses a role that may act on a host and does not work on its release (rule [release-role](rules.md#release-role)).
The role itself asks the host before it does anything, whatever the layout says. On a host in use, a role outside `adopt` does nothing, and is refused nowhere.

Yes means proved: the role's molecule scenario runs in containers of that release, of Debian 12 by `scripts/image bookworm`, then
`UNDE_IMAGE=unde/debian:bookworm molecule test -s <role>`. No without a reason beside it means that nobody has tried.
The PostgreSQL project has PostgreSQL 17 and pgvector for Debian 12, too; the roles of the databases were not tried with them, and so claim nothing."""


def files() -> dict[str, str]:
    """Return path → content of everything that is written."""
    return {
        "docs/reference/layout.md": layout(), "docs/reference/rules.md": rules(), "docs/reference/commands.md": commands(),
        "docs/reference/releases.md": releases(), "docs/reference/secrets.md": secrets(),
        "inventory/layout.schema.json": json.dumps(schema(), indent=1, ensure_ascii=False) + "\n",
    }


def schema() -> Schema:
    """Return the JSON Schema of the layout (draft 2020-12), with the inventory plugin's own options beside the layout's keys."""
    made = Layout.model_json_schema(by_alias=True)
    made["properties"] |= {key: {"description": "an option of Ansible's inventory plugins"} for key in sorted(ADAPTER_KEYS)}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "UNDE Infra layout", **{key: made[key] for key in made if key != "title"}}


def layout() -> str:
    """Return the reference of the layout's keys: a section for each kind of object, in the order of the file."""
    made = Layout.model_json_schema(by_alias=True)
    sections = [WRITTEN, "# Keys of layout.yml", "What a person writes; everything else is derived. `inventory/layout.schema.json` is the same for editors."]
    todo: list[tuple[str, Schema]] = [("", made)]
    seen: set[str] = set()
    while todo:
        path, model = todo.pop(0)
        below = list(_below(path, model, made["$defs"]))
        sections += [f"## `{path or 'layout.yml'}`", str(model.get("description", "")).split("\n\n")[0], _keys(model, made["$defs"])]
        for inner, name in below:
            if name not in seen:
                seen.add(name)
                todo.append((inner, made["$defs"][name]))
    return "\n\n".join(sections) + "\n"


def _below(path: str, model: Schema, definitions: Schema) -> Iterator[tuple[str, str]]:
    """Yield the path and the name of every object that stands below one."""
    for key, field in model.get("properties", {}).items():
        here = f"{path}.{key}" if path else key
        for suffix, name in _references(field):
            if definitions[name].get("type") == "object" or "anyOf" in definitions[name]:
                yield here + suffix, name


def _references(field: Schema, suffix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the objects that a field holds, itself, as values of a mapping or in a list."""
    if "$ref" in field:
        yield suffix, field["$ref"].rpartition("/")[2]
    for option in field.get("anyOf", []):
        yield from _references(option, suffix)
    if isinstance(field.get("additionalProperties"), dict):
        yield from _references(field["additionalProperties"], f"{suffix}.<name>")
    for pattern in field.get("patternProperties", {}).values():
        yield from _references(pattern, f"{suffix}.<name>")
    if isinstance(field.get("items"), dict):
        yield from _references(field["items"], f"{suffix}[]")


def _keys(model: Schema, definitions: Schema) -> str:
    """Return the table of an object's keys."""
    lines = ["| key | what | default | |", "|---|---|---|---|"]
    for key, field in model.get("properties", {}).items():
        default = f"`{json.dumps(field['default'], ensure_ascii=False)}`" if "default" in field else ""
        default = default if len(default) < 30 else "`…`"
        default = "**required**" if key in model.get("required", []) else default
        lines.append(f"| `{key}` | {_kind(field, definitions)} | {default} | {_escaped(_what(field, definitions))} |")
    return "\n".join(lines)


def _what(field: Schema, definitions: Schema) -> str:
    """Return what a key is: its own description, or that of the object that stands there."""
    objects = [definitions[name] for _, name in _references(field)]
    return str(field.get("description") or next((each["description"].split("\n\n")[0] for each in objects if "description" in each), ""))


def _kind(field: Schema, definitions: Schema) -> str:
    """Return how a value is written."""
    if "$ref" in field:
        return str(definitions[field["$ref"].rpartition("/")[2]].get("title", "object"))
    if "enum" in field or "const" in field:
        return " or ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    if "anyOf" in field:
        kinds = [_kind(option, definitions) for option in field["anyOf"] if option.get("type") != "null"]
        return " or ".join(kinds + ["null"] * any(option.get("type") == "null" for option in field["anyOf"]))
    if field.get("type") == "array":
        return f"list of {_kind(field.get('items', {}), definitions)}"
    if field.get("type") == "object":
        values: Schema = field.get("additionalProperties") or next(iter(field.get("patternProperties", {}).values()), {})
        return f"name → {_kind(values, definitions)}"
    words = {"integer": "whole number", "string": "text", "boolean": "true or false"}
    signs = {"minimum": "≥", "maximum": "≤", "exclusiveMinimum": ">", "exclusiveMaximum": "<"}
    kind = str(field.get("type", "value"))
    return " ".join([words.get(kind, kind), *(f"{sign} {field[key]:g}" for key, sign in signs.items() if key in field)])


def rules() -> str:
    """Return the reference of the rules: what each wants, which decisions it comes from, and what it says of a layout that breaks it."""
    said = _said()
    decisions = unde.estate(unde.load(ROOT / "inventory/layout.yml")).layout.decisions
    intro = "An error refuses the layout (exit code 1), a warning does not. The messages are those of the golden examples."
    sections = [WRITTEN, "# Rules of `unde check`", intro]
    for rule in sorted(checks.RULES.values(), key=lambda rule: rule.id):
        sections += [f"## {rule.id}", rule.summary, *_because(rule, decisions), *_examples(said[rule.id])]
    before = sorted(set(said) - set(checks.RULES))
    sections += ["# Before any rule", "What the file itself must be: these are found while it is read, before anything is derived from it."]
    for name in before:
        sections += [f"## {name}", *_examples(said[name])]
    return "\n\n".join(sections) + "\n"


def releases() -> str:
    """Return which role works on which release of Debian."""
    rows = [["role", *(f"{name} (Debian {number})" for name, number in RELEASES.items()), "what Debian 12 lacks"], ["---"] * (len(RELEASES) + 2)]
    for name, role in sorted(ROLES.items()):
        rows.append([f"`{name}`", *("yes" if release in role.releases else "no" for release in RELEASES), _escaped(MISSING_ON_BOOKWORM.get(name, ""))])
    return "\n\n".join([WRITTEN, "# Roles and releases of Debian", ABOUT_RELEASES, "\n".join(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def secrets() -> str:
    """Return what becomes of each secret that gets a new value, and why some get none."""
    rows = [["secret", "touches", "window for new logins", "the former value is seen refused by"], ["---"] * 4]
    for variable, rotation in ROTATIONS.items():
        entry = f"/{ENTRIES[variable]}" if variable in ENTRIES else ""
        rows.append([f"`{variable}{entry}`", *map(_escaped, (rotation.touches, rotation.window, _refused_by(rotation.proof) or f"– : {rotation.unasked}"))])
    fixed = [["secret", "why, and what is done instead"], ["---"] * 2, *([f"`{variable}`", _escaped(why)] for variable, why in FIXED.items())]
    tables = ["\n".join(f"| {' | '.join(row)} |" for row in table) for table in (rows, fixed)]
    return "\n\n".join([WRITTEN, "# Secrets and their rotation", ABOUT_SECRETS, tables[0], "## Those that are not rotated by delivery", tables[1]]) + "\n"


def _refused_by(proof: Proof | None) -> str:
    """Return who is asked with the former value."""
    if proof is None:
        return ""
    roles = list(dict.fromkeys(role for _, role in proof.roles))
    return {"role": "the software itself, by the role's tasks", "telegram": "Telegram, where it answers; revoke it at BotFather",
            "object_storage": "the store, once the key is revoked"}.get(proof.by, " and ".join(f"`{role}`" for role in roles))  # fmt: skip


def _said() -> dict[str, list[tuple[str, str]]]:
    """Return rule → (case, line) of every golden example that breaks it."""
    found: dict[str, list[tuple[str, str]]] = {}
    for file in sorted((GOLDEN / "invalid").glob("*/expected.txt")):
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith(("ERROR ", "WARNING ")) and " — " in line:
                found.setdefault(line.split()[1], []).append((file.parent.name, line))
    return found


def _because(rule: Rule, decisions: dict[int, str]) -> list[str]:
    """Return the decisions that a rule comes from."""
    return ["\n".join(f"- row {row}: {_escaped(decisions[row])}" for row in rule.rows)] if rule.rows else []


def _examples(lines: list[tuple[str, str]], most: int = 2) -> list[str]:
    """Return what is said, of the first examples: those that are named after the rule first."""
    rule = lines[0][1].split()[1]
    ordered = sorted(lines, key=lambda each: not each[0].startswith(rule))
    return ["```\n" + "\n".join(dict.fromkeys(line for _, line in ordered[:most])) + "\n```"]


def commands() -> str:
    """Return the reference of the commands: their help, their arguments and options, an example."""
    group = typer.main.get_command(app)
    sections = [WRITTEN, "# The command `unde`", str(group.help),
                "Every listing takes `--format json`: JSON alone on stdout, messages to stderr. Exit codes: 0 fine, 1 refused or different, 2 unreadable."]
    for name, command in sorted(group.commands.items()):  # type: ignore[attr-defined]
        text, _, example = str(command.help).partition("Example:")
        lines = ["| | | default |", "|---|---|---|"]
        for parameter in command.params:
            words = parameter.opts if parameter.param_type_name == "option" else [getattr(parameter, "metavar", None) or str(parameter.name).upper()]
            names = ", ".join(f"`{word}`" for word in words)
            default = getattr(parameter.default, "value", parameter.default)
            default = default if isinstance(default, (str, int)) and not isinstance(default, bool) else ""
            lines.append(f"| {names} | {_escaped(getattr(parameter, 'help', '') or '')} | {default} |")
        shown = [f"```sh\n{line.strip()}\n```" for line in example.split("·") if line.strip()]
        sections += [f"## unde {name}", text.strip(), "\n".join(lines), *shown]
    return "\n\n".join(sections) + "\n"


def _escaped(text: str) -> str:
    """Return text for a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def main() -> int:
    """Write, or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 where a file is stale")
    arguments = parser.parse_args()
    wanted = files()
    stale = [name for name, text in wanted.items() if not (ROOT / name).exists() or (ROOT / name).read_text(encoding="utf-8") != text]
    if arguments.check:
        for name in stale:
            print(f"{name} is not what the code says: make reference", file=sys.stderr)
        return 1 if stale else 0
    for name in stale:
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(wanted[name], encoding="utf-8")
        print(f"{name} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
