#!/bin/sh
# Brings the core of a real Elasticsearch for the tests: the server as Maven Central carries it, without the modules
# that need an account. Needs Maven and unzip. Usage: scripts/fetch-elasticsearch.sh DIRECTORY
set -eu
version=9.2.8
directory=$1
home="$directory/elasticsearch-$version"
[ -x "$home/bin/elasticsearch" ] && { echo "$home"; exit 0; }
mkdir -p "$directory"
artifact="org.elasticsearch.distribution.integ-test-zip:elasticsearch:$version:zip"
mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy -Dartifact="$artifact" -DoutputDirectory="$directory" >&2
unzip -q "$directory/elasticsearch-$version.zip" -d "$directory"
rm "$directory/elasticsearch-$version.zip"
echo "$home"
