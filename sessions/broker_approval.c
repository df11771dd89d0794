/* Requests that a profile has others answer. People may answer meanwhile: the first one counts. A
 * backend that fails, or that is silent for too long, denies. */
#include <cjson/cJSON.h>

#include "policy/commands/commands.h"
#include "sessions/broker.h"

#define NS_PER_S 1000000000ull

static const struct approvals *approvals_of(const struct broker *b, const struct request *r)
{
	const struct policy *p = b->plan->policy;

	return str_eq(r->origin, REQUEST_ORIGIN_TOOL) && p->commands ? &p->commands->approvals
								     : &p->approvals;
}

static void add_text(cJSON *o, const char *name, const char *s)
{
	char shown[4 * POLICY_PATH_MAX];

	text_printable(shown, sizeof(shown), s, strlen(s));
	cJSON_AddStringToObject(o, name, shown);
}

static const char *type_of(const struct request *r)
{
	switch (r->kind) {
	case REQUEST_TOOL:
		return "command";
	case REQUEST_HOST:
		return "network";
	case REQUEST_ENDPOINT:
		return "endpoint";
	case REQUEST_URL:
		return "url";
	default:
		return "capability";
	}
}

/* Of what the network proxy asks. */
static void add_net(cJSON *o, const struct request *r)
{
	add_text(o, r->kind == REQUEST_HOST ? "host" : "upstream", r->host);
	cJSON_AddNumberToObject(o, "port", r->port);
	if (r->kind == REQUEST_HOST)
		cJSON_AddStringToObject(o, "protocol", "tcp");
	if (r->kind == REQUEST_URL)
		add_text(o, "url", r->target);
	if (r->method[0]) {
		add_text(o, "method", r->method);
		add_text(o, "path", request_path(r));
	}
	if (r->route[0])
		add_text(o, "route_id", r->route);
}

static cJSON *request_json(const struct broker *b, const struct request *r)
{
	cJSON *o = cJSON_CreateObject(), *parents;
	bool tool = r->kind == REQUEST_TOOL;

	cJSON_AddStringToObject(o, "capability_type", type_of(r));
	cJSON_AddStringToObject(o, "request_id", r->id);
	cJSON_AddStringToObject(o, "session_id", b->plan->id);
	cJSON_AddStringToObject(o, "session_name", b->name);
	cJSON_AddNumberToObject(o, "child_pid", r->pid);
	cJSON_AddStringToObject(o, "kind", request_kind_name(r->kind));
	if (r->host[0])
		add_net(o, r);
	else
		add_text(o, tool ? "command" : "path", r->target);
	if (r->target2[0])
		add_text(o, "path2", r->target2);
	if (tool)
		add_text(o, "cwd", r->asked);
	else if (!r->host[0])
		cJSON_AddStringToObject(o, "access",
					r->access & NONO_EXEC	    ? "exec"
					: !(r->access & NONO_WRITE) ? "read"
					: r->access & NONO_READ	    ? "readwrite"
								    : "write");
	add_text(o, "reason", r->reason);
	add_text(o, "rule", r->rule);
	add_text(o, "group", r->group);
	add_text(o, "program", r->program);
	parents = cJSON_AddArrayToObject(o, "parents");
	for (size_t i = 0; i < REQUEST_PARENTS && r->parents[i][0]; i++) {
		char shown[1100];

		text_printable(shown, sizeof(shown), r->parents[i], strlen(r->parents[i]));
		cJSON_AddItemToArray(parents, cJSON_CreateString(shown));
	}
	add_text(o, "workdir", b->plan->policy->workdir);
	return o;
}

static char *question(const struct broker *b, const struct approval_backend *k,
		      const struct request *r)
{
	cJSON *o = cJSON_CreateObject();
	char *text;

	cJSON_AddStringToObject(o, "backend", k->name);
	cJSON_AddItemToObject(o, "request", request_json(b, r));
	text = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	return text;
}

static void by_text(const struct approval_backend *k, char *out, size_t size)
{
	snprintf(out, size, "%s %.80s", k->kind == APPROVAL_WEBHOOK ? "webhook" : "command",
		 k->name);
}

static const struct approval_backend *backend_of(const struct broker *b, const struct request *r)
{
	const struct approval_backend *k = approvals_for(approvals_of(b, r), r->backend);

	return k && (k->kind == APPROVAL_COMMAND || k->kind == APPROVAL_WEBHOOK) ? k : NULL;
}

void broker_ask_backend(struct broker *b, const struct request *r)
{
	const struct approvals *all = approvals_of(b, r);
	const struct approval_backend *k = backend_of(b, r);
	struct approver_ask ask = {.tool = all != &b->plan->policy->approvals};
	uint64_t left;
	char by[128];
	char *text;

	if (!k)
		return;
	text = question(b, k, r);
	str_copy(ask.id, sizeof(ask.id), r->id);
	ask.index = (uint32_t)(k - all->v);
	ask.bytes = text ? (uint32_t)strlen(text) : 0;
	left = (r->deadline_ns - r->opened_ns) / NS_PER_S;
	ask.timeout_s = k->timeout_s ? k->timeout_s : APPROVER_TIMEOUT_S;
	if (left < ask.timeout_s)
		ask.timeout_s = left ? (uint32_t)left : 1;
	by_text(k, by, sizeof(by));
	if (!text || approver_ask(&b->approver, &ask, text) < 0)
		elevation_settle(b->elevation, r->id, false, by, "it can't be asked", NULL);
	cJSON_free(text);
}

bool broker_take_answer(struct broker *b)
{
	struct approver_answer a;
	const struct request *r;
	char by[128], why[512];
	int got = approver_take(&b->approver, &a);

	if (got <= 0)
		return got == 0;
	/* Answered by a person, or nobody waits any more. */
	r = b->elevation ? elevation_find(b->elevation, a.id, NULL) : NULL;
	if (!r || !str_eq(r->id, a.id) || !backend_of(b, r))
		return true;
	by_text(backend_of(b, r), by, sizeof(by));
	snprintf(why, sizeof(why), "%s: %s", by, a.why);
	elevation_settle(b->elevation, a.id, a.granted, by, why, NULL);
	return true;
}
