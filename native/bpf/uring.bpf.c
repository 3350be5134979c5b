/*
 * Calls through io_uring never pass a system call of their own. What a request asks for, and who asks, is noted when it
 * is submitted; the event follows when the request is complete, with its result.
 *
 * What cannot be followed to its end is reported at once, with result 0: rules that ask for success must not be dodged by
 * a request that promises no completion, by two that go by the same name, or by filling the notes or the completion queue.
 *
 * Hooks changed: the submission was io_uring_submit_sqe before 6.4 (BEFORE_6_4), and a completion came as single values
 * before 6.15 (BEFORE_6_15).
 */
#include "uring-operations.bpf.h"
#include "budget.bpf.h"
#include "calls.bpf.h"

#define REQ_FIXED_FILE 1
#define REQ_CQE_SKIP 64 /* IOSQE_CQE_SKIP_SUCCESS: a success has no completion */
#define SHORT_BYTES 512
#define LONG_BYTES 8704

/* Completions that carry no request name it by these two alone. */
struct request_name {
	u64 ring;
	u64 user_data;
};

struct noted {
	u64 request; /* address of the struct io_kiocb */
	u64 is_multishot;
	struct event event;
};

struct noted_short {
	struct noted noted;
	u8 data[SHORT_BYTES];
};

struct noted_long {
	struct noted noted;
	u8 data[LONG_BYTES];
};

/* Sockets wait in large numbers, but briefly said; long paths are not under way for long. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, struct request_name);
	__type(value, struct noted_short);
} short_notes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 512);
	__type(key, struct request_name);
	__type(value, struct noted_long);
} long_notes SEC(".maps");

/* A note is put together here: event and data lie apart in the scratch memory of other programs. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct noted_long);
} drafts SEC(".maps");

/* Opcodes have one byte. */
static __always_inline struct call_spec *spec_of(u32 op)
{
	return &specs[ABI_URING * CALLS_PER_ABI + MASKED(op, 256)];
}

static __always_inline u32 ring_of(const struct call_spec *spec)
{
	return spec->flags & CALL_PROCESS_RING ? RING_PROCESS : RING_BULK;
}

static __always_inline struct noted *find_note(struct request_name *name)
{
	struct noted *note = bpf_map_lookup_elem(&short_notes, name);

	return note ? note : bpf_map_lookup_elem(&long_notes, name);
}

static __always_inline void forget(struct request_name *name)
{
	if (bpf_map_delete_elem(&short_notes, name))
		bpf_map_delete_elem(&long_notes, name);
}

/* 0 when the request is noted. */
static __always_inline int remember(struct scratch *s, struct request_name *name, struct io_kiocb *request)
{
	u32 zero = 0;
	u64 used = s->used;
	struct noted_long *draft = bpf_map_lookup_elem(&drafts, &zero);

	if (!draft || used > LONG_BYTES)
		return -1;
	draft->noted.request = (u64)request;
	draft->noted.is_multishot = is_multishot(request, s->event.nr);
	bpf_probe_read_kernel(&draft->noted.event, sizeof(struct event), &s->event);
	bpf_probe_read_kernel(draft->data, used, s->data);
	if (used <= SHORT_BYTES)
		return bpf_map_update_elem(&short_notes, name, draft, BPF_ANY);
	return bpf_map_update_elem(&long_notes, name, draft, BPF_ANY);
}

/* Reports what was noted. What the file is comes first in an event, so the strings follow from the note. */
__noinline int report(struct request_name *of, u64 request, s64 result, u32 is_known)
{
	struct scratch *s = scratch_of_cpu();
	struct request_name name;
	struct call_spec *spec;
	struct noted *note;
	struct event *e;
	u64 noted_bytes = 0;

	if (!of || !s)
		return 0;
	/* Older verifiers take no key that a global function was given. */
	name = *of;
	note = find_note(&name);
	if (!note)
		return 0;
	e = &s->event;
	bpf_probe_read_kernel(e, sizeof(*e), &note->event);
	spec = spec_of(e->nr);
	e->time_ns = bpf_ktime_get_boot_ns();
	e->cpu = bpf_get_smp_processor_id();
	e->ret = result;
	s->used = 0;
	for (int slot = SLOT_RAW0; slot < SLOTS; slot++)
		noted_bytes += e->lengths[slot];
	if (spec->fd == PLACE_RETURN) {
		/* The worker threads of the kernel share the files of the process they work for. */
		if (is_known && result >= 0 && !e->args[ARG_IS_SLOT]) {
			e->fd = result;
			if (bpf_get_current_task_btf()->tgid == e->pid)
				describe_descriptor(s, result);
		}
	} else if (spec->fd) {
		describe_file(s, (u64)BPF_CORE_READ((struct io_kiocb *)request, file));
	}
	u64 used = s->used;
	if (noted_bytes > LONG_BYTES || used > SLOT_MAX)
		return 0;
	bpf_probe_read_kernel(&s->data[used], noted_bytes, note + 1);
	s->used = used + noted_bytes;
	if (e->nr == OP_RECVMSG && result >= 0)
		add_message_address(s, e->args[1], false);
	submit(s, ring_of(spec), STREAM_URING);
	return 0;
}

