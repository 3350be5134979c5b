/*
 * System calls, read when they return: a path may not be in memory yet when a call starts. Which calls, and what of
 * them, is data (specs), so a new call needs no new program.
 */
#include "files.bpf.h"
#include "budget.bpf.h"
#include "calls.bpf.h"
#include "event-types.h"

#define IA32_SOCKETCALL 102
#define PR_SET_NAME 15
#define PR_GET_NAME 16

static __always_inline void read_arguments(struct event *e, struct pt_regs *regs, u32 abi)
{
	if (abi == ABI_NATIVE) {
		e->args[0] = regs->di;
		e->args[1] = regs->si;
		e->args[2] = regs->dx;
		e->args[3] = regs->r10;
		e->args[4] = regs->r8;
		e->args[5] = regs->r9;
	} else {
		e->args[0] = (u32)regs->bx;
		e->args[1] = (u32)regs->cx;
		e->args[2] = (u32)regs->dx;
		e->args[3] = (u32)regs->si;
		e->args[4] = (u32)regs->di;
		e->args[5] = (u32)regs->bp;
	}
}

/* The 32-bit multiplexer of socket calls: gives the direct call it stands for, or 0. */
static __always_inline u32 socketcall_number(u32 call)
{
	switch (call) {
	case 1: return 359;  /* socket */
	case 2: return 361;  /* bind */
	case 3: return 362;  /* connect */
	case 4: return 363;  /* listen */
	case 5: return 364;  /* accept */
	case 6: return 367;  /* getsockname */
	case 7: return 368;  /* getpeername */
	case 8: return 360;  /* socketpair */
	case 9: return 369;  /* send */
	case 10: return 371; /* recv */
	case 11: return 369; /* sendto */
	case 12: return 371; /* recvfrom */
	case 13: return 373; /* shutdown */
	case 14: return 366; /* setsockopt */
	case 15: return 365; /* getsockopt */
	case 16: return 370; /* sendmsg */
	case 17: return 372; /* recvmsg */
	case 18: return 364; /* accept4 */
	case 19: return 337; /* recvmmsg */
	case 20: return 345; /* sendmmsg */
	}
	return 0;
}

static __always_inline void add_call_address(struct scratch *s, const struct call_spec *spec)
{
	struct event *e = &s->event;
	u64 pointer = argument(e, spec->address);
	u64 length = argument(e, spec->address + 1);

	if (spec->flags & CALL_MESSAGE) {
		add_message_address(s, pointer, e->abi == ABI_IA32);
		return;
	}
	/* recvfrom's length is a pointer; the family inside tells how much of the 28 bytes means something. */
	add_address(s, pointer, length > 128 ? 28 : length);
}

/* Most options of prctl take a number where these two take a text. */
static __always_inline bool takes_name(const struct event *e)
{
	return e->args[0] == PR_SET_NAME || e->args[0] == PR_GET_NAME;
}

static __always_inline void add_call_payload(struct scratch *s, const struct call_spec *spec)
{
	struct event *e = &s->event;
	u64 pointer = argument(e, spec->raw0);

	if (e->ret <= 0)
		return;
	if (spec->flags & CALL_MESSAGE)
		pointer = parts_of_message(pointer, e->abi == ABI_IA32);
	if (spec->flags & CALL_MESSAGE || spec->raw0 & RAW_PARTS)
		add_first_part(s, pointer, e->ret, e->abi == ABI_IA32);
	else
		add_payload(s, pointer, e->ret);
}

static __always_inline void describe_call(struct scratch *s, const struct call_spec *spec)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct event *e = &s->event;
	u64 raw0_at, raw1_at;

	if (spec->fd & FD_NUMBER)
		e->fd = argument(e, spec->fd);
	else if (spec->fd && (spec->fd != PLACE_RETURN || e->ret >= 0))
		describe_descriptor(s, argument(e, spec->fd));
	else if (spec->flags & CALL_CWD)
		add_path(s, SLOT_PATH, &task->fs->pwd);
	else if (spec->flags & CALL_ROOT)
		add_path(s, SLOT_PATH, &task->fs->root);

	raw0_at = s->used;
	if (spec->raw0 & (RAW_DATA | RAW_PARTS))
		add_call_payload(s, spec);
	else if (spec->raw0 && (spec->type != TYPE_PRCTL || takes_name(e)))
		add_user_string(s, SLOT_RAW0, argument(e, spec->raw0));
	raw1_at = s->used;
	if (spec->raw1)
		add_user_string(s, SLOT_RAW1, argument(e, spec->raw1));
	add_directories(s, spec, raw0_at, raw1_at);
	if (spec->address)
		add_call_address(s, spec);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_sys_exit, struct pt_regs *regs, long ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 abi = task->thread_info.status & TS_COMPAT ? ABI_IA32 : ABI_NATIVE;
	u64 nr = regs->orig_ax;
	struct call_spec *spec;
	struct scratch *s;
	struct event *e;
	u64 socketcall_args = 0;

	if (nr >= CALLS_PER_ABI)
		return 0;
	if (abi == ABI_IA32 && nr == IA32_SOCKETCALL) {
		socketcall_args = (u32)regs->cx;
		nr = socketcall_number(regs->bx);
	}
	spec = &specs[(abi * CALLS_PER_ABI + nr) & (2 * CALLS_PER_ABI - 1)];
	if (!(spec->flags & CALL_ENABLED))
		return 0;
	if ((spec->flags & CALL_IMAGE) && ret >= 0)
		return 0;
	if (task->flags & PF_KTHREAD)
		return 0;
	s = scratch_of_cpu();
	if (!s)
		return 0;
	e = &s->event;
	begin_event(s, EVENT_CALL, abi, spec->type, nr);
	fill_identity(e, task);
	if (is_excluded(e) || is_filtered(e->cgroup))
		return 0;
	u32 ring = spec->flags & CALL_PROCESS_RING ? RING_PROCESS : RING_BULK;
	if (!within_budget(e->cgroup, spec->budget, ring, e->time_ns))
		return 0;
	e->ret = ret;
	read_arguments(e, regs, abi);
	if (socketcall_args) {
		u32 words[6] = {};

		bpf_probe_read_user(words, sizeof(words), (void *)socketcall_args);
		for (int i = 0; i < 6; i++)
			e->args[i] = words[i];
	}
	if (spec->flags & CALL_OPEN_HOW) {
		struct open_how how = {};

		bpf_probe_read_user(&how, 16, (void *)e->args[2]);
		e->args[2] = how.flags;
		e->args[3] = how.mode;
	}
	describe_call(s, spec);
	submit(s, ring, STREAM_CALLS);
	return 0;
}
