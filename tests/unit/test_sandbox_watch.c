/* Which calls stop at the listener, and which never do. */
#include "common/common.h"
#include "sandbox/nono.h"
#include "tests/lib/child.h"

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <utime.h>

/* What the test's supervisor answers to everything: no call gives it by itself. */
#define ANSWER	    ENOTNAM
#define STOPS(call) REFUSED(call, ANSWER)

static enum nono_watch level;
static int sockets[2];
static useconds_t slow; /* how long the supervisor thinks */

static void confine(void)
{
	static const struct nono_path all = {"/", NONO_READ | NONO_WRITE | NONO_EXEC};
	struct nono_spec spec = {.paths = &all, .n_paths = 1, .watch = level};
	struct nono_layers layers = {0};
	struct nono_error err = {0};
	int listener = -1;
	char go;

	if (nono_confine(&spec, &layers, &listener, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		_exit(1);
	}
	CHECK(listener >= 0 && layers.notify && layers.seccomp);
	CHECK(fcntl(listener, F_GETFD) == FD_CLOEXEC);
	CHECK(fd_send(sockets[1], "l", 1, listener) == 0);
	close(listener);
	CHECK(read(sockets[1], &go, 1) == 1); /* somebody serves it from here on */
}

/* Answers until nobody is left who could call. Returns how many calls came. */
static unsigned serve(int listener)
{
	struct seccomp_notif call;
	struct seccomp_notif_resp answer;
	unsigned n = 0;

	for (;;) {
		struct pollfd p = {.fd = listener, .events = POLLIN};
		if (poll(&p, 1, 20000) <= 0 || !(p.revents & POLLIN))
			return n;
		memset(&call, 0, sizeof(call));
		memset(&answer, 0, sizeof(answer));
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
			continue;
		n++;
		if (slow)
			usleep(slow);
		answer.id = call.id;
		answer.error = -ANSWER;
		(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
}

static unsigned run_watched(void (*fn)(void *), enum nono_watch watch, bool as_user)
{
	level = watch;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (as_user)
			become_user();
		fn(NULL);
		_exit(0);
	}
	close(sockets[1]);
	char b;
	int listener = -1, status = -1;
	unsigned n = 0;
	if (fd_recv(sockets[0], &b, 1, &listener) == 1 && listener >= 0 &&
	    write(sockets[0], "g", 1) == 1)
		n = serve(listener);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(listener);
	close(sockets[0]);
	assert_int_equal(status, 0);
	return n;
}

/* Calls that change, run or reach. */
static void all_stop(void *arg)
{
	(void)arg;
	confine();
	char *argv[] = {"true", NULL};
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "/no/such"};
	struct timespec times[2] = {{0, 0}, {0, 0}};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	const char *p = "/no/such/file", *q = "/no/such/other";

	STOPS(execv("/bin/true", argv));
	STOPS(syscall(SYS_execveat, AT_FDCWD, "/bin/true", argv, NULL, 0));
	STOPS(connect(fd, (struct sockaddr *)&a, sizeof(a)));
	STOPS(bind(fd, (struct sockaddr *)&a, sizeof(a)));
	STOPS(syscall(SYS_mkdirat, AT_FDCWD, p, 0700));
	STOPS(syscall(SYS_mknodat, AT_FDCWD, p, S_IFREG | 0600, 0));
	STOPS(mkfifo(p, 0600));
	STOPS(syscall(SYS_renameat2, AT_FDCWD, p, AT_FDCWD, q, 0));
	STOPS(renameat(AT_FDCWD, p, AT_FDCWD, q));
	STOPS(linkat(AT_FDCWD, p, AT_FDCWD, q, 0));
	STOPS(symlinkat(p, AT_FDCWD, q));
	STOPS(unlinkat(AT_FDCWD, p, 0));
	STOPS(truncate(p, 0));
	STOPS(syscall(SYS_fchmodat, AT_FDCWD, p, 0600));
	STOPS(syscall(452, AT_FDCWD, p, 0600, 0));
	STOPS(fchownat(AT_FDCWD, p, 0, 0, 0));
	STOPS(utimensat(AT_FDCWD, p, times, 0));
	STOPS(setxattr(p, "user.x", "y", 1, 0));
	STOPS(lsetxattr(p, "user.x", "y", 1, 0));
	STOPS(removexattr(p, "user.x"));
	STOPS(lremovexattr(p, "user.x"));
	STOPS(fchmod(fd, 0600));
	STOPS(fchown(fd, (uid_t)-1, (gid_t)-1));
	STOPS(futimens(fd, times));
	STOPS(fsetxattr(fd, "user.x", "y", 1, 0));
	STOPS(fremovexattr(fd, "user.x"));
#ifdef SYS_open
	struct utimbuf u = {0, 0};
	struct timeval tv[2] = {{0, 0}, {0, 0}};
	STOPS(syscall(SYS_mkdir, p, 0700));
	STOPS(syscall(SYS_mknod, p, S_IFREG | 0600, 0));
	STOPS(syscall(SYS_rename, p, q));
	STOPS(syscall(SYS_link, p, q));
	STOPS(syscall(SYS_symlink, p, q));
	STOPS(syscall(SYS_unlink, p));
	STOPS(syscall(SYS_rmdir, p));
	STOPS(syscall(SYS_chmod, p, 0600));
	STOPS(syscall(SYS_chown, p, 0, 0));
	STOPS(syscall(SYS_lchown, p, 0, 0));
	STOPS(syscall(SYS_utime, p, &u));
	STOPS(syscall(SYS_utimes, p, tv));
	STOPS(syscall(SYS_futimesat, AT_FDCWD, p, tv));
	STOPS(syscall(SYS_futimesat, fd, NULL, tv));
	STOPS(syscall(SYS_creat, p, 0600));
#endif
	/* Opens that are more than a look, however the flags are spelled. */
	static const unsigned changing[] = {
	    O_WRONLY, O_RDWR,	 O_ACCMODE,	    O_RDONLY | O_CREAT, O_RDONLY | O_TRUNC,
	    O_APPEND, O_TMPFILE, O_PATH | O_WRONLY, O_CREAT | O_EXCL};
	for (size_t i = 0; i < sizeof(changing) / sizeof(*changing); i++) {
		STOPS(syscall(SYS_openat, AT_FDCWD, p, changing[i], 0600));
		STOPS(syscall(SYS_openat, AT_FDCWD, p, 0xffffffff00000000UL | changing[i], 0600));
#ifdef SYS_open
		STOPS(syscall(SYS_open, p, changing[i], 0600));
#endif
	}
	/* Never the supervisor's business. */
	REFUSED(syscall(437, AT_FDCWD, p, times, 24), ENOSYS);
	REFUSED(syscall(463, AT_FDCWD, p, 0, "user.x", times, 16), ENOSYS);
	REFUSED(syscall(SYS_mount, p, q, p, 0, NULL), EPERM);
	REFUSED(syscall(SYS_mknodat, AT_FDCWD, p, S_IFCHR | 0600, 0), EPERM);
	REFUSED(syscall(SYS_fchmodat, AT_FDCWD, p, 04755), EPERM);
	REFUSED(access(p, F_OK), ENOENT);
}

static void by_descriptor_go_on(void *arg)
{
	(void)arg;
	char name[] = "/tmp/nono-watch-XXXXXX";
	int fd = mkstemp(name);
	CHECK(fd >= 0 && unlink(name) == 0);
	confine();
	CHECK(ftruncate(fd, 10) == 0 && write(fd, "x", 1) == 1);
	struct stat st;
	CHECK(stat("/", &st) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){0, 0}) == 0);
}

