/* Refusals as the brokers count them, and acting on one. */
#include "tui/violations.h"

#include <time.h>

#define ASK_NS 1000000000ull

/* ---- fetching ------------------------------------------------------------------- */

static void take_str(const cJSON *o, const char *name, char *dst, size_t size)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));

	str_copy(dst, size, s ? s : "");
}

static uint64_t take_u64(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	if (cJSON_IsString(v))
		return strtoull(v->valuestring, NULL, 10);
	return cJSON_IsNumber(v) && v->valuedouble > 0 ? (uint64_t)v->valuedouble : 0;
}

static void take_item(const cJSON *o, struct violation_item *v)
{
	memset(v, 0, sizeof(*v));
	take_str(o, "target", v->target, sizeof(v->target));
	take_str(o, "op", v->op, sizeof(v->op));
	take_str(o, "program", v->program, sizeof(v->program));
	take_str(o, "rule", v->rule, sizeof(v->rule));
	take_str(o, "tool", v->tool, sizeof(v->tool));
	v->count = take_u64(o, "count");
	v->first_ns = take_u64(o, "first_ns");
	v->last_ns = take_u64(o, "last_ns");
	v->hidden = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "hidden"));
	v->grantable = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "grantable"));
}

static void got_violations(struct agent *a, const cJSON *answer, int fd, const char *ctx)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(answer, "violations"), *o;
	int n = cJSON_GetArraySize(list);

	(void)ctx;
	if (fd >= 0)
		close(fd);
	a->violations_asked = false;
	if (!answer_ok(answer) || !cJSON_IsArray(list))
		return; /* what was known stays */
	free(a->violations);
	a->violations = xcalloc((size_t)n + 1, sizeof(*a->violations));
	a->n_violations = 0;
	cJSON_ArrayForEach(o, list) take_item(o, &a->violations[a->n_violations++]);
	tui_dirty(a->tui);
}

static void poll_agent(struct agent *a, uint64_t now)
{
	if (a->violations_asked || !a->control || a->ended)
		return;
	if (a->violations_ns &&
	    (a->state.denied == a->violations_seen || now - a->violations_ns < ASK_NS))
		return;
	a->violations_ns = now;
	a->violations_seen = a->state.denied;
	a->violations_asked = agent_call(a, "violations", NULL, got_violations, NULL);
}

void violations_poll(struct pane *p)
{
	struct tui *t = p->tui;
	uint64_t now = clock_mono_ns();

	for (size_t i = 0; i < t->n_agents; i++)
		if (!p->agent || p->agent == t->agents[i])
			poll_agent(t->agents[i], now);
}

void violations_changed(struct agent *a)
{
	a->violations_ns = 0;
}

/* ---- rows ------------------------------------------------------------------------ */

/* By the first time, which does not change: rows stay where they are. */
static int newest_first(const void *x, const void *y)
{
	const struct violation_row *a = x, *b = y;

	if (a->v->first_ns != b->v->first_ns)
		return a->v->first_ns > b->v->first_ns ? -1 : 1;
	return strcmp(a->v->target, b->v->target);
}

size_t violation_rows(struct pane *p, struct violation_row **rows, size_t *hidden)
{
	struct tui *t = p->tui;
	size_t n = 0, total = 0;

	*hidden = 0;
	for (size_t i = 0; i < t->n_agents; i++)
		total += t->agents[i]->n_violations;
	*rows = xcalloc(total + 1, sizeof(**rows));
	for (size_t i = 0; i < t->n_agents; i++) {
		struct agent *a = t->agents[i];

		for (size_t k = 0; (!p->agent || p->agent == a) && k < a->n_violations; k++) {
			if (a->violations[k].hidden && !p->violations.show_hidden)
				++*hidden;
			else
				(*rows)[n++] = (struct violation_row){a, &a->violations[k]};
		}
	}
	qsort(*rows, n, sizeof(**rows), newest_first);
	return n;
}

