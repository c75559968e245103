"""Connections to members, by psycopg: nothing here waits longer than it is allowed to, whatever a host that was lost does not say."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from unde_client.members import Member
from unde_client.processes import Answer, AnsweredError, LostError, UnreachableError

#: A member that fell silent is given up after so long: to connect, seconds; on a connection, milliseconds. A host that is lost says nothing.
CONNECT_S, SILENCE_MS = 2, 3000
#: An answer takes at most so long, seconds: the server gives up first, and says so.
STATEMENT_S, ANSWER_S = 5, 8.0
#: Classes of errors after which the connection is gone, or the transaction's fate is not known: connection, shutdown and cancel by a person, system, internal.
UNSURE = {"08", "58", "F0", "XX"}
SHUTDOWN = {"57P01", "57P02", "57P03", "57P04", "57P05"}


class Psycopg:
    """Opens, asks and closes asynchronous connections.

    ``options`` are libpq's, without hosts and ports: ``dbname``, ``user``, ``password``, ``sslmode``, ``sslrootcert`` …
    """

    def __init__(self, options: Mapping[str, Any], answer_s: float = ANSWER_S) -> None:
        if clash := {"host", "hostaddr", "port", "target_session_attrs"} & set(options):
            raise ValueError(f"{', '.join(sorted(clash))}: said by the members; leave it out")
        self.options = {
            "connect_timeout": CONNECT_S, "tcp_user_timeout": SILENCE_MS,
            "keepalives_idle": 1, "keepalives_interval": 1, "keepalives_count": 2, **options,
        }  # fmt: skip
        self.answer_s = answer_s

    async def connect(self, members: Sequence[Member], writable: bool) -> tuple[psycopg.AsyncConnection[Any], Member]:
        """Connect to the first member that can be had.

        Raises:
            UnreachableError: to none.

        """
        where = {"host": ",".join(member.host for member in members), "port": ",".join(str(member.port) for member in members)}
        wanted = "read-write" if writable else "any"
        try:
            # Statements are not prepared: behind a pooler the next transaction may meet another server connection.
            said: dict[str, Any] = {**self.options, **where, "target_session_attrs": wanted}
            made = await psycopg.AsyncConnection.connect(**said, autocommit=True, prepare_threshold=None)
        except psycopg.Error as error:
            raise UnreachableError(str(error)) from error
        return made, Member(made.info.host, made.info.port)

    async def ask(
        self, session: psycopg.AsyncConnection[Any], statements: Sequence[tuple[str, Mapping[str, Any]]], within_s: float | None = None
    ) -> list[Answer]:
        """Execute statements in one transaction and one round trip, their values bound by the server: none of them is ever part of a logged statement.

        Raises:
            LostError: nobody can tell what became of them.
            AnsweredError: nothing of them was done.

        """
        limit_s = min(self.answer_s, within_s or self.answer_s)
        asking = asyncio.ensure_future(_execute(session, statements))
        try:
            done, _ = await asyncio.wait({asking}, timeout=limit_s)
            if not done:
                raise LostError(f"no answer within {limit_s:g} s")
            return asking.result()
        except psycopg.Error as error:
            state = error.sqlstate or ""
            if not state and isinstance(error, psycopg.DataError | psycopg.ProgrammingError) and not session.closed:
                # Psycopg's own refusal to send it.
                raise AnsweredError("22000" if isinstance(error, psycopg.DataError) else "42000", str(error)) from error
            if session.closed or not state or state[:2] in UNSURE or state in SHUTDOWN:
                raise LostError(str(error)) from error
            raise AnsweredError(state, str(error)) from error
        finally:
            if not asking.done():
                # To cancel politely would be to wait for whoever does not answer.
                _shut(session)
                with contextlib.suppress(Exception):
                    await asking

    async def drop(self, session: psycopg.AsyncConnection[Any]) -> None:
        """Close a connection."""
        with contextlib.suppress(psycopg.Error):
            await session.close()


async def _execute(session: psycopg.AsyncConnection[Any], statements: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Answer]:
    limit = f"SET LOCAL statement_timeout = {STATEMENT_S * 1000}"
    try:
        # psycopg's own transaction() waits for an answer to each of BEGIN, statements and COMMIT: four round trips.
        async with session.pipeline():
            cursors = [await session.execute(text.encode(), values) for text, values in [("BEGIN", {}), (limit, {}), *statements, ("COMMIT", {})]]
    except psycopg.Error:
        # The server left out what follows the statement that failed, COMMIT too.
        with contextlib.suppress(psycopg.Error):
            await session.rollback()
        raise
    return [Answer(await cursor.fetchall() if cursor.description else [], cursor.rowcount) for cursor in cursors[2:-1]]


def _shut(session: psycopg.AsyncConnection[Any]) -> None:
    """Have the kernel end a connection: whoever waits for it is woken."""
    with contextlib.suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(session.fileno())) as end:
        end.shutdown(socket.SHUT_RDWR)
