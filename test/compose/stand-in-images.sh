#!/bin/sh
# Makes images that stand in for those that docker-compose.yml and the Dockerfile name, under the very same tags, from
# Debian's and npm's packages and the Elasticsearch of scripts/fetch-elasticsearch.sh: for machines that can reach no
# image registry. They behave as the real ones where we depend on it: users and their numbers, paths, entry points.
# Root file systems are kept in the cache directory. A tag that names a real image is left alone.
#
# Usage: test/compose/stand-in-images.sh CACHE_DIRECTORY           make what is missing
#        test/compose/stand-in-images.sh --remove                  take away what this made
set -eu
root=$(dirname "$(dirname "$(dirname "$(readlink -f "$0")")")")
label=org.seamark.stand-in

node_tag=$(sed -n 's/^FROM \(node:[^ ]*\).*/\1/p' "$root/deploy/docker/Dockerfile" | head -n 1)
tag_of() { sed -n "s|^ *image: \($1:[^ ]*\)\$|\1|p" "$root/docker-compose.yml" | head -n 1; }
redis_tag=$(tag_of redis)
elasticsearch_tag=$(tag_of 'docker.elastic.co/elasticsearch/elasticsearch')
for tag in "$node_tag" "$redis_tag" "$elasticsearch_tag"; do
  [ -n "$tag" ] || { echo 'an image is not named where it was expected' >&2; exit 1; }
done

if [ "${1-}" = --remove ]; then
  # What was built on them has the label too.
  for tag in $(docker images --filter "label=$label" --filter dangling=false --format '{{.Repository}}:{{.Tag}}'); do
    docker rmi "$tag" >/dev/null || echo "$tag is still in use" >&2
  done
  docker image prune --force --filter "label=$label" >/dev/null
  exit 0
fi
cache=${1:?name a cache directory}
mkdir -p "$cache"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Debian as this machine gets it: from its own mirror.
mirror=$(sed -n 's/^URIs: //p;s/^deb \(http[^ ]*debian\) .*/\1/p' /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | head -n 1)

