/* Taking, reading, comparing: what goes in comes out, what did not change is not read. */
#include "tests/lib/snapenv.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

static void restore_equals(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 6; round++) {
		struct snapenv e;
		struct snap_record a, b;
		char copy[128];
		struct snap_entry x, y;

		env_open(&e);
		e.rng += round;
		env_grow(&e, "", 0);
		env_take(&e, &a);
		x = env_entry(&e, &a, "");
		assert_int_equal(x.kind, SNAP_DIR);
		snprintf(copy, sizeof(copy), "%s/copy", e.dir);
		assert_int_equal(mkdir(copy, 0755), 0);
		env_restore(&e, &x.hash, copy);
		strcpy(e.tree, copy);
		env_take(&e, &b);
		y = env_entry(&e, &b, "");
		/* Names, kinds, modes, times, attributes and content: one hash. */
		assert_memory_equal(x.hash.b, y.hash.b, SNAP_HASH_SIZE);
		assert_int_equal(a.files, b.files);
		snap_record_free(&a);
		snap_record_free(&b);
		env_close(&e);
	}
}

struct list {
	char text[4096];
};

static int add_change(void *arg, const struct snap_change *c, struct err *err)
{
	struct list *l = arg;
	size_t n = strlen(l->text);

	(void)err;
	snprintf(l->text + n, sizeof(l->text) - n, "%s %s\n", snap_change_name(c->type),
		 strstr(c->path, "/tree") + 5);
	return 0;
}

static void changes_of(struct snapenv *e, const struct snap_record *a, const struct snap_record *b,
		       const char *want)
{
	struct list l = {0};

	if (snap_changes(e->s, a, b, add_change, &l, &e->err) < 0)
		fail_msg("%s", e->err.msg);
	assert_string_equal(l.text, want);
}

static void changes_are_found(void **state)
{
	static const char want[] = "Created /d/new\nDeleted /gone\nPermissionsChanged /mode\n"
				   "Modified /text\nDeleted /to\nDeleted /to/file\nCreated /x\n"
				   "Created /x/y\n";
	struct snapenv e;
	struct snap_record a, b, now;
	char path[200], mode[200];
	const char *const roots[] = {e.tree, NULL};
	struct snap_options o = {0};

	(void)state;
	env_open(&e);
	env_text(&e, "text", "one");
	env_text(&e, "gone", "x");
	env_text(&e, "mode", "x");
	env_text(&e, "same", "same");
	env_mkdir(&e, "d");
	env_mkdir(&e, "to");
	env_text(&e, "to/file", "x");
	env_take(&e, &a);
	env_text(&e, "text", "two");
	env_text(&e, "same", "same"); /* another time only */
	env_text(&e, "d/new", "x");
	env_mkdir(&e, "x");
	env_text(&e, "x/y", "");
	snprintf(path, sizeof(path), "%s/gone", e.tree);
	unlink(path);
	snprintf(path, sizeof(path), "%s/to/file", e.tree);
	unlink(path);
	snprintf(path, sizeof(path), "%s/to", e.tree);
	rmdir(path);
	snprintf(mode, sizeof(mode), "%s/mode", e.tree);
	chmod(mode, 0755);
	assert_int_equal(snap_scan(e.s, roots, &o, &now, &e.err), 0);
	changes_of(&e, &a, &now, want);
	env_take(&e, &b);
	changes_of(&e, &a, &b, want);
	changes_of(&e, &b, &now, "");
	snap_record_free(&a);
	snap_record_free(&b);
	snap_record_free(&now);
	env_close(&e);
}

static bool count_reads(void *arg, const struct snap_progress *p)
{
	*(struct snap_progress *)arg = *p;
	return true;
}

/* Same size, times put back: only the change time tells, and it does. */
static void forged_times_are_seen(void **state)
{
	struct snapenv e;
	struct snap_record a, b;
	struct stat st;
	char path[200];

	(void)state;
	env_open(&e);
	env_text(&e, "f", "before");
	usleep(60000);
	env_take(&e, &a);
	env_take(&e, &b);
	assert_memory_equal(a.tree.b, b.tree.b, SNAP_HASH_SIZE);
	snap_record_free(&b);
	snprintf(path, sizeof(path), "%s/f", e.tree);
	stat(path, &st);
	env_text(&e, "f", "behind");
	struct timespec times[2] = {st.st_atim, st.st_mtim};
	utimensat(AT_FDCWD, path, times, 0);
	env_take(&e, &b);
	changes_of(&e, &a, &b, "Modified /f\n");
	snap_record_free(&a);
	snap_record_free(&b);
	env_close(&e);
}

