"""Apply the versioned schema, each file once and in one transaction, on whichever member is the primary now."""

from __future__ import annotations

import ledger
from common import is_primary, psql, read_order, refuse, report

DATABASE = "unde"
LARGEST = {"vector": 2000, "halfvec": 4000, "none": 16000}


def check_wish(order: dict) -> dict:
    """Refuse what pgvector could not index."""
    dimensions, index = int(order["embedding"]["dimensions"]), order["embedding"]["index"]
    if index not in LARGEST:
        refuse(f"postgres_shard_embedding.index: {index} is none of {', '.join(LARGEST)}")
    if not 1 <= dimensions <= LARGEST[index]:
        refuse(f"postgres_shard_embedding: an index of kind {index} takes 1 to {LARGEST[index]} dimensions, not {dimensions}")
    return {"dimensions": dimensions, "embedding_index": index, "partitions": int(order["partitions"])}


def check_shape(wish: dict) -> None:
    """Refuse to pretend: the shape of a table with rows in it does not change with a variable."""
    row = psql("SELECT dimensions, embedding_index, partitions FROM unde.schema_parameter", database=DATABASE)
    found = dict(zip(("dimensions", "embedding_index", "partitions"), row.split("|"), strict=True))
    differing = [f"{name} is {found[name]}, asked for {value}" for name, value in wish.items() if found[name] != str(value)]
    if differing:
        refuse(
            f"the schema stands and its shape does not change by a variable ({'; '.join(differing)}). Nothing was changed. "
            "Another kind of index: CALL unde.build_embedding_index('…') in a maintenance window, then set the variable. "
            "Other dimensions mean another embedding model: a new column, filled anew, in a schema file of its own."
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
    if psql("SELECT to_regclass('unde.schema_parameter') IS NOT NULL", database=DATABASE) == "t":
        check_shape(wish)
    applied = ledger.apply(DATABASE, order["files"], wish, check=order["check"])
    if not (applied and order["check"]) and psql("SELECT unde_private.master_key_matches()", database=DATABASE) != "t":
        refuse(
            "the master key of this host does not open what is stored in this shard: the vault holds another key than the one "
            "it was encrypted with. Put the right key into the vault, remove /run/unde/master.key, and run again."
        )
    report(bool(applied), applied=applied)


if __name__ == "__main__":
    main()
