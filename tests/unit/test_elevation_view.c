/* What paths mean to another process: from its root, its folder, its descriptors. */
#include "elevation/engine.h"
#include "tests/lib/child.h"

#include <setjmp.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <sys/syscall.h>

static char scene[64];
static bool with_namespaces;

static const char *at(const char *below)
{
	static char paths[32][256];
	static unsigned next;
	char *p = paths[next++ % ARRAY_LEN(paths)];

	snprintf(p, sizeof(paths[0]), "%s%s%s", scene, *below ? "/" : "", below);
	return p;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void put(const char *below)
{
	int fd = open(at(below), O_WRONLY | O_CREAT, 0644);

	CHECK(fd >= 0 && close(fd) == 0);
}

/* Numbers of the descriptors that the other process has. */
enum { FD_DIR = 100, FD_FILE, FD_PIPE, FD_REMOVED, FD_MEMORY, FD_GONE_DIR };

static void scene_up(void)
{
	str_copy(scene, sizeof(scene), "/tmp/nono-view-XXXXXX");
	CHECK(mkdtemp(scene));
	CHECK(mkdir(at("a"), 0755) == 0 && mkdir(at("a/b"), 0755) == 0);
	CHECK(mkdir(at("hidden"), 0755) == 0 && mkdir(at("other"), 0755) == 0);
	put("file");
	put("a/file");
	put("a/b/file");
	put("hidden/file");
	put("other/file");
	CHECK(symlink("a/b", at("relative")) == 0 && symlink(at("a"), at("absolute")) == 0);
	CHECK(symlink("file", at("a/name")) == 0 && symlink("none", at("a/dangling")) == 0);
	CHECK(symlink("loop", at("loop")) == 0 && symlink("../file", at("a/up")) == 0);
	CHECK(symlink("relative/../../file", at("crooked")) == 0);
	CHECK(symlink("/proc/self/cwd", at("magic")) == 0);
}

static void put_at(int fd, int number)
{
	CHECK(fd >= 0 && dup2(fd, number) == number && close(fd) == 0);
}

static void other_process(int sock)
{
	int p[2];

	CHECK(chdir(at("a")) == 0);
	put_at(open(at("a/b"), O_RDONLY | O_DIRECTORY), FD_DIR);
	put_at(open(at("a/b/file"), O_RDONLY), FD_FILE);
	CHECK(pipe(p) == 0);
	put_at(p[0], FD_PIPE);
	put_at(open(at("a/removed"), O_RDWR | O_CREAT, 0600), FD_REMOVED);
	CHECK(unlink(at("a/removed")) == 0);
	put_at((int)syscall(SYS_memfd_create, "x", 0), FD_MEMORY);
	CHECK(mkdir(at("a/gone"), 0700) == 0);
	put_at(open(at("a/gone"), O_RDONLY | O_DIRECTORY), FD_GONE_DIR);
	CHECK(rmdir(at("a/gone")) == 0);
	CHECK(write(sock, "r", 1) == 1);
	for (;;)
		pause();
}

static pid_t first_child_of(pid_t pid)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/task/%d/children", pid, pid);
	_cleanup_free_ char *text = file_read(path, 4096, NULL, NULL);

	CHECK(text);
	return (pid_t)atoi(text);
}

static pid_t init;

/* The other process, with an init above it as in a session. */
static pid_t start_other(void)
{
	const struct nono_mount hide = {NONO_MOUNT_BIND, at("hidden"), at("other")};
	const struct nono_spec spec = {.mounts = &hide,
				       .n_mounts = 1,
				       .namespaces = with_namespaces ? NONO_REQUIRE : NONO_SKIP};
	struct nono_layers layers = {0};
	struct nono_error err = {0};
	int pair[2];
	char b;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	fflush(NULL);
	init = nono_fork(&spec, &layers, &err);
	CHECK(init >= 0);
	if (init == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (with_namespaces && nono_enter(&spec, &layers, &err) < 0) {
			fprintf(stderr, "%s\n", err.msg);
			_exit(1);
		}
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			other_process(pair[1]);
		}
		for (;;)
			pause();
	}
	close(pair[1]);
	CHECK(read(pair[0], &b, 1) == 1);
	close(pair[0]);
	return first_child_of(init);
}

static struct elevation e;
static struct call c;

static const struct place *find_at(int dirfd, const char *asked, bool follow, bool empty)
{
	place_close(&c.a);
	str_copy(c.a.asked, sizeof(c.a.asked), asked);
	view_find(&e, &c, dirfd, follow, empty, &c.a);
	return &c.a;
}

