"""Put the secret files in place: the master key and, while it is being replaced, its former one, on tmpfs only; the replication password."""

from __future__ import annotations

from pathlib import Path

from common import REPLICATION_PASSFILE, read_order, refuse, report, run, write_private


def place_master_key(path: Path, key: str, former: str, check: bool) -> bool:
    """Write the master key where only memory holds it; never replace one that is unknown, nor lose one that is being replaced."""
    if len(key) < 32:
        refuse("postgres_shard_master_key: shorter than 32 characters; make a random key of 256 bits (base64 or hex)")
    directory = path.parent
    if not directory.is_dir() and not check:
        directory.mkdir(mode=0o755)
    anchor = directory if directory.is_dir() else directory.parent
    kind = run(["stat", "--file-system", "--format=%T", str(anchor)]).stdout.strip()
    if kind != "tmpfs":
        refuse(f"{directory} lies on {kind}, not on tmpfs: the master key must never reach a disk; mount a tmpfs there and run again")
    beside = path.with_name(f"{path.name}-former")
    present, past = (each.read_text() if each.exists() else "" for each in (path, beside))
    if present not in ("", key, former):
        refuse(
            f"{path}: holds another master key than the vault; what one key encrypted the other cannot read. "
            "Nothing was overwritten. If the vault is right, remove the file by hand and run again."
        )
    changed = (present, past) != (key, former)
    if changed and not check:
        # The former one first: at no moment is what it sealed unreadable.
        if former:
            write_private(beside, former, 0o400, "postgres")
        write_private(path, key, 0o400, "postgres")
        if not former:
            beside.unlink(missing_ok=True)
    return changed


def place_passfile(password: str, check: bool) -> bool:
    """Keep the replication password where libpq finds it, for the copy, for streaming, and to ask the other members."""
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    line = f"*:*:*:replicator:{escaped}\n"
    if REPLICATION_PASSFILE.exists() and REPLICATION_PASSFILE.read_text() == line:
        return False
    if not check:
        write_private(REPLICATION_PASSFILE, line, 0o600, "postgres")
    return True


def main() -> None:
    """Run the command."""
    order = read_order()
    changed = place_master_key(Path(order["master_key_file"]), order["master_key"].strip(), order["master_key_former"].strip(), order["check"])
    changed |= place_passfile(order["replicator_password"], order["check"])
    report(changed)


if __name__ == "__main__":
    main()
