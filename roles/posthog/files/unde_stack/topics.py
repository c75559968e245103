"""Kafka's topics: one that is missing crashes the consumers, and a consumer on a wrong one looks healthy."""

from __future__ import annotations

from pathlib import Path

from .compose import Failed, Stack

BROKER = ("--brokers", "kafka:9092")


def wanted(listed: Path, further: list[str]) -> list[str]:
    """Return the topics of upstream's list, and further ones."""
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
    return sorted({line.strip() for line in lines if line.strip() and not line.strip().startswith("#")} | set(further))


def ensure(stack: Stack, topics: list[str]) -> list[str]:
    """Make the topics that are missing and return them.

    Raises:
        Failed: one is missing still.

    """
    missing = [topic for topic in topics if topic not in _there(stack)]
    for topic in missing:
        stack.inside("kafka", "rpk", "topic", "create", topic, "--partitions", "1", "--replicas", "1", *BROKER)
    if missing and not set(topics) <= _there(stack):
        raise Failed("topics are missing still after they were made")
    return missing


def _there(stack: Stack) -> set[str]:
    lines = stack.inside("kafka", "rpk", "topic", "list", *BROKER).splitlines()
    return {line.split()[0] for line in lines[1:] if line.split()}
