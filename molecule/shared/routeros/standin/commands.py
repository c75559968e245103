"""What a client may say: print, add, set and the like for every menu, and commands of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from . import backup, export, nft
from .errors import Trap, missing, no_such_command, unknown_parameter, unsupported
from .menus import certificates, files
from .query import matches
from .router import Router, Session
from .secret import HIDDEN, SENSITIVE
from .table import Row

Arguments = dict[str, str]
#: Words of print that say how, not what.
PRINT_WORDS = {"detail", "stats", "without-paging", "terse", "brief", "as-value", "show-ids", "show-sensitive", "all"}
#: Menus that only a policy of its own may change.
GUARDED = ("user", "user group")


@dataclass
class Reply:
    """What the router answers: rows, and words of the final sentence."""

    rows: Iterable[Row] = ()
    done: Row = field(default_factory=dict)


def run(router: Router, session: Session, command: str, arguments: Arguments, queries: list[str]) -> Reply:
    """Carry out one command.

    Raises:
        Trap: the router refuses.

    """
    *words, verb = command.strip("/").split("/")
    path = " ".join(words)
    name = f"{path} {verb}".strip()
    if name in router.schema.commands:
        return _special(router, session, name, arguments)
    table = router.table(path)
    if verb in ("print", "getall"):
        _allow(session, "read")
        return _print(router, session, path, arguments, queries)
    if verb not in table.menu.commands or verb not in VERBS:
        raise no_such_command()
    _allow(session, "policy" if path in GUARDED else "write")
    with router.change():
        return VERBS[verb](router, path, arguments)


def _allow(session: Session, policy: str) -> None:
    if policy not in session.policies:
        raise Trap("not enough permissions (9)", 0)


# ---- of every menu


def _print(router: Router, session: Session, path: str, arguments: Arguments, queries: list[str]) -> Reply:
    wanted = [name for name in arguments.pop(".proplist", "").split(",") if name]
    numbers = [arguments.pop(word) for word in (".id", "numbers", "from") if word in arguments]
    count = arguments.pop("count-only", None) is not None
    if strange := arguments.keys() - PRINT_WORDS:
        raise unknown_parameter(min(strange))
    rows = [row for row in router.table(path).show() if matches(row, queries)]
    if numbers:
        rows = [row for row in rows if {row.get(".id"), row.get("name")} & set(numbers[0].split(","))]
    if count:
        return Reply(done={"ret": str(len(rows))})
    if "sensitive" not in session.policies:
        rows = [{name: HIDDEN if name in SENSITIVE else value for name, value in row.items()} for row in rows]
    if wanted:
        rows = [{name: row[name] for name in wanted if name in row} for row in rows]
    return Reply(rows)


def _add(router: Router, path: str, arguments: Arguments) -> Reply:
    return Reply(done={"ret": router.table(path).add(arguments)})


def _set(router: Router, path: str, arguments: Arguments) -> Reply:
    router.table(path).set(arguments)
    return Reply()


def _switch(disabled: str) -> Callable[[Router, str, Arguments], Reply]:
    return lambda router, path, arguments: _set(router, path, {**arguments, "disabled": disabled})


def _remove(router: Router, path: str, arguments: Arguments) -> Reply:
    router.table(path).remove(arguments)
    return Reply()


def _move(router: Router, path: str, arguments: Arguments) -> Reply:
    router.table(path).move(arguments)
    return Reply()


def _unset(router: Router, path: str, arguments: Arguments) -> Reply:
    given = dict(arguments)
    if "value-name" not in given:
        raise missing(["value-name"])
    return _set(router, path, {f"!{given.pop('value-name')}": "", **given})


def _reset_counters(router: Router, path: str, arguments: Arguments) -> Reply:
    table = router.table(path)
    rows = table.find(arguments.get(".id") or arguments.get("numbers", "")) if arguments else table.rows
    router.backend.reset([nft.label(path.split()[-1], row) for row in rows])
    return Reply()


VERBS: dict[str, Callable[[Router, str, Arguments], Reply]] = {
    "add": _add, "set": _set, "comment": _set, "remove": _remove, "move": _move, "unset": _unset, "enable": _switch("no"), "disable": _switch("yes"),
    "reset-counters": _reset_counters, "reset-counters-all": _reset_counters,
}  # fmt: skip


# ---- of their own


def _special(router: Router, session: Session, name: str, arguments: Arguments) -> Reply:
    known = router.schema.commands[name]
    given = {known_as(known.arguments, word): value for word, value in arguments.items()}
    if strange := given.keys() - set(known.arguments):
        raise unknown_parameter(min(strange))
    if lacking := [word for word in known.required if word not in given]:
        raise missing(lacking)
    policies, act = SPECIAL.get(name, ((), None))
    if act is None:
        raise unsupported(f"/{name}")
    for policy in policies:
        _allow(session, policy)
    return act(router, given)


def known_as(arguments: tuple[str, ...], word: str) -> str:
    """Return what a command calls the items that it is about; the API says ``.id`` to all of them."""
    return next((each for each in ("numbers", "number") if each in arguments), word) if word in (".id", "numbers", "number") else word


def _reboot(router: Router, _: Arguments) -> Reply:
    router.restart()
    return Reply()


def _backup_save(router: Router, given: Arguments) -> Reply:
    memory = {path: rows for path, rows in router.dump().items() if path != "file"}
    password = "" if given.get("dont-encrypt") == "yes" else given.get("password", "")
    name = given.get("name") or router.single("system identity")["name"]
    with router.change():
        files.write(router, f"{name.removesuffix('.backup')}.backup", backup.make(memory, password))
    return Reply()


def _backup_load(router: Router, given: Arguments) -> Reply:
    memory = backup.opened(files.read(router, f"{given['name'].removesuffix('.backup')}.backup"), given["password"])
    router.load(memory, but=frozenset({"file"}))
    router.save()
    router.restart()
    return Reply()


def _export(router: Router, given: Arguments) -> Reply:
    if not given.get("file"):
        raise unsupported("an export to the screen; name a file")
    with router.change():
        files.write(router, f"{given['file'].removesuffix('.rsc')}.rsc", export.script(router, "show-sensitive" in given))
    return Reply()


def _file_read(router: Router, given: Arguments) -> Reply:
    offset, size = int(given.get("offset", "0")), int(given.get("chunk-size", "32768"))
    if not 0 < size <= 32768:
        raise Trap("value of chunk-size out of range (1..32768)", 1)
    data = files.read(router, given.get("file", "")).encode()[offset : offset + size]
    return Reply([{"data": data.decode("utf-8", "surrogateescape")}])


def _certificate_sign(router: Router, given: Arguments) -> Reply:
    with router.change():
        certificates.sign(router, given["number"], given.get("ca"))
        if given.get("name"):
            router.table("certificate").find(given["number"])[0]["name"] = given["name"]
    return Reply([{"progress": "done"}])


def _certificate_export(router: Router, given: Arguments) -> Reply:
    if given.get("type", "pem") != "pem":
        raise unsupported("certificates as pkcs12")
    with router.change():
        certificates.export(router, given["numbers"], given.get("file-name"), given.get("export-passphrase", ""))
    return Reply()


#: Command → the policies that it takes, and what it does.
SPECIAL: dict[str, tuple[tuple[str, ...], Callable[[Router, Arguments], Reply]]] = {
    "system reboot": (("reboot",), _reboot),
    "system backup save": (("sensitive", "policy"), _backup_save),
    "system backup load": (("reboot", "policy"), _backup_load),
    "export": (("read", "write"), _export),
    "file read": (("read",), _file_read),
    "certificate sign": (("write",), _certificate_sign),
    "certificate export-certificate": (("write", "sensitive"), _certificate_export),
}
