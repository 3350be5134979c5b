/*
 * The run time of the generated light skeletons (bpftool gen skeleton -L includes it by this name). A light skeleton is a
 * BPF program of its own that makes the maps and loads the programs; here is what starts it. The attributes of bpf(2)
 * are spelt out, because the headers of older distributions lack the newer fields.
 */
#ifndef SEAMARK_SKEL_INTERNAL_H
#define SEAMARK_SKEL_INTERNAL_H

#include <errno.h>
#include <linux/types.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* These three are shared with the loader program: their layout is fixed by libbpf's generator. */
struct bpf_map_desc {
	int map_fd;          /* out */
	__u32 max_entries;   /* in; 0 keeps the object's own */
	__aligned_u64 initial_value; /* in */
};

struct bpf_prog_desc {
	int prog_fd; /* out */
};

struct bpf_loader_ctx {
	__u32 sz;
	__u32 flags;
	__u32 log_level;
	__u32 log_size;
	__u64 log_buf;
};

struct bpf_load_and_run_opts {
	struct bpf_loader_ctx *ctx;
	const void *data;
	const void *insns;
	__u32 data_sz;
	__u32 insns_sz;
	const char *errstr;
};

enum {
	SKEL_MAP_CREATE = 0,
	SKEL_MAP_UPDATE_ELEM = 2,
	SKEL_PROG_LOAD = 5,
	SKEL_PROG_RUN = 10,
	SKEL_RAW_TRACEPOINT_OPEN = 17,
	SKEL_MAP_TYPE_ARRAY = 2,
	SKEL_PROG_TYPE_SYSCALL = 31,
	SKEL_F_SLEEPABLE = 1 << 4,
};

static inline long skel_bpf(int command, void *attributes, unsigned int bytes)
{
	return syscall(__NR_bpf, command, attributes, bytes);
}

static inline void *skel_alloc(size_t bytes)
{
	return calloc(1, bytes);
}

static inline void skel_free(void *memory)
{
	free(memory);
}

static inline void skel_closenz(int fd)
{
	if (fd > 0)
		close(fd);
}

static inline size_t skel_whole_pages(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

/* The first contents of a data section, in memory that the map itself will replace. */
static inline void *skel_prep_map_data(const void *value, size_t mapped_bytes, size_t value_bytes)
{
	void *memory = mmap(NULL, skel_whole_pages(mapped_bytes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	memcpy(memory, value, value_bytes);
	return memory;
}

/* Puts the map where its first contents were, so that pointers to it stay right. */
static inline void *skel_finalize_map_data(__u64 *initial_value, size_t mapped_bytes, int protection, int fd)
{
	void *at = (void *)(unsigned long)*initial_value;
	void *memory = mmap(at, skel_whole_pages(mapped_bytes), protection, MAP_SHARED | MAP_FIXED, fd, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static inline void skel_free_map_data(void *memory, __u64 address, size_t mapped_bytes)
{
	(void)address;
	if (memory)
		munmap(memory, skel_whole_pages(mapped_bytes));
}

static inline int skel_raw_tracepoint_open(const char *name, int prog_fd)
{
	struct {
		__u64 name;
		__u32 prog_fd;
		__u32 zero;
	} attributes = {(unsigned long)name, (__u32)prog_fd, 0};
	long fd = skel_bpf(SKEL_RAW_TRACEPOINT_OPEN, &attributes, 12);

	return fd < 0 ? -errno : (int)fd;
}

/* union bpf_attr of BPF_PROG_LOAD up to fd_array, which came with 5.14. */
struct skel_prog_load {
	__u32 prog_type, insn_cnt;
	__u64 insns, license;
	__u32 log_level, log_size;
	__u64 log_buf;
	__u32 kern_version, prog_flags;
	char prog_name[16];
	__u32 prog_ifindex, expected_attach_type, prog_btf_fd, func_info_rec_size;
	__u64 func_info;
	__u32 func_info_cnt, line_info_rec_size;
	__u64 line_info;
	__u32 line_info_cnt, attach_btf_id, attach_prog_fd, core_relo_cnt;
	__u64 fd_array;
};

static inline int bpf_load_and_run(struct bpf_load_and_run_opts *opts)
{
	struct {
		__u32 map_type, key_size, value_size, max_entries;
	} map = {SKEL_MAP_TYPE_ARRAY, 4, opts->data_sz, 1};
	struct {
		__u32 map_fd, zero;
		__u64 key, value, flags;
	} update;
	struct skel_prog_load load;
	struct {
		__u32 prog_fd, retval, data_size_in, data_size_out;
		__u64 data_in, data_out;
		__u32 repeat, duration, ctx_size_in, ctx_size_out;
		__u64 ctx_in, ctx_out;
	} run;
	int map_fd, prog_fd = -1, key = 0, error = 0;

	map_fd = (int)skel_bpf(SKEL_MAP_CREATE, &map, sizeof(map));
	if (map_fd < 0)
		return -errno;
	memset(&update, 0, sizeof(update));
	update.map_fd = (__u32)map_fd;
	update.key = (unsigned long)&key;
	update.value = (unsigned long)opts->data;
	memset(&load, 0, sizeof(load));
	load.prog_type = SKEL_PROG_TYPE_SYSCALL;
	load.insns = (unsigned long)opts->insns;
	load.insn_cnt = opts->insns_sz / 8;
	load.license = (unsigned long)"Dual BSD/GPL";
	strcpy(load.prog_name, "__loader.prog");
	load.prog_flags = SKEL_F_SLEEPABLE;
	load.fd_array = (unsigned long)&map_fd;
	load.log_level = opts->ctx->log_level;
	load.log_size = opts->ctx->log_size;
	load.log_buf = opts->ctx->log_buf;
	if (skel_bpf(SKEL_MAP_UPDATE_ELEM, &update, sizeof(update)) < 0) {
		error = -errno;
	} else {
		prog_fd = (int)skel_bpf(SKEL_PROG_LOAD, &load, sizeof(load));
		if (prog_fd < 0)
			error = -errno;
	}
	if (!error) {
		memset(&run, 0, sizeof(run));
		run.prog_fd = (__u32)prog_fd;
		run.ctx_in = (unsigned long)opts->ctx;
		run.ctx_size_in = opts->ctx->sz;
		if (skel_bpf(SKEL_PROG_RUN, &run, sizeof(run)) < 0)
			error = -errno;
		else if ((int)run.retval < 0)
			error = (int)run.retval;
	}
	close(map_fd);
	if (prog_fd >= 0)
		close(prog_fd);
	return error;
}

#endif
