/* Provokes the calls that capture must see, one scene per argument. Raw syscall() so that libc cannot choose another. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

static void files(void)
{
	int dir = open(".", O_RDONLY | O_DIRECTORY);
	struct open_how how = {.flags = O_RDWR | O_CREAT, .mode = 0640};
	int fd;

	close(syscall(SYS_open, "plain", O_RDWR | O_CREAT, 0600));
	close(syscall(SYS_openat, dir, "beside", O_RDWR | O_CREAT, 0644));
	close(syscall(SYS_openat2, dir, "how", &how, sizeof(how)));
	close(syscall(SYS_creat, "made", 0622));
	syscall(SYS_openat, dir, "absent", O_RDONLY);
	syscall(SYS_mkdir, "sub", 0700);
	syscall(SYS_mkdirat, dir, "sub2", 0711);
	syscall(SYS_symlink, "plain", "soft");
	syscall(SYS_symlinkat, "plain", dir, "soft2");
	syscall(SYS_link, "plain", "hard");
	syscall(SYS_linkat, dir, "plain", dir, "hard2", 0);
	close(syscall(SYS_openat, AT_FDCWD, "soft", O_RDONLY));
	close(syscall(SYS_openat, AT_FDCWD, "plain", O_PATH));
	close(syscall(SYS_openat, AT_FDCWD, "/proc/self/root/etc/passwd", O_RDONLY));
	syscall(SYS_rename, "hard", "hard3");
	syscall(SYS_renameat, dir, "hard2", dir, "hard4");
	syscall(SYS_renameat2, dir, "hard3", dir, "hard5", 1);
	syscall(SYS_chmod, "plain", 04755);
	fd = open("plain", O_RDWR);
	syscall(SYS_fchmod, fd, 0700);
	syscall(SYS_fchmodat, dir, "plain", 0711);
	syscall(SYS_fchmodat2, dir, "plain", 0722, 0);
	syscall(SYS_chown, "plain", 1001, 1002);
	syscall(SYS_fchown, fd, 1003, 1004);
	syscall(SYS_lchown, "soft", 1005, 1006);
	syscall(SYS_fchownat, dir, "plain", 1007, 1008, 0);
	syscall(SYS_truncate, "plain", 3);
	syscall(SYS_mknod, "pipe", S_IFIFO | 0600, 0);
	syscall(SYS_mknodat, dir, "pipe2", S_IFIFO | 0600, 0);
	syscall(SYS_dup, fd);
	syscall(SYS_dup2, fd, 90);
	syscall(SYS_dup3, fd, 91, O_CLOEXEC);
	syscall(SYS_unlink, "soft2");
	syscall(SYS_unlinkat, dir, "soft", 0);
	syscall(SYS_rmdir, "sub2");
	syscall(SYS_chdir, "sub");
	close(syscall(SYS_openat, AT_FDCWD, "../plain", O_RDONLY));
	syscall(SYS_openat, AT_FDCWD, "../absent", O_RDONLY);
	syscall(SYS_fchdir, dir);
	syscall(SYS_chroot, ".");
	close(syscall(SYS_openat, AT_FDCWD, "/plain", O_RDONLY));
}

static void mounts(void)
{
	if (unshare(CLONE_NEWNS))
		exit(1);
	mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	mkdir("mnt", 0755);
	syscall(SYS_mount, "seamark-tmp", "mnt", "tmpfs", MS_NOSUID, NULL);
	close(syscall(SYS_openat, AT_FDCWD, "mnt/inside", O_RDWR | O_CREAT, 0600));
	syscall(SYS_umount2, "mnt", MNT_DETACH);
}

static void *one_connection(void *argument)
{
	int listener = *(int *)argument;
	struct sockaddr_in6 peer;
	socklen_t length = sizeof(peer);

	close(syscall(SYS_accept, listener, &peer, &length));
	close(syscall(SYS_accept4, listener, NULL, NULL, SOCK_CLOEXEC));
	return NULL;
}

static void network(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_un unix_name = {.sun_family = AF_UNIX, .sun_path = "talk.sock"};
	struct sockaddr_un hidden = {.sun_family = AF_UNIX, .sun_path = "\0seamark-test"};
	socklen_t length = sizeof(any);
	pthread_t thread;
	char text[] = "hello", got[16];
	struct iovec part = {text, 5};
	int listener = syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
	int a, b, u, v;

	syscall(SYS_bind, listener, &any, sizeof(any));
	syscall(SYS_listen, listener, 4);
	getsockname(listener, (void *)&any, &length);
	pthread_create(&thread, NULL, one_connection, &listener);
	a = syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
	syscall(SYS_connect, a, &any, sizeof(any));
	b = syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
	syscall(SYS_connect, b, &any, sizeof(any));
	syscall(SYS_dup, b);
	pthread_join(thread, NULL);
	/* Nobody listens there. */
	syscall(SYS_connect, syscall(SYS_socket, AF_INET6, SOCK_STREAM, 0), &six, sizeof(six));

	any.sin_port = htons(9);
	u = syscall(SYS_socket, AF_INET, SOCK_DGRAM, 0);
	syscall(SYS_sendto, u, text, 5, 0, &any, sizeof(any));
	struct msghdr message = {.msg_name = &any, .msg_namelen = sizeof(any), .msg_iov = &part, .msg_iovlen = 1};
	syscall(SYS_sendmsg, u, &message, 0);
	v = syscall(SYS_socket, AF_INET, SOCK_DGRAM, 0);
	any.sin_port = 0;
	bind(v, (void *)&any, sizeof(any));
	length = sizeof(any);
	getsockname(v, (void *)&any, &length);
	sendto(u, text, 5, 0, (void *)&any, sizeof(any));
	sendto(u, text, 5, 0, (void *)&any, sizeof(any));
	struct sockaddr_in from;
	length = sizeof(from);
	syscall(SYS_recvfrom, v, got, sizeof(got), 0, &from, &length);
	struct iovec into = {got, sizeof(got)};
	struct msghdr reply = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &into, .msg_iovlen = 1};
	syscall(SYS_recvmsg, v, &reply, 0);

	a = syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
	syscall(SYS_bind, a, &unix_name, sizeof(unix_name));
	listen(a, 1);
	syscall(SYS_connect, syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0), &unix_name, sizeof(unix_name));
	b = syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
	syscall(SYS_bind, b, &hidden, 2 + 13);
	listen(b, 1);
	syscall(SYS_connect, syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0), &hidden, 2 + 13);
}

