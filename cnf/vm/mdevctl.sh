#!/bin/bash
# Prints a root directory for Debian's stock mdevctl: the package and its dependencies, unpacked into a cache without being installed.
set -euo pipefail
# shellcheck source=cnf/vm/debian.sh
. "$(dirname "$(readlink -f "$0")")/debian.sh"

build() {
    unpack "$1" "mdevctl (5 MB)" "" mdevctl
    # As in base-files: the programs name their loader by this path. The directories are mount points for its bind mounts.
    ln -s usr/lib64 "$1/lib64"
    mkdir -p "$1"/{sys,etc/mdevctl.d}
}

dir=$cache/mdevctl-$(digest "$here/mdevctl.sh" "$here/debian.sh")
once "$dir" build
echo "$dir"
