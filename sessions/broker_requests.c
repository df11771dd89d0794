/* The elevation engine of a session: what it tells its broker. */
#include "network/network.h"
#include "sessions/broker.h"

static void on_opened(void *data, const struct request *r)
{
	struct broker *b = data;
	cJSON *o;

	if (b->control && control_server_subscribers(b->control)) {
		o = broker_request_json(b, r);
		cJSON_AddStringToObject(o, "event", "request");
		control_server_broadcast(b->control, o);
	}
	broker_touch(b);
	/* Last: an answer may be there at once. */
	broker_ask_backend(b, r);
}

static void on_closed(void *data, const struct request *r, const char *by)
{
	static const char *const states[] = {"open", "granted", "denied", "expired"};
	struct broker *b = data;
	cJSON *o;

	/* "Once" is for those who waited. */
	if (r->kind == REQUEST_HOST && r->state == REQUEST_GRANTED && r->scope != SCOPE_ONCE)
		proxy_allow(b->proxy, r->host, r->port);

	if (b->control && control_server_subscribers(b->control)) {
		o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "event", "answered");
		cJSON_AddStringToObject(o, "id", r->id);
		cJSON_AddStringToObject(o, "state", states[r->state]);
		cJSON_AddStringToObject(o, "by", by ? by : "");
		control_server_broadcast(b->control, o);
	}
	broker_touch(b);
}

void broker_requests_changed(void *data)
{
	broker_touch(data);
}

static void on_tool(void *data, uint64_t cookie, bool granted, enum request_scope scope,
		    const char *why)
{
	struct broker *b = data;

	tools_answered(b->tools, cookie, granted, scope, why);
}

static void on_net(void *data, uint64_t id, bool granted, enum request_scope scope, const char *why)
{
	struct broker *b = data;

	if (!tools_net_answered(b->tools, id, granted, scope, why))
		proxy_answered(b->proxy, id, granted, scope, why);
}

int broker_start_elevation(struct broker *b, int listener, struct err *err)
{
	struct elevation_config cfg = {
	    .spec = b->spec_owner,
	    .policy = b->plan->policy,
	    .log = b->log,
	    .notify_fd = listener,
	    .init_pid = b->init_pid,
	    .session_id = b->plan->id,
	    .request_socket = b->rt.request_socket,
	    .tool_socket = b->tools ? b->rt.tool_socket : NULL,
	    .proxy_port = proxy_port(b->proxy),
	    .timeout_s = b->plan->policy->approvals.timeout_s,
	    .socket_maker = b->sockets_fd > 0 ? STEAL_FD(b->sockets_fd) : 0,
	    .events = {.opened = on_opened,
		       .closed = on_closed,
		       .changed = broker_requests_changed,
		       .tool = on_tool,
		       .net = on_net,
		       .data = b},
	};

	broker_hold_grants(b, &cfg.events);
	return elevation_start(&cfg, &b->elevation, err);
}
