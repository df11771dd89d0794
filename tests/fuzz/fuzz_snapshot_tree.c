/* Directory objects, extended attributes and lists of chunks: the bytes of a store that somebody
 * edited. */
#include "snapshots/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int touch(void *arg, const char *name, const void *value, size_t n, struct err *err)
{
	(void)err;
	*(size_t *)arg += strlen(name) + n + (n ? ((const uint8_t *)value)[n - 1] : 0);
	return 0;
}

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_tree(const uint8_t *data, size_t size, bool roots)
{
	struct snap_tree t;

	if (tree_parse(data, size, roots, &t, NULL) == 0) {
		_cleanup_(buf_free) struct buf again = {0};

		tree_begin(&again);
		for (size_t i = 0; i < t.count; i++) {
			const struct snap_entry *e = &t.entries[i];
			check(e->name_len && strlen(e->name) == e->name_len);
			check(roots || !strchr(e->name, '/'));
			check(i == 0 || strcmp(e[-1].name, e->name) < 0);
			tree_add(&again, e);
		}
		tree_end(&again, 0, (uint32_t)t.count);
		/* One text for one directory: else two hashes would mean the same. */
		check(again.len <= size);
	}
	snap_tree_free(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct snap_hash h;
	size_t sum = 0;

	check_tree(data, size, false);
	check_tree(data, size, true);
	xattrs_parse(data, size, touch, &sum, NULL);
	if (size < 8 + 4 * LIST_RUN)
		(void)list_hash(data, size, &h);
	return 0;
}
