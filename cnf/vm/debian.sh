# shellcheck shell=bash
# Sourced by qemu.sh and guest.sh: packages of Debian trixie, unpacked into a cache without being installed. Needs no root.
cache=${XDG_CACHE_HOME:-~/.cache}/mdev
# shellcheck disable=SC2034 # for who sources this
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")

say() { echo "mdev: $*" >&2; }

die() {
    say "$@"
    exit 1
}

# The names of the built things carry the digest of what built them: a changed script never meets an old result.
digest() { cat "$@" | sha256sum | cut -c 1-12; }

# once DIR BUILDER: runs `BUILDER TMP` where DIR does not exist yet and makes TMP appear as DIR in one step, when it is complete. Who comes
# second waits for the first; what an interrupted build left is swept by the next.
once() {
    [ ! -e "$1" ] || return 0
    { mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ]; } || die "cannot write to $cache: set XDG_CACHE_HOME to a directory of yours"
    exec {lock}>"$1.lock"
    if ! flock --nonblock "$lock"; then
        say "waiting for another mdev that prepares ${1##*/}"
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

# unpack ROOT WHAT ELSE PACKAGE...: unpacks the packages and all they depend on into ROOT, from the Debian mirror that this machine already
# uses. ELSE is what one can do on another system.
unpack() {
    local root=$1 what=$2 else=$3 state=$1.apt keyring=/usr/share/keyrings/debian-archive-keyring.gpg mirror suite deb apt
    shift 3
    [ "$(uname -m)" = x86_64 ] || die "VMs need an x86-64 machine: this is $(uname -m)"
    # shellcheck disable=SC2016 # a name that apt replaces
    mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | awk '/\/debian\/*$/ && !n++') || true
    { [ -n "$mirror" ] && [ -e $keyring ]; } || die "cannot fetch $what: this is no Debian with its apt sources; use Debian 12 or newer$else"
    say "fetching $what from Debian into $cache (once)"
    mkdir -p "$root" "$state"/{lists,archives}/partial "$state/parts"
    : >"$state/status"
    for suite in trixie trixie-backports; do
        echo "deb [arch=amd64 signed-by=$keyring] $mirror $suite main"
    done >"$state/sources"
    # An apt of its own: with these sources and nothing installed; only how to reach the network is the machine's.
    apt=(apt-get -qq -o Dir::State="$state" -o Dir::State::status="$state/status" -o Dir::Cache="$state"
        -o Dir::Etc::SourceList="$state/sources" -o Dir::Etc::SourceParts="$state/parts"
        -o Dir::Etc::Preferences="$state/none" -o Dir::Etc::PreferencesParts="$state/parts"
        -o APT::Architecture=amd64 -o APT::Architectures=amd64 -o APT::Sandbox::User= -o APT::Install-Recommends=0
        -o Acquire::Languages=none -o Acquire::Retries=3 -o APT::Update::Error-Mode=any)
    { "${apt[@]}" update >&2 && "${apt[@]}" -o APT::Status-Fd=1 install -y --download-only "$@" | progress; } || die "could not fetch $what: apt's reason is above"
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
