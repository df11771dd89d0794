/*
 * Other ways to make a call: through another system call table, from other kinds of processes and
 * threads, with descriptors handed around, when tables are full. ATTACK_SECRET:
 * a closed file, WORK: a writable folder.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "attack.h"

/* A foreign call may kill the process: that is a refusal. */
static enum outcome in_child(enum outcome (*f)(void))
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return not_tried("fork");
	if (pid == 0)
		_exit(f());
	if (waitpid(pid, &status, 0) < 0)
		return not_tried("wait");
	return WIFEXITED(status) ? (enum outcome)WEXITSTATUS(status) : REFUSED;
}

/* ---- other system call tables -------------------------------------------------------------------
 */

#ifdef __x86_64__
static long int80(long nr, long a, long b, long c)
{
	long ret;

	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory");
	return ret;
}

/* The 32-bit calls take 32-bit addresses. */
static char *low_memory(void)
{
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (low == MAP_FAILED)
		exit(not_tried("mmap"));
	return low;
}

static enum outcome i386_open(void)
{
	char *low = low_memory();
	long fd;

	snprintf(low, 4096, "%s", secret());
	fd = int80(5 /* open */, (long)(uintptr_t)low, O_RDONLY, 0);
	return verdict(fd >= 0 && fd_leaks((int)fd), "open through int 0x80");
}

static enum outcome i386_openat(void)
{
	char *low = low_memory();
	long fd;

	snprintf(low, 4096, "%s", secret());
	fd = int80(295 /* openat */, AT_FDCWD, (long)(uintptr_t)low, O_RDONLY);
	return verdict(fd >= 0 && fd_leaks((int)fd), "openat through int 0x80");
}

static enum outcome i386_io_uring(void)
{
	return verdict(int80(425 /* io_uring_setup */, 4, 0, 0) == -EFAULT,
		       "io_uring_setup through int 0x80");
}

static enum outcome i386_socket(void)
{
	return verdict(int80(359 /* socket */, AF_VSOCK, SOCK_STREAM, 0) >= 0 ||
			   int80(359, AF_UNIX, SOCK_DGRAM, 0) >= 0,
		       "socket through int 0x80");
}

static enum outcome i386_socketcall(void)
{
	uint32_t *args = (uint32_t *)(void *)low_memory();

	args[0] = AF_UNIX;
	args[1] = SOCK_DGRAM;
	return verdict(int80(102 /* socketcall */, 1 /* socket */, (long)(uintptr_t)args, 0) >= 0,
		       "socketcall through int 0x80");
}

static enum outcome i386_keyctl(void)
{
	/* KEYCTL_GET_KEYRING_ID of the session keyring */
	return verdict(int80(288 /* keyctl */, 0, -3, 0) > 0, "keyctl through int 0x80");
}

static enum outcome i386_ptrace(void)
{
	return verdict(int80(26 /* ptrace */, 0 /* TRACEME */, 0, 0) == 0,
		       "ptrace through int 0x80");
}

static enum outcome by_i386(void)
{
	static enum outcome (*const calls[])(void) = {
	    i386_open,	     i386_openat, i386_io_uring, i386_socket,
	    i386_socketcall, i386_keyctl, i386_ptrace,
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		enum outcome o = in_child(calls[i]);

		if (o != REFUSED)
			return o;
	}
	return REFUSED;
}

static enum outcome x32_child(void)
{
	const long x32 = 0x40000000;
	long fd = syscall(x32 | SYS_open, secret(), O_RDONLY);

	if (fd >= 0 && fd_leaks((int)fd))
		return won("open through x32");
	fd = syscall(x32 | SYS_openat, AT_FDCWD, secret(), O_RDONLY);
	if (fd >= 0 && fd_leaks((int)fd))
		return won("openat through x32");
	if (syscall(x32 | SYS_socket, AF_UNIX, SOCK_DGRAM, 0) >= 0)
		return won("socket through x32");
	syscall(x32 | 425, 4, NULL); /* io_uring_setup */
	if (errno == EFAULT)
		return won("io_uring_setup through x32");
	return REFUSED;
}

