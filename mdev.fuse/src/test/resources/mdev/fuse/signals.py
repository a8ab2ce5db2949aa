"""Makes stores while signals that have handlers keep coming, and says what came of them.

signals.py timer FILE COUNT: that many writes, with an interval timer. signals.py storm CREATE DEVICE UUID COUNT: creates and removes the device that often, while a child sends SIGCHLD and SIGWINCH.
Python repeats a call that gets EINTR (PEP 475), as careful programs do.
"""

import os
import signal
import sys

heard = [0]


def hear(number, frame):
    heard[0] += 1


def write(path, data):
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, data.encode())
    finally:
        os.close(fd)


def timer(path, count):
    signal.signal(signal.SIGALRM, hear)
    fd = os.open(path, os.O_WRONLY)
    signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
    for i in range(int(count)):
        os.write(fd, str(i).encode())
    signal.setitimer(signal.ITIMER_REAL, 0)


def storm(create, device, uuid, count):
    for number in (signal.SIGCHLD, signal.SIGWINCH):
        signal.signal(number, hear)
    caller = os.getpid()
    child = os.fork()
    if child == 0:
        while os.getppid() == caller:
            os.kill(caller, signal.SIGCHLD)
            os.kill(caller, signal.SIGWINCH)
        os._exit(0)
    try:
        for _ in range(int(count)):
            write(create, uuid)
            write(device + "/remove", "1")
    finally:
        os.kill(child, signal.SIGKILL)


{"timer": timer, "storm": storm}[sys.argv[1]](*sys.argv[2:])
print("done" if heard[0] else "no signal came")
