# shellcheck shell=bash
# Container engines: which is there, how they come, and how they run inside of a container or a virtual
# machine without systemd. Sourced after scripts/needs.sh; defines `engine`, `need_engine`, `need_command`.

# Without systemd there is nobody to make control groups, and limits that the host does not allow cannot be set.
if [ ! -d /run/systemd/system ] && [ "$(id -u)" -eq 0 ]; then
    export STORAGE_DRIVER=${STORAGE_DRIVER:-overlay}
    export CONTAINERS_CONF=${CONTAINERS_CONF:-$root/scripts/containers.conf}
fi

# Prints the engine that builds: the first that is there.
engine() {
    local engine
    for engine in buildah podman docker; do
        command -v "$engine" >/dev/null 2>&1 && echo "$engine" && return 0
    done
    need_engine buildah >&2 && echo buildah
}

# Fails unless that engine is there in the end.
need_engine() {
    command -v "$1" >/dev/null 2>&1 && return 0
    need_command "$1" buildah podman runc crun conmon catatonit netavark aardvark-dns iptables fuse-overlayfs skopeo mmdebstrap
}

# Fails unless a command is there in the end, out of these packages.
need_command() {
    local command=$1
    shift
    command -v "$command" >/dev/null 2>&1 && return 0
    if ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" -ne 0 ]; then
        echo "$command is missing. Install it with your package manager: sudo apt-get install -y $*" >&2
        return 1
    fi
    if [ -t 0 ] && ! agreed "Install $* with apt-get now?"; then
        return 1
    fi
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}
