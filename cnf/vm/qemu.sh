#!/bin/bash
# Prints the path of a QEMU that supports vfio-user: --qemu PATH or MDEV_QEMU, else the one on PATH if it is new enough, else Debian's.
set -euo pipefail
# shellcheck source=cnf/vm/debian.sh
. "$(dirname "$(readlink -f "$0")")/debian.sh"

# Prints why QEMU $1 is unsuitable; prints nothing if it is suitable.
lacks() {
    local version
    version=$("$1" --version 2>/dev/null | sed -n 's/^QEMU emulator version \([0-9]*\.[0-9]*\).*/\1/p')
    if [ -z "$version" ]; then
        echo "is not QEMU: vfio-user requires qemu-system-x86_64 version 10.1 or newer"
    elif [ "$(printf '%s\n' 10.1 "$version" | sort -V | head -1)" != 10.1 ]; then
        echo "is QEMU $version: vfio-user requires 10.1 or newer"
    elif ! "$1" -device vfio-user-pci,help >/dev/null 2>&1; then
        echo "was built without the device vfio-user-pci: choose another QEMU"
    fi
}

build() {
    unpack "$1/root" "QEMU (40 MB)" ", or pass a QEMU of version 10.1 or newer with --qemu PATH" \
        qemu-system-x86/trixie-backports qemu-system-common/trixie-backports qemu-system-data/trixie-backports seabios/trixie-backports
    local root=$1/root
    mkdir -p "$1"/{bin,lib,share}
    mv "$root/usr/bin/qemu-system-x86_64" "$1/bin/"
    mv "$root"/usr/lib/x86_64-linux-gnu/* "$1/lib/"
    mv "$root"/usr/share/{qemu,seabios} "$1/share/"
    rm -rf "$root"
    # Runs in the host's file system, with the libraries it was built for.
    cat >"$1/qemu" <<'W'
#!/bin/sh
d=$(dirname "$(readlink -f "$0")")
QEMU_MODULE_DIR=$d/lib/qemu exec "$d/lib/ld-linux-x86-64.so.2" --inhibit-cache --library-path "$d/lib" --argv0 qemu-system-x86_64 \
    "$d/bin/qemu-system-x86_64" -L "$d/share/qemu" -L "$d/share/seabios" "$@"
W
    chmod +x "$1/qemu"
    local lack
    lack=$(lacks "$1/qemu")
    [ -z "$lack" ] || die "Debian's QEMU $lack; choose another QEMU with --qemu PATH"
}

own=${MDEV_QEMU-} ask="; omit --qemu and MDEV_QEMU to use Debian's"
[ "${1-}" != --qemu ] || own=$2
if [ -n "$own" ]; then
    path=$(command -v "$own") || die "$own is not a program: vfio-user requires qemu-system-x86_64 version 10.1 or newer$ask"
    lack=$(lacks "$path")
    [ -z "$lack" ] || die "$own $lack$ask"
    echo "$path"
elif path=$(command -v qemu-system-x86_64) && [ -z "$(lacks "$path")" ]; then
    echo "$path"
else
    dir=$cache/qemu-$(digest "$here/qemu.sh" "$here/debian.sh")
    once "$dir" build
    echo "$dir/qemu"
fi
