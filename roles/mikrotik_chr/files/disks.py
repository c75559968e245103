"""Give each guest that has no disk one, unpacked from the release's image: read from standard input, answers as JSON.

A disk is a router: one that exists is never touched, whatever the image is.
"""

import json
import os
import shutil
import sys
import tempfile
import zipfile

HOME = "/var/lib/unde-chr"


def path(guest):
    """Name a guest's disk."""
    return "%s/%s.img" % (HOME, guest)


def unpack(image, guest):
    """Make a disk at once and as a whole: whoever dies half-way leaves none."""
    with zipfile.ZipFile(image) as archive:
        found = [name for name in archive.namelist() if name.endswith(".img")]
        if len(found) != 1:
            sys.exit("%s holds %s where one disk image is expected" % (image, " ".join(archive.namelist()) or "nothing"))
        with archive.open(found[0]) as packed, tempfile.NamedTemporaryFile(dir=HOME) as disk:
            shutil.copyfileobj(packed, disk, 1 << 20)
            disk.flush()
            os.fsync(disk.fileno())
            os.link(disk.name, path(guest))  # Fails where a disk has come about meanwhile.


def main(text):
    """Read the wish, make what is missing, print it."""
    # A router's disk is nobody's but root's, until libvirt gives it to the guest.
    os.umask(0o077)
    wish = json.loads(text)
    missing = [guest for guest in wish["guests"] if not os.path.exists(path(guest))]
    if wish["image"]:
        for guest in missing:
            unpack(wish["image"], guest)
    print(json.dumps({"missing": missing}))
