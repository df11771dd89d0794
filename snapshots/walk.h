/*
 * walk - goes over the roots with several threads. A directory is a node; its entries are looked at
 * in slices; when everything below is done its object is made, by whichever thread comes last.
 *
 * The last directory found is the next one gone into, so that few are open at a time.
 */
#ifndef NONO_SNAPSHOTS_WALK_H
#define NONO_SNAPSHOTS_WALK_H

#include <stdatomic.h>

#include "snapshots/cache.h"
#include "snapshots/ignore.h"
#include "snapshots/tree.h"
#include "snapshots/writer.h"

#define WALK_DEPTH 256
#define WALK_SLICE 256

struct item {
	const char *name; /* in the node's names or in the cache */
	uint32_t name_len;
	struct cache_item c;
};

struct node {
	struct node *parent;
	uint32_t index; /* in the parent's items; after it is done: in the parent's record */
	unsigned depth; /* 0: the top, whose entries are the roots */
	int fd;
	struct item *items;
	uint32_t count;
	char *names;
	atomic_int pending;
	const struct cache_dir *old; /* may be NULL */
	bool same_list;		     /* items are those of old, in its order */
	struct cache_dir now;	     /* what was seen of the directory itself */
	uint64_t rules_id;
	struct ignore_rules *rules; /* of its .gitignore, once somebody asked */
	bool rules_loaded, has_gitignore, failed, stale;
	void *record; /* for the next cache; NULL and not stale: as in old */
	struct node *children, *next;
};

struct task {
	struct node *node;
	uint32_t from, to; /* to 0: list it */
};

struct walk {
	struct snap_store *s;
	const struct snap_options *o;
	struct writer *writer; /* NULL: nothing is stored */
	struct cache cache;
	struct ignore_rules *excludes;
	struct node top;
	pthread_mutex_t mutex; /* tasks, lists, rules, err, overlay */
	pthread_cond_t work;   /* something to do, or done */
	struct task *tasks;
	size_t task_count, task_cap;
	bool done, failed;
	atomic_bool stop;
	struct err err;
	struct snap_record *record; /* left_out, counts */
	_Atomic uint64_t files_seen, bytes_seen, files_read, bytes_read, dirs, files, bytes;
};

struct worker {
	struct walk *w;
	struct packer *packer; /* NULL in a scan */
	uint8_t *room;	       /* of a scan */
	struct buf tree, scratch;
};

/* Everything that is in the roots, with o->threads threads; w->top.items hold the roots then. */
int walk_run(struct walk *w, unsigned threads, struct err *err);
void walk_free(struct walk *w);

/* ---- parts, each in its file ---- */

/* Of an entry of the folder dir, close-on-exec. A root is opened only if nothing on the way to it
 * is a link: who may write there could have put one since it was named. */
int walk_openat(const struct node *dir, const char *name, int flags);
void walk_push(struct walk *w, struct node *n, uint32_t from, uint32_t to);
void walk_fail(struct walk *w, const struct err *err);
void walk_left_out(struct walk *w, struct node *n, const char *name, enum snap_why why);
/* Opens, lists, and pushes the slices. Left out or gone: says so in the parent's item. */
int node_list(struct worker *k, struct node *n, struct err *err);
int node_slice(struct worker *k, struct node *n, uint32_t from, uint32_t to, struct err *err);
/* Makes the object, tells the parent. */
int node_finish(struct worker *k, struct node *n, struct err *err);
void node_free(struct node *n); /* and those below */
/* For the cache: the records of all nodes. */
uint64_t node_records(struct walk *w, struct node *n, struct buf *body);
/* Is the entry left out by pattern? */
enum snap_why node_ignored(struct walk *w, struct node *n, const char *name, bool is_dir);
/* Is there a .gitignore; leaves out of n's entries what it and the excludes name. */
void node_find_rules(struct walk *w, struct node *n);
void node_apply_rules(struct walk *w, struct node *n);

/* Reads a file (or link) and stores it. In i->c: what fstat said, the hash; or why it is left out.
 */
int file_read_in(struct worker *k, struct node *n, struct item *i, const struct cache_item *old,
		 struct err *err);
int link_read_in(struct worker *k, struct node *n, struct item *i, struct err *err);
int xattrs_read_in(struct worker *k, int fd, struct cache_item *c, struct err *err);
void item_from_stat(struct cache_item *c, const struct stat *st);
/* Marks what is too new to be trusted the next time; now_ns: before it was looked at. */
uint8_t racy_flags(int64_t mtime_ns, int64_t ctime_ns, int64_t now_ns);
int64_t coarse_now(void);
/* Puts an object in, or nothing at all in a scan. */
int walk_put(struct worker *k, enum object_kind kind, const struct snap_hash *h, const void *p,
	     size_t n, const struct snap_hash *base, struct err *err);

#endif
