/* Confinement of nono's own processes: what is left works, the rest does not. */
#include "sandbox/nono.h"
#include "tests/lib/child.h"

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <termios.h>
#include <time.h>

#define RUN(fn) assert_int_equal(in_child(fn, NULL, *state != NULL), 0)

static void become_helper(void)
{
	struct nono_error err = {0};
	if (nono_confine_helper(&err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		_exit(1);
	}
}

static void helper_works(void *arg)
{
	(void)arg;
	int pair[2], file = open("/etc/passwd", O_RDONLY), master = posix_openpt(O_RDWR | O_NOCTTY);
	char b[64];
	CHECK(file >= 0 && master >= 0);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	become_helper();

	CHECK(write(pair[0], "abc", 3) == 3 && read(pair[1], b, 3) == 3);
	struct iovec v = {b, 3};
	char space[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = {0};
	struct msghdr m = {
	    .msg_iov = &v, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof(space)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &file, sizeof(int));
	CHECK(sendmsg(pair[0], &m, MSG_NOSIGNAL) == 3 && recvmsg(pair[1], &m, 0) == 3);
	CHECK(read(file, b, 4) == 4 && close(file) == 0);

	struct winsize w = {.ws_row = 5, .ws_col = 5};
	struct termios t;
	CHECK(ioctl(master, TIOCSWINSZ, &w) == 0 && ioctl(master, TIOCGWINSZ, &w) == 0 &&
	      ioctl(master, TCGETS, &t) == 0);
	int flags = fcntl(master, F_GETFL);
	CHECK(flags >= 0 && fcntl(master, F_SETFL, flags | O_NONBLOCK) == 0);

	struct pollfd p = {.fd = pair[0], .events = POLLOUT};
	int e = epoll_create1(EPOLL_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, 0);
	struct epoll_event ev = {.events = EPOLLIN};
	struct itimerspec soon = {{0, 0}, {0, 1000000}};
	CHECK(poll(&p, 1, 0) == 1 && e >= 0 && timer >= 0);
	CHECK(epoll_ctl(e, EPOLL_CTL_ADD, timer, &ev) == 0);
	CHECK(timerfd_settime(timer, 0, &soon, NULL) == 0);
	CHECK(epoll_wait(e, &ev, 1, 5000) == 1 && usleep(10) == 0);

	for (size_t n = 1; n < (size_t)64 << 20; n *= 4) { /* memory comes and goes */
		char *big = malloc(n);
		CHECK(big);
		memset(big, 1, n);
		big = realloc(big, 2 * n);
		CHECK(big && big[n - 1] == 1);
		free(big);
	}
	signal(SIGUSR1, SIG_IGN);
	CHECK(clock() != (clock_t)-1 && time(NULL) > 0);
	fprintf(stderr, "%s", ""); /* stdio */
}

static void helper_refused(void *arg)
{
	(void)arg;
	int root = open("/", O_RDONLY | O_DIRECTORY), s = socket(AF_UNIX, SOCK_STREAM, 0);
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	pid_t parent = getppid();
	char *argv[] = {"true", NULL}, b[64] = {0};
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "/x"};
	become_helper();

	REFUSED(open("/etc/passwd", O_RDONLY), EPERM);
	REFUSED(openat(root, "etc/passwd", O_RDONLY), EPERM);
	REFUSED(open("/etc/passwd", O_PATH), EPERM);
	REFUSED(syscall(SYS_openat, AT_FDCWD, "/tmp/x", O_CREAT | O_WRONLY, 0600), EPERM);
	REFUSED(syscall(437, AT_FDCWD, "/etc/passwd", b, 24), EPERM);
	REFUSED(access("/etc", F_OK), EPERM);
	struct stat st;
	REFUSED(stat("/etc", &st), EPERM);
	REFUSED(unlink("/tmp/no-such"), EPERM);
	REFUSED(mkdir("/tmp/no-such", 0700), EPERM);
	REFUSED(rename("/tmp/no-such", "/tmp/x"), EPERM);
	REFUSED(chdir("/"), EPERM);
	REFUSED(readlink("/proc/self/exe", b, sizeof(b)), EPERM);

	REFUSED(socket(AF_UNIX, SOCK_STREAM, 0), EPERM);
	REFUSED(socket(AF_INET, SOCK_STREAM, 0), EPERM);
	REFUSED(socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){0, 0}), EPERM);
	REFUSED(connect(s, (struct sockaddr *)&a, sizeof(a)), EPERM);
	REFUSED(bind(s, (struct sockaddr *)&a, sizeof(a)), EPERM);
	REFUSED(accept(s, NULL, NULL), EPERM);

	REFUSED(execv("/bin/true", argv), EPERM);
	REFUSED(syscall(SYS_execveat, root, "bin/true", argv, NULL, 0), EPERM);
	REFUSED(fork(), EPERM);
	REFUSED(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0), EPERM);
	REFUSED(syscall(435, b, 64), EPERM);
	REFUSED(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EPERM);
	void *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(m != MAP_FAILED);
	REFUSED(mprotect(m, 4096, PROT_READ | PROT_EXEC), EPERM);
	REFUSED(syscall(SYS_memfd_create, "x", 0), EPERM);

	REFUSED(kill(parent, 0), EPERM);
	REFUSED(syscall(SYS_tgkill, parent, parent, 0), EPERM);
	REFUSED(syscall(SYS_ptrace, PTRACE_ATTACH, parent, 0, 0), EPERM);
	REFUSED(syscall(SYS_process_vm_readv, parent, 0, 0, 0, 0, 0), EPERM);
	REFUSED(syscall(438, root, 0, 0), EPERM);
	REFUSED(syscall(425, 8, b), EPERM);
	REFUSED(ioctl(master, TIOCSTI, "x"), EPERM);
	REFUSED(ioctl(master, TIOCGPTPEER, O_RDWR), EPERM); /* opens the other side */
	REFUSED(prctl(PR_SET_DUMPABLE, 1), EPERM);
	REFUSED(syscall(SYS_bpf, 0, b, sizeof(b)), EPERM);
	REFUSED(syscall(SYS_unshare, 0x10000000), EPERM);
