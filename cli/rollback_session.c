/* Sessions with snapshots: what is known of one, and all by date. */
#include "cli/rollback.h"

void rollback_session_free(struct rollback_session *s)
{
	snap_record_list_free(s->v, s->n);
	rollback_record_free(&s->rec);
	free(s->id);
}

int rollback_session_load(struct rollback_session *s, struct snap_store *store, const char *id,
			  struct err *err)
{
	_cleanup_(buf_free) struct buf bad = {0};
	struct err e = {0};

	/* Without it there are no excludes, but the snapshots are what counts. */
	if (rollback_record_load(id, &s->rec, &e) < 0)
		str_copy(s->rec.id, sizeof(s->rec.id), id);
	if (snap_record_list(store, id, &s->v, &s->n, &bad, err) < 0)
		return -1;
	if (bad.len)
		print_lines(stderr, bad.data);
	return s->n ? 0 : err_set(err, "session %s has no snapshot that can be read", id);
}

int rollback_session_open(struct rollback_session *s, struct snap_store **store, const char *what,
			  struct err *err)
{
	s->id = rollback_find(what, err);
	if (!s->id || rollback_store_open(s->id, store, err) < 0)
		return -1;
	return rollback_session_load(s, *store, s->id, err);
}

static cJSON *strings_json(char *const *v)
{
	cJSON *a = cJSON_CreateArray();

	for (; v && *v; v++)
		cJSON_AddItemToArray(a, cJSON_CreateString(*v));
	return a;
}

cJSON *rollback_session_json(const struct rollback_session *s, struct snap_store *store,
			     bool with_count)
{
	cJSON *o = cJSON_CreateObject();
	bool alive = rollback_alive(&s->rec);

	cJSON_AddStringToObject(o, "session_id", s->rec.id);
	cJSON_AddStringToObject(o, "started", s->rec.started);
	cJSON_AddItemToObject(
	    o, "ended", s->rec.ended[0] ? cJSON_CreateString(s->rec.ended) : cJSON_CreateNull());
	cJSON_AddItemToObject(o, "command", strings_json(s->rec.command));
	if (!with_count)
		cJSON_AddNullToObject(o, "executable_identity");
	cJSON_AddItemToObject(o, "tracked_paths", strings_json(s->rec.roots));
	if (with_count)
		cJSON_AddNumberToObject(o, "snapshot_count",
					store ? (double)s->n : (double)s->rec.count);
	cJSON_AddItemToObject(o, "exit_code",
			      s->rec.ended[0] ? cJSON_CreateNumber(s->rec.exit_code)
					      : cJSON_CreateNull());
	cJSON_AddNumberToObject(o, "disk_size",
				store ? (double)snap_session_bytes(store, s->rec.id) : 0);
	if (s->rec.store)
		cJSON_AddStringToObject(o, "store", s->rec.store);
	else
		cJSON_AddNullToObject(o, "store");
	cJSON_AddBoolToObject(o, "is_missing", !store);
	cJSON_AddBoolToObject(o, "is_alive", alive);
	cJSON_AddBoolToObject(o, "is_stale", !alive && !s->rec.ended[0]);
	return o;
}

/* ---- snapshots ------------------------------------------------------------------------------- */

cJSON *snapshot_json(const struct snap_record *r, const struct changes *c)
{
	char hex[SNAP_HASH_HEX], when[TIME_STR_MAX];
	cJSON *o = cJSON_CreateObject();

	snap_hash_hex(hex, &r->tree);
	time_rfc3339(when, r->time_ns);
	cJSON_AddNumberToObject(o, "number", r->number);
	cJSON_AddStringToObject(o, "timestamp", when);
	cJSON_AddItemToObject(o, "parent",
			      r->parent < 0 ? cJSON_CreateNull() : cJSON_CreateNumber(r->parent));
	cJSON_AddNumberToObject(o, "file_count", (double)r->files);
	cJSON_AddStringToObject(o, "merkle_root", hex);
	cJSON_AddStringToObject(o, "reason", r->reason ? r->reason : "");
	cJSON_AddItemToObject(o, "changes", changes_json(c));
	return o;
}

cJSON *snapshots_json(const struct rollback_session *s, struct snap_store *store, bool with_changes,
		      const char *const *only)
{
	cJSON *a = cJSON_CreateArray();

	for (size_t i = 0; i < s->n; i++) {
		_cleanup_(changes_free) struct changes c = {.only = only};

		if (i && with_changes)
			changes_load(store, &s->v[i - 1], &s->v[i], &c, NULL);
		cJSON_AddItemToArray(a, snapshot_json(&s->v[i], &c));
	}
	return a;
}

cJSON *rollback_snapshots_json(const char *id, bool with_changes)
{
	_cleanup_(rollback_close) struct snap_store *store = NULL;
	_cleanup_(rollback_session_free) struct rollback_session s = {0};
	struct err e = {0};
	int r = rollback_record_load(id, &s.rec, &e);

	/* The store is not made for looking. */
	if (r == 0)
		r = rollback_store_of(&s.rec, &store, &e);
	rollback_record_free(&s.rec);
	if (r < 0 || rollback_session_load(&s, store, id, &e) < 0)
		return NULL;
	return snapshots_json(&s, store, with_changes, NULL);
}
