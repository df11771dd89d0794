/* What the proxy says has happened: into the log, the list of hosts, the denials. */
#include "sessions/proxy_link.h"

static bool is_denial(const struct net_event *ev)
{
	switch (ev->decision) {
	case NET_ALLOWED:
	case NET_APPROVE_REQUESTED:
	case NET_APPROVE_GRANTED:
		return false;
	default:
		return true;
	}
}

/* Another list would have let it pass; what is refused for good no flag helps. */
static bool is_grantable(const struct net_event *ev)
{
	return str_starts(ev->rule, "not listed");
}

static void log_event(struct proxy *p, const struct net_event *ev, const char *program, pid_t pid)
{
	const struct audit_network_event a = {
	    .mode = net_mode_name(ev->mode),
	    .decision = net_decision_name(ev->decision),
	    .target = ev->host,
	    .port = ev->port,
	    .status = ev->status,
	    .method = ev->method,
	    .path = ev->path,
	    .reason = ev->reason,
	    .rule = ev->rule,
	    .route = ev->route,
	    .auth_mechanism = ev->auth_mechanism,
	    .auth_outcome = ev->auth_outcome,
	    .injection = ev->injection,
	    .category = ev->category,
	    .address = ev->address,
	    .program = program,
	    .pid = pid,
	    .time_ns = ev->time_ns ? ev->time_ns : clock_real_ns(),
	    .connection = ev->connection,
	    .bytes_in = ev->bytes_in,
	    .bytes_out = ev->bytes_out,
	    .duration_us = ev->duration_us,
	    .ended = ev->ended,
	    .denied = is_denial(ev),
	    .intercepted = ev->intercepted,
	    .websocket = ev->websocket,
	    .http2 = ev->http2,
	};

	audit_emit_network(p->log, &a);
}

static void note_denial(struct proxy *p, const struct net_event *ev, const char *program)
{
	char target[1400];
	bool request = ev->method[0] && !str_eq(ev->method, "CONNECT") &&
		       str_eq(ev->category, "endpoint_policy");
	const char *form = strchr(ev->host, ':') ? "%s%s[%s]:%u%s" : "%s%s%s:%u%s";

	if (!ev->host[0])
		return;
	snprintf(target, sizeof(target), form, request ? ev->method : "", request ? " " : "",
		 ev->host, ev->port, request ? ev->path : "");
	elevation_denied_net(p->elevation, target, program, ev->rule[0] ? ev->rule : ev->reason,
			     is_grantable(ev));
}

/* A denial comes when it is decided, and once more when the connection ends. */
static bool told_before(struct proxy *p, const struct net_event *ev)
{
	uint64_t *last = &p->denied[ev->connection % DENIED_MAX];
	bool told = ev->ended && *last == ev->connection;

	*last = ev->connection;
	return told;
}

/* Without its query. */
void proxy_url_of(const struct net_event *ev, char *url, size_t size)
{
	bool here = str_eq(ev->host, "localhost") || str_eq(ev->host, "127.0.0.1");

	snprintf(url, size, "%s://%s", here || ev->port == 80 ? "http" : "https",
		 ev->host[0] ? ev->host : "?");
	if (ev->port && ev->port != 80 && ev->port != 443)
		snprintf(url + strlen(url), size - strlen(url), ":%u", ev->port);
	snprintf(url + strlen(url), size - strlen(url), "%s", ev->path);
}

/* The proxy took it for the browser, or refused to; nothing of it is a connection. */
static void log_url(struct proxy *p, const struct net_event *ev, const char *program, pid_t pid)
{
	char url[PROXY_URL_MAX];
	const struct audit_url_event a = {.url = url,
					  .error = is_denial(ev) ? ev->reason : NULL,
					  .program = program,
					  .pid = pid,
					  .time_ns = ev->time_ns};

	proxy_url_of(ev, url, sizeof(url));
	audit_emit_url(p->log, &a);
}

void proxy_event(struct proxy *p, const struct net_event *ev)
{
	char program[1024] = "";
	pid_t pid = elevation_peer(p->elevation, ev->peer_port, program, sizeof(program));

	if (str_eq(ev->rule, NET_RULE_OPEN_URL)) {
		if (!ev->ended)
			log_url(p, ev, program, pid);
		return;
	}
	log_event(p, ev, program, pid);
	if (ev->host[0])
		proxy_hosts_note(&p->hosts, ev, program);
	if (is_denial(ev) && !told_before(p, ev))
		note_denial(p, ev, program);
	if (p->cfg.changed)
		p->cfg.changed(p->cfg.data);
}