#ifdef __x86_64__
	long r = 5; /* open of i386 */
	__asm__ volatile("int $0x80"
			 : "+a"(r)
			 : "b"(0), "c"(0)
			 : "memory", "r8", "r9", "r10", "r11");
	CHECK(r == -ENOSYS);
#endif
}

static void helper_aborts(void *arg)
{
	(void)arg;
	signal(SIGABRT, SIG_DFL); /* a sanitizer or the test library may have taken it */
	become_helper();
	abort();
}

static void test_helper_aborts(void **state)
{
	assert_int_equal(in_child(helper_aborts, NULL, *state != NULL), 128 + SIGABRT);
}

/* ---- supervisor ---- */

static void supervisor(void *arg)
{
	(void)arg;
	char *argv[] = {"true", NULL}, b[128] = {0};
	struct nono_error err = {0};
	if (nono_confine_supervisor(&err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		_exit(1);
	}
	for (int family = 2; family < 46; family++)
		REFUSED(socket(family, SOCK_STREAM, 0), EACCES);
	REFUSED(socket(AF_NETLINK, SOCK_RAW, 0), EACCES);
	REFUSED(execv("/bin/true", argv), EPERM);
	REFUSED(syscall(SYS_execveat, AT_FDCWD, "/bin/true", argv, NULL, 0), EPERM);
	REFUSED(syscall(SYS_ptrace, PTRACE_ATTACH, getppid(), 0, 0), EPERM);
	REFUSED(syscall(SYS_process_vm_writev, getppid(), 0, 0, 0, 0, 0), EPERM);
	REFUSED(syscall(SYS_mount, "a", "/mnt", "tmpfs", 0, NULL), EPERM);
	REFUSED(syscall(SYS_setns, 0, 0), EPERM);
	REFUSED(syscall(SYS_unshare, 0x10000000), EPERM);
	REFUSED(syscall(SYS_clone, 0x10000000 | SIGCHLD, 0, 0, 0, 0), EPERM);
	REFUSED(syscall(SYS_bpf, 0, b, sizeof(b)), EPERM);
	REFUSED(syscall(SYS_keyctl, 0, -3, 0), EPERM);
	REFUSED(syscall(425, 8, b), EPERM);
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	CHECK(syscall(SYS_capget, &header, data) == 0 && data[0].effective == 0 &&
	      data[0].permitted == 0 && data[1].permitted == 0);

	/* What its work needs. */
	CHECK(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0);
	CHECK(open("/etc/passwd", O_RDONLY) >= 0);
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) { /* its domain and filter stack on top */
		become_helper();
		REFUSED(open("/etc/passwd", O_RDONLY), EPERM);
		_exit(4);
	}
	int status = 0;
	CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 4);
}

