/* Hosts as the brokers count them, and acting on one. */
#include "tui/network_hosts.h"

#include <strings.h>

#define ASK_NS 1000000000ull

/* ---- fetching ----------------------------------------------------------------------------- */

static void take_text(const cJSON *o, const char *name, char *dst, size_t size)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));

	text_printable(dst, size, s ? s : "", s ? strlen(s) : 0);
}

static uint64_t take_number(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsNumber(v) && v->valuedouble > 0 ? (uint64_t)v->valuedouble : 0;
}

static void take_host(const cJSON *o, struct host_item *h)
{
	take_text(o, "host", h->host, sizeof(h->host));
	take_text(o, "last", h->last, sizeof(h->last));
	take_text(o, "rule", h->rule, sizeof(h->rule));
	take_text(o, "program", h->program, sizeof(h->program));
	h->port = (uint16_t)take_number(o, "port");
	h->status = (uint16_t)take_number(o, "status");
	h->connections = take_number(o, "connections");
	h->requests = take_number(o, "requests");
	h->denied = take_number(o, "denied");
	h->errors = take_number(o, "errors");
	h->bytes_in = take_number(o, "bytes_in");
	h->bytes_out = take_number(o, "bytes_out");
}

static void got_hosts(struct agent *a, const cJSON *answer, int fd, const char *ctx)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(answer, "hosts"), *o;
	int n = cJSON_GetArraySize(list);

	(void)ctx;
	if (fd >= 0)
		close(fd);
	a->hosts_asked = false;
	if (!answer_ok(answer) || !cJSON_IsArray(list))
		return; /* what was known stays */
	take_text(answer, "network", a->network, sizeof(a->network));
	free(a->hosts);
	a->hosts = xcalloc((size_t)n + 1, sizeof(*a->hosts));
	a->n_hosts = 0;
	cJSON_ArrayForEach(o, list) take_host(o, &a->hosts[a->n_hosts++]);
	tui_dirty(a->tui);
}

void network_poll(struct pane *p)
{
	struct tui *t = p->tui;
	uint64_t now = clock_mono_ns();

	for (size_t i = 0; i < t->n_agents; i++) {
		struct agent *a = t->agents[i];

		if ((p->agent && p->agent != a) || a->hosts_asked || !a->control || a->ended ||
		    (a->hosts_ns && now - a->hosts_ns < ASK_NS))
			continue;
		a->hosts_ns = now;
		a->hosts_asked = agent_call(a, "hosts", NULL, got_hosts, NULL);
	}
}

/* ---- rows ----------------------------------------------------------------------------------- */

static int by_name(const struct host_item *x, const struct host_item *y)
{
	int r = strcmp(x->host, y->host);

	return r ? r : (int)x->port - (int)y->port;
}

static int descending(uint64_t x, uint64_t y)
{
	return x > y ? -1 : x < y;
}

static int compare(const void *x, const void *y, void *sort)
{
	const struct host_item *a = ((const struct list_row *)x)->h;
	const struct host_item *b = ((const struct list_row *)y)->h;
	int r = 0;

	switch (*(const unsigned *)sort) {
	case NETWORK_BY_TIME:
		r = strcmp(b->last, a->last);
		break;
	case NETWORK_BY_BYTES:
		r = descending(a->bytes_in + a->bytes_out, b->bytes_in + b->bytes_out);
		break;
	case NETWORK_BY_REFUSALS:
		r = descending(a->denied, b->denied);
		break;
	default:
		break;
	}
	return r ? r : by_name(a, b);
}

static bool wanted(const struct pane *p, const struct host_item *h)
{
	const struct network_view *w = &p->network;

	return (!w->only_refused || h->denied) && (!w->filter[0] || strcasestr(h->host, w->filter));
}

size_t host_rows(struct pane *p, struct list_row **rows)
{
	struct tui *t = p->tui;
	size_t n = 0, total = 0;

	for (size_t i = 0; i < t->n_agents; i++)
		total += t->agents[i]->n_hosts;
	*rows = xcalloc(total + 1, sizeof(**rows));
	for (size_t i = 0; i < t->n_agents; i++) {
		struct agent *a = t->agents[i];

		for (size_t k = 0; (!p->agent || p->agent == a) && k < a->n_hosts; k++)
			if (wanted(p, &a->hosts[k]))
				(*rows)[n++] = (struct list_row){a, {.h = &a->hosts[k]}};
	}
	qsort_r(*rows, n, sizeof(**rows), compare, &p->network.sort);
	return n;
}

/* ---- what can be done ------------------------------------------------------------------------ */

