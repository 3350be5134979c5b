/*
 * Calls through io_uring never pass a system call of their own: they are seen when they are submitted, without a result.
 * The tracepoint was called io_uring_submit_sqe before Linux 6.4; the older one is built with BEFORE_6_4.
 */
#include "files.bpf.h"
#include "budget.bpf.h"
#include "calls.bpf.h"

/* enum io_uring_op of the uapi; numbers never change. */
#define OP_CONNECT 16
#define OP_OPENAT 18
#define OP_OPENAT2 28
#define OP_RENAMEAT 35
#define OP_UNLINKAT 36
#define OP_MKDIRAT 37
#define OP_SYMLINKAT 38
#define OP_LINKAT 39
#define REQ_FIXED_FILE 1

static __always_inline void add_name(struct scratch *s, u32 slot, struct filename *filename)
{
	add_kernel_string(s, slot, BPF_CORE_READ(filename, name));
}

static __always_inline void describe_operation(struct scratch *s, void *command, u32 op)
{
	struct event *e = &s->event;

	if ((op == OP_OPENAT || op == OP_OPENAT2) && bpf_core_type_exists(struct io_open)) {
		struct io_open *open = command;

		e->args[0] = BPF_CORE_READ(open, dfd);
		e->args[2] = BPF_CORE_READ(open, how.flags);
		e->args[3] = BPF_CORE_READ(open, how.mode);
		add_name(s, SLOT_RAW0, BPF_CORE_READ(open, filename));
	} else if (op == OP_UNLINKAT && bpf_core_type_exists(struct io_unlink)) {
		struct io_unlink *unlink = command;

		e->args[0] = BPF_CORE_READ(unlink, dfd);
		e->args[2] = BPF_CORE_READ(unlink, flags);
		add_name(s, SLOT_RAW0, BPF_CORE_READ(unlink, filename));
	} else if (op == OP_RENAMEAT && bpf_core_type_exists(struct io_rename)) {
		struct io_rename *rename = command;

		e->args[0] = BPF_CORE_READ(rename, old_dfd);
		e->args[2] = BPF_CORE_READ(rename, new_dfd);
		e->args[4] = BPF_CORE_READ(rename, flags);
		add_name(s, SLOT_RAW0, BPF_CORE_READ(rename, oldpath));
		add_name(s, SLOT_RAW1, BPF_CORE_READ(rename, newpath));
	} else if (op == OP_MKDIRAT && bpf_core_type_exists(struct io_mkdir)) {
		struct io_mkdir *mkdir = command;

		e->args[0] = BPF_CORE_READ(mkdir, dfd);
		add_name(s, SLOT_RAW0, BPF_CORE_READ(mkdir, filename));
	} else if (op == OP_SYMLINKAT && bpf_core_type_exists(struct io_link)) {
		struct io_link *link = command;

		e->args[1] = BPF_CORE_READ(link, new_dfd);
		add_name(s, SLOT_RAW0, BPF_CORE_READ(link, oldpath));
		add_name(s, SLOT_RAW1, BPF_CORE_READ(link, newpath));
	} else if (op == OP_LINKAT && bpf_core_type_exists(struct io_link)) {
		struct io_link *link = command;

		e->args[0] = BPF_CORE_READ(link, old_dfd);
		e->args[2] = BPF_CORE_READ(link, new_dfd);
		e->args[4] = BPF_CORE_READ(link, flags);
		add_name(s, SLOT_RAW0, BPF_CORE_READ(link, oldpath));
		add_name(s, SLOT_RAW1, BPF_CORE_READ(link, newpath));
	} else if (op == OP_CONNECT && bpf_core_type_exists(struct io_connect)) {
		struct io_connect *connect = command;

		add_address(s, (u64)BPF_CORE_READ(connect, addr), (u32)BPF_CORE_READ(connect, addr_len));
	}
}

static __always_inline void report(struct io_kiocb *request)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 op = BPF_CORE_READ(request, opcode);
	struct call_spec *spec;
	struct scratch *s;
	struct event *e;

	if (op >= CALLS_PER_ABI)
		return;
	spec = &specs[(ABI_URING * CALLS_PER_ABI + op) & (4 * CALLS_PER_ABI - 1)];
	if (spec >= &specs[ABI_COUNT * CALLS_PER_ABI] || !(spec->flags & CALL_ENABLED))
		return;
	s = scratch_of_cpu();
	if (!s)
		return;
	e = &s->event;
	begin_event(s, EVENT_CALL, ABI_URING, spec->type, op);
	fill_identity(e, task);
	if (is_excluded(e) || is_filtered(e->cgroup))
		return;
	u32 ring = spec->flags & CALL_PROCESS_RING ? RING_PROCESS : RING_BULK;
	if (!within_budget(e->cgroup, spec->budget, ring, e->time_ns))
		return;
	e->ret = 0;
	__builtin_memset(e->args, 0, sizeof(e->args));
	/* The file is looked up later, from this descriptor; a registered file has none. */
	if (op == OP_CONNECT && bpf_core_field_exists(request->cqe) && !(BPF_CORE_READ(request, flags) & REQ_FIXED_FILE))
		describe_descriptor(s, BPF_CORE_READ(request, cqe.fd));
	describe_operation(s, (void *)((u64)request + bpf_core_field_offset(struct io_kiocb, file)), op);
	submit(s, ring, STREAM_URING);
}

#ifdef BEFORE_6_4
SEC("tp_btf/io_uring_submit_sqe")
#else
SEC("tp_btf/io_uring_submit_req")
#endif
int BPF_PROG(on_submit, struct io_kiocb *request)
{
	report(request);
	return 0;
}
