/* What an io_uring request asks for, read from the kernel's own copy, in the argument places of the call it stands for. */
#ifndef SEAMARK_URING_OPERATIONS_BPF_H
#define SEAMARK_URING_OPERATIONS_BPF_H

#include "files.bpf.h"

/* enum io_uring_op of the uapi; numbers never change. */
#define OP_SENDMSG 9
#define OP_RECVMSG 10
#define OP_ACCEPT 13
#define OP_CONNECT 16
#define OP_OPENAT 18
#define OP_SEND 26
#define OP_RECV 27
#define OP_OPENAT2 28
#define OP_RENAMEAT 35
#define OP_UNLINKAT 36
#define OP_MKDIRAT 37
#define OP_SYMLINKAT 38
#define OP_LINKAT 39
#define OP_SOCKET 45
#define OP_SEND_ZC 47
#define OP_SENDMSG_ZC 48
#define OP_READ_MULTISHOT 49
#define OP_BIND 56
#define OP_LISTEN 57

#define ACCEPT_MULTISHOT 1
#define RECEIVE_MULTISHOT 2

/* Place of a flag of ours: the result is a slot of registered files, not a descriptor. */
#define ARG_IS_SLOT 5

static __always_inline void *command_of(struct io_kiocb *request)
{
	return (void *)((u64)request + bpf_core_field_offset(struct io_kiocb, file));
}

static __always_inline void add_name(struct scratch *s, u32 slot, struct filename *filename)
{
	add_kernel_string(s, slot, BPF_CORE_READ(filename, name));
}

/* Since about 6.10 the kernel copies a message's address before the request is submitted. */
static __always_inline bool add_copied_address(struct scratch *s, struct io_kiocb *request)
{
	struct io_async_msghdr *message = BPF_CORE_READ(request, async_data);
	void *name;

	if (!message || !bpf_core_type_exists(struct io_async_msghdr))
		return false;
	name = BPF_CORE_READ(message, msg.msg_name);
	if (!name)
		return false;
	add_kernel_address(s, name, (u32)BPF_CORE_READ(message, msg.msg_namelen));
	return true;
}

static __always_inline void describe_path_operation(struct scratch *s, void *command, u32 op)
{
	struct event *e = &s->event;

	if ((op == OP_OPENAT || op == OP_OPENAT2) && bpf_core_type_exists(struct io_open)) {
		struct io_open *open = command;

		e->args[0] = BPF_CORE_READ(open, dfd);
		e->args[2] = BPF_CORE_READ(open, how.flags);
		e->args[3] = BPF_CORE_READ(open, how.mode);
		e->args[ARG_IS_SLOT] = BPF_CORE_READ(open, file_slot) != 0;
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
		e->args[2] = BPF_CORE_READ(mkdir, mode);
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
	}
}

static __always_inline void describe_socket_operation(struct scratch *s, struct io_kiocb *request, void *command, u32 op)
{
	struct event *e = &s->event;

	if (op == OP_CONNECT && bpf_core_type_exists(struct io_connect)) {
		struct io_connect *connect = command;

		add_address(s, (u64)BPF_CORE_READ(connect, addr), (u32)BPF_CORE_READ(connect, addr_len));
	} else if ((op == OP_SEND || op == OP_SEND_ZC || op == OP_RECV) && bpf_core_type_exists(struct io_sr_msg)) {
		struct io_sr_msg *message = command;

		e->args[2] = (u32)BPF_CORE_READ(message, len);
		e->args[3] = BPF_CORE_READ(message, msg_flags);
		if (op == OP_RECV || add_copied_address(s, request))
			return;
		if (bpf_core_field_exists(message->addr))
			add_address(s, (u64)BPF_CORE_READ(message, addr), (u32)BPF_CORE_READ(message, addr_len));
	} else if ((op == OP_SENDMSG || op == OP_SENDMSG_ZC || op == OP_RECVMSG) && bpf_core_type_exists(struct io_sr_msg)) {
		struct io_sr_msg *message = command;

		e->args[1] = (u64)BPF_CORE_READ(message, umsg);
		e->args[2] = BPF_CORE_READ(message, msg_flags);
		/* Whose address it is that a message comes from is known when it has come. */
		if (op != OP_RECVMSG && !add_copied_address(s, request))
			add_message_address(s, e->args[1], false);
	} else if (op == OP_ACCEPT && bpf_core_type_exists(struct io_accept)) {
		struct io_accept *accept = command;

		e->args[3] = (u32)BPF_CORE_READ(accept, flags);
		e->args[ARG_IS_SLOT] = BPF_CORE_READ(accept, file_slot) != 0;
	} else if (op == OP_SOCKET && bpf_core_type_exists(struct io_socket)) {
		struct io_socket *socket = command;

		e->args[0] = BPF_CORE_READ(socket, domain);
		e->args[1] = BPF_CORE_READ(socket, type);
		e->args[2] = BPF_CORE_READ(socket, protocol);
		e->args[ARG_IS_SLOT] = BPF_CORE_READ(socket, file_slot) != 0;
	} else if (op == OP_BIND && bpf_core_type_exists(struct io_bind)) {
		struct io_async_msghdr *message = BPF_CORE_READ(request, async_data);

		if (message)
			add_kernel_address(s, (void *)((u64)message + bpf_core_field_offset(struct io_async_msghdr, addr)),
					   (u32)BPF_CORE_READ((struct io_bind *)command, addr_len));
	} else if (op == OP_LISTEN && bpf_core_type_exists(struct io_listen)) {
		e->args[1] = (u32)BPF_CORE_READ((struct io_listen *)command, backlog);
	}
}

/* Whether a request completes again and again. Before about 6.10 an accept does not tell; its last completion is seen then. */
static __always_inline bool is_multishot(struct io_kiocb *request, u32 op)
{
	void *command = command_of(request);

	if (op == OP_READ_MULTISHOT)
		return true;
	if (op == OP_ACCEPT && bpf_core_field_exists(((struct io_accept *)command)->iou_flags))
		return BPF_CORE_READ((struct io_accept *)command, iou_flags) & ACCEPT_MULTISHOT;
	if ((op == OP_RECV || op == OP_RECVMSG) && bpf_core_field_exists(((struct io_sr_msg *)command)->flags))
		return BPF_CORE_READ((struct io_sr_msg *)command, flags) & RECEIVE_MULTISHOT;
	return false;
}

static __always_inline void describe_operation(struct scratch *s, struct io_kiocb *request, u32 op)
{
	void *command = command_of(request);

	describe_path_operation(s, command, op);
	describe_socket_operation(s, request, command, op);
}

#endif