static enum outcome by_x32(void)
{
	return in_child(x32_child);
}
#endif

/* ---- other processes and threads ----------------------------------------------------------------
 */

static void *open_alone(void *arg)
{
	usleep(50000); /* the first thread is gone by then */
	_exit(path_leaks(secret()) || fd_leaks(open(secret(), O_RDWR))
		  ? won("from a thread whose leader is gone")
		  : REFUSED);
	return arg;
}

static enum outcome without_leader(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, open_alone, NULL) != 0)
		return not_tried("a thread");
	syscall(SYS_exit, 0); /* this thread only */
	return NOT_TRIED;
}

static enum outcome leaderless_thread(void)
{
	return in_child(without_leader);
}

static enum outcome by_vfork(void)
{
	int status = -1;
	pid_t pid = vfork();

	if (pid == 0)
		_exit(fd_leaks(open(secret(), O_RDONLY)) || fd_leaks(open(secret(), O_RDWR)));
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return not_tried("vfork");
	return verdict(status != 0, "from a vfork child");
}

static int clone_child(void *arg)
{
	(void)arg;
	return fd_leaks(open(secret(), O_RDONLY)) || fd_leaks(open(secret(), O_RDWR));
}

/* A process of its own that shares memory, descriptors and the current folder. */
static enum outcome by_clone(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	int status = -1;
	pid_t pid = clone(clone_child, stack + sizeof(stack),
			  CLONE_VM | CLONE_FILES | CLONE_FS | SIGCHLD, NULL);

	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return not_tried("clone");
	return verdict(status != 0, "from a clone that shares all");
}

/* Nobody waits for it, and its parent is gone. */
static enum outcome by_orphan(void)
{
	int p[2];
	char c = 0;

	if (pipe(p) < 0)
		return not_tried("pipe");
	if (fork() == 0) {
		if (fork() == 0) {
			setsid();
			usleep(50000);
			c = path_leaks(secret()) || fd_leaks(open(secret(), O_RDWR)) ? '!' : '.';
			_exit(write(p[1], &c, 1) != 1);
		}
		_exit(0);
	}
	close(p[1]);
	wait(NULL);
	if (read(p[0], &c, 1) != 1)
		return not_tried("an orphan");
	return verdict(c != '.', "from an orphan");
}

/* ---- descriptors --------------------------------------------------------------------------------
 */

static bool send_fd(int s, int fd)
{
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(sizeof(int))];
	} u = {.h = {.cmsg_len = CMSG_LEN(sizeof(int)),
		     .cmsg_level = SOL_SOCKET,
		     .cmsg_type = SCM_RIGHTS}};
	struct iovec iov = {.iov_base = (char *)"x", .iov_len = 1};
	struct msghdr m = {
	    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &u, .msg_controllen = sizeof(u)};

	memcpy(CMSG_DATA(&u.h), &fd, sizeof(fd));
	return sendmsg(s, &m, 0) == 1;
}

static int receive_fd(int s)
{
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(sizeof(int))];
	} u = {0};
	char c;
	struct iovec iov = {&c, 1};
	struct msghdr m = {
	    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &u, .msg_controllen = sizeof(u)};
	int fd = -1;

	if (recvmsg(s, &m, 0) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(&u.h), sizeof(fd));
	return fd;
}

