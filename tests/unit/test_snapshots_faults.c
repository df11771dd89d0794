/* The store is stopped at each of its writes, syncs, renames and removals: by a kill, by a full
 * disk. */
#include "tests/lib/snapenv.h"

static void no_damage(void *arg, const struct snap_damage *d)
{
	fail_msg("%s: %s %s", (char *)arg, d->path ? d->path : "", d->what);
}

/* All that is there is whole, and a new snapshot succeeds. */
static void check(struct snapenv *e, const char *what, size_t least, size_t most)
{
	struct snap_verified seen;
	struct snap_record *v, r;
	struct buf bad = {0};
	size_t n;

	snap_close(e->s);
	assert_int_equal(snap_open(&e->s, e->state, &e->err), 0);
	if (snap_verify(e->s, &(struct snap_check){.fn = no_damage, .arg = (void *)(uintptr_t)what},
			&seen, &e->err) < 0)
		fail_msg("%s: %s", what, e->err.msg);
	assert_int_equal(snap_record_list(e->s, "test", &v, &n, &bad, &e->err), 0);
	assert_int_equal(bad.len, 0);
	assert_in_range(n, least, most);
	snap_record_list_free(v, n);
	env_take(e, &r);
	snap_record_free(&r);
	assert_int_equal(
	    snap_verify(e->s, &(struct snap_check){.fn = no_damage, .arg = (void *)(uintptr_t)what},
			&seen, &e->err),
	    0);
	buf_free(&bad);
}

static int op_take(struct snapenv *e)
{
	return env_take_with(e, (struct snap_options){.threads = 2}, NULL);
}

static int op_gc(struct snapenv *e)
{
	struct snap_gc gc;

	return snap_gc(e->s, &gc, &e->err);
}

static int op_delete(struct snapenv *e)
{
	return snap_record_delete(e->s, "test", 0, NULL, &e->err);
}

static int op_repair(struct snapenv *e)
{
	struct snap_verified seen;

	return snap_verify(e->s, &(struct snap_check){.repair = true}, &seen, &e->err);
}

/* Two snapshots of a tree, between them edits; what is dropped later makes gc work. */
static void prepare(struct snapenv *e)
{
	static char big[CHUNK_MAX + 5000];
	struct snap_record r;

	env_open(e);
	env_grow(e, "", 2);
	memset(big, 'b', sizeof(big));
	for (size_t i = 0; i < sizeof(big); i += 2)
		big[i] = (char)env_rand(e);
	env_write(e, "big", big, sizeof(big));
	env_take(e, &r);
	snap_record_free(&r);
	env_text(e, "edited", "one");
	env_text(e, "edited2", "one");
	env_take(e, &r);
	snap_record_free(&r);
	env_text(e, "edited", "two");
}

/* One byte of the large file's first chunk. */
static void damage(struct snapenv *e)
{
	static char big[CHUNK_MAX];
	char path[300];
	struct snap_hash h;
	struct pack *p;
	const struct pack_entry *x;
	int fd;

	snprintf(path, sizeof(path), "%s/big", e->tree);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read_full(fd, big, sizeof(big)), sizeof(big));
	close(fd);
	h = hash_chunk(big, sizeof(big));
	x = store_find(e->s, &h, &p);
	assert_non_null(x);
	snprintf(path, sizeof(path), "%s/snapshots/packs/%s", e->state, p->name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "changed!", 8, (off_t)x->block + 1000), 8);
	close(fd);
}

