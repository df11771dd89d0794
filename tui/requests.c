/* The queue of open requests over all sessions, and which of them is shown. */
#include "tui/app.h"

static int by_age(const void *x, const void *y)
{
	const struct request_entry *a = x, *b = y;

	return a->r->info.opened_ns < b->r->info.opened_ns
		   ? -1
		   : a->r->info.opened_ns > b->r->info.opened_ns;
}

size_t requests_queue(struct tui *t, struct request_entry *out)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_agents; i++)
		for (size_t k = 0; k < t->agents[i]->n_requests && n < REQUESTS_MAX; k++)
			out[n++] = (struct request_entry){t->agents[i], t->agents[i]->requests[k]};
	qsort(out, n, sizeof(*out), by_age);
	return n;
}

size_t requests_count(struct tui *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_agents; i++)
		n += t->agents[i]->n_requests;
	return n;
}

bool requests_shown(struct tui *t, struct request_entry *out)
{
	out->a = t->requests.open ? agents_get(t, t->requests.agent) : NULL;
	out->r = out->a ? agent_request(out->a, t->requests.id) : NULL;
	return out->r != NULL;
}

bool requests_armed(uint64_t now, uint64_t opened, uint64_t last_key)
{
	uint64_t since = opened > last_key ? opened : last_key;

	return now >= since && now - since >= GUARD_NS;
}

void requests_look(struct request_box *b, uint64_t now, uint64_t last_key)
{
	bool held_up = now - b->looked_ns > STALL_NS;

	b->looked_ns = now;
	b->ready = false;
	if (!b->open || !requests_armed(now, b->opened_ns, last_key))
		b->quiet_ns = 0;
	else if (!b->quiet_ns || held_up)
		b->quiet_ns = now;
	else
		b->ready = now - b->quiet_ns >= REACTION_NS;
}

void requests_show_entry(struct tui *t, const struct request_entry *e)
{
	struct request_box *b = &t->requests;

	b->open = true;
	b->confirm_all = false;
	/* Another question than the eye may still have before it: armed anew. */
	b->opened_ns = clock_mono_ns();
	b->ready = false;
	b->quiet_ns = 0;
	str_copy(b->agent, sizeof(b->agent), e->a->id);
	str_copy(b->id, sizeof(b->id), e->r->info.id);
	tui_dirty(t);
}

void requests_changed(struct tui *t)
{
	struct request_entry v[REQUESTS_MAX], shown;
	size_t n;

	if (t->dialog || requests_shown(t, &shown))
		return;
	n = requests_queue(t, v);
	for (size_t i = 0; i < n; i++)
		if (!v[i].r->dismissed) {
			requests_show_entry(t, &v[i]);
			return;
		}
	if (t->requests.open)
		tui_dirty(t);
	t->requests.open = false;
}

void requests_show(struct tui *t, const struct agent *first)
{
	struct request_entry v[REQUESTS_MAX];
	size_t n = requests_queue(t, v), at = 0;

	if (!n) {
		tui_message(t, false, "nobody asks for anything");
		return;
	}
	for (size_t i = 0; i < n; i++)
		v[i].r->dismissed = false;
	while (at < n && v[at].a != first)
		at++;
	requests_show_entry(t, &v[at < n ? at : 0]);
}

void requests_step(struct tui *t, int step)
{
	struct request_entry v[REQUESTS_MAX];
	size_t n = requests_queue(t, v);

	for (size_t i = 0; i < n; i++)
		if (str_eq(v[i].r->info.id, t->requests.id) &&
		    str_eq(v[i].a->id, t->requests.agent) && n > 1) {
			requests_show_entry(t, &v[(i + n + (size_t)(step + (int)n)) % n]);
			return;
		}
}

/* ---- answering ------------------------------------------------------------ */

static void answered(struct agent *a, const cJSON *answer, int fd, const char *ctx)
{
	(void)ctx;
	if (fd >= 0)
		close(fd);
	if (!answer_ok(answer))
		tui_message(a->tui, true, "%s: not answered: %s", a->name, answer_error(answer));
}

void request_answer(struct agent *a, const char *id, bool grant, const char *scope)
{
	cJSON *args = cJSON_CreateObject();

	cJSON_AddStringToObject(args, "id", id);
	cJSON_AddBoolToObject(args, "grant", grant);
	cJSON_AddStringToObject(args, "scope", scope);
	if (!agent_call(a, "answer", args, answered, NULL))
		tui_message(a->tui, true, "%s: not connected, the request was not answered",
			    a->name);
}

static void always_confirmed(struct tui *t, const char *ctx, const char *value)
{
	char id[16] = "", agent[SESSION_ID_LEN + 1] = "";
	struct agent *a;

	(void)value;
	if (sscanf(ctx, "%16s %15s", agent, id) != 2)
		return;
	a = agents_get(t, agent);
	if (a && agent_request(a, id))
		request_answer(a, id, true, "always");
	else
		tui_message(t, true, "the request is over: nothing was written");
}

static void got_preview(struct agent *a, const cJSON *answer, int fd, const char *ctx)
{
	const char *diff = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "diff"));

	if (fd >= 0)
		close(fd);
	if (!answer_ok(answer) || !diff) {
		tui_message(a->tui, true, "%s: no preview: %s", a->name, answer_error(answer));
		return;
	}
	dialog_text(a->tui, "Always: this would change in the profile", diff, true,
		    "writes it and grants", always_confirmed, ctx);
}

void request_always(struct agent *a, const char *id)
{
	cJSON *args = cJSON_CreateObject();
	char ctx[64];

	snprintf(ctx, sizeof(ctx), "%s %s", a->id, id);
	cJSON_AddStringToObject(args, "id", id);
	cJSON_AddBoolToObject(args, "deny", false);
	agent_call(a, "preview", args, got_preview, ctx);
}

void requests_count_all(struct tui *t)
{
	struct request_entry v[REQUESTS_MAX];
	size_t n = requests_queue(t, v);

	for (size_t i = 0; i < n; i++)
		v[i].r->counted = true;
	t->requests.confirm_all = n > 1;
}

/* Only what was there when the person decided: another one may have come since. */
void requests_answer_all(struct tui *t, bool grant, const char *scope)
{
	struct request_entry v[REQUESTS_MAX];
	size_t n = requests_queue(t, v);

	for (size_t i = 0; i < n; i++)
		if (v[i].r->counted && (!grant || v[i].r->info.grantable_now))
			request_answer(v[i].a, v[i].r->info.id, grant, scope);
}
