"""Put the two secret files in place: the master key, on tmpfs only, and the standby's replication password."""

from __future__ import annotations

from pathlib import Path

from common import REPLICATION_PASSFILE, read_order, refuse, report, run, write_private


def place_master_key(path: Path, key: str, check: bool) -> bool:
    """Write the master key where only memory holds it; never replace a different one."""
    if len(key) < 32:
        refuse("postgres_shard_master_key: shorter than 32 characters; make a random key of 256 bits (base64 or hex)")
    directory = path.parent
    if not directory.is_dir() and not check:
        directory.mkdir(mode=0o755)
    anchor = directory if directory.is_dir() else directory.parent
    kind = run(["stat", "--file-system", "--format=%T", str(anchor)]).stdout.strip()
    if kind != "tmpfs":
        refuse(f"{directory} lies on {kind}, not on tmpfs: the master key must never reach a disk; mount a tmpfs there and run again")
    if path.exists():
        if path.read_text() != key:
            refuse(
                f"{path}: holds another master key than the vault; what one key encrypted the other cannot read. "
                "Nothing was overwritten. If the vault is right, remove the file by hand and run again."
            )
        return False
    if not check:
        write_private(path, key, 0o400, "postgres")
    return True


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
    changed = place_master_key(Path(order["master_key_file"]), order["master_key"].strip(), order["check"])
    changed |= place_passfile(order["replicator_password"], order["check"])
    report(changed)


if __name__ == "__main__":
    main()
