/* What can be done about a refusal: see why, allow it, have it offered no more, copy the flag. */
#include "tui/violations.h"

/* "SESSION ACCESS PATH" as the context of calls and dialogs. */
static char *context(const struct list_row *r)
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

void violation_why(const struct list_row *r)
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

static bool may_allow(const struct list_row *r)
{
	struct tui *t = r->a->tui;

	if (!agent_may_change(r->a))
		return false;
	if (r->v->tool[0])
		tui_message(
		    t, true,
		    "refused to the tool %s: only the profile (command_policies) can allow it",
		    r->v->tool);
	else if (!violation_access(r->v))
		tui_message(t, true, "no rule can allow it: it cannot be allowed from here");
	else
		return true;
	return false;
}

/* Says what closes it: a key or a password store is not one more file. */
static void got_reason(struct agent *a, const cJSON *answer, int fd, const char *ctx)
{
	const char *source = member(answer, "source"), *reason = member(answer, "reason"), *path;
	char id[SESSION_ID_LEN + 1], access[16], question[1500];
	bool closed = str_eq(reason ? reason : "", "filesystem_deny");
	const struct pane *focus = pane_focused(a->tui);

	if (fd >= 0)
		close(fd);
	if (!context_split(ctx, id, access, &path))
		return;
	if (!answer_ok(answer)) {
		tui_message(a->tui, true, "%s: %s", a->name, answer_error(answer));
		return;
	}
	/* Came late: what is typed now is for something else. */
	if (!focus || focus->kind != PANE_VIOLATIONS || a->tui->dialog)
		return;
	snprintf(question, sizeof(question), "Allow %s to %s %s until the session ends?%s%s%s",
		 a->name, access, path, closed ? " It is closed on purpose (" : "",
		 closed && source ? source
		 : closed	  ? "the profile"
				  : "",
		 closed ? ")." : "");
	dialog_confirm(a->tui, question, session_confirmed, ctx);
}

void violation_allow(const struct list_row *r)
{
	const char *access = violation_access(r->v);
	_cleanup_free_ char *ctx = NULL;
	cJSON *args;

	if (!may_allow(r))
		return;
	ctx = context(r);
	args = path_args(r->v->target, access, NULL);
	if (!agent_call(r->a, "why", args, got_reason, ctx))
		tui_message(r->a->tui, true, "%s: not connected", r->a->name);
}

static void got_diff(struct agent *a, const cJSON *answer, int fd, const char *ctx)
{
	agent_show_change(a, answer, fd, "Always: this would change in the profile", ctx,
			  always_confirmed);
}

void violation_always(const struct list_row *r)
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
	agent_show_change(a, answer, fd, "Not offered any more: this would change in the profile",
			  ctx, suppress_confirmed);
}

void violation_suppress(const struct list_row *r)
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

void violation_copy(const struct list_row *r)
{
	const char *access = violation_access(r->v);

	if (!access)
		tui_message(r->a->tui, true, "no flag grants it");
	else if (!agent_call(r->a, "why", path_args(r->v->target, access, NULL), got_flag, ""))
		tui_message(r->a->tui, true, "%s: not connected", r->a->name);
}

void violation_events(const struct list_row *r)
{
	audit_show_events(r->a->tui, r->a, r->v->target, true);
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

void violation_hide(const struct list_row *r)
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
