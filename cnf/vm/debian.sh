# shellcheck shell=bash
# Sourced by qemu.sh and guest.sh: packages of Debian trixie, unpacked into a cache without being installed. Needs no root.
cache=${XDG_CACHE_HOME:-~/.cache}/mdev
# shellcheck disable=SC2034 # used by the scripts that source this one
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")

say() { echo "mdev: $*" >&2; }

die() {
    say "$@"
    exit 1
}

# The names of the results contain the digest of the scripts that built them: a changed script never uses an old result.
digest() { cat "$@" | sha256sum | cut -c 1-12; }

# once DIR BUILDER: runs `BUILDER TMP` if DIR does not exist and renames the complete TMP to DIR in one step. A concurrent second
# call waits for the first; the next build deletes the remains of an interrupted one.
once() {
    [ ! -e "$1" ] || return 0
    { mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ]; } || die "cannot write to $cache: set XDG_CACHE_HOME to a writable directory"
    exec {lock}>"$1.lock"
    if ! flock --nonblock "$lock"; then
        say "waiting for another mdev process to prepare ${1##*/}"
        flock "$lock"
    fi
    if [ ! -e "$1" ]; then
        rm -rf "$1".tmp.*
        tmp=$(mktemp -d "$1.tmp.XXXXXX")
        trap 'rm -rf "$tmp"' EXIT
        "$2" "$tmp"
        chmod 755 "$tmp"
        mv -T "$tmp" "$1"
    fi
    exec {lock}>&-
}

# unpack ROOT WHAT ELSE PACKAGE...: unpacks the packages and all their dependencies into ROOT, from the Debian mirror that this machine
# already uses. ELSE is the alternative on other systems.
unpack() {
    local root=$1 what=$2 else=$3 state=$1.apt keyring=/usr/share/keyrings/debian-archive-keyring.gpg mirror suite deb apt
    shift 3
    [ "$(uname -m)" = x86_64 ] || die "VMs require an x86-64 machine: this is $(uname -m)"
    # shellcheck disable=SC2016 # apt expands the name
    mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | awk '/\/debian\/*$/ && !n++') || true
    { [ -n "$mirror" ] && [ -e $keyring ]; } || die "cannot fetch $what: this is not a Debian system with apt sources; use Debian 12 or newer$else"
    say "fetching $what from Debian into $cache (once)"
    mkdir -p "$root" "$state"/{lists,archives}/partial "$state/parts"
    : >"$state/status"
    for suite in trixie trixie-backports; do
        echo "deb [arch=amd64 signed-by=$keyring] $mirror $suite main"
    done >"$state/sources"
    # A separate apt state with these sources and no installed packages; only the network settings are the machine's.
    apt=(apt-get -qq -o Dir::State="$state" -o Dir::State::status="$state/status" -o Dir::Cache="$state"
        -o Dir::Etc::SourceList="$state/sources" -o Dir::Etc::SourceParts="$state/parts"
        -o Dir::Etc::Preferences="$state/none" -o Dir::Etc::PreferencesParts="$state/parts"
        -o APT::Architecture=amd64 -o APT::Architectures=amd64 -o APT::Sandbox::User= -o APT::Install-Recommends=0
        -o Acquire::Languages=none -o Acquire::Retries=3 -o APT::Update::Error-Mode=any)
    { "${apt[@]}" update >&2 && "${apt[@]}" -o APT::Status-Fd=1 install -y --download-only "$@" | progress; } || die "could not fetch $what: see apt's error above"
    for deb in "$state"/archives/*.deb; do dpkg-deb -x "$deb" "$root"; done
    rm -rf "$state"
}

# Shows apt's "dlstatus:N:PERCENT:TEXT" on a terminal.
progress() {
    local kind percent
    while IFS=: read -r kind _ percent _; do
        [ ! -t 2 ] || [ "$kind" != dlstatus ] || printf '\rmdev: %s %%' "${percent%.*}" >&2
    done
    [ ! -t 2 ] || printf '\r\033[K' >&2
}