/* One process has the folder and the file by O_PATH, another one gets them and tries. */
static enum outcome passed_descriptors(void)
{
	int s[2], dir, file, status;
	char path[64];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0 || (pid = fork()) < 0)
		return not_tried("a socket pair");
	if (pid == 0) {
		dir = open(parent_of(secret()), O_PATH | O_DIRECTORY);
		file = open(secret(), O_PATH);
		_exit(!send_fd(s[1], dir < 0 ? 1 : dir) || !send_fd(s[1], file < 0 ? 1 : file));
	}
	dir = receive_fd(s[0]);
	file = receive_fd(s[0]);
	if (waitpid(pid, &status, 0) < 0 || status != 0 || dir < 0 || file < 0)
		return not_tried("passing descriptors");
	if (fd_leaks(openat(dir, secret_name(), O_RDONLY)) ||
	    fd_leaks(openat(dir, secret_name(), O_RDWR)))
		return won("relative to a passed folder");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	if (path_leaks(path) || fd_leaks(open(path, O_RDWR)) || fd_leaks(file))
		return won("a passed file");
	return REFUSED;
}

/* No number is free: what is opened can't be handed over, and must not be opened otherwise. */
static enum outcome full_table(void)
{
	const struct rlimit few = {16, 16};
	const char *mine = in_work("mine");
	int last = -1, fd, n = 0;

	if (setrlimit(RLIMIT_NOFILE, &few) < 0)
		return not_tried("setrlimit");
	while ((fd = dup(0)) >= 0)
		last = fd;
	if (last < 0)
		return not_tried("a full table");
	for (int i = 0; i < 100; i++) {
		if (open(secret(), O_RDONLY) >= 0 || open(secret(), O_RDWR) >= 0 ||
		    open(mine, O_RDWR | O_CREAT, 0600) >= 0)
			return won("a descriptor beyond the limit");
		n += errno == EMFILE;
	}
	if (!n)
		return not_tried("a table that is full");
	close(last);
	if (fd_leaks(open(secret(), O_RDONLY)) || fd_leaks(open(secret(), O_RDWR)))
		return won("after the table was full");
	fd = open(mine, O_RDWR | O_CREAT, 0600);
	if (fd < 0)
		return not_tried("a file of my own afterwards");
	unlink(mine);
	return REFUSED;
}

/* Opens that wait hold descriptors of the supervisor, whose limit is low here. Whatever can't be
 * looked at any more is refused; when they end, all is as before. */
static enum outcome starved_supervisor(void)
{
	enum { WAITING = 120 };
	const char *fifo = in_work("fifo"), *mine = in_work("mine");
	pid_t pid[WAITING];
	bool leaked = false, served = false;
	int fd;

	if (mkfifo(fifo, 0600) < 0)
		return not_tried("a pipe with a name");
	for (int i = 0; i < WAITING; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			for (;;)
				close(open(fifo, O_RDONLY)); /* nobody ever writes */
		}
	}
	usleep(300000);
	for (int i = 0; i < 300 && !leaked; i++) {
		leaked = path_leaks(secret()) || fd_leaks(open(secret(), O_RDWR));
		fd = open(mine, O_RDWR | O_CREAT, 0600);
		if (fd >= 0)
			close(fd);
	}
	for (int i = 0; i < WAITING; i++)
		if (pid[i] > 0) {
			kill(pid[i], SIGKILL);
			waitpid(pid[i], NULL, 0);
		}
	for (int i = 0; i < 1000 && !served; i++) { /* a busy machine takes its time */
		fd = open(mine, O_RDWR | O_CREAT, 0600);
		served = fd >= 0;
		if (!served)
			usleep(20000);
	}
	leaked = leaked || path_leaks(secret());
	unlink(mine);
	unlink(fifo);
	if (leaked)
		return won("while the supervisor had nothing left");
	return served ? REFUSED : not_tried("the supervisor never came back");
}

static const struct attack table[] = {
#ifdef __x86_64__
    {"i386", by_i386},
    {"x32", by_x32},
#endif
    {"leaderless-thread", leaderless_thread},
    {"vfork", by_vfork},
    {"clone", by_clone},
    {"orphan", by_orphan},
    {"passed-descriptors", passed_descriptors},
    {"full-table", full_table},
    {"starved-supervisor", starved_supervisor},
};

ATTACK_MAIN(table)
