/* Bits that flip in the store are found and named, and mended where there is another copy. */
#include "tests/lib/snapenv.h"

#include <dirent.h>

struct seen {
	unsigned calls, store, files, repaired;
	char last[512];
};

static void note(void *arg, const struct snap_damage *d)
{
	struct seen *s = arg;

	s->calls++;
	s->store += !d->path;
	s->files += d->path != NULL;
	s->repaired += d->repaired;
	if (d->path)
		snprintf(s->last, sizeof(s->last), "%s #%u %s", d->where, d->number, d->path);
}

static void first_pack(struct snapenv *e, char path[400])
{
	char dir[120];
	struct dirent *de;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/snapshots/packs", e->state);
	d = opendir(dir);
	while ((de = readdir(d)) && !str_ends(de->d_name, ".pack"))
		;
	snprintf(path, 400, "%s/%s", dir, de->d_name);
	closedir(d);
}

static void flip(const char *path, off_t at, uint8_t bit)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t c;

	assert_int_equal(pread(fd, &c, 1, at), 1);
	c ^= bit;
	assert_int_equal(pwrite(fd, &c, 1, at), 1);
	close(fd);
}

static struct seen verify(struct snapenv *e, bool repair)
{
	struct snap_verified v;
	struct seen s = {0};

	snap_close(e->s);
	assert_int_equal(snap_open(&e->s, e->state, &e->err), 0);
	if (snap_verify(e->s, &(struct snap_check){.repair = repair, .fn = note, .arg = &s}, &v,
			&e->err) < 0)
		fail_msg("%s", e->err.msg);
	assert_int_equal(v.damaged, s.calls);
	return s;
}

/* Every byte of a small store, one bit each. */
static void every_byte_of_a_pack(void **state)
{
	struct snapenv e;
	struct snap_record r;
	struct stat st;
	char pack[400];

	(void)state;
	env_open(&e);
	env_mkdir(&e, "d");
	env_text(&e, "d/some", "some text, some text, some text, some text");
	env_text(&e, "other", "other");
	env_text(&e, "empty", "");
	env_take(&e, &r);
	snap_record_free(&r);
	first_pack(&e, pack);
	assert_int_equal(stat(pack, &st), 0);
	assert_int_equal(verify(&e, false).calls, 0);
	for (off_t at = 0; at < st.st_size; at++) {
		uint8_t bit = (uint8_t)(1u << (at % 8));

		flip(pack, at, bit);
		if (verify(&e, false).calls == 0)
			fail_msg("byte %ld of %ld", (long)at, (long)st.st_size);
		flip(pack, at, bit);
	}
	assert_int_equal(verify(&e, false).calls, 0);
	env_close(&e);
}

static void every_byte_of_a_record(void **state)
{
	struct snapenv e;
	struct snap_record r, *v;
	struct stat st;
	char path[300];

	(void)state;
	env_open(&e);
	env_text(&e, "f", "x");
	env_take(&e, &r);
	snap_record_free(&r);
	snprintf(path, sizeof(path), "%s/rollbacks/test/snapshots/000.json", e.state);
	assert_int_equal(stat(path, &st), 0);
	for (off_t at = 0; at < st.st_size; at++) {
		struct buf bad = {0};
		struct snap_gc gc;
		size_t n;

		flip(path, at, 4);
		assert_int_equal(snap_record_list(e.s, "test", &v, &n, &bad, &e.err), 0);
		assert_int_equal(n, 0);
		assert_non_null(strstr(bad.data, "000.json"));
		buf_free(&bad);
		/* What it names is not known: nothing may be dropped. */
		assert_int_equal(snap_gc(e.s, &gc, &e.err), -1);
		flip(path, at, 4);
	}
	env_close(&e);
}

