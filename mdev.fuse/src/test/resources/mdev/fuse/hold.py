"""Lists a directory into memory that does not come (userfaultfd(2)), and so holds its lock until it is killed. Says "holds" before."""

import ctypes
import fcntl
import mmap
import os
import struct
import sys

SYS_USERFAULTFD, SYS_GETDENTS64 = 323, 217
UFFDIO_API, UFFDIO_REGISTER = 0xC018AA3F, 0xC020AA00
MISSING = 1

libc = ctypes.CDLL(None, use_errno=True)
faults = libc.syscall(SYS_USERFAULTFD, os.O_CLOEXEC)
if os.uname().machine != "x86_64" or faults < 0:
    print("skipped: no userfaultfd here", flush=True)
    sys.exit()
fcntl.ioctl(faults, UFFDIO_API, bytearray(struct.pack("=QQQ", 0xAA, 0, 0)))
memory = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
fcntl.ioctl(faults, UFFDIO_REGISTER, bytearray(struct.pack("=QQQQ", address, 4096, MISSING, 0)))
directory = os.open(sys.argv[1], os.O_RDONLY)
print("holds", flush=True)
libc.syscall(SYS_GETDENTS64, directory, ctypes.c_void_p(address), 4096)
print("came back", flush=True)
