/*
 * Requests of a tool that its policy (endpoint_policy) has a person agree to. They are the
 * session's requests, so that the same dialogs and backends answer them; but what was answered to a
 * tool is nothing to the agent and to other tools, and the reverse.
 */
#include "sessions/proxy.h"
#include "sessions/tool_run.h"

#define ASKED_MAX 64

static uint64_t cookie(const struct run *r, uint32_t id)
{
	return (uint64_t)(uint32_t)r->id << 32 | id;
}

/* Never equal to what a call of the tool is kept under: that begins with its caller's name. */
static void make_key(const struct run *r, const struct net_ask *a, struct buf *key)
{
	buf_add(key, "", 1);
	buf_add(key, r->verdict.command->name, strlen(r->verdict.command->name) + 1);
	buf_add(key, r->caller, strlen(r->caller) + 1);
	buf_addf(key, "%s %s %s:%u %s", a->route, a->method, a->host, a->port, a->path);
}

static void forget(struct run *r, size_t i)
{
	buf_free(&r->asked[i].key);
	r->asked[i] = r->asked[--r->n_asked];
}

int run_net_ask(void *run, const struct net_ask *a, uint32_t id, struct err *err)
{
	struct run *r = run;
	_cleanup_(buf_free) struct buf key = {0};
	char rule[640];
	struct net_ask mine = *a;
	const struct kept *k;

	if (!a->method[0] || !a->path[0])
		return err_set(err, "nobody is asked for a tool's hosts");
	if (r->n_asked == ASKED_MAX)
		return err_set(err, "too many requests of the tool wait for an answer");
	make_key(r, a, &key);
	k = tools_kept(r->t, &key);
	if (k)
		return k->allow ? 1 : err_set(err, "denied for this session");
	snprintf(rule, sizeof(rule), "%s (command_policies.%s, from %s)", a->rule,
		 r->verdict.command->name, r->caller);
	mine.rule = rule;
	mine.of_tool = true;
	if (!mine.backend)
		mine.backend = r->t->cfg.policy->commands->approvals.backend;
	if (elevation_ask_net(r->t->elevation, &mine, cookie(r, id), err) < 0)
		return -1;
	r->asked = xrealloc_array(r->asked, r->n_asked + 1, sizeof(*r->asked));
	r->asked[r->n_asked++] = (struct net_asked){.id = id, .key = key};
	key = (struct buf){0};
	return 0;
}

void run_net_drop(void *run, uint32_t id)
{
	struct run *r = run;

	for (size_t i = 0; i < r->n_asked; i++) {
		if (r->asked[i].id != id)
			continue;
		forget(r, i);
		elevation_drop_net(r->t->elevation, cookie(r, id));
		return;
	}
}

void run_net_end(struct run *r)
{
	while (r->n_asked)
		run_net_drop(r, r->asked[0].id);
	free(STEAL_PTR(r->asked));
}

bool tools_net_answered(struct tools *t, uint64_t id, bool granted, enum request_scope scope,
			const char *why)
{
	struct run *r = t ? t->runs : NULL;

	if (!(id >> 32))
		return false;
	while (r && (uint32_t)r->id != id >> 32)
		r = r->next;
	for (size_t i = 0; r && i < r->n_asked; i++) {
		if (r->asked[i].id != (uint32_t)id)
			continue;
		if (scope == SCOPE_SESSION)
			tools_keep(t, &r->asked[i].key, granted);
		forget(r, i);
		proxy_answered(r->proxy, (uint32_t)id, granted, SCOPE_ONCE, why);
		break;
	}
	return true;
}
