/* What the log says of snapshots and restores: those of the session's own process, and those that
 * clients tell of. */
#include "sessions/broker.h"

#define SLOW_MS 1000 /* then a word about the snapshot at the end */

static const char *const known[] = {"start",	      "end",	 "timer", "manual",
				    "before-restore", "restore", NULL};

/* op is one of the known ones; root: 64 digits, "" = none. */
static void log_snapshot(struct broker *b, const char *op, unsigned long long number,
			 unsigned long long files, const char *root)
{
	char target[32], source[48];
	struct audit_event ev = {
	    .kind = AUDIT_SNAPSHOT,
	    .decision = AUDIT_ALLOWED,
	    .time_ns = clock_real_ns(),
	    .op = op,
	    .target = target,
	    .rule = root[0] ? root : NULL,
	    .source = source,
	};

	snprintf(target, sizeof(target), "%llu", number);
	snprintf(source, sizeof(source), "%llu files", files);
	ev.target_len = strlen(target);
	audit_emit(b->log, &ev);
}

void broker_log_snapshots(struct broker *b, bool end)
{
	const struct snapshotter *s = b->snapshotter;

	if (b->log && b->o->snapshots.on && s->count && s->roots[end][0] && (!end || s->kept))
		log_snapshot(b, end ? "end" : "start", end ? s->count - 1 : 0, s->files,
			     s->roots[end]);
}

static void on_slow(uv_timer_t *t)
{
	if (broker_remarks(t->data))
		remark("nono: taking the snapshot at the end; Ctrl+C gives it up");
}

static void on_last(uv_poll_t *h, int status, int events)
{
	(void)status;
	(void)events;
	uv_poll_stop(h);
	broker_recorded(h->data);
}

void broker_take_last(struct broker *b)
{
	struct snapshotter *s = b->snapshotter;

	if (!snapshotter_last(s, b->exit_code) ||
	    uv_poll_init(&b->loop, &b->snapshot_poll, s->fd) < 0) {
		broker_recorded(b);
		return;
	}
	b->snapshot_poll.data = b;
	uv_poll_start(&b->snapshot_poll, UV_READABLE, on_last);
	uv_timer_start(&b->linger_timer, on_slow, SLOW_MS, 0);
}

static bool number_of(const cJSON *args, const char *name, double max, unsigned long long *out)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(args, name);

	if (!cJSON_IsNumber(v) || !(v->valuedouble >= 0 && v->valuedouble <= max))
		return false;
	*out = (unsigned long long)v->valuedouble;
	return true;
}

cJSON *broker_note_snapshot(struct broker *b, const cJSON *args, struct err *err)
{
	const char *op = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(args, "kind"));
	const char *root = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(args, "root"));
	unsigned long long number, files;
	struct snap_hash hash;
	size_t i = 0;

	while (known[i] && !str_eq(known[i], op))
		i++;
	if (!known[i] || !root || (*root && snap_hash_parse(&hash, root) < 0) ||
	    !number_of(args, "number", 1e9, &number) || !number_of(args, "files", 1e15, &files)) {
		err_usage(err, "a note of a snapshot is its kind, number, files and root");
		return NULL;
	}
	if (!b->log || b->over) {
		err_set(err, "the session keeps no log, or has ended");
		return NULL;
	}
	log_snapshot(b, known[i], number, files, root);
	return cJSON_CreateObject();
}

void snapshot_note(const char *id, const char *kind, unsigned number, uint64_t files,
		   const struct snap_hash *root)
{
	struct session_client *c;
	cJSON *args;
	char hex[SNAP_HASH_HEX] = "";
	struct err err;

	if (strlen(id) > SESSION_ID_LEN || !(c = session_connect(id, NULL, &err)))
		return; /* it has ended */
	if (root)
		snap_hash_hex(hex, root);
	args = cJSON_CreateObject();
	cJSON_AddStringToObject(args, "kind", kind);
	cJSON_AddNumberToObject(args, "number", number);
	cJSON_AddNumberToObject(args, "files", (double)files);
	cJSON_AddStringToObject(args, "root", hex);
	cJSON_Delete(session_client_call(c, "snapshot", args, NULL, 2000, &err));
	session_client_free(c);
}
