"""A new value for a secret, its former one beside it; and nothing of a file is shown or lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import support
from unde.plan import rotation, secrets

Said = Callable[..., tuple[str, str, int]]


@pytest.fixture(scope="module")
def known() -> dict[str, object]:
    """Return an estate's secrets, and one that others gave."""
    return {**secrets.fresh(support.estate()), "vault_app_service_given_secrets": {"api-key": "given-once"}}


def test_a_new_value_stands_beside_its_former_one(known: dict[str, object]) -> None:
    """Of a variable and of an entry of one; everything else is as it was, and forgetting leaves the new value alone."""
    for name in ("vault_patroni_api_password", "vault_redis_passwords/cache-mood", secrets.MASTER_KEY):
        made = rotation.rotated(known, name)
        variable, _, entry = name.partition("/")
        before, after = (each[variable][entry] if entry else each[variable] for each in (known, made))  # type: ignore[index]
        assert made[rotation.FORMER] == {name: before}
        assert before != after
        assert len(before) == len(after)
        assert {key: value for key, value in made.items() if key not in (variable, rotation.FORMER)} == {k: v for k, v in known.items() if k != variable}
        there = rotation.forgotten(made, name)
        assert rotation.FORMER not in there
        assert there[variable] == made[variable]


def test_several_wait_side_by_side(known: dict[str, object]) -> None:
    """Each is forgotten by itself."""
    made = rotation.rotated(rotation.rotated(known, "vault_patroni_api_password"), "vault_redis_passwords/cache-mood")
    assert set(rotation.forgotten(made, "vault_patroni_api_password")[rotation.FORMER]) == {"vault_redis_passwords/cache-mood"}
    assert secrets.fresh(support.estate(), made) == made, "making what is missing keeps what waits"


def test_what_others_give(known: dict[str, object]) -> None:
    """It is handed over, whether there was one before or not; what is made here is not."""
    made = rotation.rotated(known, "vault_app_service_given_secrets/api-key", "given-anew")
    assert made["vault_app_service_given_secrets"] == {"api-key": "given-anew"}
    assert made[rotation.FORMER] == {"vault_app_service_given_secrets/api-key": "given-once"}
    first = rotation.rotated(known, "vault_alertmanager_telegram_token", "1:first")
    assert first["vault_alertmanager_telegram_token"] == "1:first"
    assert rotation.FORMER not in first


@pytest.mark.parametrize(
    ("name", "given", "why"),
    [
        ("vault_pgbackrest_cipher_pass", None, "no backup"),
        ("vault_luks_passphrases/shard-replica-0", None, "luksChangeKey"),
        ("vault_redis_passwords", None, "is no secret of this file: "),
        ("vault_redis_passwords/cache-nobody", None, "is no secret of this file: "),
        ("vault_former", None, "is no secret of this file: "),
        ("vault_former/vault_patroni_api_password", None, "is no secret of this file: "),
        ("", None, "nothing is no secret of this file: "),
        ("vault_app_service_given_secrets/api-key", None, "only others can give it"),
        ("vault_app_service_given_secrets/api-key", "given-once", "that is its value already"),
        ("vault_object_storage_keys/s3-media-access-key", None, "is no secret of this file: "),
        ("vault_patroni_api_password", "mine", "is made here, not given"),
    ],
)
def test_what_is_refused(name: str, given: str | None, why: str, known: dict[str, object]) -> None:
    """The refusal names the secret and no value."""
    with pytest.raises(rotation.NotRotated) as refusal:
        rotation.rotated(known, name, given)
    assert why in str(refusal.value)
    assert not any(str(value) in str(refusal.value) for value in known.values() if isinstance(value, str))


def test_a_former_value_that_waits_is_not_lost(known: dict[str, object]) -> None:
    """A second new value would make the first former one, with which somebody may still come in, unknown."""
    made = rotation.rotated(known, "vault_patroni_api_password")
    with pytest.raises(rotation.NotRotated, match="still waits"):
        rotation.rotated(made, "vault_patroni_api_password")


def test_every_reason_is_a_secret_s() -> None:
    """What is fixed is a secret that there is."""
    everything = {*secrets.PASSWORDS, secrets.MASTER_KEY, secrets.POSTHOG_SALT, *secrets.MAPPINGS, *secrets.GIVEN}
    assert set(rotation.FIXED) <= everything


def test_the_command(known: dict[str, object], said: Said, tmp_path: Path) -> None:
    """By stdin; a refusal prints nothing."""
    text = yaml.safe_dump(known)
    made = yaml.safe_load(said("secrets", "--keep", "-", "--rotate", "vault_patroni_api_password", stdin=text)[0])
    assert made[rotation.FORMER] == {"vault_patroni_api_password": known["vault_patroni_api_password"]}
    forgot = yaml.safe_load(said("secrets", "--keep", "-", "--forget", "vault_patroni_api_password", stdin=yaml.safe_dump(made))[0])
    assert forgot == {name: value for name, value in made.items() if name != rotation.FORMER}
    (tmp_path / "given").write_text("1000:given-anew\n", encoding="utf-8")
    out, _, _ = said("secrets", "--keep", "-", "--rotate", "vault_alertmanager_telegram_token", "--given", tmp_path / "given", stdin=text)
    assert yaml.safe_load(out)["vault_alertmanager_telegram_token"] == "1000:given-anew"
    (tmp_path / "given").write_text("1000:one\n1000:two\n", encoding="utf-8")
    for arguments in (["--rotate", "vault_pgbackrest_cipher_pass"], ["--rotate", "vault_alertmanager_telegram_token", "--given", tmp_path / "given"]):
        out, err, code = said("secrets", "--keep", "-", *arguments, stdin=text)
        assert (code, out, len(err.splitlines())) == (2, "", 1)
        assert "1000:" not in err
    out, err, code = said("secrets", "--rotate", "vault_patroni_api_password")
    assert (code, out) == (2, "")
    assert "--keep" in err
