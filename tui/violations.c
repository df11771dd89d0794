/* Refusals as the brokers count them: fetched, in rows. */
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
	const struct list_row *a = x, *b = y;

	if (a->v->first_ns != b->v->first_ns)
		return a->v->first_ns > b->v->first_ns ? -1 : 1;
	return strcmp(a->v->target, b->v->target);
}

size_t violation_rows(struct pane *p, struct list_row **rows)
{
	struct tui *t = p->tui;
	size_t n = 0, total = 0;

	p->violations.left_out = 0;
	for (size_t i = 0; i < t->n_agents; i++)
		total += t->agents[i]->n_violations;
	*rows = xcalloc(total + 1, sizeof(**rows));
	for (size_t i = 0; i < t->n_agents; i++) {
		struct agent *a = t->agents[i];

		for (size_t k = 0; (!p->agent || p->agent == a) && k < a->n_violations; k++)
			if (a->violations[k].hidden && !p->violations.show_hidden)
				p->violations.left_out++;
			else
				(*rows)[n++] = (struct list_row){a, {.v = &a->violations[k]}};
	}
	qsort(*rows, n, sizeof(**rows), newest_first);
	return n;
}

const char *violation_access(const struct violation_item *v)
{
	static const struct {
		const char *op, *access;
	} table[] = {{"read", "read"},	      {"path", "read"},	   {"watch", "read"},
		     {"list", "read"},	      {"open", "read"},	   {"readlink", "read"},
		     {"exec", "exec"},	      {"execute", "exec"}, {"readwrite", "readwrite"},
		     {"connect", "readwrite"}};

	if (str_eq(v->op, "host") && str_starts(v->rule, "not listed"))
		return "connect";
	if (v->target[0] != '/' || v->tool[0])
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (str_eq(v->op, table[i].op))
			return table[i].access;
	return "write"; /* create, mkdir, rename, unlink, chmod, ... */
}
