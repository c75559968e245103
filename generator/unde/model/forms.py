"""The forms and ranges of what becomes part of a file, a command or a rule: each as narrow as the software that reads it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

#: etcd's token, in a file of systemd's environment (KEY=value): no quotes, no blanks.
ClusterToken = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
#: PostgreSQL's major version; packages, folders and units are named after it.
PostgresVersion = Annotated[str, StringConstraints(pattern=r"^(1[5-9]|[2-9][0-9])$")]
#: A release of RouterOS, a part of a URL.
RouterosVersion = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,2}\.[0-9]{1,3}(\.[0-9]{1,3})?$")]
#: A folder by its whole path: no `//`, no `.` and no `..`; pgBackRest refuses a relative one.
DirectoryPath = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$", max_length=200)]
#: A file by its whole path.
FilePath = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9._-]+)+$", max_length=200)]
#: How Redis's keys begin. In an ACL file a blank ends it and `*?[]\` are patterns; a Lua string ends at a quote; a comma ends it in a service's environment.
KeyPrefix = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_/@][A-Za-z0-9._:/@+-]*$", max_length=128)]
#: A pattern of Redis's keys or channels; what it begins with is no pattern, so that none is all keys.
KeyPattern = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_/@][A-Za-z0-9._:/@+*?-]*$", max_length=128)]
#: A word of a command line; the shell gets it quoted, but a file has one line for it.
Word = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=4096)]
#: Registry and name of a container image, without tag and digest.
ImageName = Annotated[str, StringConstraints(
    pattern=r"^([a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?/)?[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)*$", max_length=200,
)]
#: A URL, or a file's name.
Artifact = Annotated[str, StringConstraints(pattern=r"^(https?://[!-~]+|[A-Za-z0-9{][A-Za-z0-9._+{}-]*)$", max_length=1024)]
#: The holder of a key in a policy, JSON.
Principal = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9:/_.@+=,{}*-]+$", max_length=256)]

#: Seconds that somebody waits: a week at most. What reads it counts milliseconds in 31 bits (nginx, HAProxy).
Seconds = Annotated[int, Field(ge=1, le=604_800)]
#: Seconds that a key lives: ten years at most.
Lifetime = Annotated[int, Field(ge=1, le=315_360_000)]
#: Days that something is kept: ten years at most.
Days = Annotated[int, Field(ge=1, le=3_650)]
#: Requests, connections, sessions: what a counter of 31 bits holds, with room.
Many = Annotated[int, Field(ge=1, le=1_000_000)]
#: nginx counts an address's connections in 16 bits.
Connections = Annotated[int, Field(ge=1, le=65_535)]
#: Processors of one machine: PostgreSQL's workers follow from it.
Processors = Annotated[int, Field(ge=1, le=1_024)]
#: Memory of one machine, GB: PostgreSQL's shared buffers follow from it, 8 TB of them at most.
Memory = Annotated[int, Field(ge=1, le=24_576)]
#: A disk, GB.
Disk = Annotated[int, Field(ge=1, le=1_000_000)]
#: A size in MB, up to 16 TB.
Megabytes = Annotated[int, Field(ge=1, le=16_777_216)]
