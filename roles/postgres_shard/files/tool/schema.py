"""Apply the versioned schema, each file once and in one transaction, on whichever member is the primary now."""

from __future__ import annotations

import json

import ledger
from common import is_primary, psql, read_order, refuse, report

DATABASE = "unde"
#: Dimensions that pgvector indexes, by what finds the nearest vectors (its README, "HNSW"); bits are bounded by their row, which has to fit a page.
LARGEST = {"vector": 2000, "halfvec": 4000, "bits": 4000, "none": 16000}
BYTES = {"vector": 4, "halfvec": 2}
#: A row that fits a page has so many bytes for its vector in line.
IN_LINE = 7760
#: With which the first files make a table that the wish then takes the place of.
FIRST = {"dimensions": 1, "embedding_index": "none", "partitions": 1}


def check_wish(order: dict) -> dict:
    """Refuse what pgvector could not keep or index."""
    asked = order["embedding"]
    dimensions, index, storage, in_line = int(asked["dimensions"]), asked["index"], asked["storage"], bool(asked["in_line"])
    if index not in LARGEST:
        refuse(f"postgres_shard_embedding.index: {index} is none of {', '.join(LARGEST)}")
    if storage not in BYTES:
        refuse(f"postgres_shard_embedding.storage: {storage} is none of {', '.join(BYTES)}")
    if not 1 <= dimensions <= LARGEST[index]:
        refuse(f"postgres_shard_embedding: an index of kind {index} takes 1 to {LARGEST[index]} dimensions, not {dimensions}")
    if (index, storage) == ("vector", "halfvec"):
        refuse("postgres_shard_embedding: an index of kind vector wants vectors of full precision, and storage is halfvec")
    if in_line and BYTES[storage] * dimensions + 8 > IN_LINE:
        refuse(f"postgres_shard_embedding: {dimensions} dimensions of a {storage} do not fit into a row's page (in_line)")
    return {
        "dimensions": dimensions, "embedding_index": index, "storage": storage, "in_line": in_line, "candidates": int(order["candidates"]),
        "partitions": int(order["partitions"]), "model": asked["model"],
    }  # fmt: skip


def asked_of(sql: str) -> str:
    """Return the answer of the shard's database."""
    return psql(sql, database=DATABASE)


def is_made() -> bool:
    """Tell whether the table of messages knows its shape."""
    return asked_of("SELECT to_regprocedure('unde_private.shape()') IS NOT NULL") == "t"


def shape() -> dict:
    """Return the shape that the messages have; before its file was applied, what the first files know of it."""
    if is_made():
        return json.loads(asked_of("SELECT unde_private.shape()"))
    if asked_of("SELECT to_regclass('unde.schema_parameter') IS NOT NULL") != "t":
        return {}
    row = asked_of("SELECT dimensions, embedding_index, partitions FROM unde.schema_parameter").split("|")
    first = {"storage": "vector", "in_line": False, "candidates": 400, "model": ""}
    return {"dimensions": int(row[0]), "embedding_index": row[1], "partitions": int(row[2]), **first}


def differing(wish: dict) -> list[str]:
    """Return what the shape is, and what it is wanted to be; nothing where there is no table yet."""
    found = shape()
    return [f"{name} is {found[name]}, asked for {value}" for name, value in wish.items() if found and found[name] != value]


def check_shape(wish: dict) -> None:
    """Refuse to pretend: the shape of a table with rows in it does not change with a variable, all but the number of candidates."""
    found = [each for each in differing(wish) if not each.startswith("candidates ")]
    if found and asked_of("SELECT EXISTS (SELECT FROM unde.messages)") == "t":
        refuse(
            f"there are messages, and their shape does not change by a variable ({'; '.join(found)}). Nothing was changed. "
            "The way, while they are read and written: ansible-playbook playbooks/operate/change_messages.yml (docs/operate.md, Another way to find messages)"
        )


def main() -> None:
    """Run the command."""
    order = read_order()
    wish = check_wish(order)
    if not is_primary():
        report(False, state="not the primary", applied=[])
    if not ledger.exists(DATABASE):
        if order["check"]:
            report(True, applied=[entry["name"] for entry in order["files"]])
        ledger.create(DATABASE)
    new = False
    if not order.get("keep_shape"):
        check_shape(wish)
        new = bool(differing(wish)) or not shape()
    applied = ledger.apply(DATABASE, order["files"], FIRST, check=order["check"])
    if new and not order["check"]:
        psql(f"CALL unde_private.want_shape('{json.dumps(wish)}')", database=DATABASE, transaction=True)
    if not (applied and order["check"]) and psql("SELECT unde_private.master_key_matches()", database=DATABASE) != "t":
        refuse(
            "the master key of this host does not open what is stored in this shard: the vault holds another key than the one "
            "it was encrypted with. Put the right key into the vault, remove /run/unde/master.key, and run again."
        )
    report(bool(applied) or new, applied=applied)


if __name__ == "__main__":
    main()