static int to_close = -1;

static void on_alarm(int signal)
{
	(void)signal;
	shutdown(to_close, SHUT_RDWR);
}

/* Waits for a connection until a signal comes: first without, then with a restart, which finds the socket shut. */
static void interrupted(void)
{
	struct sigaction action = {.sa_handler = on_alarm};
	struct itimerval soon = {.it_value = {.tv_usec = 20000}};
	int listener = syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);

	syscall(SYS_listen, listener, 1);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	syscall(SYS_accept, listener, NULL, NULL);
	action.sa_flags = SA_RESTART;
	to_close = listener;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	syscall(SYS_accept4, listener, NULL, NULL, 0);
}

static void *sleep_thread(void *argument)
{
	*(pid_t *)argument = syscall(SYS_gettid);
	pause();
	return NULL;
}

static void calls(void)
{
	char attribute[128] = {0}, parameters[256] = {0};
	pid_t thread_id = 0, child;
	pthread_t thread;

	syscall(SYS_memfd_create, "hidden", 0);
	syscall(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
	syscall(SYS_prctl, PR_SET_NAME, "seamark-name", 0, 0, 0);
	syscall(SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0);
	syscall(SYS_bpf, 999, attribute, sizeof(attribute));
	syscall(SYS_init_module, attribute, 1, "param=1");
	syscall(SYS_finit_module, -1, "param=2", 3);
	syscall(SYS_delete_module, "seamark_absent", O_NONBLOCK);
	syscall(SYS_userfaultfd, O_CLOEXEC);
	syscall(SYS_io_uring_setup, 0, parameters);
	syscall(SYS_io_uring_enter, -1, 0, 0, 0, NULL, 0);
	syscall(SYS_keyctl, 0, -3, 0);
	syscall(SYS_capset, NULL, NULL);
	syscall(SYS_ptrace, PTRACE_PEEKUSER, 0, 0, 0);
	syscall(SYS_unshare, CLONE_FS);
	syscall(SYS_setns, open("/proc/self/ns/uts", O_RDONLY), CLONE_NEWUTS);
	pthread_create(&thread, NULL, sleep_thread, &thread_id);
	while (!*(volatile pid_t *)&thread_id)
		usleep(1000);
	syscall(SYS_tkill, thread_id, 0);
	syscall(SYS_tgkill, getpid(), thread_id, 0);
	syscall(SYS_kill, getpid(), 0);
	child = fork();
	if (child == 0) {
		syscall(SYS_setsid);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	child = fork();
	if (child == 0) {
		syscall(SYS_setpgid, 0, 0);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	syscall(SYS_setregid, -1, 21);
	syscall(SYS_setresgid, -1, 22, -1);
	syscall(SYS_setfsgid, 23);
	syscall(SYS_setgid, 24);
	syscall(SYS_setreuid, -1, -1);
	syscall(SYS_setfsuid, 33);
	syscall(SYS_setresuid, -1, -1, -1);
	syscall(SYS_setuid, 34);
}

static void lives(void)
{
	pid_t child;

	prctl(PR_SET_NAME, "renamed");
	child = fork();

	if (child == 0)
		_exit(42);
	waitpid(child, NULL, 0);
	child = fork();
	if (child == 0) {
		kill(getpid(), SIGKILL);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	child = vfork();
	if (child == 0)
		_exit(7);
	waitpid(child, NULL, 0);
	execl("/nonexistent/program", "program", NULL);
	execl("/bin/sh", "sh", "-c", "exit 3", NULL);
}

/* Several threads leave together: one death, not four. */
static void *leave(void *argument)
{
	pthread_barrier_wait(argument);
	return NULL;
}

static void threads(void)
{
	pthread_barrier_t barrier;
	pthread_t thread[4];

	pthread_barrier_init(&barrier, NULL, 4);
	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, leave, &barrier);
	pthread_exit(NULL);
}

static long int80(long nr, long a, long b, long c)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
	return result;
}

static void compat(void)
{
	/* Pointers must fit into 32 bits. */
	char *low = mmap((void *)0x10000000, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	struct sockaddr_in *peer = (void *)(low + 1024);
	unsigned *arguments = (void *)(low + 2048);
	long fd;

	strcpy(low, "/etc/hostname");
	int80(5, (long)low, O_RDONLY, 0);
	int80(295, AT_FDCWD, (long)low, O_RDONLY);
	arguments[0] = AF_INET;
	arguments[1] = SOCK_STREAM;
	arguments[2] = 0;
	fd = int80(102, 1, (long)arguments, 0);
	peer->sin_family = AF_INET;
	peer->sin_port = htons(9);
	peer->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	arguments[0] = fd;
	arguments[1] = (unsigned)(long)peer;
	arguments[2] = sizeof(*peer);
	int80(102, 3, (long)arguments, 0);
}

/* Calls that are captured only by name, from the other table of numbers. */
static void compat_named(void)
{
	char *low = mmap((void *)0x10000000, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	unsigned *arguments = (void *)(low + 2048);
	int fd = open("/etc/hostname", O_RDONLY);
	int client = socket(AF_INET, SOCK_STREAM, 0);

	int80(3, fd, (long)low, 8);
	strcpy(low, "/etc/hostname");
	int80(33, (long)low, 4, 0);
	int80(221, fd, 1, 0);
	arguments[0] = client;
	arguments[1] = SHUT_WR;
	int80(102, 13, (long)arguments, 0);
	int80(6, fd, 0, 0);
}

/* Newer than some build hosts' headers. */
#define OP_SOCKET 45
#define OP_BIND 56
#define OP_LISTEN 57
#define OP_READ_MULTISHOT 49
#define OP_READV_FIXED 60
#define OP_WRITEV_FIXED 61
#define CQE_SKIP_SUCCESS 64

static struct {
	int fd;
	struct io_uring_params parameters;
	char *queue, *completions;
	struct io_uring_sqe *entries;
	unsigned tail;
} uring;

static void ring_open(unsigned entries, unsigned completions)
{
	memset(&uring, 0, sizeof(uring));
	if (completions) {
		uring.parameters.flags = IORING_SETUP_CQSIZE;
		uring.parameters.cq_entries = completions;
	}
	uring.fd = syscall(SYS_io_uring_setup, entries, &uring.parameters);
	if (uring.fd < 0)
		exit(77);
	uring.queue = mmap(NULL, uring.parameters.sq_off.array + 4 * uring.parameters.sq_entries, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_POPULATE, uring.fd, IORING_OFF_SQ_RING);
	uring.completions = mmap(NULL, uring.parameters.cq_off.cqes + sizeof(struct io_uring_cqe) * uring.parameters.cq_entries,
				 PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, uring.fd, IORING_OFF_CQ_RING);
	uring.entries = mmap(NULL, uring.parameters.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
			     MAP_SHARED, uring.fd, IORING_OFF_SQES);
}

static struct io_uring_sqe *ring_add(int op, int fd, const void *address, unsigned length)
{
	unsigned at = uring.tail & (uring.parameters.sq_entries - 1);
	struct io_uring_sqe *sqe = &uring.entries[at];

	((unsigned *)(uring.queue + uring.parameters.sq_off.array))[at] = at;
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = op;
	sqe->fd = fd;
	sqe->addr = (unsigned long)address;
	sqe->len = length;
	sqe->user_data = ++uring.tail;
	return sqe;
}

static void ring_submit(unsigned count, unsigned wait)
{
	__atomic_store_n((unsigned *)(uring.queue + uring.parameters.sq_off.tail), uring.tail, __ATOMIC_RELEASE);
	syscall(SYS_io_uring_enter, uring.fd, count, wait, IORING_ENTER_GETEVENTS, NULL, 0);
}

/* Takes all completions away and gives the result of the last. */
static int ring_reap(void)
{
	unsigned tail = __atomic_load_n((unsigned *)(uring.completions + uring.parameters.cq_off.tail), __ATOMIC_ACQUIRE);
	struct io_uring_cqe *all = (void *)(uring.completions + uring.parameters.cq_off.cqes);
	int result = all[(tail - 1) & (uring.parameters.cq_entries - 1)].res;

	__atomic_store_n((unsigned *)(uring.completions + uring.parameters.cq_off.head), tail, __ATOMIC_RELEASE);
	return result;
}

static int ring_run(void)
{
	ring_submit(1, 1);
	return ring_reap();
}

static void ring_files(void)
{
	ring_add(IORING_OP_OPENAT, AT_FDCWD, "/etc/hostname", 0);
	close(ring_run());
	ring_add(IORING_OP_OPENAT, AT_FDCWD, "absent", 0);
	ring_run();
	ring_add(IORING_OP_OPENAT, AT_FDCWD, "made", 0600)->open_flags = O_CREAT | O_RDWR;
	close(ring_run());
	ring_add(IORING_OP_MKDIRAT, AT_FDCWD, "sub", 0700);
	ring_run();
	ring_add(IORING_OP_LINKAT, AT_FDCWD, "made", AT_FDCWD)->off = (unsigned long)"hard";
	ring_run();
	ring_add(IORING_OP_SYMLINKAT, AT_FDCWD, "made", 0)->off = (unsigned long)"soft";
	ring_run();
	ring_add(IORING_OP_RENAMEAT, AT_FDCWD, "hard", AT_FDCWD)->off = (unsigned long)"hard2";
	ring_run();
	ring_add(IORING_OP_UNLINKAT, AT_FDCWD, "seamark-absent", 0);
	ring_run();
	ring_add(IORING_OP_UNLINKAT, AT_FDCWD, "hard2", 0);
	ring_run();
}

static void ring_named(void)
{
	char got[8];
	int fd = open("plain", O_RDWR | O_CREAT, 0644);

	ring_open(8, 0);
	ring_add(IORING_OP_WRITE, fd, "hello", 5);
	ring_run();
	ring_add(IORING_OP_READ, fd, got, 8)->off = 1;
	ring_run();
	ring_add(IORING_OP_FSYNC, fd, NULL, 0);
	ring_run();
	ring_add(IORING_OP_CLOSE, fd, NULL, 0);
	ring_run();
}

/* Reads and writes as newer kernels have them: with a registered buffer, and one request that reads again and again. */
static void ring_newer(void)
{
	static char buffer[4096] __attribute__((aligned(4096)));
	struct iovec whole = {buffer, sizeof(buffer)}, part = {buffer, 5};
	int fd = open("plain", O_RDWR | O_CREAT, 0644), ends[2];

	ring_open(8, 0);
	syscall(SYS_io_uring_register, uring.fd, IORING_REGISTER_BUFFERS, &whole, 1);
	memcpy(buffer, "hello", 5);
	ring_add(OP_WRITEV_FIXED, fd, &part, 1);
	ring_run();
	part.iov_len = 4;
	ring_add(OP_READV_FIXED, fd, &part, 1);
	ring_run();
	if (pipe(ends))
		exit(1);
	ring_add(IORING_OP_PROVIDE_BUFFERS, 4, buffer, 64)->buf_group = 1;
	ring_run();
	struct io_uring_sqe *request = ring_add(OP_READ_MULTISHOT, ends[0], NULL, 0);
	request->flags = IOSQE_BUFFER_SELECT;
	request->buf_group = 1;
	ring_submit(1, 0);
	for (int bytes = 2; bytes < 4; bytes++) {
		if (write(ends[1], "abc", bytes) != bytes)
			exit(1);
		ring_submit(0, 1);
		ring_reap();
	}
	close(ends[1]);
	ring_submit(0, 1);
}

static void ring_network(void)
{
	struct sockaddr_in nobody = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, from;
	socklen_t length = sizeof(name);
	char text[] = "hello", got[16];
	struct iovec part = {text, 5}, into = {got, sizeof(got)};
	struct msghdr message = {.msg_name = &name, .msg_namelen = sizeof(name), .msg_iov = &part, .msg_iovlen = 1};
	struct msghdr reply = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &into, .msg_iovlen = 1};
	int listener, client, udp, receiver;

	ring_add(IORING_OP_CONNECT, socket(AF_INET, SOCK_STREAM, 0), &nobody, 0)->off = sizeof(nobody);
	ring_run();
	ring_add(OP_SOCKET, AF_INET, NULL, 0)->off = SOCK_STREAM;
	listener = ring_run();
	ring_add(OP_BIND, listener, &name, 0)->off = sizeof(name);
	if (ring_run() < 0)
		bind(listener, (void *)&name, sizeof(name));
	ring_add(OP_LISTEN, listener, NULL, 4);
	if (ring_run() < 0)
		listen(listener, 4);
	getsockname(listener, (void *)&name, &length);
	/* Waits for longer than its submission. */
	ring_add(IORING_OP_ACCEPT, listener, NULL, 0)->accept_flags = SOCK_CLOEXEC;
	ring_submit(1, 0);
	usleep(50000);
	client = socket(AF_INET, SOCK_STREAM, 0);
	connect(client, (void *)&name, sizeof(name));
	ring_submit(0, 1);
	ring_add(IORING_OP_RECV, ring_reap(), got, sizeof(got));
	ring_submit(1, 0);
	ring_add(IORING_OP_SEND, client, text, 5);
	ring_submit(1, 2);
	ring_reap();

	receiver = socket(AF_INET, SOCK_DGRAM, 0);
	name.sin_port = 0;
	bind(receiver, (void *)&name, sizeof(name));
	getsockname(receiver, (void *)&name, &length);
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	ring_add(IORING_OP_SENDMSG, udp, &message, 1);
	ring_run();
	ring_add(IORING_OP_RECVMSG, receiver, &reply, 1);
	ring_run();
}

static void ring(void)
{
	ring_open(8, 0);
	ring_files();
	ring_network();
}

/* Ways to keep a completion from being told apart, or from coming at all. */
static void ring_hiding(void)
{
	ring_open(8, 0);
	ring_add(IORING_OP_OPENAT, AT_FDCWD, "/etc/passwd", 0)->flags = CQE_SKIP_SUCCESS;
	ring_add(IORING_OP_NOP, -1, NULL, 0);
	ring_submit(2, 1);
	ring_reap();
	ring_add(IORING_OP_OPENAT, AT_FDCWD, "/etc/group", 0)->flags = IOSQE_ASYNC;
	ring_add(IORING_OP_OPENAT, AT_FDCWD, "absent", 0)->user_data--;
	ring_add(IORING_OP_NOP, -1, NULL, 0)->user_data -= 2;
	ring_submit(3, 3);
	ring_reap();
	ring_open(1, 1);
	for (int i = 0; i < 3; i++) {
		ring_add(IORING_OP_OPENAT, AT_FDCWD, "/etc/hosts", 0);
		ring_submit(1, 0);
	}
}

/* More requests at once than can be remembered; all end with the process. */
static void ring_many(long count)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	listen(listener, 1);
	ring_open(1024, 32768);
	for (long i = 0; i < count; i += 1024) {
		for (int k = 0; k < 1024; k++)
			ring_add(IORING_OP_ACCEPT, listener, NULL, 0);
		ring_submit(1024, 0);
	}
}

static void copy_of_true(int to)
{
	char buffer[65536];
	int from = open("/bin/true", O_RDONLY);
	ssize_t got;

	while ((got = read(from, buffer, sizeof(buffer))) > 0)
		if (write(to, buffer, got) != got)
			exit(1);
}

static void run_payload(int program)
{
	char *arguments[] = {"payload", "--quiet", NULL}, *environment[] = {"MARK=1", NULL};

	syscall(SYS_execveat, program, "", arguments, environment, AT_EMPTY_PATH);
	exit(1);
}

static void memfd(void)
{
	int program = memfd_create("payload", 0);

	copy_of_true(program);
	run_payload(program);
}

/* A program without a name that was a file: what an upgrade leaves running. */
static void removed(void)
{
	int program = open("removed", O_CREAT | O_WRONLY, 0755);

	copy_of_true(program);
	close(program);
	program = open("removed", O_RDONLY);
	unlink("removed");
	run_payload(program);
}

/* Opens a path so many times, and says how many it made. */
static void opens(const char *path, long rounds)
{
	for (long i = 0; i < rounds; i++)
		close(syscall(SYS_openat, AT_FDCWD, path, O_RDONLY));
}

int main(int count, char **argument)
{
	const char *scene = count > 1 ? argument[1] : "";

	if (!strcmp(scene, "files")) files();
	else if (!strcmp(scene, "mounts")) mounts();
	else if (!strcmp(scene, "network")) network();
	else if (!strcmp(scene, "interrupted")) interrupted();
	else if (!strcmp(scene, "calls")) calls();
	else if (!strcmp(scene, "lives")) lives();
	else if (!strcmp(scene, "threads")) threads();
	else if (!strcmp(scene, "compat")) compat();
	else if (!strcmp(scene, "compat-named")) compat_named();
	else if (!strcmp(scene, "ring")) ring();
	else if (!strcmp(scene, "ring-named")) ring_named();
	else if (!strcmp(scene, "ring-newer")) ring_newer();
	else if (!strcmp(scene, "ring-hiding")) ring_hiding();
	else if (!strcmp(scene, "ring-many") && count > 2) ring_many(atol(argument[2]));
	else if (!strcmp(scene, "memfd")) memfd();
	else if (!strcmp(scene, "removed")) removed();
	else if (!strcmp(scene, "opens") && count > 3) opens(argument[2], atol(argument[3]));
	else return 2;
	return 0;
}