const char *violation_access(const struct violation_item *v)
{
	static const struct {
		const char *op, *access;
	} table[] = {{"read", "read"},	  {"path", "read"},	      {"list", "read"},
		     {"open", "read"},	  {"readlink", "read"},	      {"exec", "exec"},
		     {"execute", "exec"}, {"readwrite", "readwrite"}, {"connect", "readwrite"}};

	if (str_eq(v->op, "host") && str_starts(v->rule, "not listed"))
		return "connect";
	if (v->target[0] != '/' || v->tool[0])
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (str_eq(v->op, table[i].op))
			return table[i].access;
	return "write"; /* create, mkdir, rename, unlink, chmod, ... */
}

/* ---- what can be done -------------------------------------------------------------- */

/* "SESSION ACCESS PATH" as the context of calls and dialogs. */
static char *context(const struct violation_row *r)
{
	return xasprintf("%s %s %s", r->a->id, violation_access(r->v), r->v->target);
}

static bool context_split(const char *ctx, char id[SESSION_ID_LEN + 1], char access[16],
			  const char **path)
{
	int at = 0;

	if (sscanf(ctx, "%16s %15s %n", id, access, &at) != 2 || !at)
		return false;
	*path = ctx + at;
	return true;
}

static cJSON *path_args(const char *path, const char *access, const char *scope)
{
	cJSON *o = cJSON_CreateObject();

	/* A host of the network proxy: "name:port". */
	cJSON_AddStringToObject(o, str_eq(access, "connect") ? "host" : "path", path);
	cJSON_AddStringToObject(o, "access", access);
	if (scope)
		cJSON_AddStringToObject(o, "scope", scope);
	return o;
}

static void add_time(struct buf *b, const char *label, uint64_t ns)
{
	char text[TIME_STR_MAX];

	time_rfc3339(text, ns);
	buf_addf(b, "%-11s %.10s %.8s\n", label, text, text + 11);
}

static const char *member(const cJSON *o, const char *name)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));

	return s && *s ? s : NULL;
}

static struct violation_item *find(struct agent *a, const char *path)
{
	for (size_t i = 0; i < a->n_violations; i++)
		if (str_eq(a->violations[i].target, path))
			return &a->violations[i];
	return NULL;
}

static void add_counts(struct buf *b, const struct violation_item *v)
{
	buf_addf(b, "%-11s %s\n%-11s %s\n%-11s %s\n", "refused", v->op, "on", v->target, "program",
		 v->program);
	if (v->tool[0])
		buf_addf(b, "%-11s %s: what it may do says the profile (command_policies)\n",
			 "tool", v->tool);
	buf_addf(b, "%-11s %llu times\n", "count", (unsigned long long)v->count);
	add_time(b, "first", v->first_ns);
	add_time(b, "last", v->last_ns);
	if (v->rule[0])
		buf_addf(b, "%-11s %s\n", "rule", v->rule);
}

static void got_why(struct agent *a, const cJSON *answer, int fd, const char *ctx)
{
	_cleanup_(buf_free) struct buf b = {0};
	char id[SESSION_ID_LEN + 1], access[16];
	const struct violation_item *v;
	const char *path, *s;

	if (fd >= 0)
		close(fd);
	if (!answer_ok(answer) || !context_split(ctx, id, access, &path)) {
		tui_message(a->tui, true, "%s: %s", a->name, answer_error(answer));
		return;
	}
	v = find(a, path);
	if (v)
		add_counts(&b, v);
	buf_addf(&b, "\nThe policy about %s of it, by itself:\n", access);
	buf_addf(&b, "%-11s %s\n", "allowed",
		 cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer, "allowed")) ? "yes" : "no");
	if ((s = member(answer, "reason")))
		buf_addf(&b, "%-11s %s\n", "reason", s);
	if ((s = member(answer, "rule")))
		buf_addf(&b, "%-11s %s\n", "rule", s);
	if ((s = member(answer, "source")))
		buf_addf(&b, "%-11s %s\n", "from", s);
	if ((s = member(answer, "suggested_flag")))
		buf_addf(&b, "%-11s nono run %s …\n", "would do", s);
	dialog_text(a->tui, "Why it was refused", b.data, false, NULL, NULL, NULL);
}

