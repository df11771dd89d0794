/* The control protocol: what a session asks for, and the answers. */
#include "sessions/control_ops.h"

static void add_parents(cJSON *o, const struct request *r)
{
	_cleanup_(buf_free) struct buf b = {0};

	for (size_t i = 0; i < REQUEST_PARENTS && r->parents[i][0]; i++)
		buf_addf(&b, "%s%s", i ? " < " : "", r->parents[i]);
	control_add_text(o, "parents", b.data ? b.data : "");
}

cJSON *broker_request_json(struct broker *b, const struct request *r)
{
	cJSON *o = cJSON_CreateObject();
	char hint[512] = "";

	if (r->kind == REQUEST_HOST)
		snprintf(hint, sizeof(hint), "--allow-domain %s", r->host);
	else if (r->kind != REQUEST_TOOL && r->kind != REQUEST_ENDPOINT && r->kind != REQUEST_URL)
		policy_suggest(b->plan->policy, r->target, r->access, hint, sizeof(hint));
	cJSON_AddStringToObject(o, "id", r->id);
	cJSON_AddStringToObject(o, "kind", request_kind_name(r->kind));
	control_add_text(o, "target", r->target);
	control_add_text(o, "target2", r->target2);
	control_add_text(o, "asked", r->asked);
	cJSON_AddStringToObject(o, "access",
				r->kind == REQUEST_URL ? "open"
				: r->host[0]	       ? "connect"
						       : control_access_name(r->access));
	if (r->host[0]) {
		control_add_text(o, "host", r->host);
		cJSON_AddNumberToObject(o, "port", r->port);
		control_add_text(o, "method", r->method);
		control_add_text(o, "route", r->route);
	}
	control_add_text(o, "program", r->program);
	add_parents(o, r);
	control_add_text(o, "reason", r->reason);
	control_add_text(o, "group", r->group);
	control_add_text(o, "rule", r->rule);
	cJSON_AddStringToObject(o, "origin", r->origin);
	control_add_text(o, "scope_hint", hint);
	cJSON_AddNumberToObject(o, "pid", r->pid);
	cJSON_AddBoolToObject(o, "exists", r->exists);
	cJSON_AddBoolToObject(o, "grantable_now", r->kind != REQUEST_EXEC);
	control_add_time(o, "opened_ns", r->opened_ns);
	control_add_time(o, "deadline_ns", r->deadline_ns);
	cJSON_AddNumberToObject(o, "waiting", r->waiting);
	return o;
}

cJSON *op_requests(struct broker *b)
{
	cJSON *o = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(o, "requests");
	const struct request *const *open;
	size_t n = 0;

	open = b->elevation ? elevation_requests(b->elevation, &n) : NULL;
	for (size_t i = 0; i < n; i++)
		cJSON_AddItemToArray(list, broker_request_json(b, open[i]));
	return o;
}

static const struct request *find_request(struct broker *b, const cJSON *args, struct err *err)
{
	const char *id = control_str_arg(args, "id");

	if (!b->elevation || !id || !*id) {
		err_set(err,
			!id || !*id ? "which request? its id is needed" : "the session has ended");
		return NULL;
	}
	return elevation_find(b->elevation, id, err);
}

cJSON *op_answer(struct broker *b, const struct control_peer *peer, const cJSON *args,
		 struct err *err)
{
	const char *scope_name = control_str_arg(args, "scope");
	const struct request *r = find_request(b, args, err);
	enum request_scope scope = SCOPE_ONCE;
	char by[96], id[REQUEST_ID_LEN + 1];

	if (!r)
		return NULL;
	if (scope_name && request_scope_parse(scope_name, &scope) < 0) {
		err_usage(err, "the scope must be once, session or always");
		return NULL;
	}
	str_copy(id, sizeof(id), r->id);
	snprintf(by, sizeof(by), "%s pid %d", peer->role[0] ? peer->role : "client", peer->pid);
	return control_done(
	    elevation_answer(b->elevation, id, control_bool_arg(args, "grant"), scope, by, err));
}

/* What "always" would change. NULL with err: it can't be kept. */
static char *preview(struct broker *b, const struct request *r, bool deny, struct err *err)
{
	_cleanup_free_ char *diff = NULL, *diff2 = NULL;
	const struct policy *p = b->plan->policy;
	char origin[NET_NAME_MAX + 32];

	if (str_eq(r->origin, REQUEST_ORIGIN_TOOL)) {
		err_set(err,
			"'always' can't be kept for a tool: answer 'session', or say it in the "
			"profile (command_policies)");
		return NULL;
	}
	switch (r->kind) {
	case REQUEST_ENDPOINT:
		return policy_always_endpoint(p, r->route, r->method, request_path(r), deny, false,
					      &diff, err) < 0
			   ? NULL
			   : STEAL_PTR(diff);
	case REQUEST_URL:
		request_origin(r, origin, sizeof(origin));
		if (deny)
			err_set(err, "a page can't be refused for always: answer 'session'");
		return deny || policy_always_url(p, origin, false, &diff, err) < 0
			   ? NULL
			   : STEAL_PTR(diff);
	case REQUEST_HOST:
		return policy_always_host(p, r->host, deny, false, &diff, err) < 0
			   ? NULL
			   : STEAL_PTR(diff);
	default:
		break;
	}
	if (policy_always(p, r->target, r->access, deny, false, &diff, err) < 0)
		return NULL;
	/* Of a rename or link both paths may be at stake. */
	if (r->access2 && policy_always(p, r->target2, r->access2, deny, false, &diff2, err) < 0)
		return NULL;
	return xasprintf("%s%s", diff ? diff : "", diff2 ? diff2 : "");
}

cJSON *op_preview(struct broker *b, const cJSON *args, struct err *err)
{
	const struct request *r = find_request(b, args, err);
	_cleanup_free_ char *diff = r ? preview(b, r, control_bool_arg(args, "deny"), err) : NULL;
	cJSON *o;

	if (!diff)
		return NULL;
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "diff", diff);
	return o;
}