void host_details(const struct list_row *r)
{
	const struct host_item *h = r->h;
	_cleanup_(buf_free) struct buf b = {0};

	buf_addf(&b, "%-12s %s:%u\n%-12s %s\n", "host", h->host, h->port, "session", r->a->name);
	buf_addf(&b, "%-12s %llu\n%-12s %llu\n", "connections", (unsigned long long)h->connections,
		 "requests", (unsigned long long)h->requests);
	buf_addf(&b, "%-12s %llu\n%-12s %llu\n", "refused", (unsigned long long)h->denied, "errors",
		 (unsigned long long)h->errors);
	buf_addf(&b, "%-12s %llu bytes\n%-12s %llu bytes\n", "received",
		 (unsigned long long)h->bytes_in, "sent", (unsigned long long)h->bytes_out);
	if (h->status)
		buf_addf(&b, "%-12s %u\n", "last status", h->status);
	buf_addf(&b, "%-12s %s\n", "last time", h->last);
	if (h->program[0])
		buf_addf(&b, "%-12s %s\n", "program", h->program);
	if (h->rule[0])
		buf_addf(&b, "%-12s %s\n", h->denied ? "rule" : "said", h->rule);
	dialog_text(r->a->tui, "A host", b.data, false, NULL, NULL, NULL);
}

/* "SESSION allow|deny HOST:PORT" as the context of dialogs. */
static char *context(const struct list_row *r, const char *word)
{
	bool v6 = strchr(r->h->host, ':') != NULL;

	return xasprintf("%s %s %s%s%s:%u", r->a->id, word, v6 ? "[" : "", r->h->host,
			 v6 ? "]" : "", r->h->port);
}

static cJSON *host_args(const char *ctx, const char *scope)
{
	const char *word = strchr(ctx, ' ') + 1, *host = strchr(word, ' ') + 1;
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "host", host);
	cJSON_AddStringToObject(o, "scope", scope);
	if (str_starts(word, "deny"))
		cJSON_AddTrueToObject(o, "deny");
	return o;
}

static struct agent *agent_of(struct tui *t, const char *ctx)
{
	char id[SESSION_ID_LEN + 1];

	return sscanf(ctx, "%16s", id) == 1 ? agents_get(t, id) : NULL;
}

static void done(struct agent *a, const cJSON *answer, int fd, const char *ctx)
{
	if (fd >= 0)
		close(fd);
	if (!answer_ok(answer))
		tui_message(a->tui, true, "%s: nothing changed: %s", a->name, answer_error(answer));
	else
		tui_message(a->tui, false, "%s: %s", a->name, ctx);
	a->hosts_ns = 0;
}

static void apply(struct tui *t, const char *ctx, const char *scope, const char *said)
{
	struct agent *a = agent_of(t, ctx);

	if (!a || !agent_call(a, "allow", host_args(ctx, scope), done, said))
		tui_message(t, true, "not connected to the session: nothing changed");
}

static void session_confirmed(struct tui *t, const char *ctx, const char *value)
{
	(void)value;
	apply(t, ctx, "session",
	      strstr(ctx, " deny ") ? "denied until the session ends"
				    : "allowed until the session ends");
}

static void profile_confirmed(struct tui *t, const char *ctx, const char *value)
{
	(void)value;
	apply(t, ctx, "always",
	      strstr(ctx, " deny ") ? "written to the profile, and denied from now on"
				    : "written to the profile, and allowed from now on");
}

static void for_session(const struct list_row *r, const char *word)
{
	_cleanup_free_ char *ctx = NULL;
	char question[600];

	if (!agent_may_change(r->a))
		return;
	ctx = context(r, word);
	if (str_eq(word, "deny"))
		snprintf(
		    question, sizeof(question),
		    "Deny %s to %s until the session ends, at all ports? What leads there ends.",
		    r->h->host, r->a->name);
	else
		snprintf(question, sizeof(question),
			 "Allow %s to reach %s:%u until the session ends?", r->a->name, r->h->host,
			 r->h->port);
	dialog_confirm(r->a->tui, question, session_confirmed, ctx);
}

void host_allow(const struct list_row *r)
{
	for_session(r, "allow");
}

void host_deny_session(const struct list_row *r)
{
	for_session(r, "deny");
}

static void got_diff(struct agent *a, const cJSON *answer, int fd, const char *ctx)
{
	agent_show_change(a, answer, fd, "Always: this would change in the profile", ctx,
			  profile_confirmed);
}

static void preview(const struct list_row *r, const char *word)
{
	_cleanup_free_ char *ctx = NULL;

	if (!agent_may_change(r->a))
		return;
	ctx = context(r, word);
	if (!agent_call(r->a, "preview_allow", host_args(ctx, "always"), got_diff, ctx))
		tui_message(r->a->tui, true, "%s: not connected", r->a->name);
}

void host_always(const struct list_row *r)
{
	preview(r, "allow");
}

void host_deny(const struct list_row *r)
{
	preview(r, "deny");
}

void host_events(const struct list_row *r)
{
	audit_show_events(r->a->tui, r->a, r->h->host, false);
}

void host_copy(const struct list_row *r)
{
	char flag[320];
	int n = snprintf(flag, sizeof(flag), "--allow-domain %s", r->h->host);

	tui_clipboard(r->a->tui, flag, (size_t)n);
	tui_message(r->a->tui, false, "copied: %s", flag);
}
