/* Control groups: where the caller's are, by files as systems have them; what is made of a tree of
 * version 2; and real groups, where this process may make some. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/common.h"
#include "sandbox/cgroup.h"

static char base[64];

static char *file(const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", base, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0 && write_full(fd, text, strlen(text)) == 0);
	close(fd);
	return path;
}

static void dir(const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", base, name);

	assert_int_equal(mkdir(path, 0755), 0);
}

static int make_base(void **state)
{
	(void)state;
	strcpy(base, "/tmp/nono-cgroup-XXXXXX");
	return mkdtemp(base) ? 0 : -1;
}

static int remove_base(void **state)
{
	_cleanup_free_ char *command = xasprintf("rm -rf '%s'", base);

	(void)state;
	return system(command);
}

#define V1                                                                                     \
	"25 20 0:22 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"                           \
	"26 25 0:23 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n" \
	"27 25 0:24 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"                    \
	"28 25 0:25 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"

static void find(void **state)
{
	static const struct {
		const char *controller, *cgroup, *mounts;
		int version;
		const char *dir;
	} rows[] = {
	    {"memory", "4:memory:/a/b\n1:cpu,cpuacct:/\n0::/c\n", V1, 1,
	     "/sys/fs/cgroup/memory/a/b"},
	    {"cpu", "4:memory:/a/b\n1:cpu,cpuacct:/\n0::/c\n", V1, 1, "/sys/fs/cgroup/cpu,cpuacct"},
	    {"cpuacct", "1:cpu,cpuacct:/x:y\n", V1, 1, "/sys/fs/cgroup/cpu,cpuacct/x:y"},
	    {"pids", "4:memory:/a/b\n0::/c\n", V1, 2, "/sys/fs/cgroup/unified/c"},
	    {"pids", "4:memory:/a/b\n", V1, 0, NULL},
	    {"mem", "4:memory:/a/b\n", V1, 0, NULL},
	    {"memory", "0::/user.slice/x.scope\n",
	     "30 25 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n", 2,
	     "/sys/fs/cgroup/user.slice/x.scope"},
	    /* A container that sees its own part alone. */
	    {"memory", "0::/docker/abc/d\n",
	     "30 25 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup ro\n", 2,
	     "/sys/fs/cgroup/d"},
	    {"memory", "0::/docker/abcd\n",
	     "30 25 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup ro\n", 0, NULL},
	    {"memory", "0::/../other\n", "30 25 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup ro\n", 0,
	     NULL},
	    {"memory", "0::/a b\n", "30 25 0:26 / /sys\\040fs rw - cgroup2 cgroup2 rw\n", 2,
	     "/sys fs/a b"},
	    {"memory", "nonsense\n:\n::\n", "x\n - \n1 2 3 - cgroup2 c\n", 0, NULL},
	    {"memory", "0::/\n", "", 0, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *cgroup = file("cgroup", rows[i].cgroup);
		_cleanup_free_ char *mounts = file("mountinfo", rows[i].mounts);
		struct cgroup_place place;
		int v = cgroup_find(rows[i].controller, cgroup, mounts, &place);

		if (v != rows[i].version || (v && strcmp(place.dir, rows[i].dir) != 0))
			fail_msg("row %zu: %d %s", i, v, v ? place.dir : "");
	}
	assert_int_equal(
	    cgroup_find("memory", "/nonexistent", "/nonexistent", &(struct cgroup_place){0}), 0);
}

/* Plain files instead of a kernel's: no group can get its limit here, but which one is tried, and
 * why none is, shows. */
static void why(const struct cgroup_place *place, unsigned need, const char *expected)
{
	const struct nono_limits l = {.memory = 1 << 24, .processes = 9, .cpu = 500};
	struct nono_group g = {0};

	assert_false(cgroup_make2(place, need, &l, "nono-x", &g));
	if (!strstr(g.why, expected))
		fail_msg("'%s' is not in '%s'", expected, g.why);
}

