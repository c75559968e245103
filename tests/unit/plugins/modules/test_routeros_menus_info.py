"""The module ``unde.infra.routeros_menus_info``: what differs is told by one connection, and nothing that ``api_modify`` would change is ever missed."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.community.routeros.plugins.modules import api_modify
from ansible_collections.unde.infra.plugins.module_utils import routeros
from ansible_collections.unde.infra.plugins.modules import routeros_menus_info
from routeros_lab import Lab, dumped
from standin import keys

import support
import unde

GATEWAY = "helsinki-gw"
Menus = list[dict[str, Any]]


@pytest.fixture(scope="module")
def wanted() -> Menus:
    """Return the menus of the document's gateway."""
    return [dict(menu) for menu in unde.inventory(support.estate({})).hosts[GATEWAY]["mikrotik_chr_menus"]]


@pytest.fixture(scope="module")
def far_keys(wanted: Menus) -> dict[str, str]:
    peers = next(menu for menu in wanted if menu["path"] == routeros.PEERS)
    return {entry["interface"]: keys.public(keys.generate()) for entry in peers["data"]}


class Router:
    """A router of this process, by the modules that speak to it."""

    def __init__(self, lab: Lab, called: Callable[..., dict[str, Any]]) -> None:
        self.lab, self.called = lab, called
        self.api = lab.client()
        self.caller = {"hostname": "127.0.0.1", "port": lab.ports[8728], "username": "admin", "password": "", "timeout": 5}

    def modify(self, menu: dict[str, Any], check_mode: bool) -> bool:
        """Bring a menu to what it should be, as the role does; return whether that changed (in check mode: would change) anything."""
        given = {"path": menu["path"], "data": copy.deepcopy(menu["data"]), "ensure_order": bool(menu.get("ordered"))}
        if menu.get("ours"):
            given |= {"restrict": [menu["ours"]], "handle_absent_entries": "remove", "handle_entries_content": "remove_as_much_as_possible"}
        result = self.called(api_modify, check_mode, **self.caller, **given)
        assert not result.get("failed"), (menu["path"], result)
        return bool(result["changed"])

    def changed_by_modify(self, menus: Menus) -> set[str]:
        return {menu["path"] for menu in menus if self.modify(menu, check_mode=True)}

    def look(self, menus: Menus, **parameters: Any) -> dict[str, Any]:
        result = self.called(routeros_menus_info, **self.caller, menus=menus, **parameters)
        assert not result.get("failed"), result
        assert not result["changed"]
        return result

    def do(self, command: str, **words: Any) -> list[dict[str, Any]]:
        return list(self.api(command, **{word.replace("_", "-"): value for word, value in words.items()}))

    def add(self, path: str, **words: Any) -> None:
        self.do(f"/{path.replace(' ', '/')}/add", **words)


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return dumped(tmp_path_factory.mktemp("routeros") / "schema.json")