/* Written again within the same tick of the clock, same size: never taken for unchanged. */
static void racy_writes_are_seen(void **state)
{
	struct snapenv e;

	(void)state;
	env_open(&e);
	for (unsigned i = 0; i < 60; i++) {
		struct snap_record r;
		struct snap_entry x;
		struct buf b = {0};
		char text[8];

		snprintf(text, sizeof(text), "%03u", i);
		env_text(&e, "f", text);
		env_take(&e, &r);
		x = env_entry(&e, &r, "f");
		assert_int_equal(snap_blob_read(e.s, &x.hash, 100, &b, &e.err), 0);
		assert_string_equal(b.data, text);
		buf_free(&b);
		snap_record_free(&r);
	}
	env_close(&e);
}

static void odd_things(void **state)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct snapenv e;
	struct snap_record r;
	struct snap_entry x, y;
	char path[200], other[200];
	int fd;

	(void)state;
	env_open(&e);
	env_text(&e, "one", "linked");
	snprintf(path, sizeof(path), "%s/one", e.tree);
	snprintf(other, sizeof(other), "%s/two", e.tree);
	assert_int_equal(link(path, other), 0);
	snprintf(path, sizeof(path), "%s/fifo", e.tree);
	assert_int_equal(mkfifo(path, 0600), 0);
	snprintf(a.sun_path, sizeof(a.sun_path), "%.90s/sock", e.tree);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (void *)&a, sizeof(a)), 0);
	close(fd);
	snprintf(path, sizeof(path), "%s/sparse", e.tree);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, 50ll << 30), 0); /* 50 GiB of nothing, and a byte */
	assert_int_equal(pwrite(fd, "x", 1, 20ll << 30), 1);
	close(fd);
	env_take(&e, &r);
	x = env_entry(&e, &r, "one");
	y = env_entry(&e, &r, "two");
	assert_true(x.link_id && x.link_id == y.link_id);
	assert_int_equal(env_entry(&e, &r, "fifo").kind, SNAP_OTHER);
	assert_int_equal(env_entry(&e, &r, "sock").kind, SNAP_OTHER);
	assert_int_equal(r.left_out_total[SNAP_WHY_SPECIAL], 2);
	x = env_entry(&e, &r, "sparse");
	assert_true(x.sparse);
	assert_true(x.size == 50ull << 30);
	assert_true(snap_store_bytes(e.s) < 100000);
	assert_int_equal(env_entry(&e, &r, "not/there").kind, SNAP_NONE);
	snap_record_free(&r);
	env_close(&e);
}

static void what_is_left_out(void **state)
{
	static const char *const excludes[] = {"/cache", "*.log", "!keep.log", NULL};
	struct snapenv e;
	struct snap_record a, b;
	struct snap_options o = {
	    .excludes = excludes, .gitignore = true, .max_file_bytes = 1000, .max_dir_entries = 20};
	char big[2000] = {0}, name[64];

	(void)state;
	env_open(&e);
	env_text(&e, ".gitignore", "# c\n*.o\n/out/\ndocs/**/*.pdf\n!important.o\n");
	env_text(&e, "a.o", "x");
	env_text(&e, "important.o", "x");
	env_text(&e, "x.log", "x");
	env_text(&e, "keep.log", "x");
	env_mkdir(&e, "out");
	env_text(&e, "out/y", "x");
	env_mkdir(&e, "cache");
	env_mkdir(&e, "docs");
	env_mkdir(&e, "docs/a");
	env_text(&e, "docs/a/b.pdf", "x");
	env_mkdir(&e, "sub");
	env_text(&e, "sub/.gitignore", "!b.o\n");
	env_text(&e, "sub/b.o", "x");
	env_text(&e, "sub/c.o", "x");
	env_write(&e, "big", big, sizeof(big));
	env_mkdir(&e, "many");
	for (unsigned i = 0; i < 25; i++) {
		snprintf(name, sizeof(name), "many/%u", i);
		env_text(&e, name, "x");
	}
	usleep(50000);
	for (unsigned again = 0; again < 3; again++) { /* from the disk, then from the cache */
		assert_int_equal(env_take_with(&e, o, &a), 0);
		assert_int_equal(env_entry(&e, &a, "a.o").why, SNAP_WHY_IGNORED);
		assert_int_equal(env_entry(&e, &a, "important.o").kind, SNAP_FILE);
		assert_int_equal(env_entry(&e, &a, "x.log").why, SNAP_WHY_EXCLUDED);
		assert_int_equal(env_entry(&e, &a, "keep.log").kind, SNAP_FILE);
		assert_int_equal(env_entry(&e, &a, "out/y").kind, SNAP_LEFT_OUT);
		assert_int_equal(env_entry(&e, &a, "cache").why, SNAP_WHY_EXCLUDED);
		assert_int_equal(env_entry(&e, &a, "docs/a/b.pdf").why, SNAP_WHY_IGNORED);
		assert_int_equal(env_entry(&e, &a, "sub/b.o").kind, SNAP_FILE);
		assert_int_equal(env_entry(&e, &a, "sub/c.o").why, SNAP_WHY_IGNORED);
		assert_int_equal(env_entry(&e, &a, "big").why, SNAP_WHY_FILE_BYTES);
		assert_int_equal(env_entry(&e, &a, "many").why, SNAP_WHY_DIR_FILES);
		snap_record_free(&a);
	}
	/* New rules hold at once, also for directories that did not change. */
	env_text(&e, ".gitignore", "b.*\n");
	assert_int_equal(env_take_with(&e, o, &a), 0);
	assert_int_equal(env_entry(&e, &a, "a.o").kind, SNAP_FILE);
	assert_int_equal(env_entry(&e, &a, "docs/a/b.pdf").why, SNAP_WHY_IGNORED);
	/* What was left out is no change, whatever happens to it. */
	env_text(&e, "docs/a/b.pdf", "y");
	assert_int_equal(env_take_with(&e, o, &b), 0);
	changes_of(&e, &a, &b, "");
	snap_record_free(&a);
	snap_record_free(&b);
	env_close(&e);
}

