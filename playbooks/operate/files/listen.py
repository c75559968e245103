"""Listen on the TCP ports of the first argument that nobody listens on, and close what comes in. For a lab."""

import contextlib
import selectors
import socket
import sys

waiting = selectors.DefaultSelector()
for port in filter(None, sys.argv[1].split(",")):
    door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with contextlib.suppress(OSError):  # somebody listens there already
        door.bind(("0.0.0.0", int(port)))
        door.listen(128)
        waiting.register(door, selectors.EVENT_READ)
while True:
    for key, _ in waiting.select():
        key.fileobj.accept()[0].close()
