/* The operations of the control protocol. */
#include <sys/socket.h>

#include "sessions/control_ops.h"

/* ---- policy ---------------------------------------------------------------------------- */

/* "host:port" */
static int host_arg(const cJSON *args, struct net_host *host, uint16_t *port, struct err *err)
{
	const char *text = control_str_arg(args, "host");

	*port = 443;
	return net_authority_parse(text, strlen(text), host, port, err);
}

static cJSON *op_allow_host(struct broker *b, const struct control_peer *peer, const cJSON *args,
			    bool apply, struct err *err)
{
	const char *scope = control_str_arg(args, "scope");
	bool always = !apply || str_eq(scope, "always"), deny = control_bool_arg(args, "deny");
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
		int r = elevation_decide_host(b->elevation, host.name, port, !deny, by, err);

		/* A no holds also where it can't be written down. */
		if (deny)
			proxy_deny(b->proxy, host.name, port);
		if (r < 0)
			return NULL;
		if (!deny)
			proxy_allow(b->proxy, host.name, port);
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
	const char *access_text = control_str_arg(args, "access"),
		   *scope_text = control_str_arg(args, "scope");
	enum request_scope scope = SCOPE_SESSION;
	_cleanup_free_ char *diff = NULL;
	char path[POLICY_PATH_MAX], by[96];
	unsigned access = 0;
	cJSON *o;

	if (control_str_arg(args, "host"))
		return op_allow_host(b, peer, args, apply, err);
	if (control_path_arg(args, path, err) < 0 ||
	    control_access_parse(access_text ? access_text : "read", &access, err) < 0)
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

	if (control_path_arg(args, path, err) < 0)
		return NULL;
	if (!policy_nameable(path)) {
		err_set(err, "a profile has no words for this name");
		return NULL;
	}
	entry.value = word = policy_word(b->plan->policy, path, false);
	if (policy_save(b->plan->policy, NULL, NULL, &entry, 1, false,
			control_bool_arg(args, "apply"), &diff, err) < 0)
		return NULL;
	if (control_bool_arg(args, "apply") && b->elevation)
		elevation_hide(b->elevation, path, true);
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "diff", diff);
	return o;
}

static cJSON *op_why(struct broker *b, const cJSON *args, struct err *err)
{
	const char *access_text = control_str_arg(args, "access");
	char path[POLICY_PATH_MAX], flag[POLICY_PATH_MAX + 64] = "";
	struct policy_verdict v;
	unsigned access = 0;
	cJSON *o;

	if (control_str_arg(args, "host"))
		return op_why_host(args, err);
	if (control_path_arg(args, path, err) < 0 ||
	    control_access_parse(access_text ? access_text : "read", &access, err) < 0)
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
		control_add_text(e, "target", v->target);
		control_add_text(e, "program", v->program);
		control_add_text(e, "rule", v->rule);
		control_add_text(e, "source", v->source);
		if (v->tool[0])
			control_add_text(e, "tool", v->tool);
		cJSON_AddNumberToObject(e, "count", (double)v->count);
		control_add_time(e, "first_ns", v->first_ns);
		control_add_time(e, "last_ns", v->last_ns);
		cJSON_AddBoolToObject(e, "hidden", v->hidden);
		cJSON_AddBoolToObject(e, "grantable", v->grantable);
		cJSON_AddItemToArray(list, e);
	}
	free(l.v);
	return o;
}

static cJSON *op_hide(struct broker *b, const cJSON *args, struct err *err)
{
	const char *target = control_str_arg(args, "target");

	if (!target || !b->elevation) {
		err_set(err, target ? "the session has ended" : "hide what? a target is needed");
		return NULL;
	}
	elevation_hide(b->elevation, target, control_bool_arg(args, "hidden"));
	return cJSON_CreateObject();
}

/* ---- session ------------------------------------------------------------------------------ */

static cJSON *op_screen(struct broker *b, const cJSON *args, int *fd, struct err *err)
{
	struct pty_control m = {.type = PTY_CONTROL_CLIENT,
				.arg0 = control_bool_arg(args, "read_only")};
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
		return control_done(broker_tell_host(b, &m, -1));
	}
	if (str_eq(op, "stop")) {
		int ms = control_bool_arg(args, "force")
			     ? 0
			     : control_int_arg(args, "timeout_ms", 10000, 0, 86400000);
		broker_stop(b, ms);
		return cJSON_CreateObject();
	}
	err_set(err, "no operation '%.64s'", op);
	return NULL;
}
