/* Provokes calls that are captured only where a rule names them, one scene per argument. Raw syscall(), as in tester.c. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

#define SYS_MEMFD_SECRET 447
#define SYS_MOVE_MOUNT 429
#define SYS_FSCONFIG 431
#define SYS_MOUNT_SETATTR 442

static void files(void)
{
	char buffer[64];
	struct iovec parts[2] = {{"first", 5}, {"second", 6}};
	struct stat status;
	int dir = open(".", O_RDONLY | O_DIRECTORY);
	int fd = open("plain", O_RDWR | O_CREAT, 0644);

	syscall(SYS_write, fd, "hello there", 11);
	syscall(SYS_writev, fd, parts, 2);
	syscall(SYS_lseek, fd, 0, SEEK_SET);
	syscall(SYS_read, fd, buffer, 64);
	syscall(SYS_pread64, fd, buffer, 5, 6);
	syscall(SYS_fstat, fd, &status);
	syscall(SYS_stat, "plain", &status);
	syscall(SYS_newfstatat, dir, "plain", &status, AT_SYMLINK_NOFOLLOW);
	syscall(SYS_newfstatat, fd, "", &status, AT_EMPTY_PATH);
	syscall(SYS_access, "absent", R_OK | W_OK);
	syscall(SYS_ftruncate, fd, 3);
	syscall(SYS_setxattr, "plain", "user.mark", "value", 5, 1);
	syscall(SYS_getdents64, dir, buffer, sizeof(buffer));
	syscall(SYS_readlink, "plain", buffer, sizeof(buffer));
	syscall(SYS_getcwd, buffer, sizeof(buffer));
	syscall(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
	syscall(SYS_ioctl, fd, TCGETS, buffer);
	syscall(SYS_fsync, fd);
	syscall(SYS_utimensat, dir, "plain", NULL, 0);
	syscall(SYS_close, fd);
	syscall(SYS_close, 987);
}

static void memory(void)
{
	char here[4] = "here", there[5] = "there";
	struct iovec local = {here, 4}, remote = {there, 4};
	int fd = open("plain", O_RDWR | O_CREAT, 0644);
	char *page;

	syscall(SYS_ftruncate, fd, 4096);
	page = (char *)syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	syscall(SYS_mmap, NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	syscall(SYS_mprotect, page, 4096, PROT_READ | PROT_EXEC);
	syscall(SYS_munmap, page, 4096);
	syscall(SYS_process_vm_readv, getpid(), &local, 1, &remote, 1, 0);
	syscall(SYS_MEMFD_SECRET, 0);
	syscall(SYS_perf_event_open, NULL, 7, -1, -1, 8);
	syscall(SYS_kexec_load, 0x1000, 17, NULL, 0);
	syscall(SYS_eventfd2, 4, 0);
	syscall(SYS_MOVE_MOUNT, -100, "absent-from", -100, "absent-to", 0);
	syscall(SYS_MOUNT_SETATTR, -100, "absent", 0, NULL, 0);
	syscall(SYS_getpid);
}

/* A connection of TCP to itself, over loopback. */
static void sockets(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int listening = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), server, one = 1;
	char buffer[16];

	bind(listening, (struct sockaddr *)&address, length);
	listen(listening, 1);
	getsockname(listening, (struct sockaddr *)&address, &length);
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	connect(client, (struct sockaddr *)&address, length);
	server = accept(listening, NULL, NULL);
	syscall(SYS_setsockopt, client, SOL_SOCKET, SO_KEEPALIVE, &one, 4);
	syscall(SYS_write, client, "ping over tcp", 13);
	syscall(SYS_read, server, buffer, 16);
	syscall(SYS_fcntl, client, F_GETFL, 0);
	syscall(SYS_FSCONFIG, client, 0, "seamark-key", NULL, 0);
	syscall(SYS_shutdown, client, SHUT_WR);
	syscall(SYS_close, client);
}

/* Reads of one byte, among them now and then, 40 times in all, one of another process's memory, and then one open and one program. */
static void flood(int rounds)
{
	char byte, other;
	struct iovec local = {&byte, 1}, remote = {&other, 1};
	int fd = open("/dev/zero", O_RDONLY), apart = rounds / 40;

	for (int i = 0; i < rounds; i++) {
		syscall(SYS_read, fd, &byte, 1);
		if (apart && i % apart == apart - 1)
			syscall(SYS_process_vm_readv, getpid(), &local, 1, &remote, 1, 0);
	}
	close(open("/etc/hostname", O_RDONLY));
	execl("/bin/true", "true", NULL);
}

int main(int argc, char **argv)
{
	const char *scene = argc > 1 ? argv[1] : "";

	if (!strcmp(scene, "files")) files();
	else if (!strcmp(scene, "memory")) memory();
	else if (!strcmp(scene, "sockets")) sockets();
	else if (!strcmp(scene, "flood")) flood(argc > 2 ? atoi(argv[2]) : 1);
	else return 2;
	return 0;
}
