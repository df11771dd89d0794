/* What was refused: a few lines for a person, or an object for a program. */
#include "cli/diagnostics.h"

#include <time.h>

#define WAIT_MS 1500 /* for a supervisor that is about to write its last word */
#define STEP_MS 10

static bool has_ended(const struct session_record *r)
{
	return r->status == SESSION_EXITED && cJSON_HasObjectItem(r->json, "denials_total");
}

bool diagnostics_load(const char *id, bool wait, struct diagnostics *out)
{
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000};

	*out = (struct diagnostics){0};
	for (int ms = 0; ms <= (wait ? WAIT_MS : 0); ms += STEP_MS) {
		if (ms)
			nanosleep(&step, NULL);
		if (session_find(id, &out->record, NULL) < 0)
			return false;
		if (has_ended(&out->record))
			return session_denials(&out->record, &out->v, &out->n, &out->total) == 0;
		session_record_free(&out->record);
	}
	return false;
}

void diagnostics_free(struct diagnostics *d)
{
	session_record_free(&d->record);
	free(d->v);
	*d = (struct diagnostics){0};
}

/* ---- for people ---------------------------------------------------------------------------- */

/* What can be done where no flag can. */
static const char *remedy(const struct session_denial *d)
{
	static const struct {
		enum policy_reason reason;
		const char *text;
	} table[] = {
	    {POLICY_OWN_STATE, "nono's own: never granted"},
	    {POLICY_SENSITIVE_PATH, "closed by a deny rule"},
	    {POLICY_PROTECTED_PATH, "protected: it would be run outside later"},
	    {POLICY_NOT_GRANTED, "no flag grants it"},
	    {POLICY_INSUFFICIENT, "no flag grants it"},
	};

	if (d->offer)
		return "new: filesystem.write_file of a profile grants it";
	if (str_eq(d->reason, policy_reason_name(POLICY_COMMAND)))
		return d->rule;
	if (str_eq(d->reason, "host_denied"))
		return d->rule[0] ? d->rule : "not a host of the list";
	if (d->socket)
		return "a socket: filesystem.unix_socket in a profile grants it";
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (str_eq(d->reason, policy_reason_name(table[i].reason)))
			return table[i].text;
	return d->rule[0] ? d->rule : "not permitted";
}

static bool closed(const struct session_denial *d)
{
	return str_eq(d->reason, policy_reason_name(POLICY_SENSITIVE_PATH));
}

static void add_line(struct buf *out, const struct session_denial *d)
{
	buf_addf(out, "  %-9s  %s", d->access, d->path);
	if (d->targets > 1)
		buf_addf(out, "/… (%u in it)", d->targets);
	if (d->flag[0])
		buf_addf(out, "  ->  %s\n", d->flag);
	else if (closed(d) && d->source[0])
		buf_addf(out, "  (closed by %s)\n", d->source);
	else
		buf_addf(out, "  (%s)\n", remedy(d));
}

/* The newest that has a path, one that may be granted before all. */
static const struct session_denial *best(const struct diagnostics *d)
{
	const struct session_denial *found = NULL;

	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].path[0] == '/' && (d->v[i].flag[0] || !found || !found->flag[0]))
			found = &d->v[i];
	return found;
}

static void add_why(const struct diagnostics *d, struct buf *out)
{
	const struct session_denial *b = best(d);
	const char *op = !b ? NULL : str_eq(b->access, "exec") ? "read" : b->access;

	if (!b || b->socket || str_eq(b->reason, policy_reason_name(POLICY_COMMAND)) ||
	    strpbrk(b->path, " '\"\\$`&;()<>|*?[]{}!#~\n"))
		return;
	buf_addf(out, "  why: nono why --path %s --op %s", b->path, op);
	if (d->record.profile)
		buf_addf(out, " --profile %s", d->record.profile);
	buf_addc(out, '\n');
}

void diagnostics_footer(const struct diagnostics *d, size_t lines, struct buf *out)
{
	size_t shown = d->n < lines ? d->n : lines;
	uint64_t told = 0;

	if (!d->n)
		return;
	buf_addf(out, "nono: exit code %d; what the session was refused:\n", d->record.exit_code);
	for (size_t i = 0; i < shown; i++) {
		add_line(out, &d->v[d->n - 1 - i]);
		told += d->v[d->n - 1 - i].targets;
	}
	if (d->total > told)
		buf_addf(out, "  and %llu more: nono audit show %s --denied, nono logs %s\n",
			 (unsigned long long)(d->total - told), d->record.id, d->record.id);
	add_why(d, out);
}

/* ---- for programs ---------------------------------------------------------------------------- */

static void add_optional(cJSON *o, const char *name, const char *s)
{
	if (s[0])
		cJSON_AddStringToObject(o, name, s);
}

static void add_path(cJSON *list, const struct session_denial *d)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "path", d->path);
	cJSON_AddStringToObject(o, "access", d->access);
	cJSON_AddStringToObject(o, "reason", d->reason);
	cJSON_AddNumberToObject(o, "count", (double)d->count);
	cJSON_AddNumberToObject(o, "targets", d->targets);
	add_optional(o, "policy_source", d->source);
	add_optional(o, "suggested_flag", d->flag);
	cJSON_AddItemToArray(list, o);
}

static void add_ipc(cJSON *list, const struct session_denial *d)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "target", d->path);
	cJSON_AddStringToObject(o, "operation", d->access);
	cJSON_AddStringToObject(o, "reason", d->rule[0] ? d->rule : d->reason);
	cJSON_AddStringToObject(o, "remediation", remedy(d));
	add_optional(o, "suggested_flag", d->flag);
	cJSON_AddItemToArray(list, o);
}

static void add_code(cJSON *list, const struct session_denial *d)
{
	_cleanup_free_ char *message = xasprintf("%s of %s was refused", d->access, d->path);
	_cleanup_free_ char *by_flag = d->flag[0] ? xasprintf("run it with %s", d->flag) : NULL;
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "code", d->reason);
	cJSON_AddStringToObject(o, "message", message);
	cJSON_AddStringToObject(o, "remediation", by_flag ? by_flag : remedy(d));
	cJSON_AddItemToArray(list, o);
}

static void add_violation(cJSON *list, const struct session_denial *d)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "operation", d->access);
	cJSON_AddStringToObject(o, "target", d->path);
	cJSON_AddItemToArray(list, o);
}

cJSON *diagnostics_json(const struct diagnostics *d)
{
	cJSON *o = cJSON_CreateObject(), *denials, *ipc, *violations, *codes;

	cJSON_AddStringToObject(o, "session_id", d->record.id);
	cJSON_AddNumberToObject(o, "exit_code", d->record.exit_code);
	denials = cJSON_AddArrayToObject(o, "denials");
	ipc = cJSON_AddArrayToObject(o, "ipc_denials");
	violations = cJSON_AddArrayToObject(o, "violations");
	codes = cJSON_AddArrayToObject(o, "diagnostics");
	for (size_t i = 0; i < d->n; i++) {
		const struct session_denial *v = &d->v[i];
		bool file = v->path[0] == '/' && !v->socket;

		(file ? add_path : add_ipc)(file ? denials : ipc, v);
		add_violation(violations, v);
		add_code(codes, v);
	}
	return o;
}
