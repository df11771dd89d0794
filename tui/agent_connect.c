/* Connections to sessions' brokers: made in worker threads, but for the first picture. */
#include "tui/app.h"

#define FAILURES_MAX 5

static void connect_failed(struct agent *a, const struct err *err)
{
	a->failures++;
	a->tui->registry_changed = true;
	if (a->failures == FAILURES_MAX && !a->ended)
		tui_message(a->tui, true, "%s: %s", a->name, err->msg);
}

struct connect_job {
	uv_work_t work;
	struct agent *a;
	struct session_client_events events;
	struct session_client *client;
	struct err err;
};

static void connect_work(uv_work_t *w)
{
	struct connect_job *j = w->data;

	j->client = session_connect(j->a->id, &j->events, &j->err);
}

static void connect_after(uv_work_t *w, int status)
{
	struct connect_job *j = w->data;
	struct agent *a = j->a;

	a->connecting = false;
	if (j->client && (status || a->tui->quit))
		session_client_free(j->client);
	else if (j->client)
		agent_connected(a, j->client);
	else if (!a->tui->quit)
		connect_failed(a, &j->err);
	free(j);
}

static bool wants_connection(const struct agent *a)
{
	return !a->control && !a->connecting && !a->ended && a->failures < FAILURES_MAX;
}

static void connect_in_thread(struct agent *a)
{
	struct connect_job *j;

	if (!wants_connection(a))
		return;
	j = xcalloc(1, sizeof(*j));
	j->a = a;
	j->events = agent_events(a);
	j->work.data = j;
	a->connecting = true;
	if (uv_queue_work(&a->tui->loop, &j->work, connect_work, connect_after)) {
		a->connecting = false;
		free(j);
	}
}

void agent_connect_now(struct agent *a)
{
	struct session_client_events events = agent_events(a);
	struct session_client *c;
	struct err err;

	if (!wants_connection(a))
		return;
	c = session_connect(a->id, &events, &err);
	if (c)
		agent_connected(a, c);
	else
		connect_failed(a, &err);
}

void agents_connect(struct tui *t)
{
	for (int hidden = 0; hidden < 2; hidden++)
		for (size_t i = 0; i < t->n_agents; i++)
			if (t->agents[i]->visible == !hidden)
				connect_in_thread(t->agents[i]);
}
