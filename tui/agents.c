/* Sessions as the front end knows them: found in the registry, followed through their brokers. */
#include "tui/app.h"

#define ENDED_KEEP_NS 60000000000ull /* an ended session stays in the bar this long */

struct agent *agents_get(struct tui *t, const char *id)
{
	for (size_t i = 0; i < t->n_agents; i++)
		if (str_eq(t->agents[i]->id, id))
			return t->agents[i];
	return NULL;
}

enum session_activity agent_activity(const struct agent *a)
{
	if (a->ended)
		return ACTIVITY_EXITED;
	return a->n_requests ? ACTIVITY_ASKS : a->state.activity;
}

const char *agent_profile(const struct agent *a)
{
	return a->profile ? a->profile : "default";
}

static struct agent *agent_new(struct tui *t, const struct session_record *r)
{
	struct agent *a = xcalloc(1, sizeof(*a));
	size_t at = t->n_agents;

	a->tui = t;
	a->started_ns = r->started_ns;
	str_copy(a->id, sizeof(a->id), r->id);
	text_printable(a->name, sizeof(a->name), r->name, strlen(r->name));
	a->profile = r->profile ? xstrdup(r->profile) : NULL;
	a->workdir = r->workdir ? xstrdup(r->workdir) : NULL;
	a->command = strv_copy(r->command);
	a->terminal = r->terminal;
	a->state.since_ns = r->started_ns;
	t->agents = xrealloc_array(t->agents, t->n_agents + 1, sizeof(*t->agents));
	/* The bar grows to the right. */
	while (at > 0 && t->agents[at - 1]->started_ns > a->started_ns)
		at--;
	memmove(t->agents + at + 1, t->agents + at, (t->n_agents - at) * sizeof(*t->agents));
	t->agents[at] = a;
	t->n_agents++;
	return a;
}

static void free_requests(struct agent *a)
{
	for (size_t i = 0; i < a->n_requests; i++)
		free(a->requests[i]);
	free(a->requests);
	a->requests = NULL;
	a->n_requests = 0;
}

static void agent_free(struct agent *a)
{
	agent_screen_close(a);
	agent_control_closed(a);
	free_requests(a);
	for (char **p = a->command; p && *p; p++)
		free(*p);
	free(a->command);
	free(a->profile);
	free(a->workdir);
	free(a->violations);
	free(a->hosts);
	free(a);
}

void agents_free(struct tui *t)
{
	for (size_t i = 0; i < t->n_agents; i++)
		agent_free(t->agents[i]);
	free(t->agents);
	t->agents = NULL;
	t->n_agents = 0;
}

static void set_ended(struct agent *a, int code)
{
	if (a->ended)
		return;
	a->ended = true;
	a->exit_code = code;
	a->ended_ns = clock_mono_ns();
	free_requests(a);
	requests_changed(a->tui);
	tui_agent_ended(a->tui, a);
	tui_dirty(a->tui);
}

/* Not listed as live any more: what became of it? */
static void look_up_end(struct agent *a)
{
	struct session_record r = {0};
	struct err err;

	if (session_find(a->id, &r, &err)) {
		set_ended(a, -1);
		return;
	}
	if (r.status == SESSION_EXITED)
		set_ended(a, r.has_exit_code ? r.exit_code : -1);
	session_record_free(&r);
}

struct agent *agents_add_id(struct tui *t, const char *id)
{
	struct agent *a = agents_get(t, id);
	struct session_record r = {0};
	struct err err;

	if (a)
		return a;
	if (session_find(id, &r, &err))
		return NULL;
	a = agents_get(t, r.id);
	if (!a)
		a = agent_new(t, &r);
	if (r.status == SESSION_EXITED) {
		a->ended = true;
		a->exit_code = r.has_exit_code ? r.exit_code : -1;
		a->ended_ns = clock_mono_ns();
	}
	session_record_free(&r);
	return a;
}

static void forget_old(struct tui *t)
{
	uint64_t now = clock_mono_ns();
	size_t kept = 0;

	t->n_bar = 0; /* drawn anew before anything is looked up in it */
	for (size_t i = 0; i < t->n_agents; i++) {
		struct agent *a = t->agents[i];

		if (a->ended && !a->connecting && now - a->ended_ns > ENDED_KEEP_NS &&
		    !agent_has_pane(t, a))
			agent_free(a);
		else
			t->agents[kept++] = a;
	}
	if (kept != t->n_agents)
		tui_dirty(t);
	t->n_agents = kept;
}

void agents_refresh(struct tui *t)
{
	struct session_list list = {0};
	struct err err;

	t->registry_changed = false;
	t->registry_ns = clock_mono_ns();
	if (session_list(false, &list, &err)) {
		tui_message(t, true, "%s", err.msg);
		return;
	}
	for (size_t i = 0; i < t->n_agents; i++)
		t->agents[i]->listed = false;
	for (size_t i = 0; i < list.n; i++) {
		struct agent *a = agents_get(t, list.v[i].id);

		if (list.v[i].status == SESSION_EXITED)
			continue;
		if (!a) {
			a = agent_new(t, &list.v[i]);
			tui_dirty(t);
		}
		a->listed = true;
	}
	session_list_free(&list);
	for (size_t i = 0; i < t->n_agents; i++)
		if (!t->agents[i]->listed && !t->agents[i]->ended)
			look_up_end(t->agents[i]);
	forget_old(t);
}