static void leads(int dirfd, const char *asked, bool follow, const char *path)
{
	const struct place *p = find_at(dirfd, asked, follow, false);
	struct stat st;

	if (p->err || p->fd < 0 || !str_eq(p->path, path)) {
		fprintf(stderr, "'%s': %s (errno %d, fd %d), expected %s\n", asked, p->path, p->err,
			p->fd, path);
		_exit(1);
	}
	CHECK(fstat(p->fd, &st) == 0 && st.st_ino == p->st.st_ino && st.st_dev == p->st.st_dev);
	CHECK(!p->anonymous);
	if (p->name[0]) { /* and by its name in its folder */
		CHECK(p->parent >= 0 && !strchr(p->name, '/'));
		CHECK(fstatat(p->parent, p->name, &st, AT_SYMLINK_NOFOLLOW) == 0);
		CHECK(st.st_ino == p->st.st_ino && str_eq(path_base(path), p->name));
	}
}

static void is_missing(const char *asked, const char *path)
{
	const struct place *p = find_at(AT_FDCWD, asked, true, false);

	if (p->err || p->fd >= 0 || p->parent < 0 || !str_eq(p->path, path)) {
		fprintf(stderr, "'%s': %s (errno %d)\n", asked, p->path, p->err);
		_exit(1);
	}
}

static void fails(int dirfd, const char *asked, bool follow, int err)
{
	const struct place *p = find_at(dirfd, asked, follow, false);

	if (p->err != err || p->fd >= 0 || p->parent >= 0) {
		fprintf(stderr, "'%s': errno %d, fd %d, expected errno %d\n", asked, p->err, p->fd,
			err);
		_exit(1);
	}
}

static void plain_paths(void)
{
	leads(AT_FDCWD, at("file"), true, at("file"));
	leads(AT_FDCWD, "/", true, "/");
	leads(AT_FDCWD, "//..//.", true, "/");
	leads(AT_FDCWD, "file", true, at("a/file"));
	leads(AT_FDCWD, ".", true, at("a"));
	leads(AT_FDCWD, "..", true, at(""));
	leads(AT_FDCWD, "./b//../../a/b/file", true, at("a/b/file"));
	leads(AT_FDCWD, "b/", true, at("a/b"));
	CHECK(c.a.dir_only && str_eq(c.a.name, "b"));
	leads(AT_FDCWD, "b/..", true, at("a"));
	CHECK(!c.a.name[0] && c.a.parent < 0);
	leads(FD_DIR, "file", true, at("a/b/file"));
	leads(FD_DIR, "../file", true, at("a/file"));
	leads(FD_DIR, at("file"), true, at("file"));
	leads(AT_FDCWD, "../../../../../../../../../../etc/passwd", true, "/etc/passwd");
	is_missing("none", at("a/none"));
	is_missing("none/", at("a/none"));
	CHECK(c.a.dir_only);
	fails(AT_FDCWD, "none/none", true, ENOENT);
	fails(AT_FDCWD, "file/none", true, ENOTDIR);
	fails(AT_FDCWD, "file/../file", true, ENOTDIR);
	fails(AT_FDCWD, "", true, ENOENT);
	fails(FD_FILE, "x", true, ENOTDIR);
	fails(99, "x", true, EBADF);
	fails(-1, "x", true, EBADF);
	fails(FD_GONE_DIR, "x", true, ENOENT);
}

static void links(void)
{
	leads(AT_FDCWD, at("relative"), true, at("a/b"));
	leads(AT_FDCWD, at("relative"), false, at("relative"));
	CHECK(S_ISLNK(c.a.st.st_mode));
	leads(AT_FDCWD, at("relative/"), false, at("a/b")); /* a slash follows it */
	leads(AT_FDCWD, at("relative/file"), false, at("a/b/file"));
	leads(AT_FDCWD, at("relative/../file"), false, at("a/file"));
	leads(AT_FDCWD, at("absolute/b/file"), true, at("a/b/file"));
	leads(AT_FDCWD, at("absolute/name"), true, at("a/file"));
	leads(AT_FDCWD, at("absolute/name"), false, at("a/name"));
	leads(AT_FDCWD, "up", true, at("file"));
	leads(AT_FDCWD, at("crooked"), true, at("file"));
	is_missing("dangling", at("a/none"));
	fails(AT_FDCWD, at("loop"), true, ELOOP);
	fails(AT_FDCWD, at("loop/x"), false, ELOOP);
	leads(AT_FDCWD, at("loop"), false, at("loop"));
	leads(AT_FDCWD, "/bin/sh", false, "/usr/bin/sh");
}