void violation_why(const struct violation_row *r)
{
	const char *access = violation_access(r->v);
	_cleanup_free_ char *ctx = NULL;
	_cleanup_(buf_free) struct buf b = {0};

	if (access) {
		ctx = context(r);
		if (agent_call(r->a, "why", path_args(r->v->target, access, NULL), got_why, ctx))
			return;
	}
	/* No path, or nobody to ask any more: what the refusal itself says. */
	add_counts(&b, r->v);
	dialog_text(r->a->tui, "Why it was refused", b.data, false, NULL, NULL, NULL);
}

static void allowed(struct agent *a, const cJSON *answer, int fd, const char *ctx)
{
	if (fd >= 0)
		close(fd);
	if (!answer_ok(answer))
		tui_message(a->tui, true, "%s: not allowed: %s", a->name, answer_error(answer));
	else
		tui_message(a->tui, false, "%s: %s", a->name, ctx);
	violations_changed(a);
}

static void send_allow(struct tui *t, const char *ctx, const char *scope, const char *done)
{
	char id[SESSION_ID_LEN + 1], access[16];
	const char *path;
	struct agent *a;

	if (!context_split(ctx, id, access, &path))
		return;
	a = agents_get(t, id);
	if (!a || !agent_call(a, "allow", path_args(path, access, scope), allowed, done))
		tui_message(t, true, "not connected to the session: nothing was allowed");
}

static void session_confirmed(struct tui *t, const char *ctx, const char *value)
{
	(void)value;
	send_allow(t, ctx, "session", "allowed until the session ends");
}

static void always_confirmed(struct tui *t, const char *ctx, const char *value)
{
	(void)value;
	send_allow(t, ctx, "always", "written to the profile, and allowed from now on");
}

static bool may_allow(const struct violation_row *r)
{
	struct tui *t = r->a->tui;

	if (t->options->read_only)
		tui_message(t, true, "read-only: nothing can be allowed from here");
	else if (r->v->tool[0])
		tui_message(
		    t, true,
		    "refused to the tool %s: only the profile (command_policies) can allow it",
		    r->v->tool);
	else if (!violation_access(r->v))
		tui_message(t, true, "no rule can allow it: it cannot be allowed from here");
	else if (r->a->ended)
		tui_message(t, true, "%s has ended", r->a->name);
	else
		return true;
	return false;
}

void violation_allow(const struct violation_row *r)
{
	_cleanup_free_ char *ctx = NULL;
	char question[1400];

	if (!may_allow(r))
		return;
	ctx = context(r);
	snprintf(question, sizeof(question), "Allow %s to %s %s until the session ends?",
		 r->a->name, violation_access(r->v), r->v->target);
	dialog_confirm(r->a->tui, question, session_confirmed, ctx);
}

static void got_diff(struct agent *a, const cJSON *answer, int fd, const char *ctx)
{
	const char *diff = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "diff"));

	if (fd >= 0)
		close(fd);
	if (!answer_ok(answer))
		tui_message(a->tui, true, "%s: %s", a->name, answer_error(answer));
	else
		dialog_text(a->tui, "Always: this would change in the profile",
			    diff && *diff ? diff : "(nothing: the profile allows it already)", true,
			    "writes it", always_confirmed, ctx);
}

void violation_always(const struct violation_row *r)
{
	_cleanup_free_ char *ctx = NULL;

	if (!may_allow(r))
		return;
	ctx = context(r);
	if (!agent_call(r->a, "preview_allow",
			path_args(r->v->target, violation_access(r->v), "always"), got_diff, ctx))
		tui_message(r->a->tui, true, "%s: not connected", r->a->name);
}

/* ---- into the profile: not offered any more ------------------------------------------ */

static void suppressed(struct agent *a, const cJSON *answer, int fd, const char *ctx)
{
	(void)ctx;
	if (fd >= 0)
		close(fd);
	if (!answer_ok(answer))
		tui_message(a->tui, true, "%s: not written: %s", a->name, answer_error(answer));
	else
		tui_message(a->tui, false, "%s: written to the profile, and hidden", a->name);
	violations_changed(a);
}

