# shellcheck shell=bash
# Sourced by ./mdev and .ci/run: sets JAVA_HOME to the first JDK of at least this release, or says what to install.
need_jdk=25

is_jdk() {
    [ -x "$1/bin/javac" ] && [ -r "$1/release" ] && [[ $(<"$1/release") =~ JAVA_VERSION=\"([0-9]+) ]] && ((BASH_REMATCH[1] >= need_jdk))
}

find_jdk() {
    local home on_path
    on_path=$(command -v javac) && on_path=$(readlink -f "$on_path") && on_path=${on_path%/bin/javac}
    for home in "${JAVA_HOME-}" "$on_path" /usr/lib/jvm/* /opt/* "${HOME-}"/.sdkman/candidates/java/* "${HOME-}"/.jdks/*; do
        if is_jdk "$home"; then
            export JAVA_HOME=$home
            return
        fi
    done
    echo "mdev: no JDK $need_jdk or later found: install one (for example Temurin $need_jdk) or set JAVA_HOME to it" >&2
    return 1
}