static void ancestors(void **state)
{
	struct cgroup_place place = {0};
	char *paths[16];
	size_t n = 0, len;

	(void)state;
	dir("slice");
	dir("slice/scope");
	paths[n++] = file("cgroup.controllers", "cpu memory pids\n");
	paths[n++] = file("cgroup.subtree_control", "cpu memory pids\n");
	paths[n++] = file("cgroup.procs", "");
	paths[n++] = file("slice/cgroup.controllers", "memory pids\n");
	paths[n++] = file("slice/cgroup.subtree_control", "memory\n");
	paths[n++] = file("slice/cgroup.procs", "");
	paths[n++] = file("slice/scope/cgroup.controllers", "memory\n");
	paths[n++] = file("slice/scope/cgroup.subtree_control", "");
	paths[n++] = file("slice/scope/cgroup.procs", "1\n");
	paths[n++] = file("slice/scope/memory.max", "max\n");
	paths[n++] = file("slice/scope/pids.max", "100\n");
	snprintf(place.mount, sizeof(place.mount), "%s", base);
	snprintf(place.dir, sizeof(place.dir), "%s/slice/scope", base);

	/* A limit of the caller's own is not left behind. */
	why(&place, 1u << NONO_LIMIT_PROCESSES, "a limit of its own is on");
	_cleanup_free_ char *text = file_read(paths[4], 64, &len, NULL);
	assert_string_equal(text, "memory\n");

	/* Nobody above limits memory: the scope is told to share it out, which a plain file lets
	 * it do; the group has no file for the limit. */
	why(&place, 1u << NONO_LIMIT_MEMORY, "the limit can't be set in");
	_cleanup_free_ char *told = file_read(paths[7], 64, &len, NULL);
	assert_string_equal(told, "+memory");

	/* Handed down to none but the top. */
	why(&place, 1u << NONO_LIMIT_CPU, "is not handed down to");
	/* Nothing is left of what was tried. */
	for (size_t i = 0; i < 3; i++) {
		static const char *const places[] = {"", "/slice", "/slice/scope"};
		_cleanup_free_ char *made = xasprintf("%s%s/nono-x", base, places[i]);
		assert_int_equal(access(made, F_OK), -1);
	}
	while (n)
		free(paths[--n]);
}

static void real(void **state)
{
	const struct nono_limits l = {.memory = 64 << 20, .processes = 5, .cpu = 500};
	struct nono_groups g;
	struct nono_usage usage;
	struct nono_error err = {0};
	char name[64];
	int ready[2], go[2], status;
	pid_t pid;
	char c = 0;

	(void)state;
	snprintf(name, sizeof(name), "nono-test-%d", getpid());
	nono_groups_make(&l, name, &g);
	for (int i = 0; i < NONO_LIMITS; i++)
		assert_true(g.of[i].held || g.of[i].why[0]);
	if (!g.of[NONO_LIMIT_PROCESSES].held) {
		for (int i = 0; i < NONO_LIMITS; i++)
			if (g.of[i].held)
				assert_int_equal(nono_group_remove(g.of[i].path), 0);
		skip();
	}
	assert_true(pipe(ready) == 0 && pipe(go) == 0);
	pid = fork();
	if (pid == 0) {
		int forked = 0;
		if (read(go[0], &c, 1) != 1)
			_exit(99);
		while (forked < 20 && (pid = fork()) > 0)
			forked++;
		if (pid == 0) {
			pause();
			_exit(0);
		}
		c = (char)forked;
		if (write(ready[1], &c, 1) != 1)
			_exit(99);
		pause();
		_exit(0);
	}
	assert_int_equal(nono_groups_enter(&g, pid, &err), 0);
	assert_true(write(go[1], "x", 1) == 1 && read(ready[0], &c, 1) == 1);
	assert_int_equal(c, 4);
	nono_groups_usage(&g, &usage);
	assert_int_equal(usage.processes, 5);
	assert_int_equal(usage.refused, 1);
	/* With everybody in it. */
	for (int i = 0; i < NONO_LIMITS; i++)
		if (g.of[i].held)
			assert_int_equal(nono_group_remove(g.of[i].path), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	for (int i = 0; i < NONO_LIMITS; i++)
		if (g.of[i].held)
			assert_int_equal(access(g.of[i].path, F_OK), -1);
}

static void too_much_memory(void **state)
{
	const struct nono_limits l = {.memory = 32 << 20};
	struct nono_groups g;
	struct nono_usage usage;
	char name[64], c;
	int go[2], status;
	pid_t pid;

	(void)state;
	snprintf(name, sizeof(name), "nono-test-m%d", getpid());
	nono_groups_make(&l, name, &g);
	if (!g.of[NONO_LIMIT_MEMORY].held)
		skip();
	assert_int_equal(pipe(go), 0);
	pid = fork();
	if (pid == 0) {
		if (read(go[0], &c, 1) != 1)
			_exit(99);
		for (int i = 0; i < 200; i++) {
			volatile char *p = malloc(1 << 20);
			for (size_t k = 0; p && k < 1 << 20; k += 4096)
				p[k] = 1;
		}
		_exit(0);
	}
	assert_int_equal(nono_groups_enter(&g, pid, NULL), 0);
	assert_int_equal(write(go[1], "x", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	nono_groups_usage(&g, &usage);
	assert_int_equal(usage.killed, 1);
	assert_int_equal(nono_group_remove(g.of[NONO_LIMIT_MEMORY].path), 0);
}

/* Only groups are removed with force. */
static void no_group(void **state)
{
	_cleanup_free_ char *path = xasprintf("%s/full", base), *in = NULL;

	(void)state;
	dir("full");
	in = file("full/cgroup.procs", "");
	assert_int_equal(nono_group_remove(path), -1);
	assert_int_equal(access(in, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(find, make_base, remove_base),
	    cmocka_unit_test_setup_teardown(ancestors, make_base, remove_base),
	    cmocka_unit_test_setup_teardown(no_group, make_base, remove_base),
	    cmocka_unit_test(real),
	    cmocka_unit_test(too_much_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
