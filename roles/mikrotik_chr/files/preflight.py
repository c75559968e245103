"""Say whether a host can carry the guests, and how: read-only, runs on the host from standard input, answers as JSON."""

import ctypes
import fcntl
import glob
import ipaddress
import json
import mmap
import os
import re
import shutil
import signal
import struct
import subprocess

KVM = "/dev/kvm"
GUESTS = "/var/lib/unde-chr"
#: What the host itself and the download need beside the guests, MiB.
RESERVE_MB, IMAGE_MB = 256, 512
#: Requests of linux/kvm.h.
CREATE_VM, SET_MEMORY, SET_TSS, CREATE_VCPU, RUN_SIZE, RUN = 0xAE01, 0x4020AE46, 0xAE47, 0xAE41, 0xAE04, 0xAE80
EXIT_HLT = 5
HLT = b"\xf4"
#: A processor begins 16 bytes below 4 GiB.
LAST_PAGE, PAGE, BEGIN = 0xFFFFF000, 4096, 0xFF0
#: Where no memory is: Intel's older processors want three pages to themselves.
SPARE = 0x10000000


class TooSlow(Exception):
    """The processor did not stop within the time."""


def too_slow(*_):
    """End a system call that does not return."""
    raise TooSlow("the guest's processor does not answer")


def halts():
    """Run one instruction under KVM: a page that halts, where a processor begins. Return why it stopped."""
    opened = []
    memory = mmap.mmap(-1, PAGE)
    memory[BEGIN : BEGIN + 1] = HLT
    signal.signal(signal.SIGALRM, too_slow)
    signal.alarm(5)
    try:
        opened.append(os.open(KVM, os.O_RDWR | os.O_CLOEXEC))
        opened.append(fcntl.ioctl(opened[0], CREATE_VM, 0))
        fcntl.ioctl(opened[1], SET_TSS, SPARE)
        place = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        fcntl.ioctl(opened[1], SET_MEMORY, struct.pack("=IIQQQ", 0, 0, LAST_PAGE, PAGE, place))
        opened.append(fcntl.ioctl(opened[1], CREATE_VCPU, 0))
        with mmap.mmap(opened[2], fcntl.ioctl(opened[0], RUN_SIZE, 0)) as shared:
            fcntl.ioctl(opened[2], RUN, 0)
            return struct.unpack_from("=I", shared, 8)[0]
    finally:
        signal.alarm(0)
        for each in reversed(opened):
            os.close(each)


def without_kvm(flags):
    """Return why guests cannot run on the hardware; empty where they can."""
    if not os.path.exists(KVM):
        return "there is no %s" % KVM
    if not flags & {"vmx", "svm"}:
        return "the processor shows neither vmx nor svm"
    try:
        stopped = halts()
    except (OSError, TooSlow) as error:
        return "%s is there, and a guest does not run: %s" % (KVM, error)
    return "" if stopped == EXIT_HLT else "%s is there, and a guest stops at once (exit reason %d)" % (KVM, stopped)


def flags():
    """Return the processor's flags."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as handle:
        found = re.search(r"^flags\s*:(.*)$", handle.read(), re.M)
    return set(found.group(1).split()) if found else set()


def room(guests, ram_mb):
    """List what the guests that have no disk yet would not find: memory and space."""
    new = [guest for guest in guests if not os.path.exists("%s/%s.img" % (GUESTS, guest))]
    if not new:
        return []
    with open("/proc/meminfo", encoding="ascii") as handle:
        free = int(re.search(r"^MemAvailable:\s*(\d+) kB$", handle.read(), re.M).group(1)) // 1024
    space = shutil.disk_usage("/var/lib").free >> 20
    wants = (("memory", len(new) * ram_mb + RESERVE_MB, free), ("/var/lib", (len(new) + 1) * IMAGE_MB, space))
    return ["not enough %s for %s: %d MiB wanted, %d free" % (what, " and ".join(new), wanted, there) for what, wanted, there in wants if there < wanted]


def ask(*command):
    """Return what `ip` knows, as JSON."""
    return json.loads(subprocess.run(["ip", "-j", "-4", *command], check=True, capture_output=True, text=True).stdout or "[]")


def passing(interface, bridge):
    """Tell whether an interface is the bridge itself, or a tunnel of the engine that the router takes over from."""
    try:
        with open("/etc/wireguard/%s.conf" % interface, encoding="utf-8", errors="replace") as handle:
            return handle.read().startswith("# unde.infra gateway ")
    except FileNotFoundError:
        return interface == bridge


def collisions(bridge, remote):
    """List what the host has already where the bridge, or a network behind it, is to be."""
    name, ours = bridge["name"], ipaddress.ip_interface(bridge["address"]).network
    networks, found = [ours, *map(ipaddress.ip_network, remote)], []
    for link in ask("address"):
        for each in link.get("addr_info", []):
            mine = ipaddress.ip_interface("%s/%s" % (each["local"], each["prefixlen"]))
            if not passing(link["ifname"], name) and (mine.network.overlaps(ours) or any(mine.ip in network for network in networks)):
                found.append("%s has %s" % (link["ifname"], mine))
    for route in ask("route"):
        if route["dst"] == "default" or route.get("protocol") == "kernel" or passing(route.get("dev"), name):
            continue
        led = ipaddress.ip_network(route["dst"])
        if any(led.subnet_of(network) for network in networks):
            found.append("%s is routed to %s" % (led, route.get("gateway") or route.get("dev")))
    return ["the network of %s, or one behind it, is taken: %s" % (name, each) for each in found]


def strangers(name):
    """List what is wrong with an interface of the bridge's name: that it is none, or leads out."""
    folder = "/sys/class/net/%s" % name
    if not os.path.exists(folder):
        return []
    if not os.path.exists(folder + "/bridge"):
        return ["%s exists, and is no bridge" % name]
    ports = [os.path.basename(port) for port in glob.glob(folder + "/brif/*") if os.path.exists("/sys/class/net/%s/device" % os.path.basename(port))]
    return ["%s has the physical port %s: the guests' bridge leads nowhere" % (name, port) for port in ports]


def networkd():
    """List the files that networkd, which does not run here, would act on once it does."""
    running = subprocess.run(["systemctl", "is-active", "--quiet", "systemd-networkd.service"], check=False).returncode == 0
    files = [path for place in ("/etc", "/run") for path in sorted(glob.glob(place + "/systemd/network/*.net*"))]
    files = [path for path in files if not os.path.basename(path).startswith("10-unde-chr.")]
    if running or not files:
        return []
    return ["systemd-networkd does not run, and would take over other interfaces if it did: move %s away, or start it yourself" % " ".join(files)]


def main(text):
    """Read the question, print the answer."""
    # What the programs called here say is read: in English, whatever the language of who logs in.
    os.environ.update(LC_ALL="C.UTF-8", LANGUAGE="")
    wish = json.loads(text)
    problems = collisions(wish["bridge"], wish["remote"]) + strangers(wish["bridge"]["name"]) + networkd() + room(wish["guests"], wish["ram_mb"])
    print(json.dumps({"problems": problems, "without_kvm": without_kvm(flags()) if wish["ask_kvm"] else ""}))
