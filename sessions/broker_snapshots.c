/* What the log says of snapshots and restores: those of the session's own process, and those that
 * clients tell of. */
#include "sessions/broker.h"

#define SLOW_MS 1000 /* then a word about the snapshot at the end */

static const char *const known[] = {"start",	      "end",	 "timer", "manual",
				    "before-restore", "restore", NULL};

/* op is one of the known ones; root: 64 digits, "" = none. number -1: there is none. note: more
 * that is to be said of it, "" = nothing. */
static void write_event(struct broker *b, const char *op, long long number,
			unsigned long long files, const char *root, const char *note)
{
	char number_text[32], source[320];
	struct audit_event ev = {
	    .kind = AUDIT_SNAPSHOT,
	    .decision = AUDIT_ALLOWED,
	    .time_ns = clock_real_ns(),
	    .op = op,
	    .target = note,
	    .rule = root[0] ? root : NULL,
	};

	if (number >= 0) {
		snprintf(number_text, sizeof(number_text), "%lld", number);
		snprintf(source, sizeof(source), "%llu files%s%s", files, note[0] ? "; " : "",
			 note);
		ev.target = number_text;
		ev.source = source;
	}
	ev.target_len = strlen(ev.target);
	audit_emit(b->log, &ev);
}

static void log_snapshot(struct broker *b, const char *op, unsigned long long number,
			 unsigned long long files, const char *root)
{
	write_event(b, op, (long long)number, files, root, "");
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

void broker_take_last(struct broker *b)
{
	struct snapshotter *s = b->snapshotter;

	if (!snapshotter_last(s, b->exit_code) || broker_watch_snapshots(b) < 0) {
		broker_recorded(b);
		return;
	}
	uv_timer_start(&b->linger_timer, on_slow, SLOW_MS, 0);
}

void broker_log_before(struct broker *b, const struct snapshotter_answer *a, const char *why)
{
	if (b->log && a)
		write_event(b, "request", a->number, a->files, a->root, a->left_out);
	else if (b->log)
		write_event(b, "request", -1, 0, "", why);
	if (b->log) /* there when the grant takes effect */
		audit_flush(b->log);
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
