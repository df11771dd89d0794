/* Restoring random trees; stopped at each call that changes the tree: no file is half there. */
#include "tests/lib/snapenv.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "snapshots/restore.h"

/* The calls are wrapped by the linker; -1 = never. */
static atomic_long steps_left = -1;
static bool by_kill;

static bool stops(void)
{
	long left = steps_left;

	while (left > 0 && !atomic_compare_exchange_weak(&steps_left, &left, left - 1))
		;
	if (left)
		return false;
	if (by_kill)
		_exit(42);
	/* the disk stays full */
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

WRAP(unlinkat, (int a, const char *b, int f), (a, b, f))
WRAP(fchmod, (int fd, mode_t m), (fd, m))
WRAP(futimens, (int fd, const struct timespec *t), (fd, t))
WRAP(syncfs, (int fd), (fd))
ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n)
{
	return stops() ? -1 : __real_write(fd, p, n);
}

#define MANY	  20 /* enough to be synced together, in so many directories that two threads write */
#define MANY_DIRS 10

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
	for (int i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), "d%d/many%d", i % MANY_DIRS, i);
		env_text(e, path, "edited as well");
	}
}

static void prepare(struct env *x)
{
	char a[200];

	env_open(&x->e);
	env_grow(&x->e, "", 1);
	env_text(&x->e, "edited", "before");
	env_text(&x->e, "gone", "gone");
	env_text(&x->e, "mode", "mode");
	env_mkdir(&x->e, "kind");
	env_text(&x->e, "kind/in", "in");
	for (int i = 0; i < MANY; i++) {
		snprintf(a, sizeof(a), "d%d", i);
		if (i < MANY_DIRS)
			env_mkdir(&x->e, a);
		snprintf(a, sizeof(a), "d%d/many%d", i % MANY_DIRS, i);
		env_text(&x->e, a, "before");
	}
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

static int no_change(void *arg, const struct snap_change *c, struct err *err)
{
	(void)arg;
	return err_set(err, "%s differs", c->path);
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
		for (int i = 0; i < MANY; i++) {
			char name[32];
			snprintf(name, sizeof(name), "d%d/many%d", i % MANY_DIRS, i);
			is_one_of(&x.e, name, "before", "edited as well");
		}
		/* Once more, and all is as it was: also what was left behind goes. */
		assert_int_equal(snap_scan(x.e.s, roots, &o, &now, &x.e.err), 0);
		assert_int_equal(restore(&x, &now, &out), 0);
		assert_int_equal(out.failed, 0);
		snap_record_free(&now);
		env_take(&x.e, &now);
		a = env_entry(&x.e, &x.before, "");
		b = env_entry(&x.e, &now, "");
		/* Times of directories are set last, and are no change that would be looked for. */
		assert_int_equal(snap_changes(x.e.s, &x.before, &now, no_change, NULL, &x.e.err),
				 0);
		if (through)
			assert_memory_equal(a.hash.b, b.hash.b, SNAP_HASH_SIZE);
		snap_record_free(&now);
		finish(&x);
		if (through) {
			assert_true(step > 4 * MANY);
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

/* ---- out of the tree ------------------------------------------------------------------------ */

static char *outside(const struct snapenv *e, const char *name, const char *text)
{
	char *path = xasprintf("%s.%s", e->tree, name);
	struct err err;

	if (file_write_atomic(path, 0640, text, strlen(text), &err) < 0)
		fail_msg("%s", err.msg);
	return path;
}

static void holds(const char *path, const char *text)
{
	_cleanup_free_ char *is = file_read(path, 4096, NULL, NULL);

	assert_non_null(is);
	assert_string_equal(is, text);
}

/* A file that has a name outside gets another inode: content and mode out there stay. */
static void linked_outside(void **state)
{
	struct env x;
	struct snap_restored out;
	struct snap_record now;
	struct stat st;

	(void)state;
	prepare(&x);
	_cleanup_free_ char *content = outside(&x.e, "content", "theirs"),
			    *mode = outside(&x.e, "mode", "mode"),
			    *edited = xasprintf("%s/edited", x.e.tree),
			    *moded = xasprintf("%s/mode", x.e.tree);
	assert_int_equal(unlink(edited) | unlink(moded), 0);
	assert_int_equal(link(content, edited) | link(mode, moded), 0);
	env_take(&x.e, &now);
	assert_int_equal(restore(&x, &now, &out), 0);
	assert_int_equal(out.failed, 0);
	holds(content, "theirs");
	holds(edited, "before");
	assert_int_equal(stat(mode, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_nlink, 1);
	snap_record_free(&now);
	unlink(content);
	unlink(mode);
	finish(&x);
}

static bool same_file(const struct snapenv *e, const char *a, const char *b)
{
	_cleanup_free_ char *x = xasprintf("%s/%s", e->tree, a),
			    *y = xasprintf("%s/%s", e->tree, b);
	struct stat one, two;

	return stat(x, &one) == 0 && stat(y, &two) == 0 && one.st_ino == two.st_ino;
}

/* Names of one file are names of one file again, while others wait for their places too. */
static void several_names(void **state)
{
	struct snapenv e;
	struct snap_record before, now;
	struct snap_restored out;
	char path[300], other[300];

	(void)state;
	env_open(&e);
	for (int i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "file%d", i);
		env_text(&e, path, path);
		snprintf(path, sizeof(path), "%s/file%d", e.tree, i);
		snprintf(other, sizeof(other), "%s/name%d", e.tree, i);
		assert_int_equal(link(path, other), 0);
	}
	env_take(&e, &before);
	for (int i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "%s/file%d", e.tree, i);
		snprintf(other, sizeof(other), "%s/name%d", e.tree, i);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(i % 2 ? unlink(other) : 0, 0);
		snprintf(path, sizeof(path), "name%d", i);
		env_text(&e, path, "a file of its own");
	}
	env_take(&e, &now);
	assert_int_equal(
	    snap_restore(e.s, &(struct snap_restore){.to = &before, .now = &now}, &out, &e.err), 0);
	assert_int_equal(out.failed, 0);
	for (int i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "%s/file%d", e.tree, i);
		snprintf(other, sizeof(other), "name%d", i);
		assert_true(same_file(&e, path + strlen(e.tree) + 1, other));
		holds(path, path + strlen(e.tree) + 1);
	}
	snap_record_free(&before);
	snap_record_free(&now);
	env_close(&e);
}

static const char *in_tree(const struct snapenv *e, const char *name)
{
	static char path[2][300];
	static unsigned next;
	char *p = path[next++ % 2];

	snprintf(p, sizeof(path[0]), "%s/%s", e->tree, name);
	return p;
}

/* Other names of a file stay what they are: also those that no snapshot knows of. */
static void names_that_stay(void **state)
{
	struct snapenv e;
	struct snap_record before, now;
	struct snap_restored out;
	char path[300], outside[300];
	struct stat a, b;

	(void)state;
	env_open(&e);
	env_text(&e, "changed", "old");
	snprintf(path, sizeof(path), "%s/changed", e.tree);
	assert_int_equal(mkdir(in_tree(&e, "d"), 0700), 0);
	assert_int_equal(link(in_tree(&e, "changed"), in_tree(&e, "d/stays")), 0);
	assert_int_equal(link(in_tree(&e, "changed"), in_tree(&e, "removed")), 0);
	snprintf(outside, sizeof(outside), "%s-outside", e.tree);
	assert_int_equal(link(path, outside), 0);
	env_text(&e, "twice", "the same");
	assert_int_equal(link(in_tree(&e, "twice"), in_tree(&e, "z")), 0);
	env_take(&e, &before);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(unlink(in_tree(&e, i ? "removed" : "changed")), 0);
		assert_int_equal(unlink(in_tree(&e, i ? "twice" : "z")), 0);
	}
	env_text(&e, "changed", "new");
	env_text(&e, "twice", "another");
	env_text(&e, "z", "another");
	env_take(&e, &now);
	assert_int_equal(
	    snap_restore(e.s, &(struct snap_restore){.to = &before, .now = &now}, &out, &e.err), 0);
	assert_int_equal(out.failed, 0);
	assert_int_equal(out.steps, 4);
	assert_true(same_file(&e, "changed", "d/stays") && same_file(&e, "removed", "d/stays"));
	assert_true(same_file(&e, "twice", "z"));
	assert_int_equal(stat(path, &a) || stat(outside, &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	holds(path, "old");
	/* One that is only another name by now is no reason to link. */
	snap_record_free(&now);
	assert_int_equal(unlink(in_tree(&e, "changed")), 0);
	assert_int_equal(unlink(in_tree(&e, "d/stays")), 0);
	assert_int_equal(unlink(in_tree(&e, "removed")), 0);
	env_text(&e, "d/stays", "else");
	env_take(&e, &now);
	assert_int_equal(
	    snap_restore(e.s, &(struct snap_restore){.to = &before, .now = &now}, &out, &e.err), 0);
	assert_int_equal(out.failed, 0);
	assert_true(same_file(&e, "changed", "d/stays") && same_file(&e, "removed", "d/stays"));
	holds(path, "old");
	unlink(outside);
	snap_record_free(&before);
	snap_record_free(&now);
	env_close(&e);
}

/* A name that differs in case alone is another name, or the file system says that it is the same;
 * in both cases the old name is there in the end, with what it held. */
static void renamed_case(void **state)
{
	struct env x;
	struct snap_restored out;
	struct snap_record now;

	(void)state;
	prepare(&x);
	_cleanup_free_ char *lower = xasprintf("%s/edited", x.e.tree),
			    *upper = xasprintf("%s/EDITED", x.e.tree);
	assert_int_equal(rename(lower, upper), 0);
	env_take(&x.e, &now);
	assert_int_equal(restore(&x, &now, &out), 0);
	assert_int_equal(out.failed, 0);
	holds(lower, "before");
	snap_record_free(&now);
	finish(&x);
}

struct swapper {
	char *dir, *aside, *outside;
	bool stop;
};

static void *swap(void *arg)
{
	struct swapper *s = arg;

	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		if (rename(s->dir, s->aside) < 0)
			continue;
		if (symlink(s->outside, s->dir) == 0)
			unlink(s->dir);
		rename(s->aside, s->dir);
	}
	return NULL;
}

/* A directory that is exchanged for a link all the time: nothing is written behind the link. */
static void swapped(void **state)
{
	struct env x;
	struct snap_record before, now;
	struct swapper s = {0};
	char name[64];

	(void)state;
	env_open(&x.e);
	s.dir = xasprintf("%s/d", x.e.tree);
	s.aside = xasprintf("%s/aside", x.e.tree);
	s.outside = xasprintf("%s.out", x.e.tree);
	assert_int_equal(mkdir(s.outside, 0700), 0);
	env_mkdir(&x.e, "d");
	for (int i = 0; i < 2 * MANY; i++) {
		snprintf(name, sizeof(name), "d/f%d", i);
		env_text(&x.e, name, "before");
	}
	env_take(&x.e, &before);
	for (int round = 0; round < 30; round++) {
		struct snap_restore r = {.to = &before, .now = &now};
		struct snap_restored out;
		pthread_t thread;

		for (int i = 0; i < 2 * MANY; i++) {
			_cleanup_free_ char *theirs = xasprintf("%s/f%d", s.outside, i);
			snprintf(name, sizeof(name), "d/f%d", i);
			env_text(&x.e, name, "edited");
			if (round == 0)
				assert_int_equal(
				    file_write_atomic(theirs, 0600, "edited", 6, &x.e.err), 0);
		}
		env_take(&x.e, &now);
		s.stop = false;
		assert_int_equal(pthread_create(&thread, NULL, swap, &s), 0);
		assert_int_equal(snap_restore(x.e.s, &r, &out, &x.e.err), 0);
		__atomic_store_n(&s.stop, true, __ATOMIC_RELAXED);
		pthread_join(thread, NULL);
		snap_record_free(&now);
	}
	for (int i = 0; i < 2 * MANY; i++) {
		_cleanup_free_ char *theirs = xasprintf("%s/f%d", s.outside, i);
		holds(theirs, "edited");
	}
	assert_int_equal(nftw(s.outside, env_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
	free(s.dir);
	free(s.aside);
	free(s.outside);
	snap_record_free(&before);
	env_close(&x.e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whole),
	    cmocka_unit_test(stopped_by_kill),
	    cmocka_unit_test(stopped_by_full_disk),
	    cmocka_unit_test(changing),
	    cmocka_unit_test(linked_outside),
	    cmocka_unit_test(several_names),
	    cmocka_unit_test(names_that_stay),
	    cmocka_unit_test(renamed_case),
	    cmocka_unit_test(swapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
