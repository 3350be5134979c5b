#!/bin/sh
# Builds the addon in a Debian 11 root, so that glibc 2.31 and everything newer can load it, and puts it with the digest
# of its sources into native/prebuilt. Needs root and debootstrap. Takes the mirror from the machine's apt configuration.
#   scripts/build-prebuilt.sh [WORK_DIR]    WORK_DIR keeps the root for the next run
set -eu
cd "$(dirname "$0")/.."
# The Node that came with the packages, as npm scripts have it: the machine's own may be too old for TypeScript.
PATH=$PWD/node_modules/.bin:$PATH
work=${1:-$(mktemp -d)}
root=$work/bullseye
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null |
  sed -nE 's/^(URIs:|deb )[^#]*(https?:[^ ]+\/debian)\/?( .*)?$/\2/p' | head -n 1)
[ -n "$mirror" ] || { echo "no Debian mirror in the apt configuration" >&2; exit 1; }

if [ ! -x "$root/usr/bin/g++" ]; then
  debootstrap --variant=minbase --include=g++,libc6-dev bullseye "$root" "$mirror"
fi
mkdir -p "$root/build"
rm -rf "$root/build/"*
cp -r native "$root/build/native"
rm -rf "$root/build/native/build" "$root/build/native/prebuilt"
mkdir -p "$root/build/scripts" "$root/build/node_modules"
cp scripts/build-native.mjs "$root/build/scripts/"
cp -rL node_modules/node-api-headers node_modules/node-addon-api "$root/build/node_modules/"
# Node's own binary needs glibc 2.28 only, so the one at hand runs inside the root.
cp "$(node -p process.execPath)" "$root/usr/local/bin/node"
chroot "$root" /usr/local/bin/node /build/scripts/build-native.mjs
out=native/prebuilt/linux-$(node -p process.arch)
mkdir -p "$out"
cp "$root/build/native/build/seamark.node" "$out/seamark.node"
node native/sources-digest.ts > "$out/SOURCES.sha256"
ls -l "$out"
