/* The operations of the control protocol. */
#include <sys/socket.h>

#include "sessions/broker.h"

static const char *str_arg(const cJSON *args, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(args, name));
}

static bool bool_arg(const cJSON *args, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(args, name));
}

static int int_arg(const cJSON *args, const char *name, int other, int min, int max)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(args, name);

	if (!cJSON_IsNumber(v) || !(v->valuedouble >= min) || v->valuedouble > max)
		return other;
	return v->valueint;
}

static cJSON *done(int r)
{
	return r < 0 ? NULL : cJSON_CreateObject();
}

/* Text from the agent's side: shown to people, so made printable. */
static void add_text(cJSON *o, const char *name, const char *s)
{
	char text[8192];

	cJSON_AddStringToObject(o, name, text_printable(text, sizeof(text), s, strlen(s)));
}

static void add_time(cJSON *o, const char *name, uint64_t ns)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)ns);
	cJSON_AddStringToObject(o, name, text);
}

static const char *access_name(unsigned access)
{
	static const char *const names[] = {"",	    "read",	 "write",      "readwrite",
					    "exec", "read+exec", "write+exec", "all"};

	return names[access & 7];
}

static int access_parse(const char *s, unsigned *out, struct err *err)
{
	for (unsigned i = 1; i < 8; i++) {
		if (!str_eq(s, access_name(i)))
			continue;
		*out = i;
		return 0;
	}
	return err_usage(err, "access must be read, write, readwrite or exec");
}

/* Paths from clients: absolute, without tricks, of bounded length. */
static int path_arg(const cJSON *args, char out[POLICY_PATH_MAX], struct err *err)
{
	const char *path = str_arg(args, "path");

	if (!path || path_clean(out, POLICY_PATH_MAX, path) < 0)
		return err_usage(err, "an absolute path is needed");
	return 0;
}

/* ---- requests ---------------------------------------------------------------------- */

static void add_parents(cJSON *o, const struct request *r)
{
	_cleanup_(buf_free) struct buf b = {0};

	for (size_t i = 0; i < REQUEST_PARENTS && r->parents[i][0]; i++)
		buf_addf(&b, "%s%s", i ? " < " : "", r->parents[i]);
	add_text(o, "parents", b.data ? b.data : "");
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
	add_text(o, "target", r->target);
	add_text(o, "target2", r->target2);
	add_text(o, "asked", r->asked);
	cJSON_AddStringToObject(o, "access",
				r->kind == REQUEST_URL ? "open"
				: r->host[0]	       ? "connect"
						       : access_name(r->access));
	if (r->host[0]) {
		add_text(o, "host", r->host);
		cJSON_AddNumberToObject(o, "port", r->port);
		add_text(o, "method", r->method);
		add_text(o, "route", r->route);
	}
	add_text(o, "program", r->program);
	add_parents(o, r);
	add_text(o, "reason", r->reason);
	add_text(o, "group", r->group);
	add_text(o, "rule", r->rule);
	cJSON_AddStringToObject(o, "origin", r->origin);
	add_text(o, "scope_hint", hint);
	cJSON_AddNumberToObject(o, "pid", r->pid);
	cJSON_AddBoolToObject(o, "exists", r->exists);
	cJSON_AddBoolToObject(o, "grantable_now", r->kind != REQUEST_EXEC);
	add_time(o, "opened_ns", r->opened_ns);
	add_time(o, "deadline_ns", r->deadline_ns);
	cJSON_AddNumberToObject(o, "waiting", r->waiting);
	return o;
}

static cJSON *op_requests(struct broker *b)
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
	const char *id = str_arg(args, "id");

	if (!b->elevation || !id || !*id) {
		err_set(err,
			!id || !*id ? "which request? its id is needed" : "the session has ended");
		return NULL;
	}
	return elevation_find(b->elevation, id, err);
}

