# Copyright: UNDE
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether guests can really run on the hardware: tried, not assumed, since /dev/kvm may be there and of no use (nested virtualization that is switched off)."""

from __future__ import annotations

import ctypes
import fcntl
import json
import mmap
import os
import re
import select
import signal
import struct
from pathlib import Path

KVM = Path("/dev/kvm")
CPUINFO = Path("/proc/cpuinfo")
#: Seconds that the processor has to stop in.
TIMEOUT_S = 5
#: Requests of linux/kvm.h.
CREATE_VM, SET_MEMORY, SET_TSS, CREATE_VCPU, RUN_SIZE, RUN = 0xAE01, 0x4020AE46, 0xAE47, 0xAE41, 0xAE04, 0xAE80
EXIT_HLT = 5
HLT = b"\xf4"
#: A processor begins 16 bytes below 4 GiB.
LAST_PAGE, PAGE, BEGIN = 0xFFFFF000, 4096, 0xFF0
#: Where no memory is: Intel's older processors want three pages to themselves.
SPARE = 0x10000000


def stopped() -> int:
    """Run one instruction under KVM: a page that halts, where a processor begins. Return why it stopped."""
    memory = mmap.mmap(-1, PAGE)
    memory[BEGIN : BEGIN + 1] = HLT
    device = os.open(KVM, os.O_RDWR | os.O_CLOEXEC)
    machine = fcntl.ioctl(device, CREATE_VM, 0)
    fcntl.ioctl(machine, SET_TSS, SPARE)
    place = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    fcntl.ioctl(machine, SET_MEMORY, struct.pack("=IIQQQ", 0, 0, LAST_PAGE, PAGE, place))
    processor = fcntl.ioctl(machine, CREATE_VCPU, 0)
    with mmap.mmap(processor, fcntl.ioctl(device, RUN_SIZE, 0)) as shared:
        fcntl.ioctl(processor, RUN, 0)
        reason: int = struct.unpack_from("=I", shared, 8)[0]
    return reason


def trial() -> str:
    """Try it in a process of its own, whose end frees whatever was opened, and which can be killed when it does not return; return why it is of no use."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            reason = stopped()
            said = "" if reason == EXIT_HLT else f"a guest stops at once (exit reason {reason})"
        except OSError as error:
            said = f"a guest does not run: {error}"
        os.write(writing, json.dumps(said).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        found = answer.read() if select.select([answer], [], [], TIMEOUT_S)[0] else b""
    os.kill(child, signal.SIGKILL)  # It may hang in the kernel; one that has ended is waited for below.
    os.waitpid(child, 0)
    return str(json.loads(found)) if found else "a guest does not run: the guest's processor does not answer"


def missing() -> str:
    """Return why guests cannot run on the hardware; empty where they can."""
    if not KVM.exists():
        return f"there is no {KVM}"
    found = re.search(r"^flags\s*:(.*)$", CPUINFO.read_text(encoding="ascii", errors="replace"), re.M)
    if not {"vmx", "svm"} & set(found.group(1).split() if found else []):
        return "the processor shows neither vmx nor svm"
    why = trial()
    return f"{KVM} is there, and {why}" if why else ""
