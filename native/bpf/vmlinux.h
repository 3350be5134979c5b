/*
 * The few kernel types that the programs read, with only the fields they read. Every access is relocated against the
 * BTF of the running kernel (CO-RE), so order and size here mean nothing. A type with a `___` suffix is an older or
 * newer shape of the same type; its fields are tested for existence before use.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#include <linux/types.h>
#include <linux/bpf.h>
#include <stdbool.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef __kernel_pid_t pid_t;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct pt_regs {
	unsigned long r10, r9, r8, bx, bp, cx, dx, si, di, orig_ax, ip;
};

struct qstr {
	u32 hash;
	u32 len;
	const unsigned char *name;
};

struct timespec64 {
	s64 tv_sec;
	long tv_nsec;
};

struct super_block {
	u32 s_dev;
	unsigned long s_magic;
};

typedef struct {
	u32 val;
} kuid_t;

typedef struct {
	u32 val;
} kgid_t;

struct inode {
	unsigned short i_mode;
	kuid_t i_uid;
	kgid_t i_gid;
	struct super_block *i_sb;
	unsigned long i_ino;
	unsigned int i_nlink;
	u32 i_rdev;
	s64 i_ctime_sec;
	u32 i_ctime_nsec;
	s64 i_mtime_sec;
	u32 i_mtime_nsec;
};

/* Before 6.11 the times were structs; the change time was renamed in 6.6, the modification time in 6.7. */
struct inode___structs {
	struct timespec64 i_ctime;
	struct timespec64 __i_ctime;
	struct timespec64 i_mtime;
	struct timespec64 __i_mtime;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	/* A short name lies in the entry itself; the union was an array called d_iname before 6.14. */
	union {
		unsigned char string[32];
	} d_shortname;
};

struct dentry___array {
	unsigned char d_iname[32];
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
	void *private_data;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct fs_struct {
	struct path root, pwd;
};

struct ns_common {
	unsigned int inum;
};

struct pid_namespace {
	struct ns_common ns;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct nsproxy {
	struct mnt_namespace *mnt_ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct kernel_cap_struct___any {
	u64 val;
};

struct cred {
	kuid_t uid, euid;
	kgid_t gid, egid;
	struct kernel_cap_struct___any cap_inheritable, cap_permitted, cap_effective;
};

struct mm_struct {
	unsigned long arg_start, arg_end, env_start, env_end;
	struct file *exe_file;
};

struct tty_driver {
	int major;
	int minor_start;
};

struct tty_struct {
	struct tty_driver *driver;
	int index;
};

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;
	int nr_threads;
	int group_exit_code;
	unsigned int flags;
	struct pid *pids[4];
	struct tty_struct *tty;
};

struct kernfs_node {
	const char *name;
	u64 id;
};

/* `parent` became `__parent` in 6.15. */
struct kernfs_node___old {
	struct kernfs_node *parent;
};

struct kernfs_node___new {
	struct kernfs_node *__parent;
};

struct cgroup_root {
	unsigned int subsys_mask;
	int hierarchy_id;
};

struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

struct css_set {
	struct cgroup_subsys_state *subsys[16];
	struct cgroup *dfl_cgrp;
};

enum cgroup_subsys_id {
	memory_cgrp_id = 4,
};

struct thread_info {
	u32 status;
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	struct mm_struct *mm;
	int exit_code;
	pid_t pid, tgid;
	struct task_struct *real_parent, *group_leader;
	struct pid *thread_pid;
	u64 start_boottime;
	const struct cred *cred;
	char comm[16];
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	kuid_t loginuid;
	u64 self_exec_id;
	struct css_set *cgroups;
};

struct linux_binprm {
	struct file *file;
	const char *filename, *interp, *fdpath;
};

struct in6_addr {
	u8 bytes[16];
};

struct sock_common {
	u32 skc_daddr, skc_rcv_saddr;
	u16 skc_dport, skc_num;
	unsigned short skc_family;
	unsigned char skc_state;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
	u16 sk_type, sk_protocol;
};

struct socket {
	struct sock *sk;
};

struct sockaddr_un {
	u16 sun_family;
	char sun_path[108];
};

struct unix_address {
	int len;
	struct sockaddr_un name[1];
};

struct unix_sock {
	struct sock sk;
	struct unix_address *addr;
	struct sock *peer;
};

struct filename {
	const char *name;
};

struct open_how {
	u64 flags, mode, resolve;
};

struct __kernel_sockaddr_storage {
	u16 ss_family;
};

struct io_open {
	int dfd;
	u32 file_slot;
	struct filename *filename;
	struct open_how how;
};

struct io_connect {
	void *addr;
	int addr_len;
};

struct io_unlink {
	int dfd, flags;
	struct filename *filename;
};

struct io_rename {
	int old_dfd, new_dfd, flags;
	struct filename *oldpath, *newpath;
};

struct io_mkdir {
	int dfd;
	u16 mode;
	struct filename *filename;
};

struct io_sr_msg {
	void *umsg;
	void *addr;
	int addr_len;
	int len;
	u32 msg_flags;
	u16 flags;
};

struct io_accept {
	int flags, iou_flags;
	u32 file_slot;
};

struct io_socket {
	int domain, type, protocol;
	u32 file_slot;
};

struct io_listen {
	int backlog;
};

struct msghdr {
	void *msg_name;
	int msg_namelen;
};

struct io_async_msghdr {
	struct msghdr msg;
	struct __kernel_sockaddr_storage addr;
};

struct io_bind {
	int addr_len;
};

/* Symbolic links too. */
struct io_link {
	int old_dfd, new_dfd, flags;
	struct filename *oldpath, *newpath;
};

struct io_cmd_data {
	u8 data[56];
};

struct io_cqe {
	u64 user_data;
	s32 res;
	s32 fd;
};

struct io_uring_cqe {
	u64 user_data;
	s32 res;
	u32 flags;
};

struct io_ring_ctx {
	u32 flags;
};

struct io_kiocb {
	struct file *file;
	struct io_cmd_data cmd;
	u8 opcode;
	u32 flags;
	struct io_cqe cqe;
	struct io_ring_ctx *ctx;
	void *async_data;
};

#pragma clang attribute pop

#endif
