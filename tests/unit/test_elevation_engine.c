/* The gate with real programs in front of it: what they get, what the log says. */
#include "tests/lib/engine.h"

#include <setjmp.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#include <sys/mman.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/xattr.h>

static bool with_namespaces;

static int leaks(int fd)
{
	char text[64] = "";
	int r = 0;

	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) > 0 && strstr(text, "TOPSECRET"))
		r = 1;
	close(fd);
	return r;
}

static bool reads(const char *path, const char *want)
{
	char text[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && read(fd, text, sizeof(text) - 1) >= 0 && strcmp(text, want) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

/* ---- reading ------------------------------------------------------------------------------------
 */

static void reading(void *arg)
{
	char path[256];

	(void)arg;
	CHECK(reads(at("ws/file"), "plain") && reads(at("ro/file"), "plain"));
	CHECK(reads(at("ws/sub/same"), "plain") && reads(at("ws/absolute/file"), "plain"));
	REFUSED(open(at("ws/secret/key"), O_RDONLY), EACCES);
	REFUSED(open(at("ws/hidden"), O_RDONLY), EACCES);
	REFUSED(open(at("closed/key"), O_RDONLY), EACCES);
	REFUSED(open(at("ws/link"), O_RDONLY), EACCES);
	REFUSED(open(at("dirlink/key"), O_RDONLY), EACCES);
	REFUSED(open(at("ws/secret"), O_RDONLY | O_DIRECTORY), EACCES);
	REFUSED(open(at("free/hard"), O_RDONLY), EACCES);
	REFUSED(open(at("ws/sub/hard"), O_RDONLY), EACCES);
	REFUSED(open(at("ro/own"), O_RDONLY), EACCES);
	REFUSED(open(at("ro/shown"), O_RDONLY), EACCES);
	/* What is not there is not there, closed or not. */
	REFUSED(open(at("ws/secret/none"), O_RDONLY), ENOENT);
	REFUSED(open(at("ws/none"), O_RDONLY), ENOENT);
	REFUSED(open(at("ws/none/none"), O_RDONLY), ENOENT);
	REFUSED(open(at("ws/file/none"), O_RDONLY), ENOTDIR);
	REFUSED(open(at("ws/file/"), O_RDONLY), ENOTDIR);
	REFUSED(open(at("ws/loop"), O_RDONLY), ELOOP);
	REFUSED(open(at("ws/dangling"), O_RDONLY), ENOENT);
	REFUSED(open(at("ws/link"), O_RDONLY | O_NOFOLLOW), ELOOP);
	REFUSED(open(at("ws/file"), O_RDONLY | O_DIRECTORY), ENOTDIR);
	REFUSED(open("", O_RDONLY), ENOENT);
	REFUSED(syscall(SYS_openat, AT_FDCWD, (char *)8, O_RDONLY), EFAULT);
	REFUSED(openat(999, "x", O_RDONLY), EBADF);
	/* Folders above closed things: listed by the broker. */
	int fd = open(at("ws"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
	REFUSED(openat(fd, "secret/key", O_RDONLY), EACCES);
	REFUSED(openat(fd, "hidden", O_RDONLY), EACCES);
	CHECK(leaks(openat(fd, "file", O_RDONLY)) == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/hidden", fd);
	REFUSED(open(path, O_RDONLY), EACCES);
	snprintf(path, sizeof(path), "/dev/fd/%d/sub/../secret/key", fd);
	REFUSED(open(path, O_RDONLY), EACCES);
	close(fd);
	/* O_PATH shows no more than stat; what comes after it is asked again. */
	fd = open(at("ws/hidden"), O_PATH | O_CLOEXEC);
	CHECK(fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	REFUSED(open(path, O_RDONLY), EACCES);
	snprintf(path, sizeof(path), "/proc/thread-self/fd/%d", fd);
	REFUSED(open(path, O_RDONLY), EACCES);
	close(fd);
}

/* Directories and missing directories, written in several ways, again while they are remembered. */
static void folders(void *arg)
{
	char here[256];
	int fd;

	(void)arg;
	for (int i = 0; i < 3; i++) {
		for (const char *const *s =
			 (const char *const[]){"ro/", "ro//", "ro/.", "ro/dir/./", "ws/absolute/",
					       NULL};
		     *s; s++) {
			fd = open(at(*s), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
			CHECK(fd >= 0 && close(fd) == 0);
		}
		REFUSED(open(at("ro/file/"), O_RDONLY), ENOTDIR);
		REFUSED(open(at("ro/file/."), O_RDONLY), ENOTDIR);
		REFUSED(open(at("ro/none/"), O_RDONLY), ENOENT);
		REFUSED(open(at("ro/none/deep/er/file"), O_RDONLY), ENOENT);
		REFUSED(open(at("ro/none/../file"), O_RDONLY), ENOENT);
		REFUSED(open(at("ro/dir/none/../../file"), O_RDONLY), ENOENT);
		REFUSED(open(at("dirlink/"), O_RDONLY), EACCES);
		REFUSED(open(at("ws/secret/."), O_RDONLY), EACCES);
		REFUSED(open(at("closed/"), O_RDONLY), EACCES);
		REFUSED(open(at("closed/none/file"), O_RDONLY), ENOENT);
	}
	/* It is there the moment it is made. */
	for (int i = 0; i < 2; i++) {
		REFUSED(open(at("ws/sub/made/x/file"), O_RDONLY), ENOENT);
		REFUSED(open(at("free/made/x/file"), O_RDONLY), ENOENT);
	}
	CHECK(mkdir(at("ws/sub/made"), 0755) == 0 && mkdir(at("ws/sub/made/x"), 0755) == 0);
	CHECK(symlink(at("ro"), at("free/made")) == 0);
	REFUSED(open(at("ws/sub/made/x/file"), O_RDONLY), ENOENT);
	REFUSED(open(at("free/made/x/file"), O_RDONLY), ENOENT);
	fd = creat(at("ws/sub/made/x/file"), 0600);
	CHECK(fd >= 0 && write(fd, "there", 5) == 5 && close(fd) == 0);
	CHECK(reads(at("ws/sub/made/x/file"), "there") && reads(at("free/made/file"), "plain"));
	/* A directory that has no name any more. */
	CHECK(mkdir(at("free/gone"), 0755) == 0 && chdir(at("free/gone")) == 0);
	fd = open(".", O_RDONLY | O_DIRECTORY);
	CHECK(fd >= 0 && close(fd) == 0);
	CHECK(rmdir(at("free/gone")) == 0);
	REFUSED(open("file", O_RDONLY), ENOENT);
	CHECK(chdir(at("ro")) == 0 && getcwd(here, sizeof(here)) && reads("file", "plain"));
}

static void spellings(void *arg)
{
	static const char *const prefix[] = {
	    "/proc/self/root",
	    "/proc/thread-self/root",
	    "//",
	    "/./",
	    "/usr/../",
	    "/proc/../",
	    "/proc/self/root/proc/self/root",
	    "/proc/self/task/../root",
	    "/dev/fd/../root",
	};
	char path[512];

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(prefix); i++) {
		snprintf(path, sizeof(path), "%s%s", prefix[i], at("ws/secret/key"));
		CHECK(leaks(open(path, O_RDONLY)) == 0);
		snprintf(path, sizeof(path), "%s%s", prefix[i], at("ro/file"));
		CHECK(reads(path, "plain"));
	}
	CHECK(chdir(at("ws/sub")) == 0);
	CHECK(reads("file", "plain") && reads("./file", "plain") && reads("../file", "plain"));
	CHECK(reads("deep/../file", "plain") && reads("../../ro/file", "plain"));
	REFUSED(open("../secret/key", O_RDONLY), EACCES);
	REFUSED(open("/proc/self/cwd/../hidden", O_RDONLY), EACCES);
	CHECK(chdir(at("ws/secret")) == 0);
	REFUSED(open("key", O_RDONLY), EACCES);
	REFUSED(open(".", O_RDONLY | O_DIRECTORY), EACCES);
	int fd = open("..", O_RDONLY | O_DIRECTORY);
	CHECK(fd >= 0);
	/* A path that ends where the memory ends. */
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *m = mmap(NULL, page * 3, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(m != MAP_FAILED && munmap(m + 2 * page, page) == 0);
	const char *file = at("ro/file");
	size_t n = strlen(file) + 1;
	CHECK(reads(memcpy(m + 2 * page - n, file, n), "plain"));
	CHECK(reads(memcpy(m + page - n / 2, file, n), "plain"));
	memset(m, 'x', 2 * page);
	REFUSED(open(m, O_RDONLY), ENAMETOOLONG);
	REFUSED(open(m + 2 * page - 20, O_RDONLY), EFAULT);
	m[NAME_MAX + 1] = '\0';
	REFUSED(open(m, O_RDONLY), ENAMETOOLONG);
}

static void nameless(void *arg)
{
	char path[64], text[8] = "";
	int p[2], fd;

	(void)arg;
	CHECK(pipe2(p, O_CLOEXEC) == 0);
	snprintf(path, sizeof(path), "/dev/fd/%d", p[1]);
	fd = open(path, O_WRONLY);
	CHECK(fd >= 0 && write(fd, "hello", 5) == 5);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p[0]);
	fd = open(path, O_RDONLY);
	CHECK(fd >= 0 && read(fd, text, 5) == 5 && strcmp(text, "hello") == 0);
	fd = (int)syscall(SYS_memfd_create, "x", 0);
	CHECK(fd >= 0 && write(fd, "#!/bin/sh\n", 10) == 10);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK(reads(path, "#!/bin/sh\n"));
	/* A program that is in no file runs past all rules. */
	char *argv[] = {(char *)"x", NULL};
	REFUSED(execve(path, argv, environ), EACCES);
	REFUSED(syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH), EACCES);
	/* Somebody else's. */
	snprintf(path, sizeof(path), "/proc/1/root%s", at("ws/hidden"));
	CHECK(leaks(open(path, O_RDONLY)) == 0);
	snprintf(path, sizeof(path), "/proc/%d/root%s", getppid(), at("ws/hidden"));
	CHECK(leaks(open(path, O_RDONLY)) == 0);
	snprintf(path, sizeof(path), "/proc/%d/environ", getppid());
	REFUSED(open(path, O_RDONLY), EACCES);
}

/* ---- changing
 * ------------------------------------------------------------------------------------ */

static mode_t mode_of(const char *path)
{
	struct stat st;

	CHECK(lstat(path, &st) == 0);
	return st.st_mode & 07777;
}

static void writing(void *arg)
{
	int fd;

	(void)arg;
	umask(027);
	fd = open(at("ws/new"), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	CHECK(fd >= 0 && write(fd, "one", 3) == 3 && close(fd) == 0);
	CHECK(mode_of(at("ws/new")) == 0640 && reads(at("ws/new"), "one"));
	fd = open(at("ws/new"), O_WRONLY | O_APPEND);
	CHECK(fd >= 0 && write(fd, "two", 3) == 3 && close(fd) == 0 &&
	      reads(at("ws/new"), "onetwo"));
	REFUSED(open(at("ws/new"), O_WRONLY | O_CREAT | O_EXCL, 0600), EEXIST);
	fd = open(at("ws/new"), O_RDWR | O_TRUNC);
	CHECK(fd >= 0 && ftruncate(fd, 4) == 0 && close(fd) == 0);
	CHECK(truncate(at("ws/new"), 0) == 0 && reads(at("ws/new"), ""));
	fd = creat(at("free/new"), 0666);
	CHECK(fd >= 0 && write(fd, "x", 1) == 1 && close(fd) == 0);
	CHECK(mode_of(at("free/new")) == 0640);
	fd = open(at("ws/dangling"), O_WRONLY | O_CREAT, 0600); /* makes what the link says */
	CHECK(fd >= 0 && close(fd) == 0 && access(at("ws/nothing"), F_OK) == 0);
	fd = open(at("ws"), O_TMPFILE | O_RDWR, 0600);
	CHECK(fd >= 0 && write(fd, "x", 1) == 1 && close(fd) == 0);
	REFUSED(open(at("ro/file"), O_WRONLY), EACCES);
	REFUSED(open(at("ro/file"), O_RDONLY | O_TRUNC), EACCES);
	REFUSED(open(at("ro/new"), O_WRONLY | O_CREAT, 0600), EACCES);
	REFUSED(open(at("ws/link"), O_WRONLY), EACCES);
	REFUSED(open(at("ws/link"), O_WRONLY | O_TRUNC | O_CREAT, 0600), EACCES);
	REFUSED(open(at("ws/secret/new"), O_WRONLY | O_CREAT, 0600), EACCES);
	REFUSED(open(at("free/hard"), O_RDWR), EACCES);
	REFUSED(open(at("ws/.git/hooks/pre-commit"), O_WRONLY), EACCES);
	REFUSED(open(at("ws/.git/hooks/post-commit"), O_WRONLY | O_CREAT, 0755), EACCES);
	REFUSED(open(at("ws"), O_WRONLY), EISDIR);
	REFUSED(open("/etc", O_RDWR), EISDIR);
	REFUSED(truncate(at("ws/hidden"), 0), EACCES);
}

static void changing(void *arg)
{
	struct timespec times[2] = {{.tv_sec = 1000000}, {.tv_sec = 2000000}};
	struct stat st;
	char text[16];

	(void)arg;
	umask(022);
	CHECK(mkdir(at("ws/dir"), 0777) == 0 && mode_of(at("ws/dir")) == 0755);
	REFUSED(mkdir(at("ws/dir"), 0777), EEXIST);
	REFUSED(mkdir("/usr", 0777), EEXIST);
	REFUSED(mkdir("/tmp", 0777), EEXIST);
	CHECK(rename(at("ws/file"), at("ws/dir/moved")) == 0 && reads(at("ws/dir/moved"), "plain"));
	CHECK(link(at("ws/dir/moved"), at("ws/dir/twice")) == 0);
	CHECK(symlink("moved", at("ws/dir/sym")) == 0 && reads(at("ws/dir/sym"), "plain"));
	CHECK(chmod(at("ws/dir/sym"), 0600) == 0 && mode_of(at("ws/dir/moved")) == 0600);
	CHECK(utimensat(AT_FDCWD, at("ws/dir/moved"), times, 0) == 0 &&
	      stat(at("ws/dir/moved"), &st) == 0 && st.st_mtime == 2000000);
	CHECK(chown(at("ws/dir/moved"), (uid_t)-1, getgid()) == 0);
	if (setxattr(at("ws/dir/moved"), "user.a", "b", 1, 0) < 0)
		CHECK(errno == ENOTSUP);
	else
		CHECK(getxattr(at("ws/dir/moved"), "user.a", text, sizeof(text)) == 1 &&
		      removexattr(at("ws/dir/moved"), "user.a") == 0);
	CHECK(unlink(at("ws/dir/sym")) == 0 && unlink(at("ws/dir/twice")) == 0);
	REFUSED(rmdir(at("ws/dir")), ENOTEMPTY);
	CHECK(unlinkat(AT_FDCWD, at("ws/dir/moved"), 0) == 0);
	CHECK(unlinkat(AT_FDCWD, at("ws/dir"), AT_REMOVEDIR) == 0);
	CHECK(mkfifo(at("ws/fifo"), 0600) == 0 && unlink(at("ws/fifo")) == 0);
	REFUSED(unlink(at("ws/none")), ENOENT);
	/* Closed things stay where they are and as they are. */
	REFUSED(rename(at("ws/secret"), at("ws/other")), EACCES);
	REFUSED(rename(at("ws"), at("free/ws")), EACCES);
	REFUSED(rename(at("ws/sub/file"), at("ws/hidden")), EACCES);
	REFUSED(rename(at("ro/file"), at("ws/stolen")), EACCES);
	REFUSED(unlink(at("ws/hidden")), EACCES);
	REFUSED(rmdir(at("ws/secret")), EACCES);
	REFUSED(chmod(at("ws/hidden"), 0666), EACCES);
	REFUSED(chmod(at("ws/link"), 0666), EACCES);
	REFUSED(chmod(at("ro/file"), 0666), EACCES);
	REFUSED(utimensat(AT_FDCWD, at("ro/file"), times, 0), EACCES);
	REFUSED(link(at("ws/hidden"), at("ws/mine")), EACCES);
	REFUSED(link(at("ro/file"), at("ws/mine")), EXDEV);
	REFUSED(syscall(SYS_linkat, AT_FDCWD, at("ws/link"), AT_FDCWD, at("ws/mine"),
			AT_SYMLINK_FOLLOW),
		EACCES);
	REFUSED(rename(at("ws/.git"), at("ws/git")), EACCES);
	REFUSED(chmod(at("ws/.git/hooks/pre-commit"), 0755), EACCES);
	REFUSED(mkdir(at("ro/dir/new"), 0700), EACCES);
	REFUSED(symlink("x", at("closed/new")), EACCES);
}

static int run(const char *path)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execl(path, path, (char *)NULL);
		_exit(100 + errno);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void executing(void *arg)
{
	(void)arg;
	CHECK(run("/usr/bin/true") == 0 && run("/bin/false") == 1);
	CHECK(run(at("ro/script")) == 7);
	CHECK(run(at("closed/prog")) == 100 + EACCES);
	CHECK(run("/usr/bin/no-such") == 100 + ENOENT);
	/* A thread that executes: its process is the new program. */
	CHECK(run("/usr/bin/sh") >= 0);
}

/* ---- what the kernel will say
 * -------------------------------------------------------------------- */

static void make_script(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0755);

	CHECK(fd >= 0 && write(fd, "#!/bin/sh\nexit 8\n", 17) == 17 && close(fd) == 0);
}

/* What took the place of what the kernel has rules for is read all the same, and not executed. */
static void replacing(void *arg)
{
	struct timespec kept = {.tv_nsec = 60000000};

	(void)arg;
	CHECK(reads(at("ws/file"), "plain") && reads(at("ws/sub/file"), "plain"));
	CHECK(reads(at("alone"), "plain") && reads(at("ro/file"), "plain"));
	make_script(at("ws/sub/script"));
	make_script(at("ws/script"));
	CHECK(run(at("ws/sub/script")) == 8);
	CHECK(run(at("ws/script")) == 100 + EACCES);
	CHECK(rename(at("ws/script"), at("ws/file")) == 0);
	CHECK(reads(at("ws/file"), "#!/bin/sh\nexit 8\n"));
	CHECK(run(at("ws/file")) == 100 + EACCES);
	CHECK(rename(at("ws/sub"), at("ws/old")) == 0 && mkdir(at("ws/sub"), 0755) == 0);
	make_script(at("ws/sub/script"));
	CHECK(reads(at("ws/sub/script"), "#!/bin/sh\nexit 8\n"));
	CHECK(reads(at("ws/old/file"), "plain"));
	CHECK(run(at("ws/sub/script")) == 100 + EACCES);
	/* By its user, outside. */
	REFUSED(open(at("alone"), O_WRONLY), EACCES);
	CHECK(mkdir(at("free/now"), 0755) == 0);
	for (int i = 0; access(at("free/done"), F_OK) < 0; i++) {
		CHECK(i < 500);
		usleep(10000);
	}
	nanosleep(&kept, NULL);
	CHECK(reads(at("alone"), "other") && reads(at("ro/file"), "other"));
	CHECK(run(at("ro/script")) == 100 + EACCES);
}

static void replace(struct engine *en)
{
	(void)en;
	if (access(at("free/now"), F_OK) < 0 || access(at("free/done"), F_OK) == 0)
		return;
	put("new", "other");
	CHECK(rename(at("new"), at("alone")) == 0);
	CHECK(rename(at("ro"), at("ro-old")) == 0 && mkdir(at("ro"), 0755) == 0);
	put("ro/file", "other");
	put("ro/script", "#!/bin/sh\nexit 0\n");
	CHECK(chmod(at("ro/script"), 0755) == 0);
	CHECK(mkdir(at("free/done"), 0755) == 0);
}

static void check_replacing(const struct engine *en)
{
	(void)en;
	CHECK(engine_events("exec", "exec", "allowed", at("ws/sub/script")) == 1);
	CHECK(engine_events("exec", "exec", "denied", at("ws/sub/script")) == 1);
	CHECK(engine_events("exec", "exec", "denied", at("ws/script")) == 1);
	CHECK(engine_events("exec", "exec", "denied", at("ro/script")) == 1);
	CHECK(engine_events("exec", NULL, "allowed", at("ws/script")) == 0);
}

/* ---- everything at once
 * ----------------------------------------------------------------------------- */

static char flip[512];
static atomic_int over; /* not a volatile bool: gcc 12 with sanitizers reads one only once */

static void *flipper(void *arg)
{
	static char names[2][128];

	(void)arg;
	snprintf(names[0], sizeof(names[0]), "%s", at("ws/file"));
	snprintf(names[1], sizeof(names[1]), "%s", at("ws/hidden"));
	for (unsigned i = 0; !over; i++)
		memcpy(flip, names[i & 1], sizeof(names[0]));
	return NULL;
}

static void *link_flipper(void *arg)
{
	const char *targets[] = {"file", at("ws/hidden")};

	(void)arg;
	for (unsigned i = 0; !over; i++)
		if (symlink(targets[i & 1], at("free/flip")) < 0 ||
		    rename(at("free/flip"), at("free/flop")) < 0)
			usleep(1);
	return NULL;
}

/* Two threads change what a path means while a third one uses it. */
static void racing(void *arg)
{
	pthread_t a, b;
	uint64_t end;
	unsigned opened = 0;

	(void)arg;
	CHECK(pthread_create(&a, NULL, flipper, NULL) == 0);
	CHECK(pthread_create(&b, NULL, link_flipper, NULL) == 0);
	end = clock_mono_ns() + 1500000000ull;
	while (clock_mono_ns() < end) {
		static const int flags[] = {O_RDONLY, O_RDWR};
		for (size_t i = 0; i < 2; i++) {
			int fd = open(flip, flags[i]);
			opened += fd >= 0;
			CHECK(!leaks(fd));
		}
		CHECK(!leaks(open(at("free/flop"), O_RDONLY)));
		CHECK(!leaks(open(at("free/flop"), O_RDWR)));
		CHECK(chmod(flip, 0644) == 0 || errno == EACCES || errno == ENOENT);
	}
	over = 1;
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	CHECK(opened > 100);
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void *opener(void *arg)
{
	(void)arg;
	for (int i = 0; i < 300; i++) {
		CHECK(reads(at("ro/file"), "plain"));
		REFUSED(open(at("ws/hidden"), O_RDONLY), EACCES);
		CHECK(chmod(at("ws/sub/file"), 0644) == 0);
	}
	return NULL;
}

static void crowd(void *arg)
{
	struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	struct itimerval often = {{0, 700}, {0, 700}};
	pthread_t t[8];

	(void)arg;
	CHECK(sigaction(SIGALRM, &sa, NULL) == 0 && setitimer(ITIMER_REAL, &often, NULL) == 0);
	for (size_t i = 0; i < 8; i++)
		CHECK(pthread_create(&t[i], NULL, opener, NULL) == 0);
	for (size_t i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < 100; i++) { /* callers that are killed in the middle */
		pid_t pid = fork();
		if (pid == 0)
			for (;;)
				(void)chmod(at("ws/sub/file"), 0644);
		usleep(200);
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
}

/* ---- requests
 * ---------------------------------------------------------------------------------------- */

/* A closed folder is moved, by its user, into one that the program may write: it stays closed. */
static void moving(void *arg)
{
	(void)arg;
	for (int i = 0; access(at("free/moved/key"), F_OK) < 0; i++) {
		CHECK(i < 500);
		usleep(10000);
	}
	usleep(1100000); /* how long it may take to be noticed */
	CHECK(reads(at("ro/file"), "plain"));
	REFUSED(open(at("free/moved/key"), O_RDONLY), EACCES);
	REFUSED(open(at("free/moved/key"), O_RDWR), EACCES);
	REFUSED(rename(at("free/moved/key"), at("free/key")), EACCES);
}

static void move(struct engine *en)
{
	(void)en;
	if (access(at("free/moved"), F_OK) < 0)
		CHECK(rename(at("closed"), at("free/moved")) == 0);
}

static void asking(void *arg)
{
	(void)arg;
	CHECK(leaks(open(at("ws/hidden"), O_RDONLY)) == 1);  /* once */
	REFUSED(open(at("ws/hidden"), O_RDONLY), EACCES);    /* denied */
	CHECK(leaks(open(at("closed/key"), O_RDONLY)) == 1); /* for the session */
	CHECK(leaks(open(at("closed/key"), O_RDONLY)) == 1);
	int fd = open(at("ro/new"), O_WRONLY | O_CREAT, 0600);
	CHECK(fd >= 0 && close(fd) == 0);
	REFUSED(open(at("closed/none"), O_RDONLY), ENOENT); /* nobody is asked */
	REFUSED(open(at("state/nono/x"), O_WRONLY | O_CREAT, 0600), EACCES);
}

static void answer(struct engine *en)
{
	static unsigned turn;
	static const struct {
		bool grant;
		enum request_scope scope;
	} answers[] = {
	    {true, SCOPE_ONCE}, {false, SCOPE_ONCE}, {true, SCOPE_SESSION}, {true, SCOPE_ONCE}};
	size_t n;
	const struct request *const *r = elevation_requests(en->e, &n);

	for (size_t i = 0; i < n; i++) {
		struct err err = {0};
		CHECK(turn < ARRAY_LEN(answers));
		if (elevation_answer(en->e, r[0]->id, answers[turn].grant, answers[turn].scope,
				     "test", &err) < 0) {
			fprintf(stderr, "%s\n", err.msg);
			_exit(1);
		}
		turn++;
		r = elevation_requests(en->e, &n);
	}
}

/* ---- the tests
 * ---------------------------------------------------------------------------------------- */

struct job {
	void (*fn)(void *);
	bool elevation;
	void (*check)(const struct engine *en);
	void (*turn)(struct engine *en);
};

static void broker(void *arg)
{
	const struct job *j = arg;
	struct engine en = {.namespaces = with_namespaces, .elevation = j->elevation};
	int status;

	scene_up();
	en.turn = j->turn;
	status = engine_run(&en, j->fn, NULL);
	if (en.leaked)
		fprintf(stderr, "%d descriptors are left\n", en.leaked);
	if (status == 0 && j->check)
		j->check(&en);
	scene_down();
	_exit(status ? status : en.leaked != 0);
}

static void both(const struct job *j, bool user)
{
	for (int i = 0; i < 2; i++) {
		with_namespaces = i;
		if (i && user_namespaces_forbidden())
			return;
		assert_int_equal(in_child(broker, (void *)j, user), 0);
	}
}

static void check_reading(const struct engine *en)
{
	CHECK(en->counts.denied >= 10 && en->counts.granted == 0);
	CHECK(engine_events("open", "read", "allowed", at("ws/file")) >= 1);
	CHECK(engine_events("open", "read", "denied", at("ws/secret/key")) >= 3);
	CHECK(engine_events("open", "read", "denied", at("free/hard")) == 1);
	CHECK(engine_events("open", "read", "denied", at("ro/own")) == 1);
	CHECK(engine_events("open", "read", "missing", at("ws/none")) == 1);
	CHECK(engine_events("open", "read", "allowed", at("ws/sub/file")) >= 2);
	CHECK(engine_events("open", "path", "allowed", at("ws/hidden")) == 1);
}

static void check_folders(const struct engine *en)
{
	CHECK(en->counts.denied == 9);
	CHECK(engine_events("open", "read", "allowed", at("ro")) == 9);
	CHECK(engine_events("open", "read", "allowed", at("ro/dir")) == 3);
	CHECK(engine_events("open", "read", "allowed", at("ws/sub")) == 3);
	CHECK(engine_events("open", "read", "missing", at("ro/none/deep/er/file")) == 3);
	CHECK(engine_events("open", "read", "missing", at("ws/sub/made/x/file")) == 3);
	CHECK(engine_events("open", "read", "allowed", at("ws/sub/made/x/file")) == 1);
	CHECK(engine_events("open", "read", "allowed", at("free/gone")) == 1);
}

static void check_changing(const struct engine *en)
{
	(void)en;
	CHECK(engine_events("change", "mkdir", "allowed", at("ws/dir")) >= 1);
	CHECK(engine_events("change", "rename", "allowed", at("ws/file")) == 1);
	CHECK(engine_events("change", "unlink", "denied", at("ws/hidden")) == 1);
	CHECK(engine_events("change", "chmod", "denied", at("ws/secret/key")) == 1);
}

static void check_asking(const struct engine *en)
{
	CHECK(en->counts.granted == 4);
	CHECK(engine_events("open", "read", "granted", at("closed/key")) == 2);
	CHECK(engine_events("capability_decision", NULL, NULL, NULL) == 4);
}

#define TEST(name, elevation, check, turn)                                  \
	static void test_##name(void **state)                               \
	{                                                                   \
		static const struct job j = {name, elevation, check, turn}; \
		both(&j, *state != NULL);                                   \
	}
TEST(reading, false, check_reading, NULL)
TEST(folders, false, check_folders, NULL)
TEST(spellings, false, NULL, NULL)
TEST(nameless, false, NULL, NULL)
TEST(writing, false, NULL, NULL)
TEST(changing, false, check_changing, NULL)
TEST(executing, false, NULL, NULL)
TEST(replacing, false, check_replacing, replace)
TEST(racing, false, NULL, NULL)
TEST(crowd, false, NULL, NULL)
TEST(asking, true, check_asking, answer)
TEST(moving, false, NULL, move)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    AS_BOTH(test_reading), AS_BOTH(test_spellings), AS_BOTH(test_nameless),
	    AS_BOTH(test_writing), AS_BOTH(test_changing),  AS_BOTH(test_executing),
	    AS_BOTH(test_racing),  AS_BOTH(test_crowd),	    AS_BOTH(test_asking),
	    AS_BOTH(test_moving),  AS_BOTH(test_folders),   AS_BOTH(test_replacing),
	};
	return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