static bool refuse(void *arg, const struct snap_progress *p)
{
	(void)arg;
	(void)p;
	return false;
}

static void budgets_and_the_end(void **state)
{
	struct snapenv e;
	struct snap_record r;
	struct snap_progress seen = {0};
	char *const big = xcalloc(1, 4 << 20);

	(void)state;
	env_open(&e);
	for (unsigned i = 0; i < 12; i++) {
		char name[32];
		snprintf(name, sizeof(name), "f%u", i);
		for (size_t j = 0; j < 4 << 20; j++)
			big[j] = (char)env_rand(&e);
		env_write(&e, name, big, 4 << 20);
	}
	assert_int_equal(env_take_with(&e, (struct snap_options){.max_files = 5}, &r), 0);
	assert_int_equal(r.files, 5);
	assert_int_equal(r.left_out_total[SNAP_WHY_FILES], 7);
	snap_record_free(&r);
	assert_int_equal(env_take_with(&e, (struct snap_options){.max_bytes = 9 << 20}, &r), 0);
	assert_int_equal(r.files, 2);
	assert_int_equal(r.left_out_total[SNAP_WHY_BYTES], 10);
	snap_record_free(&r);
	snap_set_quota(e.s, 25 << 20);
	assert_int_equal(env_take_with(&e, (struct snap_options){0}, &r), -1);
	assert_int_equal(e.err.code, EDQUOT);
	snap_set_quota(e.s, 0);
	assert_int_equal(
	    env_take_with(&e, (struct snap_options){.progress = count_reads, .arg = &seen}, &r), 0);
	snap_record_free(&r);
	for (unsigned i = 0; i < 12; i++) { /* enough to last longer than a tenth of a second */
		char name[32];
		snprintf(name, sizeof(name), "f%u", i);
		for (size_t j = 0; j < 4 << 20; j++)
			big[j] = (char)env_rand(&e);
		env_write(&e, name, big, 4 << 20);
	}
	if (env_take_with(&e, (struct snap_options){.progress = refuse}, &r) < 0)
		assert_int_equal(e.err.code, ECANCELED);
	else
		snap_record_free(&r);
	free(big);
	env_close(&e);
}

