/* What the tests of the snapshot store share: a scratch directory, trees, putting a tree back. */
#ifndef NONO_TESTS_SNAPENV_H
#define NONO_TESTS_SNAPENV_H

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include <cmocka.h>

#include "snapshots/snapshots.h"
#include "snapshots/store.h"

struct snapenv {
	char dir[64], state[96], tree[96];
	struct snap_store *s;
	struct err err;
	uint64_t rng;
};

static inline uint32_t env_rand(struct snapenv *e)
{
	e->rng ^= e->rng << 13;
	e->rng ^= e->rng >> 7;
	e->rng ^= e->rng << 17;
	return (uint32_t)(e->rng >> 20);
}

static inline void env_open(struct snapenv *e)
{
	memset(e, 0, sizeof(*e));
	e->rng = 0x2545f4914f6cdd1dull;
	strcpy(e->dir, "/tmp/nono-snap-XXXXXX");
	assert_non_null(mkdtemp(e->dir));
	snprintf(e->state, sizeof(e->state), "%s/state", e->dir);
	snprintf(e->tree, sizeof(e->tree), "%s/tree", e->dir);
	assert_int_equal(mkdir(e->tree, 0755), 0);
	assert_int_equal(snap_open(&e->s, e->state, &e->err), 0);
}

static inline int env_remove(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	(void)st;
	(void)flag;
	(void)f;
	return remove(path);
}

static inline void env_close(struct snapenv *e)
{
	snap_close(e->s);
	nftw(e->dir, env_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void env_write(struct snapenv *e, const char *name, const void *p, size_t n)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", e->tree, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write_full(fd, p, n), 0);
	close(fd);
}

static inline void env_text(struct snapenv *e, const char *name, const char *text)
{
	env_write(e, name, text, strlen(text));
}

static inline void env_mkdir(struct snapenv *e, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", e->tree, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static inline int env_take_with(struct snapenv *e, struct snap_options o, struct snap_record *r)
{
	const char *const roots[] = {e->tree, NULL};
	struct snap_take t = {.roots = roots, .session = "test", .reason = "manual", .options = o};

	return snap_take(e->s, &t, r, &e->err);
}

static inline void env_take(struct snapenv *e, struct snap_record *r)
{
	if (env_take_with(e, (struct snap_options){0}, r) < 0)
		fail_msg("%s", e->err.msg);
}

/* Random files, some alike, some large, links, directories; calls itself. */
static inline void env_grow(struct snapenv *e, const char *below, unsigned depth)
{
	unsigned n = 3 + env_rand(e) % 12;

	for (unsigned i = 0; i < n; i++) {
		char name[300], path[400];
		static uint8_t data[3 << 20];
		size_t size = env_rand(e) % 4000;

		snprintf(name, sizeof(name), "%s%s%s%u", below, *below ? "/" : "",
			 env_rand(e) % 9 ? "f" : "\xff\n\x80", i);
		snprintf(path, sizeof(path), "%s/%s", e->tree, name);
		switch (env_rand(e) % 8) {
		case 0:
			if (depth < 4) {
				env_mkdir(e, name);
				if (env_rand(e) % 4)
					env_grow(e, name, depth + 1);
				chmod(path, env_rand(e) % 2 ? 0700 : 0755);
				break;
			}
			/* fall through */
		case 1:
			assert_int_equal(symlink(env_rand(e) % 2 ? "/etc/passwd" : "f0", path), 0);
			break;
		case 2:
			if (env_rand(e) % 6 == 0)
				size = 1 + env_rand(e) % sizeof(data);
			/* fall through */
		default:
			for (size_t j = 0; j < size; j++)
				data[j] = env_rand(e) % 3 ? (uint8_t)(j / 7) : (uint8_t)e->rng;
			env_write(e, name, data, size);
			chmod(path, 0600 + env_rand(e) % 64);
			if (env_rand(e) % 5 == 0)
				(void)setxattr(path, "user.test", name, strlen(name), 0);
		}
	}
}

static inline int env_put_xattr(void *arg, const char *name, const void *v, size_t n,
				struct err *err)
{
	(void)err;
	return fsetxattr(*(int *)arg, name, v, n, 0);
}

/* Puts a directory object back below path, which exists. */
static inline void env_restore(struct snapenv *e, const struct snap_hash *h, const char *path)
{
	struct snap_tree t;

	if (snap_tree_read(e->s, h, &t, &e->err) < 0)
		fail_msg("%s", e->err.msg);
	for (size_t i = 0; i < t.count; i++) {
		const struct snap_entry *x = &t.entries[i];
		struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
					    {x->mtime_ns / 1000000000, x->mtime_ns % 1000000000}};
		_cleanup_free_ char *to = xasprintf("%s/%s", path, x->name);
		int fd;

		if (x->kind == SNAP_DIR) {
			assert_int_equal(mkdir(to, 0700), 0);
			env_restore(e, &x->hash, to);
			assert_int_equal(chmod(to, x->mode), 0);
		} else if (x->kind == SNAP_LINK) {
			struct buf b = {0};
			assert_int_equal(snap_blob_read(e->s, &x->hash, 4096, &b, &e->err), 0);
			assert_int_equal(symlink(b.data, to), 0);
			buf_free(&b);
		} else if (x->kind == SNAP_FILE) {
			fd = open(to, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
			assert_true(fd >= 0);
			if (snap_blob_write(e->s, &x->hash, fd, x->sparse, &e->err) < 0)
				fail_msg("%s", e->err.msg);
			if (x->has_xattrs)
				assert_int_equal(
				    snap_xattrs_read(e->s, &x->xattrs, env_put_xattr, &fd, &e->err),
				    0);
			assert_int_equal(fchmod(fd, x->mode), 0);
			close(fd);
		}
		assert_int_equal(utimensat(AT_FDCWD, to, times, AT_SYMLINK_NOFOLLOW), 0);
	}
	snap_tree_free(&t);
}

static inline struct snap_entry env_entry(struct snapenv *e, const struct snap_record *r,
					  const char *name)
{
	static char path[512];
	struct snap_entry x;

	snprintf(path, sizeof(path), "%s%s%s", e->tree, *name ? "/" : "", name);
	if (snap_lookup(e->s, r, path, &x, &e->err) < 0)
		fail_msg("%s", e->err.msg);
	return x;
}

#endif