# base_root NAME [PACKAGE]: a Debian 12, with this package, kept as $cache/NAME.tar.
base_root() {
  [ -f "$cache/$1.tar" ] && return
  echo "root file system: $1" >&2
  mkdir "$work/$1"
  if [ -z "${2-}" ]; then
    run debootstrap --variant=minbase bookworm "$work/$1" "${mirror:?no mirror of Debian is configured}"
  else
    base_root bookworm-slim
    tar -C "$work/$1" -xf "$cache/bookworm-slim.tar"
    cp /etc/resolv.conf "$work/$1/etc/"
    printf '#!/bin/sh\nexit 101\n' >"$work/$1/usr/sbin/policy-rc.d"
    chmod 755 "$work/$1/usr/sbin/policy-rc.d"
    mkdir -p "$work/$1/dev"
    [ -c "$work/$1/dev/null" ] || mknod -m 666 "$work/$1/dev/null" c 1 3
    run chroot "$work/$1" apt-get update -qq
    run env DEBIAN_FRONTEND=noninteractive chroot "$work/$1" apt-get install -y -qq --no-install-recommends "$2"
  fi
  rm -rf "$work/$1"/var/cache/apt/*.bin "$work/$1"/var/cache/apt/archives/*.deb "$work/$1"/var/lib/apt/lists/*
  tar -C "$work/$1" --exclude=./dev --exclude=./proc --exclude=./sys -cf "$cache/$1.tar.new" .
  mv "$cache/$1.tar.new" "$cache/$1.tar"
  rm -rf "${work:?}/$1"
}

# Quiet unless it fails.
run() {
  "$@" >"$work/log" 2>&1 && return
  tail -n 20 "$work/log" >&2
  exit 1
}

exists() { docker image inspect "$1" >/dev/null 2>&1; }

# import TAG BASE OVERLAY CHANGES…: base, and over it the overlay.
import() {
  tag=$1 base=$2 overlay=$3
  shift 3
  echo "stand-in: $tag" >&2
  tar -C "$overlay" --skip-old-files -xf "$cache/$base.tar"
  tar -C "$overlay" -c . | docker import --change "LABEL $label=1" "$@" - "$tag" >/dev/null
  rm -rf "$overlay"
}

if ! exists "$node_tag"; then
  base_root bookworm-slim
  overlay="$work/node"
  mkdir -p "$overlay/usr/local/bin" "$overlay/usr/local/lib/node_modules" "$overlay/usr/local/etc" "$overlay/etc/ssl/certs"
  cp "$("$root/node_modules/.bin/node" -p 'fs.realpathSync(process.execPath)')" "$overlay/usr/local/bin/node"
  npm_cli=$(readlink -f "$(command -v npm)")
  cp -a "$(dirname "$(dirname "$npm_cli")")" "$overlay/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$overlay/usr/local/bin/npm"
  # npm inside reaches packages the way it does on this machine.
  printf 'registry=%s\n' "$(npm config get registry 2>/dev/null)" >"$overlay/usr/local/etc/npmrc"
  cp /etc/ssl/certs/ca-certificates.crt "$overlay/etc/ssl/certs/"
  import "$node_tag" bookworm-slim "$overlay" \
    --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
    --change 'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt' --change 'CMD ["node"]'
fi

if ! exists "$redis_tag"; then
  base_root bookworm-redis redis-server
  overlay="$work/redis"
  mkdir -p "$overlay/data" "$overlay/usr/local/bin"
  chown 999:999 "$overlay/data"
  cat >"$overlay/usr/local/bin/docker-entrypoint.sh" <<'SCRIPT'
#!/bin/sh
exec "$@"
SCRIPT
  chmod 755 "$overlay/usr/local/bin/docker-entrypoint.sh"
  import "$redis_tag" bookworm-redis "$overlay" --change 'WORKDIR /data' --change 'VOLUME /data' \
    --change 'ENTRYPOINT ["docker-entrypoint.sh"]' --change 'CMD ["redis-server"]' \
    --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
fi

if ! exists "$elasticsearch_tag"; then
  base_root bookworm-slim
  home=$("$root/scripts/fetch-elasticsearch.sh" "$cache")
  java=
  for candidate in "${ES_JAVA_HOME-}" "${JAVA_HOME-}" /usr/lib/jvm/*; do
    [ -x "$candidate/bin/java" ] || continue
    major=$("$candidate/bin/java" --version 2>/dev/null | sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p')
    if [ "${major:-0}" -ge 21 ]; then
      java=$candidate
      break
    fi
  done
  [ -n "$java" ] || { echo 'no Java 21 or newer, which Elasticsearch needs' >&2; exit 1; }
  overlay="$work/elasticsearch"
  mkdir -p "$overlay/usr/share" "$overlay/usr/local/bin"
  cp -a "$home" "$overlay/usr/share/elasticsearch"
  cp -aL "$java" "$overlay/usr/share/elasticsearch/jdk"
  mkdir -p "$overlay/usr/share/elasticsearch/data" "$overlay/usr/share/elasticsearch/logs"
  chown -R 1000:0 "$overlay/usr/share/elasticsearch"
  cat >"$overlay/usr/local/bin/docker-entrypoint.sh" <<'SCRIPT'
#!/bin/bash
# As the real one: `eswrapper` is the server.
[ "$1" = eswrapper ] && exec /usr/share/elasticsearch/bin/elasticsearch
exec "$@"
SCRIPT
  chmod 755 "$overlay/usr/local/bin/docker-entrypoint.sh"
  import "$elasticsearch_tag" bookworm-slim "$overlay" --change 'WORKDIR /usr/share/elasticsearch' --change 'USER 1000:0' \
    --change 'ENV ES_JAVA_HOME=/usr/share/elasticsearch/jdk' \
    --change 'ENV PATH=/usr/share/elasticsearch/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
    --change 'ENTRYPOINT ["docker-entrypoint.sh"]' --change 'CMD ["eswrapper"]'
fi