static void named_and_mended(void **state)
{
	struct snapenv e;
	struct snap_record a, b;
	static char big[3 << 20];
	char pack[400];
	struct snap_entry x;
	struct pack *p;
	const struct pack_entry *pe;
	struct seen s;
	struct buf got = {0};

	(void)state;
	env_open(&e);
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)env_rand(&e);
	env_write(&e, "big", big, sizeof(big));
	env_text(&e, "small", "small");
	env_take(&e, &a);
	env_text(&e, "small", "other");
	env_take(&e, &b);
	x = env_entry(&e, &a, "big");
	struct snap_hash second = {0};
	second = hash_chunk(big + CHUNK_MAX, CHUNK_MAX);
	pe = store_find(e.s, &second, &p);
	assert_non_null(pe);
	snprintf(pack, sizeof(pack), "%s/snapshots/packs/%s", e.state, p->name);
	flip(pack, (off_t)pe->block + 5000, 1);
	s = verify(&e, false);
	assert_int_equal(s.files, 2); /* of both snapshots */
	assert_non_null(strstr(s.last, "test #1 "));
	assert_non_null(strstr(s.last, "/tree/big"));
	/* Never handed out. */
	assert_int_equal(snap_blob_read(e.s, &x.hash, 4 << 20, &got, &e.err), -1);
	buf_free(&got);
	/* The live tree still has it. */
	s = verify(&e, true);
	assert_int_equal(s.repaired, 2);
	assert_int_equal(verify(&e, false).calls, 0);
	memset(&got, 0, sizeof(got));
	assert_int_equal(snap_blob_read(e.s, &x.hash, 4 << 20, &got, &e.err), 0);
	assert_int_equal(got.len, sizeof(big));
	assert_memory_equal(got.data, big, sizeof(big));
	buf_free(&got);
	snap_record_free(&a);
	snap_record_free(&b);
	env_close(&e);
}

/* A pack that lost its end: what is in its blocks comes back. */
static void a_pack_without_its_end(void **state)
{
	struct snapenv e;
	struct snap_record r;
	struct stat st;
	char pack[400];

	(void)state;
	env_open(&e);
	env_grow(&e, "", 2);
	env_take(&e, &r);
	first_pack(&e, pack);
	assert_int_equal(stat(pack, &st), 0);
	assert_int_equal(truncate(pack, st.st_size - 30), 0);
	assert_true(verify(&e, false).files > 0);
	assert_int_equal(verify(&e, true).files, 0);
	assert_int_equal(verify(&e, false).calls, 0);
	assert_int_equal(env_entry(&e, &r, "").kind, SNAP_DIR);
	snap_record_free(&r);
	env_close(&e);
}

/* Many snapshots do not mean many packs. */
static void small_packs_become_one(void **state)
{
	struct snapenv e;
	struct snap_record r;

	(void)state;
	env_open(&e);
	for (unsigned i = 0; i < 54; i++) {
		char text[40];
		snprintf(text, sizeof(text), "version %u", i);
		env_text(&e, "f", text);
		env_take(&e, &r);
		snap_record_free(&r);
		assert_true(e.s->pack_count <= 50);
	}
	assert_int_equal(verify(&e, false).calls, 0);
	env_close(&e);
}

/* Deltas: each edit costs little, every version comes back, also when older ones are gone. */
static void edits_and_gc(void **state)
{
	struct snapenv e;
	struct snap_record r[40];
	static char text[200000];
	struct snap_gc gc;
	uint64_t first;

	(void)state;
	env_open(&e);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)env_rand(&e);
	for (unsigned i = 0; i < 40; i++) {
		memset(text + (env_rand(&e) % 199000), 'a' + (int)i % 26, 50);
		env_write(&e, "f", text, sizeof(text));
		env_take(&e, &r[i]);
		if (i == 0)
			first = snap_store_bytes(e.s);
	}
	assert_true(snap_store_bytes(e.s) < 4 * first);
	for (unsigned i = 0; i < 39; i++)
		if (i != 20)
			assert_int_equal(snap_record_delete(e.s, "test", i, NULL, &e.err), 0);
	assert_int_equal(snap_gc(e.s, &gc, &e.err), 0);
	assert_true(gc.bytes_after < gc.bytes_before);
	assert_int_equal(verify(&e, false).calls, 0);
	struct snap_entry x = env_entry(&e, &r[39], "f");
	struct buf got = {0};
	assert_int_equal(snap_blob_read(e.s, &x.hash, sizeof(text), &got, &e.err), 0);
	assert_memory_equal(got.data, text, sizeof(text));
	buf_free(&got);
	for (unsigned i = 0; i < 40; i++)
		snap_record_free(&r[i]);
	assert_int_equal(snap_record_delete(e.s, "test", 39, NULL, &e.err), 0);
	assert_int_equal(snap_record_delete(e.s, "test", 20, NULL, &e.err), 0);
	assert_int_equal(snap_gc(e.s, &gc, &e.err), 0);
	assert_true(gc.bytes_after < 200);
	env_take(&e, &r[0]); /* the stat cache does not believe that it is still there */
	assert_int_equal(verify(&e, false).calls, 0);
	snap_record_free(&r[0]);
	env_close(&e);
}

