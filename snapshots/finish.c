/* The end of a directory of a walk: its object, its record for the next cache. */
#include "snapshots/walk.h"

static void to_entry(struct snap_entry *e, const struct item *i)
{
	*e = (struct snap_entry){.name = i->name,
				 .name_len = i->name_len,
				 .kind = i->c.kind,
				 .why = i->c.kind == SNAP_LEFT_OUT ? i->c.why : SNAP_WHY_NONE,
				 .hash = i->c.hash,
				 .xattrs = i->c.xattrs};
	if (i->c.kind == SNAP_LEFT_OUT)
		return;
	e->sparse = i->c.sparse;
	e->has_xattrs = i->c.has_xattrs;
	e->mode = i->c.mode;
	e->uid = i->c.uid;
	e->gid = i->c.gid;
	e->mtime_ns = i->c.mtime_ns;
	e->size = i->c.size;
	e->link_id = i->c.link_id;
}

static void to_overlay(struct walk *w, const struct snap_hash *h, const struct buf *b)
{
	struct snap_store *s = w->s;
	void *copy = malloc(b->len);

	if (!copy)
		abort();
	memcpy(copy, b->data, b->len);
	pthread_mutex_lock(&w->mutex);
	if (s->overlay_count == s->overlay_cap) {
		s->overlay_cap = s->overlay_cap ? 2 * s->overlay_cap : 64;
		s->overlay = xrealloc_array(s->overlay, s->overlay_cap, sizeof(*s->overlay));
	}
	s->overlay[s->overlay_count++] = (struct overlay){*h, copy, b->len};
	pthread_mutex_unlock(&w->mutex);
}

static int make_object(struct worker *k, struct node *n, const struct snap_hash *base,
		       struct snap_hash *out, struct err *err)
{
	uint32_t count = 0;

	buf_clear(&k->tree);
	tree_begin(&k->tree);
	for (uint32_t i = 0; i < n->count; i++) {
		struct snap_entry e;

		if (n->items[i].c.kind == SNAP_NONE)
			continue;
		to_entry(&e, &n->items[i]);
		tree_add(&k->tree, &e);
		count++;
	}
	tree_end(&k->tree, 0, count);
	*out = hash_dir(k->tree.data, k->tree.len);
	if (k->packer)
		return packer_put(k->packer, OBJECT_DIR, out, k->tree.data, k->tree.len, base, err);
	if (!store_find(k->w->s, out, NULL))
		to_overlay(k->w, out, &k->tree);
	return 0;
}

/* Is everything as the cache has it, so that its record serves again? */
static bool as_before(struct node *n)
{
	const struct cache_item *old;

	if (!n->same_list || memcmp(&n->now, n->old, offsetof(struct cache_dir, count)) ||
	    n->now.flags != n->old->flags)
		return false;
	for (const struct node *c = n->children; c; c = c->next)
		if (c->stale)
			return false;
	old = cache_items(n->old);
	for (uint32_t i = 0; i < n->count; i++) {
		n->items[i].c.name = old[i].name;
		n->items[i].c.name_len = old[i].name_len;
		n->items[i].c.below = old[i].below;
		if (memcmp(&n->items[i].c, &old[i], sizeof(old[i])))
			return false;
	}
	return true;
}

static void make_record(struct node *n)
{
	size_t bytes = sizeof(struct cache_dir) + n->count * sizeof(struct cache_item), at = bytes;
	struct cache_dir *d;
	struct cache_item *items;

	for (uint32_t i = 0; i < n->count; i++)
		bytes += n->items[i].name_len + 1u;
	bytes = (bytes + 7) & ~(size_t)7;
	d = xcalloc(1, bytes);
	items = (struct cache_item *)(d + 1);
	*d = n->now;
	d->count = n->count;
	d->bytes = bytes;
	for (uint32_t i = 0; i < n->count; i++) {
		items[i] = n->items[i].c;
		items[i].name = (uint32_t)at;
		items[i].name_len = n->items[i].name_len;
		memcpy((char *)d + at, n->items[i].name, n->items[i].name_len + 1u);
		at += n->items[i].name_len + 1u;
		/* What is gone must not be listed the next time. */
		if (items[i].kind == SNAP_NONE && n->depth)
			d->flags |= CACHE_RACY;
	}
	n->record = d;
}

static void close_node(struct node *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
	free(n->items);
	free(n->names);
	ignore_free(n->rules);
	n->items = NULL;
	n->names = NULL;
	n->rules = NULL;
}

int node_finish(struct worker *k, struct node *n, struct err *err)
{
	struct cache_item *mine = n->parent ? &n->parent->items[n->index].c : NULL;
	const struct cache_item *before = NULL;
	struct snap_hash *out = mine ? &mine->hash : &k->w->record->tree;
	bool same;
	int rc = 0;

	if (n->failed || k->w->stop) {
		close_node(n);
		n->stale = true;
		return 0;
	}
	n->now.bytes = n->old ? n->old->bytes : 0;
	same = as_before(n);
	if (n->parent && n->parent->old && n->old)
		before = cache_find(n->parent->old, n->parent->items[n->index].name,
				    n->parent->items[n->index].name_len);
	if (same && before && (!k->packer || store_find(k->w->s, &before->hash, NULL)))
		*out = before->hash;
	else
		rc = make_object(k, n, before ? &before->hash : NULL, out, err);
	n->stale = !same;
	if (n->stale && k->packer)
		make_record(n);
	if (n->parent)
		close_node(n);
	return rc;
}

void node_free(struct node *n)
{
	struct node *next;

	for (struct node *c = n->children; c; c = next) {
		next = c->next;
		node_free(c);
		free(c);
	}
	n->children = NULL;
	free(n->record);
	n->record = NULL;
	if (n->parent || n->items)
		close_node(n);
}

uint64_t node_records(struct walk *w, struct node *n, struct buf *body)
{
	const struct cache_dir *d = n->record ? n->record : n->old;
	struct cache_item *items;
	uint64_t at;

	if (n->failed || !d)
		return 0;
	for (struct node *c = n->children; c; c = c->next)
		c->now.rules = node_records(w, c, body); /* its offset, from here on */
	at = body->len;
	buf_add(body, d, d->bytes);
	items = (struct cache_item *)(body->data + at + sizeof(*d));
	for (uint32_t i = 0; i < d->count; i++)
		items[i].below = 0;
	for (struct node *c = n->children; c; c = c->next)
		items[c->index].below = c->now.rules;
	return at;
}