/* ---- connections to brokers --------------------------------------------- */

static void got_requests(struct agent *a, const cJSON *answer, int fd, const char *ctx);

static void add_request(struct agent *a, const struct session_request_info *info)
{
	struct open_request *r = agent_request(a, info->id);

	if (r) {
		r->info = *info;
		return;
	}
	if (a->n_requests == REQUESTS_MAX)
		return;
	r = xcalloc(1, sizeof(*r));
	r->info = *info;
	a->requests = xrealloc_array(a->requests, a->n_requests + 1, sizeof(*a->requests));
	a->requests[a->n_requests++] = r;
}

struct open_request *agent_request(struct agent *a, const char *id)
{
	for (size_t i = 0; i < a->n_requests; i++)
		if (str_eq(a->requests[i]->info.id, id))
			return a->requests[i];
	return NULL;
}

static void on_status(void *data, const struct session_state *s)
{
	struct agent *a = data;

	if (s->log_failed && !a->state.log_failed)
		tui_message(a->tui, true,
			    "%s: its log can't be written (disk full?): no grants till it can",
			    a->name);
	a->state = *s;
	if (s->exited)
		set_ended(a, s->exit_code);
	tui_dirty(a->tui);
}

static void on_request(void *data, const struct session_request_info *info)
{
	struct agent *a = data;

	add_request(a, info);
	requests_changed(a->tui);
	tui_dirty(a->tui);
}

static void on_answered(void *data, const char *id, const char *state, const char *by)
{
	struct agent *a = data;

	for (size_t i = 0; i < a->n_requests; i++)
		if (str_eq(a->requests[i]->info.id, id)) {
			char who[200];

			text_printable(who, sizeof(who), by ? by : "", by ? strlen(by) : 0);
			tui_message(a->tui, false, "%s: %s %s%s%s", a->name,
				    a->requests[i]->info.kind, state ? state : "answered",
				    *who ? " by " : "", who);
			free(a->requests[i]);
			memmove(a->requests + i, a->requests + i + 1,
				(a->n_requests - i - 1) * sizeof(*a->requests));
			a->n_requests--;
			break;
		}
	requests_changed(a->tui);
	tui_dirty(a->tui);
}

static void on_warning(void *data, const char *text)
{
	struct agent *a = data;

	tui_message(a->tui, true, "%s: allowed, but %s", a->name, text);
	tui_dirty(a->tui);
}

static void on_closed(void *data)
{
	((struct agent *)data)->control_over = true;
}

static void on_reply(void *data, int seq, const cJSON *answer, int fd)
{
	struct agent *a = data;

	for (size_t i = 0; i < CALLS_MAX; i++) {
		struct pending_call c = a->calls[i];

		if (c.seq != seq || !c.fn)
			continue;
		memset(&a->calls[i], 0, sizeof(a->calls[i]));
		c.fn(a, answer, fd, c.ctx);
		free(c.ctx);
		return;
	}
	if (fd >= 0)
		close(fd);
}

struct session_client_events agent_events(struct agent *a)
{
	return (struct session_client_events){
	    .status = on_status,
	    .request = on_request,
	    .answered = on_answered,
	    .warning = on_warning,
	    .reply = on_reply,
	    .closed = on_closed,
	    .data = a,
	};
}

static void control_done(struct agent *a)
{
	agent_control_closed(a);
	look_up_end(a);
	a->tui->registry_changed = true;
	tui_dirty(a->tui);
}

static void on_control(void *data, int events)
{
	struct agent *a = data;
	int over = 0;

	if (events & UV_WRITABLE)
		over = session_client_on_writable(a->control);
	if (!over && (events & UV_READABLE))
		over = session_client_on_readable(a->control);
	if (over || a->control_over)
		control_done(a);
	else
		agent_flush(a);
}

void agent_connected(struct agent *a, struct session_client *c)
{
	a->control = c;
	a->control_over = false;
	a->failures = 0;
	a->control_watch = watch_new(&a->tui->loop, session_client_fd(c), on_control, a);
	agent_call(a, "subscribe", NULL, NULL, NULL);
	agent_call(a, "requests", NULL, got_requests, NULL);
	if (a->visible)
		agent_screen_want(a, true, a->view_cols, a->view_rows);
}

static void got_requests(struct agent *a, const cJSON *answer, int fd, const char *ctx)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(answer, "requests"), *o;
	_cleanup_free_ struct session_request_info *info = xcalloc(1, sizeof(*info));

	(void)ctx;
	if (fd >= 0)
		close(fd);
	cJSON_ArrayForEach(o, list)
	{
		if (!session_request_parse(o, info))
			add_request(a, info);
	}
	requests_changed(a->tui);
	tui_dirty(a->tui);
}