static void named_and_absent(void **state)
{
	struct snapenv e;
	struct snap_record r, *v;
	struct buf bad = {0};
	size_t n;

	(void)state;
	env_open(&e);
	env_text(&e, "f", "x");
	char missing[200];
	snprintf(missing, sizeof(missing), "%s/../not-there", e.tree);
	const char *const roots[] = {e.tree, missing, NULL};
	struct snap_take t = {
	    .roots = roots, .name = "before", .tag = "v1 \xff", .reason = "manual"};

	assert_int_equal(snap_take(e.s, &t, &r, &e.err), 0);
	assert_int_equal(r.root_count, 2);
	assert_int_equal(r.roots[0].kind, SNAP_NONE);
	snap_record_free(&r);
	assert_int_equal(snap_take(e.s, &t, NULL, &e.err), -1);
	assert_int_equal(e.err.code, EEXIST);
	t.name = "../x";
	assert_int_equal(snap_take(e.s, &t, NULL, &e.err), -1);
	assert_int_equal(snap_record_list(e.s, NULL, &v, &n, &bad, &e.err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(bad.len, 0);
	assert_string_equal(v[0].name, "before");
	snap_record_list_free(v, n);
	assert_int_equal(snap_record_delete(e.s, NULL, 0, "before", &e.err), 0);
	assert_int_equal(snap_record_load(e.s, NULL, 0, "before", &r, &e.err), -1);
	buf_free(&bad);
	env_close(&e);
}

/* A page that is dirty already is written again: no time changes, "settled" sees it all the same.
 */
/* Who may write above a root may put a link there: nothing behind it is read. */
static void a_link_above_a_root(void **state)
{
	char dir[256], file[256], x[300], secret[300], a[200], b[200];
	const char *const roots[] = {dir, file, NULL};
	struct snap_take t = {.roots = roots, .session = "test", .reason = "manual"};
	struct snap_record r = {0};
	struct snap_entry got;
	struct snapenv e;

	(void)state;
	env_open(&e);
	snprintf(a, sizeof(a), "%s/a", e.tree);
	snprintf(b, sizeof(b), "%s/b", e.tree);
	snprintf(dir, sizeof(dir), "%s/root", a);
	snprintf(file, sizeof(file), "%s/single", a);
	snprintf(x, sizeof(x), "%s/x", dir);
	snprintf(secret, sizeof(secret), "%s/secret", dir);
	for (const char *const *d = (const char *const[]){"a", "a/root", "out", "out/root", NULL};
	     *d; d++)
		env_mkdir(&e, *d);
	env_text(&e, "a/root/x", "mine");
	env_text(&e, "a/single", "mine");
	env_text(&e, "out/root/secret", "secret");
	env_text(&e, "out/single", "secret");
	assert_int_equal(snap_take(e.s, &t, &r, &e.err), 0);
	assert_int_equal(snap_lookup(e.s, &r, x, &got, NULL), 0);
	assert_int_equal(got.kind, SNAP_FILE);
	snap_record_free(&r);
	assert_int_equal(rename(a, b), 0);
	assert_int_equal(symlink("out", a), 0);
	assert_int_equal(snap_take(e.s, &t, &r, &e.err), 0);
	assert_int_equal(snap_lookup(e.s, &r, secret, &got, NULL), 0);
	assert_int_equal(got.kind, SNAP_LEFT_OUT); /* all of the root */
	assert_int_equal(snap_lookup(e.s, &r, file, &got, NULL), 0);
	assert_int_equal(got.kind, SNAP_LEFT_OUT);
	assert_int_equal(r.left_out_total[SNAP_WHY_UNREADABLE], 2);
	snap_record_free(&r);
	env_close(&e);
}

static void writes_through_a_mapping(void **state)
{
	struct snapenv e;
	struct snap_record a, b;
	char path[200], *map;
	int fd;

	(void)state;
	env_open(&e);
	env_text(&e, "f", "before");
	snprintf(path, sizeof(path), "%s/f", e.tree);
	fd = open(path, O_RDWR | O_CLOEXEC);
	map = mmap(NULL, 6, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(map != MAP_FAILED);
	memcpy(map, "second", 6);
	usleep(60000);
	env_take(&e, &a);
	memcpy(map, "hidden", 6);
	assert_int_equal(env_take_with(&e, (struct snap_options){.settled = true}, &b), 0);
	changes_of(&e, &a, &b, "Modified /f\n");
	munmap(map, 6);
	close(fd);
	snap_record_free(&a);
	snap_record_free(&b);
	env_close(&e);
}

/* A handle that was opened before another process took, and collected. */
static void an_old_handle_sees_what_is_new(void **state)
{
	struct snapenv e;
	struct snap_record r;
	struct snap_store *old;
	struct snap_gc gc;
	struct buf b = {0};

	(void)state;
	env_open(&e);
	env_text(&e, "f", "first");
	env_take(&e, &r);
	snap_record_free(&r);
	assert_int_equal(snap_open(&old, e.state, &e.err), 0);
	env_text(&e, "f", "second");
	env_take(&e, &r);
	assert_int_equal(snap_record_delete(e.s, "test", 0, NULL, &e.err), 0);
	assert_int_equal(snap_gc(e.s, &gc, &e.err), 0);
	snap_close(e.s);
	e.s = old;
	struct snap_entry x = env_entry(&e, &r, "f");
	assert_int_equal(snap_blob_read(e.s, &x.hash, 100, &b, &e.err), 0);
	assert_string_equal(b.data, "second");
	buf_free(&b);
	snap_record_free(&r);
	env_close(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(restore_equals),
	    cmocka_unit_test(changes_are_found),
	    cmocka_unit_test(forged_times_are_seen),
	    cmocka_unit_test(racy_writes_are_seen),
	    cmocka_unit_test(a_link_above_a_root),
	    cmocka_unit_test(writes_through_a_mapping),
	    cmocka_unit_test(odd_things),
	    cmocka_unit_test(what_is_left_out),
	    cmocka_unit_test(budgets_and_the_end),
	    cmocka_unit_test(named_and_absent),
	    cmocka_unit_test(an_old_handle_sees_what_is_new),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
