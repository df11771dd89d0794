/*
 * tree - a directory object as bytes.
 *
 *   "nonotree" u32 count, then for each entry, sorted by name:
 *   u16 name length, u8 kind, u8 flags, u8 why, u32 mode, u32 uid, u32 gid, u64 mtime, u64 size,
 *   [u64 link id] [32 hash] [32 xattrs] name
 *
 * and for xattrs (an object of kind OBJECT_CHUNK): u16 name length, u32 value length, name, value
 * each, sorted by name. Numbers are little-endian.
 */
#ifndef NONO_SNAPSHOTS_TREE_H
#define NONO_SNAPSHOTS_TREE_H

#include "snapshots/hash.h"

#define TREE_NAME_MAX 4096 /* a root is a path */

void tree_begin(struct buf *b);
void tree_add(struct buf *b, const struct snap_entry *e);
void tree_end(struct buf *b, size_t at, uint32_t count); /* at: b->len before tree_begin */
/* Checks everything that a reader may rely on. roots: names are absolute paths. */
int tree_parse(const void *p, size_t n, bool roots, struct snap_tree *out, struct err *err);
int tree_read(struct snap_store *s, const struct snap_hash *hash, bool roots, struct snap_tree *out,
	      struct err *err);
bool tree_has_hash(enum snap_kind kind);
int xattrs_parse(const void *p, size_t n, snap_xattr_fn *fn, void *arg, struct err *err);

#endif