/* ---- several threads --------------------------------------------------------------------------
 */

static void write_down(void *arg, const struct snap_damage *d)
{
	struct buf *out = arg;
	char line[600];

	snprintf(line, sizeof(line), "%s #%u %s: %s\n", d->where ? d->where : "-", d->number,
		 d->path ? d->path : "-", d->what);
	buf_adds(out, line);
}

static struct buf told(struct snapenv *e, unsigned threads, struct snap_verified *v)
{
	struct buf out = {0};

	buf_adds(&out, "");
	assert_int_equal(
	    snap_verify(e->s,
			&(struct snap_check){.fn = write_down, .arg = &out, .threads = threads}, v,
			&e->err),
	    0);
	return out;
}

static size_t lines_of(const struct buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->len; i++)
		n += b->data[i] == '\n';
	return n;
}

/* Fills a tree of some packs, the first with many units. */
static void grow_packs(struct snapenv *e)
{
	static char big[24 << 20];
	struct snap_record r;

	for (size_t i = 0; i < sizeof(big); i += 8) {
		uint64_t v = env_rand(e) ^ (uint64_t)env_rand(e) << 32;
		memcpy(big + i, &v, 8);
	}
	env_write(e, "big", big, sizeof(big));
	for (unsigned i = 0; i < 5; i++) {
		char name[20];
		snprintf(name, sizeof(name), "more%u", i);
		env_write(e, name, big + 1000 * i, 300000);
		env_take(e, &r);
		snap_record_free(&r);
	}
}

/* As one thread says it, in that order. */
static void threads_find_the_same(void **state)
{
	struct snapenv e;
	struct snap_verified one, many;

	(void)state;
	env_open(&e);
	grow_packs(&e);
	assert_true(e.s->pack_count >= 5);
	for (unsigned round = 0; round < 4; round++) {
		struct buf a, b;

		for (unsigned i = 0; i < 6 * round; i++) {
			const struct pack *p = e.s->packs[env_rand(&e) % e.s->pack_count];
			char path[400];

			snprintf(path, sizeof(path), "%s/snapshots/packs/%s", e.state, p->name);
			flip(path, (off_t)(PACK_HEAD + env_rand(&e) % (p->index_at - PACK_HEAD)),
			     1);
		}
		a = told(&e, 1, &one);
		assert_true(round ? lines_of(&a) > 0 : lines_of(&a) == 0);
		assert_int_equal(lines_of(&a), one.damaged);
		for (unsigned threads = 0; threads <= 8; threads += 2) {
			b = told(&e, threads, &many);
			assert_string_equal(a.data, b.data);
			assert_memory_equal(&one, &many, sizeof(one));
			buf_free(&b);
		}
		buf_free(&a);
	}
	env_close(&e);
}

static bool no_more(void *arg, const struct snap_progress *p)
{
	assert_true(p->bytes_read < p->bytes_seen && p->bytes_read > 0);
	++*(unsigned *)arg;
	return false;
}

static void given_up(void **state)
{
	struct snapenv e;
	struct snap_verified v;

	(void)state;
	env_open(&e);
	grow_packs(&e);
	for (unsigned threads = 1; threads <= 4; threads++) {
		unsigned calls = 0;
		struct snap_check check = {.progress = no_more, .arg = &calls, .threads = threads};

		assert_int_equal(snap_verify(e.s, &check, &v, &e.err), -1);
		assert_int_equal(e.err.code, ECANCELED);
		assert_int_equal(calls, 1);
	}
	assert_int_equal(verify(&e, false).calls, 0);
	env_close(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_byte_of_a_pack),   cmocka_unit_test(every_byte_of_a_record),
	    cmocka_unit_test(named_and_mended),	      cmocka_unit_test(a_pack_without_its_end),
	    cmocka_unit_test(small_packs_become_one), cmocka_unit_test(edits_and_gc),
	    cmocka_unit_test(threads_find_the_same),  cmocka_unit_test(given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