@pytest.fixture(scope="module")
def running(schema: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(schema, tmp_path_factory.mktemp("router") / "router.json")
    yield lab
    lab.off()
    lab.loop.call_soon_threadsafe(lab.loop.stop)


@pytest.fixture
def lab(running: Lab) -> Iterator[Lab]:
    """Return a router that nobody has configured, whatever the test before did to it."""
    memory = running.router.dump()
    yield running
    running.router.load(memory)


@pytest.fixture(scope="module")
def built() -> dict[str, Any]:
    """Return what a router remembers that is what the plan says; empty until one was built."""
    return {}


@pytest.fixture
def router(lab: Lab, called: Callable[..., dict[str, Any]], wanted: Menus, far_keys: dict[str, str], built: dict[str, Any]) -> Router:
    """Return a router that is what the plan says, but for its services, by one of which it is asked here."""
    router = Router(lab, called)
    if not built:
        for menu in routeros.with_keys(wanted, far_keys):
            if menu["path"] != "ip service":
                router.modify(menu, check_mode=False)
        built.update(copy.deepcopy(lab.router.dump()))
    lab.router.load(built)
    return router


@pytest.fixture
def menus(wanted: Menus) -> Menus:
    return [menu for menu in wanted if menu["path"] != "ip service"]


def test_nothing_differs_where_nothing_does(router: Router, menus: Menus, far_keys: dict[str, str]) -> None:
    result = router.look(menus, peer_keys=far_keys)
    assert (result["set_up"], result["differing"], result["made_by_hand"], result["first_user_enabled"]) == (True, [], [], True)
    assert result["peer_keys"] == far_keys
    assert set(result["public_keys"]) == set(far_keys)
    assert router.changed_by_modify(routeros.with_keys(menus, far_keys)) == set()


def test_a_new_router_differs_in_all_that_is_not_its_own_anyway(
    lab: Lab, called: Callable[..., dict[str, Any]], wanted: Menus, far_keys: dict[str, str]
) -> None:
    router = Router(lab, called)
    differing = set(router.look(wanted, peer_keys=far_keys)["differing"])
    assert differing >= router.changed_by_modify(routeros.with_keys(wanted, far_keys)) > {"ip firewall filter", "ip service", "system identity"}


def test_a_peer_whose_host_does_not_answer_keeps_its_key(router: Router, menus: Menus, far_keys: dict[str, str]) -> None:
    """Its menu is written whole: a peer that is not in it would be removed."""
    silent, *others = sorted(far_keys)
    result = router.look(menus, peer_keys={name: far_keys[name] for name in others})
    assert (result["differing"], result["peer_keys"]) == ([], far_keys)
    changed = router.look(menus, peer_keys={silent: keys.public(keys.generate())})
    assert changed["differing"] == [routeros.PEERS]


#: What somebody may do to one of our entries, or beside them.
BY_HAND = [
    ("ip firewall filter", "disable", {}), ("ip firewall filter", "remove", {}), ("ip firewall filter", "set", {"action": "accept"}),
    ("ip firewall filter", "set", {"log": "yes"}), ("ip firewall filter", "set", {"comment": "mine"}), ("ip route", "set", {"gateway": "127.0.0.1"}),
    ("ip route", "disable", {}), ("ip firewall address-list", "set", {"list": "mine"}), ("interface wireguard", "set", {"mtu": "1300"}),
    ("interface wireguard peers", "set", {"allowed-address": "0.0.0.0/0"}), ("interface wireguard peers", "set", {"persistent-keepalive": "25s"}),
    ("system scheduler", "set", {"interval": "2d"}), ("ip address", "remove", {}), ("interface list member", "disable", {}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "act", "values"), BY_HAND, ids=[f"{path} {act} {' '.join(values)}" for path, act, values in BY_HAND])
def test_what_somebody_changed_of_ours_is_found(path: str, act: str, values: dict[str, str], router: Router, menus: Menus, far_keys: dict[str, str]) -> None:
    ours = [entry for entry in router.do(f"/{path.replace(' ', '/')}/print") if str(entry.get("comment")).startswith("unde: ")]
    router.do(f"/{path.replace(' ', '/')}/{act}", **({".id": ours[-1][".id"]} if act == "set" else {"numbers": ours[-1][".id"]}), **values)
    changed = router.changed_by_modify(routeros.with_keys(menus, far_keys))
    assert path in changed
    assert set(router.look(menus, peer_keys=far_keys)["differing"]) >= changed


def test_rules_that_were_moved_are_found(router: Router, menus: Menus, far_keys: dict[str, str]) -> None:
    first, *_, last = router.do("/ip/firewall/filter/print")
    router.do("/ip/firewall/filter/move", numbers=last[".id"], destination=first[".id"])
    assert router.look(menus, peer_keys=far_keys)["differing"] == ["ip firewall filter"]
    assert router.changed_by_modify(routeros.with_keys(menus, far_keys)) == {"ip firewall filter"}


def test_no_plan_that_api_modify_would_apply_is_missed(router: Router, menus: Menus, far_keys: dict[str, str]) -> None:
    """Whatever is another in the plan: a value, an entry more, one less, another order."""
    chance = random.Random(7)
    differed = 0
    for _ in range(60):
        other = copy.deepcopy(routeros.with_keys(menus, far_keys))
        menu = chance.choice([menu for menu in other if menu.get("ours")])
        data, act = menu["data"], chance.choice(["remove", "copy", "swap", "key"])
        number = chance.randrange(len(data))
        if act == "remove":
            del data[number]
        elif act == "copy" and menu["path"] in ("ip firewall filter", "ip firewall raw", "ip route"):
            data.insert(chance.randrange(len(data)), {**data[number], "comment": "unde: another"})
        elif act == "swap":
            data[number], data[0] = data[0], data[number]
        else:
            data[number]["comment"] = "unde: changed"
        changed = router.changed_by_modify([menu])
        differing = set(router.look([menu], peer_keys=far_keys)["differing"])
        assert changed <= differing, (menu["path"], act)
        assert differing <= changed or act == "swap", (menu["path"], act, "a needless question")
        differed += bool(changed)
    assert differed > 20


def test_what_was_made_by_hand_is_told(router: Router, menus: Menus, far_keys: dict[str, str]) -> None:
    router.add("ip firewall filter", chain="forward", action="accept", protocol="tcp", dst_port="8081")
    router.add("interface wireguard", name="wg-own")
    router.add("user", name="ops", group="full", password="of-this-test-alone")
    router.add("interface list", name="own")
    result = router.look(menus, peer_keys=far_keys)
    assert result["differing"] == [], "it is kept"
    said = result["made_by_hand"]
    assert "/ip firewall filter chain=forward action=accept protocol=tcp dst-port=8081" in said
    assert [line for line in said if line.startswith("/user ")] == ["/user name=ops group=full address="]
    (tunnel,) = [line for line in said if line.startswith("/interface wireguard ")]
    assert "name=wg-own" in tunnel
    assert "private-key" not in tunnel
    assert len(said) == 3, "what is shared is of no concern"


def test_what_is_to_be_wiped_differs_and_is_not_told_as_kept(router: Router, menus: Menus, far_keys: dict[str, str]) -> None:
    router.add("ip firewall filter", chain="forward", action="accept", protocol="tcp", dst_port="8081")
    result = router.look(menus, peer_keys=far_keys, wiped=["ip firewall filter"])
    assert (result["differing"], result["made_by_hand"]) == (["ip firewall filter"], [])


def test_the_first_user_may_have_been_shut_out(router: Router, menus: Menus) -> None:
    router.add("user", name="unde", group="full", password="of-this-test-alone", comment="unde: automation")
    router.do("/user/disable", numbers="admin")
    router.caller |= {"username": "unde", "password": "of-this-test-alone"}
    result = router.look(menus)
    assert (result["first_user_enabled"], result["made_by_hand"]) == (False, [])


def test_a_standby_has_the_active_router_s_keys(router: Router, menus: Menus, far_keys: dict[str, str], tmp_path: Path) -> None:
    """Asked of itself, it has; asked of another router, it has not."""
    (tmp_path / "active.crt").touch()
    active = {"hostname": "127.0.0.1", "ca_path": str(tmp_path / "active.crt")}
    assert router.look(menus, peer_keys=far_keys, private_keys_from=active)["differing"] == []


def test_other_private_keys_differ(router: Router, menus: Menus, far_keys: dict[str, str]) -> None:
    name = min(far_keys)
    given = routeros.with_keys(menus, far_keys, {name: keys.generate()})
    assert router.look(given)["differing"] == [routeros.TUNNELS]


def test_a_router_that_was_not_set_up_is_not_asked(called: Callable[..., dict[str, Any]], menus: Menus, tmp_path: Path) -> None:
    result = called(
        routeros_menus_info, hostname="192.0.2.2", username="unde", password="of-this-test-alone", tls=True, ca_path=str(tmp_path / "none.crt"), menus=menus
    )
    assert (result["set_up"], result["differing"], result["public_keys"]) == (False, [], {})


def test_a_router_that_does_not_answer_is_an_error(called: Callable[..., dict[str, Any]], menus: Menus) -> None:
    result = called(routeros_menus_info, hostname="127.0.0.1", port=1, username="unde", password="of-this-test-alone", timeout=1, menus=menus)
    assert result["failed"]
    assert "Error while connecting" in result["msg"]


def test_a_menu_that_nobody_knows_is_named(router: Router, menus: Menus) -> None:
    result = router.called(routeros_menus_info, **router.caller, menus=[{"path": "ip teapot", "data": [{"name": "x"}]}])
    assert "community.routeros does not know the menu /" in result["msg"]


def test_the_services_are_compared_as_far_as_they_are_given(router: Router, wanted: Menus) -> None:
    services = next(menu for menu in wanted if menu["path"] == "ip service")
    one = {"path": "ip service", "data": [{"name": "telnet", "disabled": True}]}
    assert router.look([services])["differing"] == ["ip service"]
    router.do("/ip/service/set", numbers="telnet", disabled="yes")
    assert router.look([one])["differing"] == []


def field(**known: Any) -> Any:
    unknown = dict.fromkeys(("default", "remove_value", "absent_value"))
    return SimpleNamespace(**{"can_disable": False, "read_only": False, "write_only": False, **unknown, **known})


LIST = SimpleNamespace(
    single_value=False, primary_keys=None,
    fields={"comment": field(can_disable=True, remove_value=""), "dst": field(), "distance": field(default=1), "log": field(can_disable=True, default=False)},
)  # fmt: skip


def differs(there: Menus, data: Menus) -> bool:
    menu = routeros.Menu("ip route", data, {"field": "comment", "regex": "^unde: "})
    return routeros.differs(menu, [{"comment": "unde: x", "log": False, **entry} for entry in there], LIST)


@pytest.mark.parametrize(("there", "data", "expected"), [
    ({"dst": "a"}, {"dst": "a", "comment": "unde: x"}, False),
    ({}, {"dst": "a", "comment": "unde: x"}, True),
    ({"dst": "a"}, {"dst": "a", "comment": "unde: x", "distance": 1}, False),
    ({"dst": "a"}, {"dst": "a", "comment": "unde: x", "distance": 2}, True),
    ({"dst": "a", "distance": 2}, {"dst": "a", "comment": "unde: x"}, True),
    ({"dst": "a"}, {"dst": "a", "comment": "unde: x", "flavour": "sweet"}, True),
    ({"dst": "a", "log": True}, {"dst": "a", "comment": "unde: x"}, True),
    ({"dst": "a", "dynamic": True}, {"dst": "a", "comment": "unde: x"}, True),
])  # fmt: skip
def test_whatever_is_not_certainly_the_same_differs(there: dict[str, Any], data: dict[str, Any], expected: bool) -> None:
    assert differs([there], [data]) is expected


def test_each_entry_is_taken_once() -> None:
    wanted = [{"dst": "a", "comment": "unde: x"}] * 2
    assert not differs([{"dst": "a"}, {"dst": "a"}], wanted)
    assert differs([{"dst": "a"}, {"dst": "b"}], wanted)
