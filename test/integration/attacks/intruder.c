/*
 * What an intruder's program does, one verb per run, harmlessly: copied to whatever name a rule knows the program by.
 * An unknown verb does nothing, for rules that look at the name and the arguments alone.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *verb;
static char **rest;
static int restCount;

static int is(const char *name, int arguments)
{
	return strcmp(verb, name) == 0 && restCount >= arguments;
}

static void create(const char *path, int flags, int mode)
{
	int fd = open(path, flags, mode);
	if (fd >= 0 && (flags & O_ACCMODE) != O_RDONLY && write(fd, "x\n", 2) < 0)
		perror(path);
	close(fd);
}

static void spawn(char **argv)
{
	pid_t child = fork();
	if (child == 0) {
		execv(argv[0], argv);
		_exit(127);
	}
	waitpid(child, NULL, 0);
}

static void runFromMemory(const char *name)
{
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int to = memfd_create(name, MFD_CLOEXEC);
	char buffer[65536];
	ssize_t count;
	char *argv[] = {"payload", "nothing", NULL};
	char *environment[] = {NULL};

	while ((count = read(from, buffer, sizeof(buffer))) > 0)
		if (write(to, buffer, count) != count)
			_exit(1);
	fexecve(to, argv, environment);
}

/* Serves, calls and answers itself: a connection that succeeds, within one network namespace. */
static void talk(const char *address, int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	inet_pton(AF_INET, address, &to.sin_addr);
	setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(server, (void *)&to, sizeof(to)) != 0 || listen(server, 1) != 0)
		perror("listen");
	if (connect(client, (void *)&to, sizeof(to)) != 0)
		perror("connect");
	close(accept(server, NULL, NULL));
}

static void sendDatagram(const char *address, int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	int client = socket(AF_INET, SOCK_DGRAM, 0);

	inet_pton(AF_INET, address, &to.sin_addr);
	if (connect(client, (void *)&to, sizeof(to)) != 0)
		perror("connect");
}

/* Sends itself four bytes over TCP and receives them. */
static void receive(const char *hex)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t length = sizeof(at);
	int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), peer;
	uint32_t bytes = htonl(strtoul(hex, NULL, 16));

	bind(server, (void *)&at, sizeof(at));
	listen(server, 1);
	getsockname(server, (void *)&at, &length);
	connect(client, (void *)&at, sizeof(at));
	peer = accept(server, NULL, NULL);
	send(peer, &bytes, sizeof(bytes), 0);
	recv(client, &bytes, sizeof(bytes), 0);
}

static void duplicateSocket(int onto)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int client = socket(AF_INET, SOCK_DGRAM, 0);

	if (connect(client, (void *)&to, sizeof(to)) == 0)
		dup2(client, onto);
}

static void trace(const char *how)
{
	pid_t child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	if (strcmp(how, "attach") == 0)
		ptrace(PTRACE_ATTACH, child, 0, 0);
	else
		ptrace(PTRACE_CONT, child, 0, 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void run(void)
{
	if (is("after", 2)) {
		sleep(atoi(rest[0]));
		verb = rest[1];
		rest += 2;
		restCount -= 2;
		run();
	} else if (is("read", 1))
		create(rest[0], O_RDONLY, 0);
	else if (is("write", 1))
		create(rest[0], O_WRONLY | O_CREAT, 0644);
	else if (is("append", 1))
		create(rest[0], O_WRONLY | O_APPEND, 0644);
	else if (is("truncate", 1))
		create(rest[0], O_WRONLY | O_CREAT | O_TRUNC, 0644);
	else if (is("create-program", 1))
		create(rest[0], O_WRONLY | O_CREAT, 0755);
	else if (is("symlink", 2))
		symlink(rest[0], rest[1]);
	else if (is("link", 2))
		link(rest[0], rest[1]);
	else if (is("chmod", 2))
		chmod(rest[1], strtol(rest[0], NULL, 8));
	else if (is("mkdir", 1))
		mkdir(rest[0], 0755);
	else if (is("unlink", 1))
		unlink(rest[0]);
	else if (is("packet-socket", 0))
		close(socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)));
	else if (is("stream-socket", 0))
		close(socket(AF_INET, SOCK_STREAM, 0));
	else if (is("dup-socket", 1))
		duplicateSocket(atoi(rest[0]));
	else if (is("talk", 2))
		talk(rest[0], atoi(rest[1]));
	else if (is("datagram", 2))
		sendDatagram(rest[0], atoi(rest[1]));
	else if (is("receive", 1))
		receive(rest[0]);
	else if (is("load-module", 0))
		syscall(SYS_finit_module, -1, "", 0);
	else if (is("trace", 1))
		trace(rest[0]);
	else if (is("trace-me", 0))
		ptrace(PTRACE_TRACEME, 0, 0, 0);
	else if (is("setns", 0))
		setns(open("/proc/self/ns/uts", O_RDONLY), 0);
	else if (is("unshare", 0))
		unshare(CLONE_NEWUTS);
	else if (is("setuid", 1))
		syscall(SYS_setuid, atoi(rest[0]));
	else if (is("bpf", 1)) {
		char attributes[128] = {0};
		syscall(SYS_bpf, atoi(rest[0]), attributes, sizeof(attributes));
	} else if (is("userfaultfd", 0))
		close(syscall(SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY */));
	else if (is("run-from-memory", 0))
		runFromMemory(restCount > 0 ? rest[0] : "payload");
	else if (is("spawn", 1))
		spawn(rest);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 0;
	verb = argv[1];
	rest = argv + 2;
	restCount = argc - 2;
	run();
	return 0;
}
