#!/usr/bin/python
# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Give a shard's table of messages its shape while it is empty; a table with messages keeps the shape that it has."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: messages_shape
short_description: Give a shard's empty table of messages its shape
description:
  - How the messages' embeddings are kept and found, and in how many partitions. The table is made anew while there are no messages in it; where there are,
    another shape is refused, all but another number of O(candidates). M(unde.infra.messages_change) changes it while messages are read and written.
  - What pgvector could not keep or index is refused before anything is done.
  - On a standby nothing is done.
version_added: "0.1.0"
author: UNDE (@unde)
extends_documentation_fragment: [unde.infra.postgres]
options:
  database:
    description: The shard's database.
    type: str
    default: unde
  dimensions:
    description: Dimensions of the embedding model.
    type: int
    required: true
  embedding_index:
    description: What finds the nearest, HNSW over V(vector) or V(halfvec), V(bits) in the b-tree by user, or V(none).
    type: str
    choices: [vector, halfvec, bits, none]
    required: true
  storage:
    description: Precision of the column.
    type: str
    choices: [vector, halfvec]
    required: true
  in_line:
    description: Whether a vector stays in the page of its row.
    type: bool
    required: true
  candidates:
    description: How many messages of one user the bits choose for the exact ranking.
    type: int
    required: true
  partitions:
    description: Hash partitions.
    type: int
    required: true
  model:
    description: Name of the model that the vectors are of.
    type: str
    required: true
  new_cluster:
    description: Whether the cluster was created just now, or in check mode would be; then there is no table yet.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Tells whether the table would be made anew.
  diff_mode:
    support: full
    description: Lists what would become what.
"""

EXAMPLES = r"""
- name: Convert the messages table
  unde.infra.messages_shape:
    version: "17"
    state_directory: /var/lib/unde/postgres_shard
    dimensions: 1024
    embedding_index: bits
    storage: halfvec
    in_line: true
    candidates: 400
    partitions: 64
    model: ""
"""

RETURN = r"""
primary:
  description: Whether this host is the primary, where the table is made.
  type: bool
  returned: success
  sample: true
actions:
  description: What was done, or would be.
  type: list
  elements: str
  returned: success
  sample: ["change dimensions from 1 to 1024"]
"""

import json
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.unde.infra.plugins.module_utils import postgresql
from ansible_collections.unde.infra.plugins.module_utils.actions import result
from ansible_collections.unde.infra.plugins.module_utils.postgresql import Refused, literal
from ansible_collections.unde.infra.plugins.module_utils.postgresql_migrations import Database

#: Dimensions that pgvector indexes, by what finds the nearest vectors (its README, "HNSW"); bits are bounded by their row, which has to fit a page.
LARGEST = {"vector": 2000, "halfvec": 4000, "bits": 4000, "none": 16000}
BYTES = {"vector": 4, "halfvec": 2}
#: A row that fits a page has so many bytes for its vector in line.
IN_LINE = 7760
#: What a shape is of.
SHAPE: dict[str, dict[str, Any]] = {
    "dimensions": {"type": "int", "required": True},
    "embedding_index": {"type": "str", "choices": list(LARGEST), "required": True},
    "storage": {"type": "str", "choices": list(BYTES), "required": True},
    "in_line": {"type": "bool", "required": True},
    "candidates": {"type": "int", "required": True},
    "partitions": {"type": "int", "required": True},
    "model": {"type": "str", "required": True},
}
#: What the first migrations know of a shape, before the one that keeps all of it.
FIRST = {"storage": "vector", "in_line": False, "candidates": 400, "model": ""}
WAY = "The way, while they are read and written: ansible-playbook playbooks/operate/change_messages.yml (docs/operate.md, Another way to find messages)"


def check(shape: dict[str, Any]) -> None:
    """Refuse what pgvector could not keep or index."""
    dimensions, index, storage = shape["dimensions"], shape["embedding_index"], shape["storage"]
    if not 1 <= dimensions <= LARGEST[index]:
        raise Refused(f"postgres_shard_embedding: an index of kind {index} takes 1 to {LARGEST[index]} dimensions, not {dimensions}")
    if (index, storage) == ("vector", "halfvec"):
        raise Refused("postgres_shard_embedding: an index of kind vector wants vectors of full precision, and storage is halfvec")
    if shape["in_line"] and BYTES[storage] * dimensions + 8 > IN_LINE:
        raise Refused(f"postgres_shard_embedding: {dimensions} dimensions of a {storage} do not fit into a row's page (in_line)")


def found(database: Database) -> dict[str, Any]:
    """Return the shape that the messages have; before its migration was applied, what the first ones know of it; nothing where there is no table."""
    if database.sql("SELECT to_regprocedure('unde_private.shape()') IS NOT NULL") == "t":
        return dict(json.loads(database.sql("SELECT unde_private.shape()")))
    if database.sql("SELECT to_regclass('unde.schema_parameter') IS NOT NULL") != "t":
        return {}
    row = database.server.rows("SELECT dimensions, embedding_index, partitions FROM unde.schema_parameter", database=database.name)[0]
    return {**row, **FIRST}


def give(database: Database, shape: dict[str, Any], check_mode: bool) -> list[str]:
    """Give the empty table its shape; return what was done.

    Raises:
        Refused: there are messages.

    """
    there = found(database)
    differing = [name for name, value in shape.items() if there.get(name) != value]
    kept = [f"{name} is {there[name]}, asked for {shape[name]}" for name in differing if there and name != "candidates"]
    if kept and database.sql("SELECT EXISTS (SELECT FROM unde.messages)") == "t":
        raise Refused(f"there are messages, and their shape does not change by a variable ({'; '.join(kept)}). Nothing was changed. {WAY}")
    if differing and not check_mode:
        database.sql(f"CALL unde_private.want_shape({literal(json.dumps(shape))})", transaction=True)
    return [f"change {name} from {there[name]} to {shape[name]}" if there else f"make {name} {shape[name]}" for name in differing]


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **postgresql.SERVER, "database": {"type": "str", "default": "unde"}, **SHAPE, "new_cluster": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )  # fmt: skip
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    shape = {name: module.params[name] for name in SHAPE}
    server, actions = postgresql.Server(module.params, module.run_command), [f"make {name} {value}" for name, value in shape.items()]
    database = Database(server, module.params["database"])
    foretold = module.check_mode and module.params["new_cluster"]
    try:
        check(shape)
        primary = foretold or server.is_primary()
        if not primary:
            actions = []
        elif not foretold and (database.exists() or not module.check_mode):
            actions = give(database, shape, module.check_mode)
    except Refused as reason:
        module.fail_json(msg=str(reason))
    module.exit_json(**result(actions), primary=primary)


if __name__ == "__main__":
    main()