static void stop_at_each(int (*op)(struct snapenv *), const char *name, bool kill, bool drop,
			 size_t least, size_t most, long fewest)
{
	bool stopped = true;
	long steps = 0;

	for (long step = 1; stopped; step++) {
		struct disk_faults faults = {.left = step, .kill = kill};
		struct snap_record r;
		struct snapenv e;
		int status;
		pid_t pid;

		assert_true(step < 200);
		prepare(&e);
		if (drop) {
			assert_int_equal(snap_record_delete(e.s, "test", 0, NULL, &e.err), 0);
			char path[200];
			snprintf(path, sizeof(path), "%s/edited2", e.tree);
			unlink(path);
			assert_int_equal(snap_record_delete(e.s, "test", 1, NULL, &e.err), 0);
			snprintf(path, sizeof(path), "%s/big", e.tree);
			unlink(path);
			env_take(&e, &r);
			snap_record_free(&r);
		}
		if (op == op_repair)
			damage(&e);
		pid = fork();
		if (pid == 0) {
			e.s->faults = &faults;
			_exit(op(&e) < 0 ? 1 : 0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		if (kill)
			stopped = WEXITSTATUS(status) == 99;
		else
			stopped = WEXITSTATUS(status) != 0;
		if (op == op_repair && stopped)
			assert_int_equal(op_repair(&e), 0);
		check(&e, name, least, most);
		env_close(&e);
		steps = step;
	}
	assert_true(steps >= fewest);
}

static void take_killed(void **state)
{
	(void)state;
	stop_at_each(op_take, "take killed", true, false, 2, 3, 12);
}

static void take_full_disk(void **state)
{
	(void)state;
	stop_at_each(op_take, "take on a full disk", false, false, 2, 3, 12);
}

static void gc_killed(void **state)
{
	(void)state;
	stop_at_each(op_gc, "gc killed", true, true, 1, 1, 12);
}

static void gc_full_disk(void **state)
{
	(void)state;
	stop_at_each(op_gc, "gc on a full disk", false, true, 1, 1, 11);
}

static void delete_killed(void **state)
{
	(void)state;
	stop_at_each(op_delete, "delete killed", true, false, 1, 2, 2);
}

static void repair_killed(void **state)
{
	(void)state;
	stop_at_each(op_repair, "repair killed", true, false, 2, 2, 12);
}

/* Sessions that take at the same time, and one that collects. */
static void many_at_once(void **state)
{
	struct snapenv e;
	struct snap_verified seen;
	pid_t pids[5];

	(void)state;
	env_open(&e);
	env_grow(&e, "", 1);
	for (unsigned i = 0; i < 5; i++) {
		pids[i] = fork();
		if (pids[i])
			continue;
		struct snap_store *s;
		struct err err;
		const char *const roots[] = {e.tree, NULL};
		char id[16];

		snprintf(id, sizeof(id), "s%u", i);
		if (snap_open(&s, e.state, &err) < 0)
			_exit(2);
		for (unsigned j = 0; j < 8; j++) {
			struct snap_take t = {.roots = roots, .session = i < 2 ? "same" : id};
			struct snap_gc gc;
			char name[40];

			snprintf(name, sizeof(name), "by-%u", i);
			env_write(&e, name, &j, sizeof(j));
			if (i == 4 ? snap_gc(s, &gc, &err) < 0 : snap_take(s, &t, NULL, &err) < 0) {
				fprintf(stderr, "%s\n", err.msg);
				_exit(1);
			}
		}
		_exit(0);
	}
	for (unsigned i = 0; i < 5; i++) {
		int status;
		waitpid(pids[i], &status, 0);
		assert_int_equal(status, 0);
	}
	snap_close(e.s);
	assert_int_equal(snap_open(&e.s, e.state, &e.err), 0);
	assert_int_equal(snap_verify(e.s, &(struct snap_check){.fn = no_damage, .arg = "at once"},
				     &seen, &e.err),
			 0);
	assert_int_equal(seen.records, 32);
	env_close(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(take_killed),   cmocka_unit_test(take_full_disk),
	    cmocka_unit_test(gc_killed),     cmocka_unit_test(gc_full_disk),
	    cmocka_unit_test(delete_killed), cmocka_unit_test(repair_killed),
	    cmocka_unit_test(many_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
