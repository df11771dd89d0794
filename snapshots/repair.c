/* Putting lost content back from the live tree, where a file still has it. */
#include <fcntl.h>
#include <sys/stat.h>

#include "snapshots/verify.h"

static int put_chunks(struct verify *v, int fd, uint64_t size)
{
	_cleanup_free_ uint8_t *p = malloc(CHUNK_MAX);
	_cleanup_(buf_free) struct buf list = {0};
	struct hash_tree t = {0};
	struct snap_hash root;
	uint64_t at = 0;

	buf_add(&list, &size, 8);
	do {
		ssize_t n = p ? pread(fd, p, CHUNK_MAX, (off_t)at) : -1;
		struct snap_hash h;
		uint32_t one = 1;

		if (n < 0 || (n == 0 && size))
			return -1;
		h = hash_chunk(p, (size_t)n);
		hash_tree_add(&t, &h);
		if (list.len > 8 &&
		    !memcmp(list.data + list.len - SNAP_HASH_SIZE, h.b, SNAP_HASH_SIZE)) {
			uint32_t count;
			memcpy(&count, list.data + list.len - LIST_RUN, 4);
			count++;
			memcpy(list.data + list.len - LIST_RUN, &count, 4);
		} else {
			buf_add(&list, &one, 4);
			buf_add(&list, h.b, SNAP_HASH_SIZE);
		}
		if (packer_put_again(v->k, OBJECT_CHUNK, &h, p, (size_t)n, v->err) < 0)
			return -1;
		at += (size_t)n;
	} while (at < size);
	if (t.count < 2)
		return 0;
	root = hash_tree_root(&t);
	return packer_put_again(v->k, OBJECT_LIST, &root, list.data, list.len, v->err);
}

bool repair_file(struct verify *v, const char *path, const struct snap_entry *e)
{
	_cleanup_close_ int fd =
	    open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct snap_hash is;
	struct stat st;
	uint64_t size;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_size != e->size || snap_hash_fd(fd, &is, &size, NULL) < 0 ||
	    !snap_hash_equal(&is, &e->hash))
		return false;
	/* Should it change right now, then what is put in has other hashes and does no harm. */
	return put_chunks(v, fd, size) == 0;
}