/* ---- descriptors, capabilities ---- */

static unsigned count_descriptors(void)
{
	unsigned n = 0;
	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void descriptors(void *arg)
{
	(void)arg;
	for (int i = 0; i < 20; i++)
		CHECK(open("/", O_RDONLY) >= 0);
	CHECK(dup2(0, 100) == 100 && dup2(0, 1000) == 1000);
	CHECK(nono_close_descriptors(100) == 0);
	CHECK(count_descriptors() == 4 && fcntl(100, F_GETFD) >= 0);
	CHECK(dup2(0, 3) == 3 && nono_close_descriptors(3) == 0 && count_descriptors() == 4);
	CHECK(nono_close_descriptors(-1) == 0 && count_descriptors() == 3);
	CHECK(nono_close_descriptors(2) == 0 && count_descriptors() == 3);
}

static void capabilities(void *arg)
{
	(void)arg;
	struct nono_error err = {0};
	CHECK(nono_drop_capabilities(&err) == 0);
	char line[128];
	unsigned seen = 0;
	FILE *f = fopen("/proc/self/status", "r");
	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, "Cap", 3) != 0)
			continue;
		/* A user can't empty the bounding set, and holds nothing of it. */
		if (strncmp(line, "CapBnd", 6) == 0 && getuid() != 0)
			continue;
		CHECK(strtoull(strchr(line, ':') + 1, NULL, 16) == 0);
		seen++;
	}
	fclose(f);
	CHECK(seen >= 4);
	CHECK(nono_drop_capabilities(&err) == 0); /* again does no harm */
	if (getuid() == 0) {
		char command[] = "grep -q 'CapEff:.*0000000000000000' /proc/self/status";
		CHECK(system(command) == 0); /* exec does not bring them back */
	}
}

static void become_sender(const char *readable, bool local)
{
	struct nono_path path = {.path = readable, .access = NONO_READ};
	struct nono_error err = {0};
	if (nono_confine_sender(&path, 1, local, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		_exit(1);
	}
}

/* /usr stands for what a sender may read. */
static void sender_works(void *arg)
{
	(void)arg;
	char path[] = "/tmp/nono-sender-XXXXXX", host[256];
	int out = mkstemp(path), s;
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = 1};
	CHECK(out >= 0 && unlink(path) == 0);
	become_sender("/usr", false);

	CHECK(open("/usr/bin/env", O_RDONLY) >= 0);
	CHECK(write(out, "abc", 3) == 3 && ftruncate(out, 0) == 0);
	CHECK(gethostname(host, sizeof(host)) == 0);
	s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(s >= 0 && connect(s, (struct sockaddr *)&in, sizeof(in)) < 0);
	CHECK(errno == ECONNREFUSED);
	CHECK(socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDP) >= 0);
}

static void sender_refused(void *arg)
{
	(void)arg;
	int s = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in in = {.sin_family = AF_INET};
	char *argv[] = {"true", NULL}, b[64] = {0};
	pid_t parent = getppid();
	become_sender("/usr", false);

	REFUSED(open("/etc/passwd", O_RDONLY), EACCES);
	REFUSED(open("/", O_RDONLY | O_DIRECTORY), EACCES);
	REFUSED(open("/proc/self/environ", O_RDONLY), EACCES);
	REFUSED(open("/usr/bin/../../etc/passwd", O_RDONLY), EACCES);
	CHECK(open("/usr/nono-x", O_CREAT | O_WRONLY, 0600) < 0);
	REFUSED(open("/tmp/nono-x", O_CREAT | O_WRONLY, 0600), EACCES);
	REFUSED(open("/dev/null", O_WRONLY), EACCES);
	REFUSED(unlink("/tmp/no-such"), EPERM);
	REFUSED(mkdir("/tmp/no-such", 0700), EPERM);
	REFUSED(rename("/tmp/no-such", "/tmp/x"), EPERM);
	REFUSED(symlink("/etc/passwd", "/tmp/no-such"), EPERM);
	REFUSED(chmod("/usr", 0700), EPERM);
	REFUSED(truncate("/tmp/no-such", 0), EPERM);

	REFUSED(socket(AF_UNIX, SOCK_STREAM, 0), EPERM);
	REFUSED(socket(AF_NETLINK, SOCK_RAW, 0), EPERM);
	REFUSED(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), EPERM);
	REFUSED(socket(AF_INET, SOCK_STREAM, 262), EPERM); /* MPTCP */
	REFUSED(bind(s, (struct sockaddr *)&in, sizeof(in)), EPERM);
	REFUSED(listen(s, 1), EPERM);
	REFUSED(accept(s, NULL, NULL), EPERM);

	REFUSED(execv("/usr/bin/true", argv), EPERM);
	REFUSED(fork(), EPERM);
	REFUSED(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0), EPERM);
	REFUSED(syscall(435, b, 64), ENOSYS); /* clone3: libc goes on to clone */
	REFUSED(kill(parent, 0), EPERM);
	REFUSED(ptrace(PTRACE_ATTACH, parent, NULL, NULL), EPERM);
	REFUSED(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EPERM);
	REFUSED(syscall(SYS_memfd_create, "x", 0), EPERM);
	REFUSED(syscall(SYS_inotify_init1, 0), EPERM);
}