static cJSON *op_answer(struct broker *b, const struct control_peer *peer, const cJSON *args,
			struct err *err)
{
	const char *scope_name = str_arg(args, "scope");
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
	return done(elevation_answer(b->elevation, id, bool_arg(args, "grant"), scope, by, err));
}

/* What "always" would change. NULL with err: it can't be kept. */
static char *preview(struct broker *b, const struct request *r, bool deny, struct err *err)
{
	_cleanup_free_ char *diff = NULL, *diff2 = NULL;
	const struct policy *p = b->plan->policy;
	char origin[NET_NAME_MAX + 32];

	switch (r->kind) {
	case REQUEST_TOOL:
		err_set(err,
			"'always' can't be kept for a tool: answer 'session', or say it in the "
			"profile (command_policies)");
		return NULL;
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

static cJSON *op_preview(struct broker *b, const cJSON *args, struct err *err)
{
	const struct request *r = find_request(b, args, err);
	_cleanup_free_ char *diff = r ? preview(b, r, bool_arg(args, "deny"), err) : NULL;
	cJSON *o;

	if (!diff)
		return NULL;
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "diff", diff);
	return o;
}

/* ---- policy ---------------------------------------------------------------------------- */

/* "host:port" */
static int host_arg(const cJSON *args, struct net_host *host, uint16_t *port, struct err *err)
{
	const char *text = str_arg(args, "host");

	*port = 443;
	return net_authority_parse(text, strlen(text), host, port, err);
}

static cJSON *op_allow_host(struct broker *b, const struct control_peer *peer, const cJSON *args,
			    bool apply, struct err *err)
{
	const char *scope = str_arg(args, "scope");
	bool always = !apply || str_eq(scope, "always"), deny = bool_arg(args, "deny");
	_cleanup_free_ char *diff = NULL;
	struct net_host host;
	uint16_t port;
	char by[96];
	cJSON *o;

	if (host_arg(args, &host, &port, err) < 0)
		return NULL;
	if (apply && (!b->elevation || !b->proxy)) {
		err_set(err, b->proxy ? "the session has ended"
				      : "the session's network is not by name");
		return NULL;
	}
	if (always && policy_always_host(b->plan->policy, host.name, deny, apply, &diff, err) < 0)
		return NULL;
	snprintf(by, sizeof(by), "%s pid %d", peer->role[0] ? peer->role : "client", peer->pid);
	if (apply) {
		if (elevation_decide_host(b->elevation, host.name, port, !deny, by, err) < 0)
			return NULL;
		(deny ? proxy_deny : proxy_allow)(b->proxy, host.name, port);
	}
	o = cJSON_CreateObject();
	if (diff)
		cJSON_AddStringToObject(o, "diff", diff);
	return o;
}

static cJSON *op_why_host(const cJSON *args, struct err *err)
{
	struct net_host host;
	char flag[320];
	uint16_t port;
	cJSON *o;

	if (host_arg(args, &host, &port, err) < 0)
		return NULL;
	snprintf(flag, sizeof(flag), "--allow-domain %s", host.name);
	o = cJSON_CreateObject();
	cJSON_AddBoolToObject(o, "allowed", false);
	cJSON_AddStringToObject(o, "reason", "host_denied");
	cJSON_AddStringToObject(o, "rule", "");
	cJSON_AddStringToObject(o, "source", "network");
	cJSON_AddStringToObject(o, "suggested_flag", flag);
	return o;
}

static cJSON *op_hosts(struct broker *b)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "network",
				b->proxy		       ? "proxy"
				: b->plan->policy->net_blocked ? "blocked"
							       : "open");
	cJSON_AddItemToObject(o, "hosts", proxy_hosts_json(b->proxy));
	return o;
}

