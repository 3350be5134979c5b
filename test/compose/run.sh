#!/bin/sh
# Starts the unchanged docker-compose.yml, without Kibana, and tests it from end to end. Where no image registry can be
# reached, images of our own stand in for those it names. Leaves no container, volume or stand-in behind.
#   SEAMARK_TEST_KEEP=1         keeps the stand-ins for the next run
#   SEAMARK_TEST_REAL_IMAGES=1  makes none: Docker brings the real images
set -eu
cd "$(dirname "$0")/../.."
cache=${SEAMARK_TEST_CACHE-/var/cache/seamark-tests}
PATH="$PWD/node_modules/.bin:$PATH"
export PATH

docker version >/dev/null 2>&1 || { echo 'compose test: skipped, no Docker engine answers' >&2; exit 0; }
SEAMARK_TEST_COMPOSE='docker compose'
docker compose version >/dev/null 2>&1 || SEAMARK_TEST_COMPOSE=$(scripts/fetch-compose.sh "$cache")
export SEAMARK_TEST_COMPOSE

cleanup() {
  [ -n "${SEAMARK_TEST_KEEP-}" ] || test/compose/stand-in-images.sh --remove
}
trap cleanup EXIT
[ -n "${SEAMARK_TEST_REAL_IMAGES-}" ] || test/compose/stand-in-images.sh "$cache"
# The classic builder: BuildKit in a build's own network does not resolve names on every machine.
log=$(mktemp)
DOCKER_BUILDKIT=0 $SEAMARK_TEST_COMPOSE -p seamark-test build >"$log" 2>&1 || { tail -n 40 "$log" >&2; exit 1; }
rm "$log"
vitest run --config test/compose/vitest.config.ts