static void reads_stop(void *arg)
{
	(void)arg;
	confine();
	STOPS(syscall(SYS_openat, AT_FDCWD, "/", O_RDONLY));
	STOPS(syscall(SYS_openat, AT_FDCWD, "/", O_PATH));
#ifdef SYS_open
	STOPS(syscall(SYS_open, "/", O_RDONLY | O_DIRECTORY));
#endif
}

static void reads_go_on(void *arg)
{
	(void)arg;
	confine();
	CHECK(syscall(SYS_openat, AT_FDCWD, "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0);
	CHECK(syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY | O_NOFOLLOW) >= 0);
	CHECK(syscall(SYS_openat, AT_FDCWD, "/", O_PATH) >= 0);
#ifdef SYS_open
	CHECK(syscall(SYS_open, "/etc/passwd", O_RDONLY) >= 0);
#endif
}

static void handler(int signal)
{
	(void)signal;
}

/* A timer that fires more often than the supervisor answers: once received, a call is answered and
 * not interrupted; until then it starts over. */
static void signals_do_not_interrupt(void *arg)
{
	(void)arg;
	struct sigaction sa = {.sa_handler = handler, .sa_flags = SA_RESTART};
	struct itimerval often = {{0, 500}, {0, 500}};
	confine();
	CHECK(sigaction(SIGALRM, &sa, NULL) == 0 && setitimer(ITIMER_REAL, &often, NULL) == 0);
	for (int i = 0; i < 20; i++)
		STOPS(unlinkat(AT_FDCWD, "/no/such", 0));
}

/* Only one supervisor: what is inside can't put one of its own in front. */
static void one_listener(void *arg)
{
	(void)arg;
	confine();
	static const struct nono_path all = {"/", NONO_READ};
	struct nono_spec spec = {.paths = &all, .n_paths = 1, .watch = NONO_WATCH_CHANGES};
	struct nono_layers layers = {0};
	struct nono_error err = {0};
	int listener;
	CHECK(nono_confine(&spec, &layers, &listener, &err) == -1 && err.code == EBUSY);
	CHECK(listener == -1 && strstr(err.msg, "supervisor"));
}

static void test_changes(void **state)
{
	assert_true(run_watched(all_stop, NONO_WATCH_CHANGES, *state != NULL) > 40);
	assert_int_equal(run_watched(reads_go_on, NONO_WATCH_CHANGES, *state != NULL), 0);
}

static void test_all(void **state)
{
	assert_true(run_watched(all_stop, NONO_WATCH_ALL, *state != NULL) > 40);
	assert_in_range(run_watched(reads_stop, NONO_WATCH_ALL, *state != NULL), 2, 3);
}

static void test_by_descriptor(void **state)
{
	assert_int_equal(run_watched(by_descriptor_go_on, NONO_WATCH_ALL, *state != NULL), 0);
}

static void test_signals(void **state)
{
	slow = 2000;
	run_watched(signals_do_not_interrupt, NONO_WATCH_CHANGES, *state != NULL);
	slow = 0;
}

static void test_one_listener(void **state)
{
	run_watched(one_listener, NONO_WATCH_CHANGES, *state != NULL);
}

/* The supervisor is gone: watched calls fail, the rest of the confinement stays. */
static void orphan(void *arg)
{
	(void)arg;
	static const struct nono_path all = {"/", NONO_READ | NONO_WRITE | NONO_EXEC};
	struct nono_spec spec = {.paths = &all, .n_paths = 1, .watch = NONO_WATCH_ALL};
	struct nono_layers layers = {0};
	int listener;
	CHECK(nono_confine(&spec, &layers, &listener, NULL) == 0 && close(listener) == 0);
	REFUSED(open("/etc/passwd", O_RDONLY), ENOSYS);
	REFUSED(execl("/bin/true", "true", NULL), ENOSYS);
	REFUSED(socket(AF_UNIX, SOCK_DGRAM, 0), ENOSYS);
}

static void test_orphan(void **state)
{
	assert_int_equal(in_child(orphan, NULL, *state != NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    AS_BOTH(test_changes), AS_BOTH(test_all),	       AS_BOTH(test_by_descriptor),
	    AS_BOTH(test_signals), AS_BOTH(test_one_listener), AS_BOTH(test_orphan),
	};
	return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