static __always_inline void note_submission(struct io_kiocb *request)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 op = BPF_CORE_READ(request, opcode);
	struct call_spec *spec = spec_of(op);
	struct request_name name = {};
	struct scratch *s;
	struct event *e;

	if (!(spec->flags & CALL_ENABLED))
		return;
	s = scratch_of_cpu();
	if (!s)
		return;
	e = &s->event;
	begin_event(s, EVENT_CALL, ABI_URING, spec->type, op);
	fill_identity(e, task);
	if (is_excluded(e) || is_filtered(e->cgroup))
		return;
	if (!within_budget(e->cgroup, spec->budget, ring_of(spec), e->time_ns))
		return;
	e->ret = 0;
	__builtin_memset(e->args, 0, sizeof(e->args));
	u32 flags = BPF_CORE_READ(request, flags);
	/* Until it is issued the request holds the descriptor; a registered file has none. */
	if (spec->fd && spec->fd != PLACE_RETURN && !(flags & REQ_FIXED_FILE))
		e->fd = BPF_CORE_READ(request, cqe.fd);
	if (spec->fd == 1)
		e->args[0] = e->fd;
	describe_operation(s, request, op);
	add_directories(s, spec, 0, e->lengths[SLOT_RAW0]);
	name.ring = (u64)BPF_CORE_READ(request, ctx);
	name.user_data = BPF_CORE_READ(request, cqe.user_data);
	struct noted *other = find_note(&name);
	if (other && other->request != (u64)request) {
		submit(s, ring_of(spec), STREAM_URING);
		return;
	}
	/* A left-over of a request that lay at the same address. */
	if (other)
		forget(&name);
	if (!(flags & REQ_CQE_SKIP)) {
		if (!remember(s, &name, request))
			return;
		counters_of_cpu()->untracked++;
	}
	submit(s, ring_of(spec), STREAM_URING);
}

#ifdef BEFORE_6_4
SEC("tp_btf/io_uring_submit_sqe")
#else
SEC("tp_btf/io_uring_submit_req")
#endif
int BPF_PROG(on_submit, struct io_kiocb *request)
{
	note_submission(request);
	return 0;
}

#ifdef BEFORE_6_15
SEC("tp_btf/io_uring_complete")
int BPF_PROG(on_complete, void *ring, struct io_kiocb *request, u64 user_data, int result)
{
#else
SEC("tp_btf/io_uring_complete")
int BPF_PROG(on_complete, void *ring, struct io_kiocb *request, struct io_uring_cqe *completion)
{
	u64 user_data = BPF_CORE_READ(completion, user_data);
	s32 result = BPF_CORE_READ(completion, res);
#endif
	struct request_name name = {(u64)ring, user_data};
	struct call_spec *spec;
	struct noted *note;

	/* The others pass without a search. */
	if (request && !spec_of(BPF_CORE_READ(request, opcode))->type)
		return 0;
	note = find_note(&name);
	if (!note)
		return 0;
	if (!request) {
		/* One of many by the same request, or forged by IORING_OP_MSG_RING: it ends nothing. */
		spec = spec_of(note->event.nr);
		if (note->is_multishot && within_budget(note->event.cgroup, spec->budget, ring_of(spec), bpf_ktime_get_boot_ns()))
			report(&name, note->request, result, 1);
		return 0;
	}
	if (note->request != (u64)request)
		return 0;
	report(&name, (u64)request, result, 1);
	forget(&name);
	return 0;
}

/* No room in the completion queue. Which of several requests of one name this was cannot be told, so its result counts for none. */
SEC("tp_btf/io_uring_cqe_overflow")
int BPF_PROG(on_overflow, void *ring, u64 user_data)
{
	struct request_name name = {(u64)ring, user_data};
	struct noted *note = find_note(&name);

	if (!note)
		return 0;
	report(&name, note->request, 0, 0);
	if (!note->is_multishot)
		forget(&name);
	return 0;
}
