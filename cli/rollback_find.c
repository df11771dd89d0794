/* Finding sessions with snapshots, and what changed between two states. */
#include "cli/rollback.h"

void rollback_close(struct snap_store **s)
{
	snap_close(*s);
}

static char *by_prefix(const char *what, struct err *err)
{
	char **ids = rollback_sessions(err), *found = NULL;
	size_t n = 0;

	if (!ids)
		return NULL;
	for (char **i = ids; *i; i++) {
		if (!str_starts(*i, what))
			continue;
		n = str_eq(*i, what) ? 1 : n + 1;
		free(found);
		found = xstrdup(*i);
		if (str_eq(*i, what))
			break;
	}
	strv_free(ids);
	if (n == 1)
		return found;
	free(found);
	err_set(err,
		n ? "\"%s\" begins the ids of several sessions" : "no session \"%s\" has snapshots",
		show(what).s);
	return NULL;
}

char *rollback_find(const char *what, struct err *err)
{
	struct session_record r;
	char *id = *what ? by_prefix(what, err) : NULL;

	if (!*what)
		err_usage(err, "a session's id is not empty");
	if (id || session_find(what, &r, NULL) < 0)
		return id;
	id = by_prefix(r.id, err);
	session_record_free(&r);
	return id;
}

const struct snap_record *rollback_pick(const struct snap_record *v, size_t n, long number)
{
	for (size_t i = n; i-- > 0;)
		if (number >= 0 ? v[i].number == (unsigned long)number
				: !str_eq(v[i].reason, "before-restore"))
			return &v[i];
	return NULL;
}

/* "0-3, 5" */
static void list_numbers(const struct snap_record *v, size_t n, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0, end; i < n && len + 32 < size; i = end) {
		for (end = i + 1; end < n && v[end].number == v[end - 1].number + 1;)
			end++;
		len += (size_t)snprintf(out + len, size - len, "%s%u", i ? ", " : "", v[i].number);
		if (end > i + 1)
			len += (size_t)snprintf(out + len, size - len, "-%u", v[end - 1].number);
		if (len + 32 >= size && end < n)
			str_copy(out + len, size - len, ", ...");
	}
}

const struct snap_record *rollback_want(const char *session, const struct snap_record *v, size_t n,
					long number, struct err *err)
{
	const struct snap_record *r = rollback_pick(v, n, number);
	char there[160];

	if (r)
		return r;
	list_numbers(v, n, there, sizeof(there));
	err_set(err, "session %s has no snapshot %ld, but %s", session, number, there);
	return NULL;
}

/* ---- changes ------------------------------------------------------------------------------- */

static void add_hash(cJSON *o, const char *key, const struct snap_entry *e)
{
	char hex[SNAP_HASH_HEX];

	if (e->kind == SNAP_FILE || e->kind == SNAP_LINK) {
		snap_hash_hex(hex, &e->hash);
		cJSON_AddStringToObject(o, key, hex);
	} else {
		cJSON_AddNullToObject(o, key);
	}
}

cJSON *changes_json(const struct changes *c)
{
	cJSON *a = cJSON_CreateArray();

	for (size_t i = 0; i < c->n; i++) {
		const struct change *ch = &c->v[i];
		cJSON *o = cJSON_CreateObject();
		char sign[2] = {change_sign(ch->type), '\0'};

		cJSON_AddStringToObject(o, "path", ch->path);
		cJSON_AddStringToObject(o, "type", sign);
		cJSON_AddNumberToObject(
		    o, "size_delta", (double)((int64_t)ch->after.size - (int64_t)ch->before.size));
		add_hash(o, "old_hash", &ch->before);
		add_hash(o, "new_hash", &ch->after);
		cJSON_AddItemToArray(a, o);
	}
	return a;
}

void changes_count_text(const struct changes *c, char out[64])
{
	size_t n[4] = {0};

	for (size_t i = 0; i < c->n; i++)
		n[c->v[i].type]++;
	snprintf(out, 64, "+%zu ~%zu -%zu p%zu", n[SNAP_CREATED], n[SNAP_MODIFIED], n[SNAP_DELETED],
		 n[SNAP_PERMISSIONS]);
}
