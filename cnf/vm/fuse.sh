#!/bin/bash
# Prints a root directory with fusermount3 of this machine's own Debian, whose C library it needs: unpacked into a cache without being
# installed, and without its set-user-ID bit.
set -euo pipefail
# shellcheck source=cnf/vm/debian.sh
. "$(dirname "$(readlink -f "$0")")/debian.sh"

build() {
    (
        cd "$1"
        download() { apt-get -qq -o APT::Sandbox::User= download fuse3 >&2; }
        download || { apt-get -qq update >&2 && download; }
        dpkg-deb -x fuse3_*.deb .
    ) || die "could not fetch fusermount3: install the package fuse3"
}

# shellcheck source=/dev/null
dir=$cache/fuse-$(. /etc/os-release && echo "$VERSION_CODENAME")-$(digest "$here/fuse.sh")
once "$dir" build
echo "$dir"
