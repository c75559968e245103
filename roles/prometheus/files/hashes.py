"""Print a bcrypt hash of each password: the one that a web configuration has already, where it is of that password.

Takes {user: password} on standard input and the configuration's path as its argument; prints {user: hash}. Changes nothing.
A hash has salt in it, so that hashing anew would never give the same.
"""

import ctypes
import json
import re
import secrets
import sys
from pathlib import Path

ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
COST = 10

library = ctypes.CDLL("libcrypt.so.1")
library.crypt.restype = ctypes.c_char_p


def crypt(password: str, setting: str) -> str:
    """Hash as the C library does; the setting is a hash, or what one begins with."""
    hashed = library.crypt(password.encode(), setting.encode())
    if not hashed or hashed.startswith(b"*"):
        sys.exit("this host's libcrypt cannot make bcrypt hashes")
    return str(hashed.decode())


def main() -> None:
    """Run the program."""
    path = Path(sys.argv[1])
    known = dict(re.findall(r"^ +(\w+): (\$2b\$\S{56})$", path.read_text() if path.exists() else "", re.MULTILINE))
    result = {}
    for user, password in json.load(sys.stdin).items():
        old = known.get(user, "")
        salt = "".join(secrets.choice(ALPHABET) for _ in range(22))
        result[user] = old if old and crypt(password, old) == old else crypt(password, f"$2b${COST:02}${salt}")
    print(json.dumps(result))


main()
