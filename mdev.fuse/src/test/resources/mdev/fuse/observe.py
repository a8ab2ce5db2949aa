"""Looks at the same names from several processes, all the time, and tells what contradicts what is known to be so.

observe.py READERS DIRECTORY PATH... ; on the input "changing", "there" or "gone" (of all the paths), or "write PATH DATA"; each is answered "ok", or with the errno, once it holds for every reader.
A line that begins with "stale" is a contradiction: known before a look and unchanged after it. DIRECTORY is opened while it is there, and what is in it must be gone through that, too.
"""

import mmap
import os
import struct
import sys
import time
import traceback

CHANGING, THERE, GONE = range(3)
LOOKS = 5
PATIENCE_SECONDS = 120

shared = mmap.mmap(-1, 4096)
readers = int(sys.argv[1])
directory, paths = sys.argv[2], sys.argv[3:]


def get(place):
    return struct.unpack_from("=Q", shared, 8 * place)[0]


def put(place, value):
    struct.pack_into("=Q", shared, 8 * place, value)


def is_listed(path):
    try:
        return os.path.basename(path) in os.listdir(os.path.dirname(path))
    except OSError:
        return False


def finds_below(held):
    found = []
    for name in ("uevent", "power", "vendor/value"):
        try:
            os.stat(name, dir_fd=held)
            found.append(name)
        except OSError:
            pass
    return found


def observe(reader):
    held = None
    while True:
        known = get(0)
        state = known % 4
        seen = {path: (os.path.lexists(path), is_listed(path)) for path in paths}
        below = finds_below(held) if held is not None else []
        if get(0) == known and state != CHANGING:
            for path, (is_found, is_in_list) in seen.items():
                if is_found != (state == THERE) or is_in_list != (state == THERE):
                    tell(f"stale {path} found={is_found} listed={is_in_list} {known}")
            if state == GONE and below:
                tell(f"stale {below} in a directory that is gone {known}")
            if state == GONE and held is not None:
                os.close(held)
                held = None
        if state == THERE and held is None:
            try:
                held = os.open(directory, os.O_RDONLY)
            except OSError:
                pass
        put(reader, get(reader) + 1)


def tell(line):
    os.write(1, (line + "\n").encode())


def settle(state):
    put(0, (get(0) // 4 + 1) * 4 + state)
    before = [get(reader) for reader in range(1, readers + 1)]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(get(reader) < before[reader - 1] + LOOKS for reader in range(1, readers + 1)):
        if os.waitpid(-1, os.WNOHANG)[0]:
            raise RuntimeError("a reader has ended")
        if time.monotonic() > deadline:
            raise RuntimeError("a reader does not come back")
        os.sched_yield()


def write(path, data):
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, data.encode())
    finally:
        os.close(fd)


for reader in range(1, readers + 1):
    if os.fork() == 0:
        try:
            observe(reader)
        except BaseException:
            tell(traceback.format_exc())
        finally:
            os._exit(1)
for line in sys.stdin:
    words = line.split()
    try:
        if words[0] == "write":
            write(words[1], words[2])
        elif words[0] == "changing":
            put(0, (get(0) // 4 + 1) * 4 + CHANGING)
        else:
            settle({"there": THERE, "gone": GONE}[words[0]])
        tell("ok")
    except (OSError, RuntimeError) as error:
        tell(str(error))
os.killpg(0, 9)
