/* What a file system lets packs and files share: blocks of btrfs, in an image of its own. */
#include "tests/lib/snapenv.h"

#include <linux/fiemap.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#define RAW (3u * CHUNK_MAX + 5000)

/* Random bytes, other ones for each seed. */
static uint8_t *raw(struct snapenv *e, unsigned seed)
{
	static uint8_t data[RAW];

	e->rng = 0x2545f4914f6cdd1dull + seed;
	for (size_t i = 0; i + 4 <= sizeof(data); i += 4) {
		uint32_t v = env_rand(e);
		memcpy(data + i, &v, 4);
	}
	return data;
}

static int open_in(struct snapenv *e, const char *name, int flags)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", e->tree, name);
	fd = open(path, flags | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

/* How many bytes of the file another one has too. */
static uint64_t shared_bytes(struct snapenv *e, const char *name)
{
	size_t most = 64;
	struct fiemap *map = xcalloc(1, sizeof(*map) + most * sizeof(map->fm_extents[0]));
	int fd = open_in(e, name, O_RDONLY);
	uint64_t n = 0;

	map->fm_length = ~0ull;
	map->fm_flags = FIEMAP_FLAG_SYNC;
	map->fm_extent_count = (uint32_t)most;
	assert_int_equal(ioctl(fd, FS_IOC_FIEMAP, map), 0);
	for (unsigned i = 0; i < map->fm_mapped_extents; i++)
		if (map->fm_extents[i].fe_flags & FIEMAP_EXTENT_SHARED)
			n += map->fm_extents[i].fe_length;
	free(map);
	close(fd);
	return n;
}

static void no_damage(void *arg, const struct snap_damage *d)
{
	fail_msg("%s: %s %s", (char *)arg, d->path ? d->path : "", d->what);
}

static void check(struct snapenv *e, const char *what)
{
	struct snap_verified seen;

	snap_close(e->s);
	assert_int_equal(snap_open(&e->s, e->state, &e->err), 0);
	assert_int_equal(
	    snap_verify(e->s, &(struct snap_check){.fn = no_damage, .arg = (void *)(uintptr_t)what},
			&seen, &e->err),
	    0);
}

static void holds(struct snapenv *e, const struct snap_record *r, const char *name,
		  const uint8_t *data, size_t n)
{
	struct snap_entry x = env_entry(e, r, name);
	struct buf got = {0};

	assert_int_equal(x.kind, SNAP_FILE);
	if (snap_blob_read(e->s, &x.hash, 8 << 20, &got, &e->err) < 0)
		fail_msg("%s", e->err.msg);
	assert_int_equal(got.len, n);
	assert_memory_equal(got.data, data, n);
	buf_free(&got);
}

/* Puts a file back under another name. */
static void put_back(struct snapenv *e, const struct snap_record *r, const char *name,
		     const char *as, bool sparse)
{
	struct snap_entry x = env_entry(e, r, name);
	int fd;

	env_text(e, as, "");
	fd = open_in(e, as, O_RDWR);
	if (snap_blob_write(e->s, &x.hash, fd, sparse, &e->err) < 0)
		fail_msg("%s", e->err.msg);
	assert_int_equal(lseek(fd, 0, SEEK_END), x.size);
	close(fd);
}

static void same_content(struct snapenv *e, const char *name, const uint8_t *data, size_t n)
{
	static uint8_t is[RAW];
	int fd = open_in(e, name, O_RDONLY);

	assert_int_equal(read_full(fd, is, sizeof(is)), n);
	assert_memory_equal(is, data, n);
	close(fd);
}

/* There and back; edits of the file in its place leave the snapshot alone. */
static void there_and_back(void **state)
{
	struct snapenv e;
	struct snap_record r;
	uint8_t *data;
	int fd;

	(void)state;
	env_open(&e);
	data = raw(&e, 0);
	env_write(&e, "f", data, RAW);
	env_text(&e, "small", "small");
	assert_int_equal(shared_bytes(&e, "f"), 0);
	env_take(&e, &r);
	assert_true(shared_bytes(&e, "f") >= 3 * CHUNK_MAX);
	check(&e, "as taken");
	holds(&e, &r, "f", data, RAW);
	for (unsigned sparse = 0; sparse < 2; sparse++) {
		put_back(&e, &r, "f", "again", sparse);
		assert_true(shared_bytes(&e, "again") >= 3 * CHUNK_MAX);
		same_content(&e, "again", data, RAW);
	}
	fd = open_in(&e, "f", O_RDWR);
	assert_int_equal(pwrite(fd, "edited", 6, 1500000), 6);
	close(fd);
	check(&e, "after an edit");
	holds(&e, &r, "f", data, RAW);
	fd = open_in(&e, "f", O_RDWR | O_TRUNC);
	close(fd);
	holds(&e, &r, "f", data, RAW);
	snap_record_free(&r);
	env_close(&e);
}

/* gc moves what is left of a pack, and it stays shared. */
static void moved(void **state)
{
	struct snapenv e;
	struct snap_record a, b;
	struct snap_gc gc;
	char path[512];

	(void)state;
	env_open(&e);
	env_write(&e, "f", raw(&e, 1), RAW);
	env_write(&e, "g", raw(&e, 2), RAW);
	env_take(&e, &a);
	snprintf(path, sizeof(path), "%s/f", e.tree);
	assert_int_equal(unlink(path), 0);
	env_take(&e, &b);
	assert_int_equal(snap_record_delete(e.s, "test", a.number, NULL, &e.err), 0);
	assert_int_equal(snap_gc(e.s, &gc, &e.err), 0);
	assert_true(gc.bytes_before - gc.bytes_after >= 3 * CHUNK_MAX);
	assert_true(gc.bytes_after < RAW + 100000);
	check(&e, "after gc");
	holds(&e, &b, "g", raw(&e, 2), RAW);
	assert_true(shared_bytes(&e, "g") >= 3 * CHUNK_MAX);
	snap_record_free(&a);
	snap_record_free(&b);
	env_close(&e);
}

static void count(void *arg, const struct snap_damage *d)
{
	(void)d;
	++*(unsigned *)arg;
}

static unsigned damages(struct snapenv *e, bool repair)
{
	struct snap_verified seen;
	unsigned n = 0;

	snap_close(e->s);
	assert_int_equal(snap_open(&e->s, e->state, &e->err), 0);
	assert_int_equal(snap_verify(e->s,
				     &(struct snap_check){.repair = repair, .fn = count, .arg = &n},
				     &seen, &e->err),
			 0);
	return n;
}

/* A flipped bit of the pack: in the head, in the zeros after it, at the ends of what is shared. */
static void flipped(void **state)
{
	static const uint64_t at[] = {0, 20, 50, 59, 60, 3000};
	struct snapenv e;
	struct snap_record r;
	struct snap_hash h;
	struct block_head head;
	struct pack *p;
	uint64_t block, data;
	char path[300];
	uint8_t *bytes;
	int fd;

	(void)state;
	env_open(&e);
	bytes = raw(&e, 3);
	env_write(&e, "f", bytes, RAW);
	env_take(&e, &r);
	h = hash_chunk(bytes + CHUNK_MAX, CHUNK_MAX);
	assert_non_null(store_find(e.s, &h, &p));
	block = store_find(e.s, &h, &p)->block;
	assert_int_equal(pack_block(p, block, &head, &e.err), 0);
	assert_int_equal(head.codec, BLOCK_APART);
	data = block_data(block, &head);
	assert_int_equal(data % PACK_PAGE, 0);
	snprintf(path, sizeof(path), "%s/snapshots/packs/%s", e.state, p->name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_LEN(at) + 3; i++) {
		uint64_t where = i < ARRAY_LEN(at) ? block + at[i]
						   : data + (i - ARRAY_LEN(at)) * (CHUNK_MAX / 2) -
							 (i == ARRAY_LEN(at) + 2);
		uint8_t c;

		assert_int_equal(pread(fd, &c, 1, (off_t)where), 1);
		c ^= 8;
		assert_int_equal(pwrite(fd, &c, 1, (off_t)where), 1);
		if (damages(&e, false) < 2) /* the pack, and the file that is meant */
			fail_msg("byte %lu of the block", (unsigned long)(where - block));
		same_content(&e, "f", bytes, RAW);
		c ^= 8;
		assert_int_equal(pwrite(fd, &c, 1, (off_t)where), 1);
	}
	assert_int_equal(damages(&e, false), 0);
	/* The file has it still. */
	assert_int_equal(pwrite(fd, "bad", 3, (off_t)data), 3);
	close(fd);
	assert_true(damages(&e, true) >= 2);
	assert_int_equal(damages(&e, false), 0);
	holds(&e, &r, "f", bytes, RAW);
	snap_record_free(&r);
	env_close(&e);
}

/* A tree on another file system, which can't share with the store's. */
static void elsewhere(void **state)
{
	struct snapenv e;
	struct snap_record r;
	uint8_t *data;

	(void)state;
	env_open(&e);
	assert_int_equal(mount("none", e.tree, "tmpfs", 0, "size=64m"), 0);
	data = raw(&e, 4);
	env_write(&e, "f", data, RAW);
	env_take(&e, &r);
	check(&e, "of a tmpfs");
	holds(&e, &r, "f", data, RAW);
	put_back(&e, &r, "f", "again", false);
	same_content(&e, "again", data, RAW);
	snap_record_free(&r);
	assert_int_equal(umount2(e.tree, MNT_DETACH), 0);
	env_close(&e);
}

struct writing {
	int fd;
	atomic_bool stop;
};

static void *keep_writing(void *arg)
{
	struct writing *w = arg;

	for (uint64_t i = 0; !atomic_load(&w->stop); i++)
		assert_int_equal(pwrite(w->fd, &i, sizeof(i), (off_t)(i * 4099 % (3 * CHUNK_MAX))),
				 sizeof(i));
	return NULL;
}

/* What changes while it is taken may be torn, but is what its hash says. */
static void under_the_hand(void **state)
{
	struct snapenv e;
	struct writing w = {.fd = -1};
	pthread_t id;

	(void)state;
	env_open(&e);
	env_write(&e, "f", raw(&e, 5), RAW);
	w.fd = open_in(&e, "f", O_RDWR);
	assert_int_equal(pthread_create(&id, NULL, keep_writing, &w), 0);
	for (unsigned i = 0; i < 5; i++) {
		struct snap_record r;

		env_take(&e, &r);
		snap_record_free(&r);
	}
	atomic_store(&w.stop, true);
	pthread_join(id, NULL);
	close(w.fd);
	check(&e, "taken while it changed");
	env_close(&e);
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

/* Stopped at each step, by a kill or by a full disk. */
static void stop_at_each(int (*op)(struct snapenv *), const char *name, bool kill)
{
	bool stopped = true;
	long step = 0;

	while (stopped) {
		struct disk_faults faults = {.left = ++step, .kill = kill};
		struct snap_record r;
		struct snapenv e;
		int status;
		pid_t pid;

		env_open(&e);
		env_write(&e, "f", raw(&e, 6), RAW);
		if (op == op_gc)
			env_write(&e, "g", raw(&e, 7), RAW);
		env_take(&e, &r);
		snap_record_free(&r);
		env_write(&e, "g", raw(&e, 7), RAW);
		if (op == op_gc) {
			env_write(&e, "f", "", 0);
			env_take(&e, &r);
			snap_record_free(&r);
			assert_int_equal(snap_record_delete(e.s, "test", 0, NULL, &e.err), 0);
		}
		pid = fork();
		if (pid == 0) {
			e.s->faults = &faults;
			_exit(op(&e) < 0 ? 1 : 0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status) && step < 100);
		stopped = WEXITSTATUS(status) != 0;
		check(&e, name);
		env_take(&e, &r);
		holds(&e, &r, "g", raw(&e, 7), RAW);
		snap_record_free(&r);
		check(&e, name);
		env_close(&e);
	}
	assert_true(step > 8);
}

static void take_stopped(void **state)
{
	(void)state;
	stop_at_each(op_take, "take killed", true);
	stop_at_each(op_take, "take on a full disk", false);
}

static void gc_stopped(void **state)
{
	(void)state;
	stop_at_each(op_gc, "gc killed", true);
	stop_at_each(op_gc, "gc on a full disk", false);
}

/* /tmp of this process alone becomes an image with btrfs. NULL, or why that can't be. */
static const char *make_file_system(void)
{
	char image[] = "/tmp/nono-share-XXXXXX", command[200];
	int dir = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = mkostemp(image, O_CLOEXEC);
	const char *why = NULL;

	if (fd < 0 || dir < 0 || ftruncate(fd, 400 << 20) < 0)
		return "no room for an image";
	close(fd);
	snprintf(command, sizeof(command), "mkfs.btrfs -q %s >/dev/null 2>&1", image);
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		why = "only root can mount one";
	else if (system(command) != 0)
		why = "there is no mkfs.btrfs";
	snprintf(command, sizeof(command), "mount -o loop %s /tmp >/dev/null 2>&1", image);
	if (!why && system(command) != 0)
		why = "btrfs can't be mounted from an image here";
	unlinkat(dir, strrchr(image, '/') + 1, 0);
	close(dir);
	return why;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(there_and_back), cmocka_unit_test(moved),
	    cmocka_unit_test(flipped),	      cmocka_unit_test(elsewhere),
	    cmocka_unit_test(under_the_hand), cmocka_unit_test(take_stopped),
	    cmocka_unit_test(gc_stopped),
	};
	const char *why = make_file_system();

	if (why) {
		printf("skipped: no file system that shares blocks: %s\n", why);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
