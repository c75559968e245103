#!/usr/bin/env python3
"""tiny_disk.py NAME.zip ...: write an archive, the image of a disk that says its name on the serial port, and print the archive's SHA-256.

Its boot sector halts then, and turns the machine off when its power button is pressed.
"""

import hashlib
import io
import sys
import zipfile
from pathlib import Path

#: 16-bit code, loaded to 0x7c00; the text stands at 0x7d00.
CODE = bytes.fromhex(
    "31c0 8ed8 be007d"                  # ds = 0, si = the text
    "ac 84c0 7411 88c4"                 # say: al = next character, done at 0; keep it in ah
    "bafd03 ec a820 74fb"               # until the port 0x3f8 is free
    "88e0 b2f8 ee ebea"                 # out it goes; say
    "ba0206 b80001 ef fb"               # enable the power button's event (ICH9: PM1_EN at 0x602)
    "f4 ba0006 ed f6c401 74f6"          # wait: halt until an interrupt; was the button pressed (PM1_STS at 0x600)?
    "b204 b80020 ef ebfe"               # off (PM1_CNT at 0x604, SLP_EN)
)  # fmt: skip
SIZE = 1 << 20


def image(name: str) -> bytes:
    said = f"booted from the disk {name}\r\n\0".encode()
    sector = (CODE.ljust(0x100, b"\0") + said).ljust(510, b"\0") + b"\x55\xaa"
    return sector.ljust(SIZE, b"\0")


def main() -> None:
    for file in map(Path, sys.argv[1:]):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo(f"chr-{file.stem}.img"), image(file.stem))
        file.write_bytes(packed.getvalue())
        print(hashlib.sha256(packed.getvalue()).hexdigest())


if __name__ == "__main__":
    main()
