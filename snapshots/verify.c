/* Checking the whole store, and naming what is damaged by the snapshots that hold it. */
#include "snapshots/verify.h"
#include "snapshots/record.h"
#include "snapshots/tree.h"

void verify_tell(struct verify *v, const struct snap_damage *d)
{
	v->out->damaged++;
	v->out->repaired += d->repaired;
	if (v->o->fn)
		v->o->fn(v->o->arg, d);
}

static const struct pack_entry *good_copy(struct verify *v, const struct snap_hash *h)
{
	for (size_t i = 0; i < v->s->pack_count; i++) {
		const struct pack_entry *e = pack_find(v->s->packs[i], h);
		struct snap_hash key;

		if (!e)
			continue;
		key = copy_key(v->s->packs[i], e);
		if (!v->bad.count || !hashset_find(&v->bad, &key))
			return e;
	}
	return NULL;
}

static bool is_lost(struct verify *v, const struct snap_hash *h)
{
	return !good_copy(v, h);
}

/* A file's own object and its chunks. What a good copy holds was hashed before. */
static bool file_lost(struct verify *v, const struct snap_hash *h)
{
	const struct pack_entry *e = good_copy(v, h);
	enum object_kind kind;
	const void *p;
	size_t n;

	if (!e || ENTRY_KIND(e) == OBJECT_CHUNK)
		return !e;
	if (reader_object(v->s->reader, h, &kind, &p, &n, NULL) < 0 || kind == OBJECT_DIR)
		return true;
	for (size_t at = 8; kind == OBJECT_LIST && at + LIST_RUN <= n; at += LIST_RUN) {
		struct snap_hash chunk;
		memcpy(chunk.b, (const char *)p + at + 4, SNAP_HASH_SIZE);
		if (is_lost(v, &chunk))
			return true;
	}
	return false;
}

struct follow {
	struct verify *v;
	const char *session;
	const struct snap_record *r;
	struct buf path;
};

static void tell_entry(struct follow *f, const struct snap_entry *e, const char *what)
{
	struct snap_damage d = {.where = f->session,
				.number = f->r->number,
				.name = f->r->name,
				.path = f->path.data,
				.what = what};

	if (f->v->o->repair && e && e->kind == SNAP_FILE) {
		d.repaired =
		    hashset_find(&f->v->fixed, &e->hash) || repair_file(f->v, f->path.data, e);
		if (d.repaired)
			hashset_add(&f->v->fixed, &e->hash, NULL);
	}
	verify_tell(f->v, &d);
}

/* 1 = something below is damaged. */
static int follow_tree(struct follow *f, const struct snap_hash *h, bool roots, unsigned depth);

static int follow_entry(struct follow *f, const struct snap_entry *e, unsigned depth)
{
	int dirty = 0;

	if (e->has_xattrs && is_lost(f->v, &e->xattrs)) {
		tell_entry(f, NULL, "its extended attributes are damaged");
		dirty = 1;
	}
	if (e->kind == SNAP_DIR)
		return follow_tree(f, &e->hash, false, depth + 1) | dirty;
	if ((e->kind != SNAP_FILE && e->kind != SNAP_LINK) || !file_lost(f->v, &e->hash))
		return dirty;
	tell_entry(f, e,
		   store_find(f->v->s, &e->hash, NULL) ? "its content is damaged"
						       : "its content is missing");
	return 1;
}

static int follow_tree(struct follow *f, const struct snap_hash *h, bool roots, unsigned depth)
{
	_cleanup_(snap_tree_free) struct snap_tree t = {0};
	size_t base = f->path.len;
	struct err err;
	int dirty = 0;

	if (hashset_find(&f->v->clean, h))
		return 0;
	if (depth > TREE_NAME_MAX || hashset_find(&f->v->lost, h) ||
	    tree_read(f->v->s, h, roots, &t, &err) < 0) {
		tell_entry(f, NULL,
			   store_find(f->v->s, h, NULL) ? "the list of this directory is damaged"
							: "the list of this directory is missing");
		return 1;
	}
	for (size_t i = 0; i < t.count; i++) {
		if (!roots && base > 1)
			buf_addc(&f->path, '/');
		buf_add(&f->path, t.entries[i].name, t.entries[i].name_len);
		dirty |= follow_entry(f, &t.entries[i], depth);
		f->path.len = base;
		f->path.data[base] = '\0';
	}
	if (!dirty)
		hashset_add(&f->v->clean, h, NULL);
	return dirty;
}

