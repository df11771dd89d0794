/* Events of a proxy without a broker (nono proxy): lines of JSON, or lines to read. */
#include <time.h>

#include "network/proxy/proxy.h"

static void log_json(FILE *log, const struct net_event *e)
{
	_cleanup_(buf_free) struct buf b = {0};
	struct {
		const char *name, *value;
	} words[] = {
	    {"mode", net_mode_name(e->mode)},
	    {"decision", net_decision_name(e->decision)},
	    {"address", e->address},
	    {"method", e->method},
	    {"path", e->path},
	    {"route_id", e->route},
	    {"rule", e->rule},
	    {"reason", e->reason},
	    {"denial_category", e->category},
	    {"auth_mechanism", e->auth_mechanism},
	    {"auth_outcome", e->auth_outcome},
	    {"injection_mode", e->injection},
	};

	buf_addf(
	    &b,
	    "{\"timestamp_unix_ms\":%llu,\"connection\":%llu,\"ended\":%s,\"port\":%u,\"target\":",
	    (unsigned long long)(e->time_ns / 1000000), (unsigned long long)e->connection,
	    e->ended ? "true" : "false", e->port);
	buf_add_json_str(&b, e->host, strlen(e->host));
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!words[i].value || !*words[i].value)
			continue;
		buf_addf(&b, ",\"%s\":", words[i].name);
		buf_add_json_str(&b, words[i].value, strlen(words[i].value));
	}
	if (e->status)
		buf_addf(&b, ",\"status\":%u", e->status);
	if (e->ended)
		buf_addf(&b, ",\"bytes_in\":%llu,\"bytes_out\":%llu,\"duration_us\":%llu",
			 (unsigned long long)e->bytes_in, (unsigned long long)e->bytes_out,
			 (unsigned long long)e->duration_us);
	buf_adds(&b, "}\n");
	fwrite(b.data, 1, b.len, log);
	fflush(log);
}

/* What a person wants to see: each thing once, when it is over. */
static void log_text(FILE *log, const struct net_event *e)
{
	time_t now = (time_t)(e->time_ns / 1000000000u);
	bool denied = e->decision != NET_ALLOWED && e->decision != NET_APPROVE_GRANTED;
	struct tm tm;
	char clock[16];

	if (!e->ended)
		return;
	localtime_r(&now, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	fprintf(log, "%s %-5s", clock, denied ? "deny" : "allow");
	if (*e->method)
		fprintf(log, " %s", e->method);
	if (*e->host)
		fprintf(log, " %s:%u%s", e->host, e->port, e->path);
	if (*e->route)
		fprintf(log, " route %s", e->route);
	if (e->status)
		fprintf(log, " %u", e->status);
	if (e->ended)
		fprintf(log, " in %llu out %llu %.1f ms", (unsigned long long)e->bytes_in,
			(unsigned long long)e->bytes_out, (double)e->duration_us / 1000);
	if (denied && (*e->reason || *e->rule))
		fprintf(log, " (%s)", *e->reason ? e->reason : e->rule);
	fputc('\n', log);
	fflush(log);
}

void log_event(FILE *log, bool text, const struct net_event *e)
{
	if (text)
		log_text(log, e);
	else
		log_json(log, e);
}