static void sender_local(void *arg)
{
	(void)arg;
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "/nowhere"};
	become_sender("/usr", true);

	int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CHECK(s >= 0 && connect(s, (struct sockaddr *)&a, sizeof(a)) < 0 && errno == ENOENT);
	REFUSED(socket(AF_INET, SOCK_STREAM, 0), EPERM);
	REFUSED(socket(AF_INET6, SOCK_DGRAM, 0), EPERM);
	REFUSED(open("/etc/passwd", O_RDONLY), EACCES);
}

#define KEEPER "/tmp/nono-keeper-%d"

/* Replaces a file of its folder, as the notes of how far a sender is are. */
static void keeper(void *arg)
{
	(void)arg;
	char path[64], *argv[] = {"true", NULL};
	struct nono_path own = {.path = path, .access = NONO_READ | NONO_WRITE};
	struct nono_error err = {0};
	pid_t parent = getppid();
	int dir, fd;

	snprintf(path, sizeof(path), KEEPER, parent);
	CHECK(mkdir(path, 0700) == 0 && (dir = open(path, O_PATH | O_DIRECTORY)) >= 0);
	CHECK(nono_confine_keeper(&own, &err) == 0);
	fd = openat(dir, "new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
	CHECK(fd >= 0 && write(fd, "abc", 3) == 3 && fsync(fd) == 0 && close(fd) == 0);
	CHECK(renameat(dir, "new", dir, "file") == 0);
	CHECK((fd = openat(dir, "file", O_RDONLY)) >= 0 && close(fd) == 0);

	REFUSED(open("/etc/passwd", O_RDONLY), EACCES);
	REFUSED(open("/tmp/nono-x", O_CREAT | O_WRONLY, 0600), EACCES);
	REFUSED(openat(dir, "../nono-x", O_CREAT | O_WRONLY, 0600), EACCES);
	CHECK(renameat(dir, "file", dir, "../nono-x") < 0); /* EXDEV, before EACCES */
	REFUSED(socket(AF_UNIX, SOCK_STREAM, 0), EPERM);
	REFUSED(socket(AF_INET, SOCK_STREAM, 0), EPERM);
	REFUSED(execv("/usr/bin/true", argv), EPERM);
	REFUSED(fork(), EPERM);
	REFUSED(kill(parent, 0), EPERM);
	REFUSED(chmod("/tmp", 0777), EPERM);
	REFUSED(symlinkat("/etc", dir, "link"), EPERM);
	REFUSED(unlinkat(AT_FDCWD, "/tmp/nono-keeper-none", 0), ENOENT);
	CHECK(unlinkat(dir, "file", 0) == 0);
}

static void test_keeper(void **state)
{
	char path[64];

	RUN(keeper);
	snprintf(path, sizeof(path), KEEPER, getpid());
	rmdir(path);
}

#define TEST(fn)                            \
	static void test_##fn(void **state) \
	{                                   \
		RUN(fn);                    \
	}
TEST(helper_works)
TEST(helper_refused)
TEST(supervisor)
TEST(descriptors)
TEST(capabilities)
TEST(sender_works)
TEST(sender_refused)
TEST(sender_local)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    AS_BOTH(test_helper_works), AS_BOTH(test_helper_refused), AS_BOTH(test_helper_aborts),
	    AS_BOTH(test_supervisor),	AS_BOTH(test_descriptors),    AS_BOTH(test_capabilities),
	    AS_BOTH(test_sender_works), AS_BOTH(test_sender_refused), AS_BOTH(test_sender_local),
	    AS_BOTH(test_keeper),
	};
	return cmocka_run_group_tests_name("helper", tests, NULL, NULL);
}
