/* Restoring random trees; stopped at each call that changes the tree: no file is half there. */
#include "tests/lib/snapenv.h"

#include <sys/wait.h>

#include "snapshots/restore.h"

/* The calls are wrapped by the linker; -1 = never. */
static long steps_left = -1;
static bool by_kill;

static bool stops(void)
{
	if (steps_left < 0 || steps_left-- > 0)
		return false;
	if (by_kill)
		_exit(42);
	steps_left = 0; /* the disk stays full */
	errno = ENOSPC;
	return true;
}

#define WRAP(name, params, args)           \
	int __real_##name params;          \
	int __wrap_##name params;          \
	int __wrap_##name params           \
	{                                  \
		if (stops())               \
			return -1;         \
		return __real_##name args; \
	}
WRAP(renameat, (int a, const char *b, int c, const char *d), (a, b, c, d))
WRAP(renameat2, (int a, const char *b, int c, const char *d, unsigned f), (a, b, c, d, f))
WRAP(fsync, (int fd), (fd))
WRAP(mkdirat, (int a, const char *b, mode_t m), (a, b, m))
WRAP(symlinkat, (const char *a, int b, const char *c), (a, b, c))
WRAP(linkat, (int a, const char *b, int c, const char *d, int f), (a, b, c, d, f))

struct env {
	struct snapenv e;
	struct snap_record before, after;
};

static void edit(struct snapenv *e)
{
	char path[200];

	env_text(e, "edited", "AAAAAAAAAAAAAAAAAAAAAA");
	env_text(e, "new", "BBBB");
	snprintf(path, sizeof(path), "%s/gone", e->tree);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/kind", e->tree);
	assert_int_equal(nftw(path, env_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
	env_text(e, "kind", "a file now");
	snprintf(path, sizeof(path), "%s/mode", e->tree);
	assert_int_equal(chmod(path, 0755), 0);
}

static void prepare(struct env *x)
{
	env_open(&x->e);
	env_grow(&x->e, "", 1);
	env_text(&x->e, "edited", "before");
	env_text(&x->e, "gone", "gone");
	env_text(&x->e, "mode", "mode");
	env_mkdir(&x->e, "kind");
	env_text(&x->e, "kind/in", "in");
	env_take(&x->e, &x->before);
	edit(&x->e);
	env_take(&x->e, &x->after);
}

static void finish(struct env *x)
{
	snap_record_free(&x->before);
	snap_record_free(&x->after);
	env_close(&x->e);
}

static int restore(struct env *x, const struct snap_record *now, struct snap_restored *out)
{
	struct snap_restore r = {.to = &x->before, .now = now};

	return snap_restore(x->e.s, &r, out, &x->e.err);
}

static void whole(void **state)
{
	struct env x;
	struct snap_record r;
	struct snap_restored out;
	struct snap_entry a, b;

	(void)state;
	prepare(&x);
	assert_int_equal(restore(&x, &x.after, &out), 0);
	assert_int_equal(out.failed, 0);
	assert_true(out.steps >= 6);
	env_take(&x.e, &r);
	a = env_entry(&x.e, &x.before, "");
	b = env_entry(&x.e, &r, "");
	/* Names, kinds, modes, times, attributes and content. */
	assert_memory_equal(a.hash.b, b.hash.b, SNAP_HASH_SIZE);
	assert_int_equal(restore(&x, &r, &out), 0);
	assert_int_equal(out.steps, 0);
	snap_record_free(&r);
	finish(&x);
}

/* What the file holds is one of these; NULL: it may not be there. */
static void is_one_of(struct snapenv *e, const char *name, const char *a, const char *b)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", e->tree, name), *text = NULL;
	struct err err;

	text = file_read(path, 4096, NULL, &err);
	if (!text)
		assert_true(!a || !b || str_eq(name, "kind"));
	else if (!str_eq(text, a) && !str_eq(text, b))
		fail_msg("%s holds \"%s\"", name, text);
}

/* In a process of its own; true when it was not stopped. */
static bool attempt(struct env *x, long step, bool kill)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct snap_restored out;
		steps_left = step;
		by_kill = kill;
		restore(x, &x->after, &out);
		_exit(steps_left > 0 ? 0 : 43);
	}
	assert_true(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status) == 0;
}

static void stopped(bool kill)
{
	for (long step = 0;; step++) {
		struct env x;
		struct snap_record now;
		struct snap_restored out;
		struct snap_entry a, b;
		const char *const roots[] = {x.e.tree, NULL};
		const struct snap_options o = {0};
		bool through;

		prepare(&x);
		through = attempt(&x, step, kill);
		is_one_of(&x.e, "edited", "before", "AAAAAAAAAAAAAAAAAAAAAA");
		is_one_of(&x.e, "gone", "gone", NULL);
		is_one_of(&x.e, "new", "BBBB", NULL);
		is_one_of(&x.e, "mode", "mode", "mode");
		/* Once more, and all is as it was: also what was left behind goes. */
		assert_int_equal(snap_scan(x.e.s, roots, &o, &now, &x.e.err), 0);
		assert_int_equal(restore(&x, &now, &out), 0);
		assert_int_equal(out.failed, 0);
		snap_record_free(&now);
		env_take(&x.e, &now);
		a = env_entry(&x.e, &x.before, "");
		b = env_entry(&x.e, &now, "");
		if (!kill || through)
			assert_memory_equal(a.hash.b, b.hash.b, SNAP_HASH_SIZE);
		snap_record_free(&now);
		finish(&x);
		if (through) {
			assert_true(step > 10);
			return;
		}
	}
}

static void stopped_by_kill(void **state)
{
	(void)state;
	stopped(true);
}

static void stopped_by_full_disk(void **state)
{
	(void)state;
	stopped(false);
}

/* Files that change between the look and the hand are left alone. */
static void changing(void **state)
{
	struct env x;
	struct snap_restored out;
	char path[200];

	(void)state;
	prepare(&x);
	env_text(&x.e, "edited", "meanwhile");
	env_text(&x.e, "gone", "meanwhile");
	env_text(&x.e, "new", "meanwhile");
	snprintf(path, sizeof(path), "%s/kind", x.e.tree);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc", path), 0);
	assert_int_equal(restore(&x, &x.after, &out), 0);
	assert_true(out.failed >= 4);
	is_one_of(&x.e, "edited", "meanwhile", "meanwhile");
	is_one_of(&x.e, "gone", "meanwhile", "meanwhile");
	is_one_of(&x.e, "new", "meanwhile", "meanwhile");
	assert_int_not_equal(access("/etc/in", F_OK), 0);
	finish(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whole),
	    cmocka_unit_test(stopped_by_kill),
	    cmocka_unit_test(stopped_by_full_disk),
	    cmocka_unit_test(changing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
