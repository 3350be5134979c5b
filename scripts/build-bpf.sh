#!/bin/sh
# Rebuilds the light skeletons in native/bpf/generated from the programs beside them. Needs clang 14 or newer, bpftool 7
# and libbpf's headers; users never do, because the result is committed. A unit test says when it is stale.
set -eu
cd "$(dirname "$0")/../native/bpf"
mkdir -p generated
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build() { # build NAME SOURCE [FLAGS]
  name=$1 source=$2
  shift 2
  clang -O2 -g -Wall -Werror -target bpf -D__bpf__ -D__TARGET_ARCH_x86 "-I/usr/include/$(uname -m)-linux-gnu" \
    "$@" -c "$source" -o "$work/$name.o"
  bpftool gen skeleton -L "$work/$name.o" name "$name" > "generated/$name.lskel.h"
}

build syscalls syscalls.bpf.c
build process process.bpf.c
build cgroups cgroups.bpf.c
build uring uring.bpf.c
build uring_values uring.bpf.c -DBEFORE_6_15
build uring_sqe uring.bpf.c -DBEFORE_6_15 -DBEFORE_6_4
LC_ALL=C sha256sum -- *.c *.h | LC_ALL=C sort -k 2 > generated/SOURCES.sha256
ls -l generated