static cJSON *op_allow(struct broker *b, const struct control_peer *peer, const cJSON *args,
		       bool apply, struct err *err)
{
	const char *access_text = str_arg(args, "access"), *scope_text = str_arg(args, "scope");
	enum request_scope scope = SCOPE_SESSION;
	_cleanup_free_ char *diff = NULL;
	char path[POLICY_PATH_MAX], by[96];
	unsigned access = 0;
	cJSON *o;

	if (str_arg(args, "host"))
		return op_allow_host(b, peer, args, apply, err);
	if (path_arg(args, path, err) < 0 ||
	    access_parse(access_text ? access_text : "read", &access, err) < 0)
		return NULL;
	if (scope_text && request_scope_parse(scope_text, &scope) < 0) {
		err_usage(err, "the scope must be session or always");
		return NULL;
	}
	if (!apply || scope == SCOPE_ALWAYS) {
		if (policy_always(b->plan->policy, path, access, false, apply, &diff, err) < 0)
			return NULL;
	}
	if (apply) {
		if (!b->elevation) {
			err_set(err, "the session has ended");
			return NULL;
		}
		snprintf(by, sizeof(by), "%s pid %d", peer->role[0] ? peer->role : "client",
			 peer->pid);
		if (elevation_allow_session(b->elevation, path, access, by, err) < 0)
			return NULL;
	}
	o = cJSON_CreateObject();
	if (diff)
		cJSON_AddStringToObject(o, "diff", diff);
	return o;
}

/* Into the profile: refusals of it are not offered for saving any more. */
static cJSON *op_suppress(struct broker *b, const cJSON *args, struct err *err)
{
	struct policy_entry entry = {.list = "suppress_save_prompt"};
	_cleanup_free_ char *word = NULL, *diff = NULL;
	char path[POLICY_PATH_MAX];
	cJSON *o;

	if (path_arg(args, path, err) < 0)
		return NULL;
	if (!policy_nameable(path)) {
		err_set(err, "a profile has no words for this name");
		return NULL;
	}
	entry.value = word = policy_word(b->plan->policy, path, false);
	if (policy_save(b->plan->policy, NULL, NULL, &entry, 1, false, bool_arg(args, "apply"),
			&diff, err) < 0)
		return NULL;
	if (bool_arg(args, "apply") && b->elevation)
		elevation_hide(b->elevation, path, true);
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "diff", diff);
	return o;
}

static cJSON *op_why(struct broker *b, const cJSON *args, struct err *err)
{
	const char *access_text = str_arg(args, "access");
	char path[POLICY_PATH_MAX], flag[POLICY_PATH_MAX + 64] = "";
	struct policy_verdict v;
	unsigned access = 0;
	cJSON *o;

	if (str_arg(args, "host"))
		return op_why_host(args, err);
	if (path_arg(args, path, err) < 0 ||
	    access_parse(access_text ? access_text : "read", &access, err) < 0)
		return NULL;
	policy_check(b->plan->policy, path, access, false, &v);
	o = cJSON_CreateObject();
	cJSON_AddBoolToObject(o, "allowed", v.allowed);
	cJSON_AddStringToObject(o, "reason", policy_reason_name(v.reason));
	cJSON_AddStringToObject(o, "rule", v.rule ? v.rule : "");
	cJSON_AddStringToObject(o, "source", v.source ? v.source : "");
	if (!v.allowed)
		policy_suggest(b->plan->policy, path, access, flag, sizeof(flag));
	cJSON_AddStringToObject(o, "suggested_flag", flag);
	return o;
}

static cJSON *op_violations(struct broker *b)
{
	cJSON *o = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(o, "violations");
	struct violation_list l = {0};

	if (b->elevation)
		elevation_violations(b->elevation, &l);
	/* An answer is one frame: the newest thousand. */
	for (size_t i = l.n > 1000 ? l.n - 1000 : 0; i < l.n; i++) {
		const struct violation *v = &l.v[i];
		cJSON *e = cJSON_CreateObject();
		cJSON_AddStringToObject(e, "op", v->op);
		add_text(e, "target", v->target);
		add_text(e, "program", v->program);
		add_text(e, "rule", v->rule);
		add_text(e, "source", v->source);
		if (v->tool[0])
			add_text(e, "tool", v->tool);
		cJSON_AddNumberToObject(e, "count", (double)v->count);
		add_time(e, "first_ns", v->first_ns);
		add_time(e, "last_ns", v->last_ns);
		cJSON_AddBoolToObject(e, "hidden", v->hidden);
		cJSON_AddBoolToObject(e, "grantable", v->grantable);
		cJSON_AddItemToArray(list, e);
	}
	free(l.v);
	return o;
}

