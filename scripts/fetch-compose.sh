#!/bin/sh
# Brings Docker Compose 2 for the tests where the machine has none: the plugin of Debian 13's package, which runs on
# Debian 12 as well. Installs nothing. Usage: scripts/fetch-compose.sh DIRECTORY; prints the path of the plugin.
set -eu
plugin="$1/docker-compose"
[ -x "$plugin" ] && { echo "$plugin"; exit 0; }
mkdir -p "$1"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
# This machine's own mirror, one release further on.
mirror=$(sed -n 's/^URIs: //p;s/^deb \(http[^ ]*debian\) .*/\1/p' /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | head -n 1)
key=/usr/share/keyrings/debian-archive-keyring.gpg
printf 'deb [signed-by=%s] %s trixie main\n' "$key" "${mirror:?no mirror of Debian is configured}" >"$work/sources.list"
apt() {
  apt-get -qq -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root "$@" >&2
}
apt update
(cd "$work" && apt download docker-compose)
dpkg -x "$work"/docker-compose_*.deb "$work/root"
cp "$work/root/usr/libexec/docker/cli-plugins/docker-compose" "$plugin.new"
mv "$plugin.new" "$plugin"
echo "$plugin"
