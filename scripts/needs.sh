# shellcheck shell=bash
# What a build of bearergate needs, looked for and installed where that is possible.
# Sourced by scripts/dev, scripts/test and others; defines `need_build_tools`, `need_valgrind` and `root`.

# The top of the repository, wherever the script was called from.
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)

# Fails unless a C compiler, make, perl, cmake and cargo are there in the end.
need_build_tools() {
    local missing
    missing=$(missing_build_tools)
    if [ -n "$missing" ]; then
        echo "The build lacks:$missing (OpenSSL and zlib-ng are compiled from source)."
        install_build_tools || return 1
        missing=$(missing_build_tools)
        if [ -n "$missing" ]; then
            echo "Still lacking:$missing"
            return 1
        fi
    fi
    need_cargo
}

missing_build_tools() {
    local tool
    for tool in cc make perl cmake; do
        command -v "$tool" >/dev/null 2>&1 || printf ' %s' "$tool"
    done
}

install_build_tools() {
    if ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" -ne 0 ]; then
        say_how_to_install
        return 1
    fi
    if [ -t 0 ] && ! agreed "Install gcc, make, perl and cmake with apt-get now?"; then
        say_how_to_install
        return 1
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        gcc g++ libc6-dev make perl cmake ca-certificates >/dev/null
}

# Fails unless valgrind is there in the end.
need_valgrind() {
    command -v valgrind >/dev/null 2>&1 && return 0
    echo "valgrind is missing."
    if ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" -ne 0 ]; then
        echo "Install it with your package manager: sudo apt-get install -y valgrind"
        return 1
    fi
    if [ -t 0 ] && ! agreed "Install valgrind with apt-get now?"; then
        return 1
    fi
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends valgrind >/dev/null
}

agreed() {
    local answer
    read -r -p "$1 [Y/n] " answer
    [[ $answer =~ ^([Yy].*)?$ ]]
}

say_how_to_install() {
    cat <<'TEXT'
Type the line for your system, then start this script again:
  Debian, Ubuntu   sudo apt-get install -y build-essential perl cmake
  Fedora, RHEL     sudo dnf install -y gcc gcc-c++ make perl cmake
  Alpine           sudo apk add build-base linux-headers perl cmake
  macOS            xcode-select --install; brew install cmake
TEXT
}

# The toolchain's version is in rust-toolchain.toml; rustup reads it from there.
need_cargo() {
    if ! command -v cargo >/dev/null 2>&1 && [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
        PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
    fi
    if ! command -v cargo >/dev/null 2>&1; then
        cat <<'TEXT'
The build lacks: cargo. Install it with rustup, then start this script again:
  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal
TEXT
        return 1
    fi
    if ! (cd "$root" && cargo --version >/dev/null 2>&1); then
        local channel
        channel=$(sed -n 's/^channel = "\(.*\)"/\1/p' "$root/rust-toolchain.toml")
        echo "Installing Rust $channel, which rust-toolchain.toml asks for ..."
        rustup toolchain install "$channel" --profile minimal -c clippy -c rustfmt || {
            echo "cargo is there, but not Rust $channel; install it with your package manager or rustup."
            return 1
        }
    fi
}

# Says how long to wait, when there is nothing built yet.
announce_first_build() {
    if [ ! -d "${CARGO_TARGET_DIR:-$root/target}/debug/deps" ]; then
        echo "First build: about $1 on two cores. Later ones take seconds."
    fi
}