static void proc_links(void)
{
	char path[128];

	leads(AT_FDCWD, "/proc/self/cwd", true, at("a"));
	leads(AT_FDCWD, "/proc/self/cwd/b/file", true, at("a/b/file"));
	leads(AT_FDCWD, "/proc/thread-self/cwd/file", true, at("a/file"));
	leads(AT_FDCWD, at("magic/file"), true, at("a/file"));
	snprintf(path, sizeof(path), "/proc/self/root%s", at("a/file"));
	leads(AT_FDCWD, path, true, at("a/file"));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", FD_FILE);
	leads(AT_FDCWD, path, true, at("a/b/file"));
	snprintf(path, sizeof(path), "/dev/fd/%d/file", FD_DIR);
	leads(AT_FDCWD, path, true, at("a/b/file"));
	snprintf(path, sizeof(path), "/proc/self/fd/%d/../../file", FD_DIR);
	leads(AT_FDCWD, path, true, at("file"));
	leads(AT_FDCWD, "/proc/self/stat", true,
	      with_namespaces ? "/proc/2/stat"
			      : (snprintf(path, sizeof(path), "/proc/%d/stat", c.tid), path));
	CHECK(find_at(AT_FDCWD, "/proc/self/fd/98", true, false)->fd < 0 && !c.a.err);
	fails(AT_FDCWD, "/proc/self/fd/98/x", true, ENOENT);
	/* The init's, and whoever is outside. */
	snprintf(path, sizeof(path), "/proc/%d/root/etc/passwd", with_namespaces ? 1 : init);
	fails(AT_FDCWD, path, true, EACCES);
	if (!with_namespaces) {
		snprintf(path, sizeof(path), "/proc/%d/cwd", getpid());
		fails(AT_FDCWD, path, true, EACCES);
	}
}

static void nameless(void)
{
	static const int fds[] = {FD_PIPE, FD_REMOVED, FD_MEMORY};
	char path[128];

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[i]);
		const struct place *p = find_at(AT_FDCWD, path, true, false);
		CHECK(!p->err && p->anonymous && p->fd >= 0 && p->parent < 0 && !p->name[0]);
		p = find_at(fds[i], "", true, true);
		CHECK(!p->err && p->anonymous && p->fd >= 0);
	}
	const struct place *p = find_at(FD_FILE, "", true, true);
	CHECK(!p->err && !p->anonymous && str_eq(p->path, at("a/b/file")) && !p->name[0]);
	p = find_at(AT_FDCWD, "", true, true);
	CHECK(!p->err && str_eq(p->path, at("a")));
	snprintf(path, sizeof(path), "/proc/self/fd/%d/x", FD_GONE_DIR);
	CHECK(find_at(AT_FDCWD, path, true, false)->err != 0);
}

/* Another file lies at this path in its mount namespace. */
static void own_mounts(void)
{
	struct stat here;

	CHECK(stat(at("hidden/file"), &here) == 0);
	leads(AT_FDCWD, at("hidden/file"), true, at("hidden/file"));
	CHECK((here.st_ino == c.a.st.st_ino) == !with_namespaces);
}

static void long_ones(void)
{
	char path[POLICY_PATH_MAX];

	memset(path, 'x', NAME_MAX + 1);
	path[NAME_MAX + 1] = '\0';
	fails(AT_FDCWD, path, true, ENAMETOOLONG);
	memset(path, '/', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	leads(AT_FDCWD, path, true, "/");
	for (size_t i = 0; i + 2 < sizeof(path); i += 2)
		memcpy(path + i, "./", 2);
	memcpy(path + sizeof(path) - 6, "file", 5);
	leads(AT_FDCWD, path, true, at("a/file"));
}

static int count_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void all(void *arg)
{
	void (*const parts[])(void) = {plain_paths, links,	proc_links,
				       nameless,    own_mounts, long_ones};
	int before;

	(void)arg;
	scene_up();
	c.tid = c.pid = start_other();
	e.cfg.init_pid = init;
	before = count_descriptors();
	e.views = view_cache_new();
	place_init(&c.a);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		parts[i]();
	place_close(&c.a);
	view_cache_free(e.views);
	CHECK(count_descriptors() == before);
	kill(init, SIGKILL);
	waitpid(init, NULL, 0);
	nftw(scene, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void test_view(void **state)
{
	with_namespaces = false;
	assert_int_equal(in_child(all, NULL, *state != NULL), 0);
}

static void test_view_namespaces(void **state)
{
	if (user_namespaces_forbidden())
		skip();
	with_namespaces = true;
	assert_int_equal(in_child(all, NULL, *state != NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {AS_BOTH(test_view), AS_BOTH(test_view_namespaces)};

	return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
