/* Loops that do one thing very often, and print what they cost: wall and CPU time in ns, children included. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long cpu_ns(int who)
{
	struct rusage usage;

	getrusage(who, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000ll +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000ll;
}

static void opens(const char *path, long rounds)
{
	char byte;

	for (long i = 0; i < rounds; i++) {
		int fd = open(path, O_RDONLY);

		if (fd < 0 || read(fd, &byte, 1) < 0)
			exit(1);
		close(fd);
	}
}

/* The cheapest call there is: what is added to it is what every call pays. */
static void calls(long rounds)
{
	for (long i = 0; i < rounds; i++)
		syscall(SYS_getppid);
}

static void forks(const char *program, long rounds)
{
	for (long i = 0; i < rounds; i++) {
		pid_t child = fork();

		if (child == 0) {
			execl(program, program, NULL);
			_exit(1);
		}
		waitpid(child, NULL, 0);
	}
}

int main(int count, char **argument)
{
	struct timespec from, to;

	if (count < 4)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &from);
	if (!strcmp(argument[1], "opens"))
		opens(argument[2], atol(argument[3]));
	else if (!strcmp(argument[1], "calls"))
		calls(atol(argument[3]));
	else
		forks(argument[2], atol(argument[3]));
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("%lld %lld\n", (to.tv_sec - from.tv_sec) * 1000000000ll + to.tv_nsec - from.tv_nsec,
	       cpu_ns(RUSAGE_SELF) + cpu_ns(RUSAGE_CHILDREN));
	return 0;
}