int verify_record(struct verify *v, const char *session, const struct snap_record *r)
{
	struct follow f = {.v = v, .session = session, .r = r};

	buf_adds(&f.path, "");
	v->out->records++;
	follow_tree(&f, &r->tree, true, 0);
	buf_free(&f.path);
	return 0;
}

static void tell_lines(struct verify *v, const char *session, const struct buf *bad)
{
	for (char *line = bad->data, *end; bad->len && *line; line = end + 1) {
		struct snap_damage d = {.where = session, .what = line};

		end = line + strcspn(line, "\n");
		*end = '\0';
		verify_tell(v, &d);
	}
}

static int verify_records(struct verify *v, const char *session)
{
	_cleanup_(buf_free) struct buf bad = {0};
	struct snap_record *list;
	size_t count;
	int rc = snap_record_list(v->s, session, &list, &count, &bad, v->err);

	tell_lines(v, session, &bad);
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = verify_record(v, session, &list[i]);
	snap_record_list_free(list, count);
	return rc;
}

static int verify_all_records(struct verify *v)
{
	char **sessions = snap_record_sessions(v->s, v->err);
	int rc = sessions ? verify_records(v, NULL) : -1;

	for (size_t i = 0; sessions && sessions[i]; i++) {
		if (rc == 0)
			rc = verify_records(v, sessions[i]);
		free(sessions[i]);
	}
	free(sessions);
	return rc;
}

/* An object is lost only if no copy of it is whole. */
static void find_lost(struct verify *v)
{
	struct hashset really = {0};

	for (size_t i = 0; i < v->lost.size; i++) {
		struct hashset_slot *slot = &v->lost.slots[i];

		if (slot->used && !good_copy(v, &slot->hash))
			hashset_add(&really, &slot->hash, NULL);
	}
	hashset_free(&v->lost);
	v->lost = really;
}

static bool keep_good(void *arg, const struct pack *p, const struct pack_entry *e)
{
	struct verify *v = arg;
	struct snap_hash key = copy_key(p, e);

	return !hashset_find(&v->bad, &key);
}

static int check_packs(struct verify *v, struct buf *bad)
{
	v->damaged = xcalloc(v->s->pack_count + 1, sizeof(*v->damaged));
	tell_lines(v, NULL, bad);
	if (verify_packs(v, v->err) < 0)
		return -1;
	find_lost(v);
	return 0;
}

static void verify_free(struct verify *v)
{
	packer_free(v->k);
	snap_writer_free(v->w);
	hashset_free(&v->bad);
	hashset_free(&v->lost);
	hashset_free(&v->fixed);
	hashset_free(&v->clean);
	free(v->damaged);
}

static int verify(struct verify *v, const char *session, bool one, struct err *err)
{
	_cleanup_close_ int lock =
	    store_lock(v->s, v->o->repair ? STORE_ALONE : STORE_SHARED, NULL, NULL, err);
	_cleanup_(buf_free) struct buf bad = {0};
	int rc = lock < 0 ? -1 : store_refresh(v->s, &bad, err);
	bool any = false;

	v->err = err;
	v->s->busy = true;
	if (rc == 0 && v->o->repair)
		repair_salvage(v->s);
	if (rc == 0)
		rc = check_packs(v, &bad);
	if (rc == 0 && v->o->repair) {
		v->w = writer_new(v->s);
		v->k = packer_new(v->w);
	}
	if (rc == 0)
		rc = one ? verify_records(v, session) : verify_all_records(v);
	v->s->busy = false;
	for (size_t i = 0; rc == 0 && v->damaged && i < v->s->pack_count; i++)
		any = any || v->damaged[i];
	if (rc == 0 && v->o->repair && (any || v->fixed.count))
		rc = gc_rewrite(v->s, v->damaged, v->w, v->k, true, keep_good, v, err);
	verify_free(v);
	return rc;
}

int snap_verify(struct snap_store *s, const struct snap_check *o, struct snap_verified *out,
		struct err *err)
{
	struct verify v = {.s = s, .o = o, .out = out};

	memset(out, 0, sizeof(*out));
	return verify(&v, NULL, false, err);
}

int snap_verify_session(struct snap_store *s, const char *session, const struct snap_check *o,
			struct snap_verified *out, struct err *err)
{
	struct snap_check all = *o;
	struct verify v = {.s = s, .o = &all, .out = out};

	all.repair = false;
	memset(out, 0, sizeof(*out));
	return verify(&v, session, true, err);
}
