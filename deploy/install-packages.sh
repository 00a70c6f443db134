#!/usr/bin/env bash
# Installs the Debian or Ubuntu packages that a purpose needs and the host lacks, saying what each is for.
#
# usage: deploy/install-packages.sh build|test|bench
#
# It asks for root by sudo only where something is missing; run again, it does nothing.
set -euo pipefail

case "${1:-}" in
    build)
        wanted=(
            "build-essential: a C compiler and linker; the cryptography libraries have C and assembly in them"
            "openssl: its command line tool is the peer that the TLS tests talk to"
            "ca-certificates: for cargo to fetch what Cargo.lock names"
        )
        ;;
    test)
        wanted=(
            "nginx-light: the web server that the packet transport fetches from over a path that loses"
            "ejabberd: the XMPP server that the packet transport logs in to, likewise"
            "tshark: its reading of a capture is what ours is compared with"
            "tcpdump: captures of our own connections, for tests of the replay"
        )
        ;;
    bench)
        wanted=(
            "mosquitto: the MQTT broker that the server is measured against"
            "ejabberd: the XMPP server that the server is measured against"
            "tsung: the load generator that the swarm is measured against"
            "nginx-light: the web server that the replay's driver is measured with"
            "tcpreplay: what the replay's clock is measured against"
            "tcpdump: sees when either really sends"
            "iproute2: makes the wire that tcpreplay sends on"
        )
        ;;
    *)
        echo "usage: $0 build|test|bench" >&2
        exit 2
        ;;
esac

installed() {
    [[ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]
}

if ! command -v dpkg-query apt-get >/dev/null; then
    echo "This host has no apt. Install by its own means what is missing of:"
    printf '  %s\n' "${wanted[@]}"
    exit 0
fi

missing=()
for line in "${wanted[@]}"; do
    if ! installed "${line%%:*}"; then
        missing+=("${line%%:*}")
        echo "missing ${line}"
    fi
done
if ((${#missing[@]} == 0)); then
    echo "all there: $(printf '%s ' "${wanted[@]%%:*}")"
    exit 0
fi

root=()
if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
        echo "Not root, and there is no sudo. As root: apt-get install ${missing[*]}" >&2
        exit 2
    fi
    root=(sudo)
    # With nobody at the keyboard a question for a password would wait for ever.
    [[ -t 0 ]] || root+=(--non-interactive)
fi

echo "installing: ${missing[*]}"
"${root[@]}" apt-get update -qq
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"

# Debian starts a service with its package. The benchmark starts its own, on ports and with settings of its own, so
# one that came only now is stopped; one that was there before is left alone.
if [[ -d /run/systemd/system ]]; then
    for package in "${missing[@]}"; do
        if systemctl list-unit-files "${package}.service" >/dev/null 2>&1; then
            "${root[@]}" systemctl disable --now --quiet "${package}.service" || true
        fi
    done
fi