static cJSON *suppress_args(const char *path, bool apply)
{
	cJSON *o = path_args(path, "read", NULL);

	cJSON_AddBoolToObject(o, "apply", apply);
	return o;
}

static void suppress_confirmed(struct tui *t, const char *ctx, const char *value)
{
	char id[SESSION_ID_LEN + 1], access[16];
	const char *path;
	struct agent *a;

	(void)value;
	if (!context_split(ctx, id, access, &path))
		return;
	a = agents_get(t, id);
	if (!a || !agent_call(a, "suppress", suppress_args(path, true), suppressed, ""))
		tui_message(t, true, "not connected to the session: nothing was written");
}

static void got_suppress_diff(struct agent *a, const cJSON *answer, int fd, const char *ctx)
{
	const char *diff = member(answer, "diff");

	if (fd >= 0)
		close(fd);
	if (!answer_ok(answer))
		tui_message(a->tui, true, "%s: %s", a->name, answer_error(answer));
	else
		dialog_text(a->tui, "Not offered any more: this would change in the profile",
			    diff ? diff : "(nothing: the profile says so already)", true,
			    "writes it", suppress_confirmed, ctx);
}

void violation_suppress(const struct violation_row *r)
{
	_cleanup_free_ char *ctx = NULL;

	if (!may_allow(r))
		return;
	if (str_eq(violation_access(r->v), "connect")) {
		tui_message(r->a->tui, true, "hosts are not suppressed: hide it (h)");
		return;
	}
	ctx = context(r);
	if (!agent_call(r->a, "suppress", suppress_args(r->v->target, false), got_suppress_diff,
			ctx))
		tui_message(r->a->tui, true, "%s: not connected", r->a->name);
}

/* ---- the flag that would have granted it ---------------------------------------------- */

static void got_flag(struct agent *a, const cJSON *answer, int fd, const char *ctx)
{
	const char *flag = member(answer, "suggested_flag");
	char shown[1024];

	(void)ctx;
	if (fd >= 0)
		close(fd);
	if (!answer_ok(answer)) {
		tui_message(a->tui, true, "%s: %s", a->name, answer_error(answer));
		return;
	}
	/* What is pasted into a shell must be what was read. */
	if (!flag || !str_eq(text_printable(shown, sizeof(shown), flag, strlen(flag)), flag)) {
		tui_message(a->tui, true, "no flag grants it");
		return;
	}
	tui_clipboard(a->tui, flag, strlen(flag));
	tui_message(a->tui, false, "copied: %s", flag);
}

void violation_copy(const struct violation_row *r)
{
	const char *access = violation_access(r->v);

	if (!access)
		tui_message(r->a->tui, true, "no flag grants it");
	else if (!agent_call(r->a, "why", path_args(r->v->target, access, NULL), got_flag, ""))
		tui_message(r->a->tui, true, "%s: not connected", r->a->name);
}

/* ---- out of sight ---------------------------------------------------------------------- */

static void hidden(struct agent *a, const cJSON *answer, int fd, const char *ctx)
{
	(void)ctx;
	if (fd >= 0)
		close(fd);
	if (!answer_ok(answer))
		tui_message(a->tui, true, "%s: %s", a->name, answer_error(answer));
	violations_changed(a);
}

void violation_hide(const struct violation_row *r)
{
	cJSON *args;

	if (r->a->tui->options->read_only) {
		tui_message(r->a->tui, true, "read-only: nothing can be hidden from here");
		return;
	}
	args = cJSON_CreateObject();
	cJSON_AddStringToObject(args, "target", r->v->target);
	cJSON_AddBoolToObject(args, "hidden", !r->v->hidden);
	if (!agent_call(r->a, "hide", args, hidden, NULL))
		tui_message(r->a->tui, true, "%s: not connected", r->a->name);
	else
		r->v->hidden = !r->v->hidden; /* shown at once; the next answer says how it is */
}
