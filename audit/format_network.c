/* Connections and requests through the network proxy ("network" events), pages for the browser
 * ("url_open"). */
#include "audit/format.h"
#include "audit/json.h"

static void add_some(struct buf *b, const char *key, const char *s)
{
	if (s && s[0])
		json_add_member(b, key, s, strnlen(s, RING_TARGET_MAX));
}

static void add_number(struct buf *b, const char *key, uint64_t v)
{
	json_add_member_int(b, key, (int64_t)(v & INT64_MAX));
}

void format_network(struct buf *b, const struct audit_network_event *ev)
{
	buf_adds(b, "{\"timestamp_unix_ms\":");
	json_add_u64(b, ev->time_ns / 1000000);
	add_some(b, "mode", ev->mode);
	add_some(b, "decision", ev->decision);
	add_some(b, "target", ev->target);
	json_add_member_int(b, "port", ev->port);
	add_some(b, "method", ev->method);
	add_some(b, "path", ev->path);
	if (ev->status)
		json_add_member_int(b, "status", ev->status);
	add_some(b, "reason", ev->reason);
	add_some(b, "route_id", ev->route);
	add_some(b, "auth_mechanism", ev->auth_mechanism);
	add_some(b, "auth_outcome", ev->auth_outcome);
	if (ev->injection && ev->injection[0])
		buf_adds(b, ",\"managed_credential_active\":true");
	add_some(b, "injection_mode", ev->injection);
	add_some(b, "denial_category", ev->category);
	add_some(b, "upstream", ev->upstream);
	/* Ours. */
	add_some(b, "rule", ev->rule);
	add_some(b, "address", ev->address);
	add_some(b, "program", ev->program);
	if (ev->pid > 0)
		json_add_member_int(b, "pid", ev->pid);
	add_number(b, "connection", ev->connection);
	if (ev->ended) {
		buf_adds(b, ",\"ended\":true");
		add_number(b, "bytes_in", ev->bytes_in);
		add_number(b, "bytes_out", ev->bytes_out);
		add_number(b, "duration_us", ev->duration_us);
	}
	if (ev->intercepted)
		buf_adds(b, ",\"intercepted\":true");
	if (ev->websocket)
		buf_adds(b, ",\"websocket\":true");
	if (ev->http2)
		buf_adds(b, ",\"http2\":true");
	buf_addc(b, '}');
}

void format_url(struct buf *b, const struct audit_url_event *ev)
{
	char time[TIME_STR_MAX];

	time_rfc3339(time, ev->time_ns);
	buf_adds(b, "{\"type\":\"url_open\"");
	json_add_member_str(b, "timestamp", time);
	json_add_member_str(b, "decision", ev->error ? "denied" : "allowed");
	if (ev->pid > 0)
		json_add_member_int(b, "pid", ev->pid);
	add_some(b, "program", ev->program);
	add_some(b, "target", ev->url);
	buf_adds(b, ",\"request\":{\"url\":");
	buf_add_json_str(b, ev->url, strlen(ev->url));
	buf_addf(b, "},\"success\":%s", ev->error ? "false" : "true");
	add_some(b, "error", ev->error);
	buf_addc(b, '}');
}