static cJSON *op_hide(struct broker *b, const cJSON *args, struct err *err)
{
	const char *target = str_arg(args, "target");

	if (!target || !b->elevation) {
		err_set(err, target ? "the session has ended" : "hide what? a target is needed");
		return NULL;
	}
	elevation_hide(b->elevation, target, bool_arg(args, "hidden"));
	return cJSON_CreateObject();
}

/* ---- session ------------------------------------------------------------------------------ */

static cJSON *op_screen(struct broker *b, const cJSON *args, int *fd, struct err *err)
{
	struct pty_control m = {.type = PTY_CONTROL_CLIENT, .arg0 = bool_arg(args, "read_only")};
	int pair[2];

	if (b->host_fd < 0 || b->host_pid <= 0) {
		err_set(err, "the session has no terminal");
		return NULL;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		err_errno(err, errno, "can't make a socket pair");
		return NULL;
	}
	if (broker_tell_host(b, &m, pair[1]) < 0) {
		err_errno(err, errno, "the screen host does not answer");
		close(pair[0]);
		close(pair[1]);
		return NULL;
	}
	close(pair[1]);
	b->expect_until_ns = clock_mono_ns() + BROKER_LINGER_MS * 1000000ull;
	*fd = pair[0];
	return cJSON_CreateObject();
}

cJSON *broker_hello(void *data)
{
	struct broker *b = data;
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "id", b->plan->id);
	cJSON_AddStringToObject(o, "name", b->name);
	cJSON_AddBoolToObject(o, "terminal", b->o->terminal);
	cJSON_AddNumberToObject(o, "pid", b->agent_pid);
	cJSON_AddItemToObject(o, "status", broker_status_json(b, true));
	return o;
}

cJSON *broker_call(void *data, const struct control_peer *peer, const char *op, const cJSON *args,
		   int *fd, struct err *err)
{
	struct broker *b = data;

	if (str_eq(op, "screen"))
		return op_screen(b, args, fd, err);
	if (str_eq(op, "status"))
		return broker_status_json(b, true);
	if (str_eq(op, "requests"))
		return op_requests(b);
	if (str_eq(op, "answer"))
		return op_answer(b, peer, args, err);
	if (str_eq(op, "preview"))
		return op_preview(b, args, err);
	if (str_eq(op, "allow"))
		return op_allow(b, peer, args, true, err);
	if (str_eq(op, "preview_allow"))
		return op_allow(b, peer, args, false, err);
	if (str_eq(op, "suppress"))
		return op_suppress(b, args, err);
	if (str_eq(op, "why"))
		return op_why(b, args, err);
	if (str_eq(op, "violations"))
		return op_violations(b);
	if (str_eq(op, "hosts"))
		return op_hosts(b);
	if (str_eq(op, "hide"))
		return op_hide(b, args, err);
	if (str_eq(op, "snapshot"))
		return broker_note_snapshot(b, args, err);
	if (str_eq(op, "detach")) {
		struct pty_control m = {.type = PTY_CONTROL_DROP};
		return done(broker_tell_host(b, &m, -1));
	}
	if (str_eq(op, "stop")) {
		int ms =
		    bool_arg(args, "force") ? 0 : int_arg(args, "timeout_ms", 10000, 0, 86400000);
		broker_stop(b, ms);
		return cJSON_CreateObject();
	}
	err_set(err, "no operation '%.64s'", op);
	return NULL;
}
