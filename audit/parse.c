/* An event's JSON into fields. What an event does not have stays empty. */
#include "audit/audit.h"
#include "audit/json.h"

#include <time.h>

struct field {
	const char *key;
	size_t offset, size;
};
#define FIELD(key, member)                                     \
	{                                                      \
		key, offsetof(struct audit_record, member),    \
		    sizeof(((struct audit_record *)0)->member) \
	}

static const struct field event_fields[] = {
    FIELD("type", type),      FIELD("decision", decision), FIELD("op", op),
    FIELD("timestamp", time), FIELD("started", time),	   FIELD("ended", time),
    FIELD("target", target),  FIELD("target2", target2),   FIELD("program", program),
    FIELD("rule", rule),      FIELD("source", source),
};
static const struct field request_fields[] = {FIELD("path", target), FIELD("target", target),
					      FIELD("kind", op), FIELD("program", program),
					      FIELD("reason", target2)};

static void take_strings(struct audit_record *out, const struct field *fields, size_t n,
			 struct json_span key, struct json_span val)
{
	for (size_t i = 0; i < n; i++)
		if (json_key_is(key, fields[i].key) && val.p[0] == '"')
			json_string(val, (char *)out + fields[i].offset, fields[i].size);
}

static int take_int(struct json_span val)
{
	int64_t n;

	return json_int(val, &n) == 0 && n >= INT32_MIN && n <= INT32_MAX ? (int)n : 0;
}

static int take_request(struct audit_record *out, struct json_span request)
{
	struct json_iter it;
	struct json_span key, val;
	int r;

	if (json_iter_init(&it, request) < 0 || !it.object)
		return -1;
	while ((r = json_iter_next(&it, &key, &val)) == 1) {
		take_strings(out, request_fields, ARRAY_LEN(request_fields), key, val);
		if (json_key_is(key, "child_pid"))
			out->pid = take_int(val);
	}
	return r;
}

static void take_decision(struct audit_record *out, struct json_span val)
{
	struct json_span denied, reason;
	char word[16];

	str_copy(out->decision, sizeof(out->decision), "denied");
	if (val.p[0] == '"' && json_string(val, word, sizeof(word)) > 0) {
		if (str_eq(word, "Granted"))
			str_copy(out->decision, sizeof(out->decision), "granted");
		else
			str_copy(out->rule, sizeof(out->rule), "nobody answered in time");
	} else if (json_get(val, "Denied", &denied) && json_get(denied, "reason", &reason)) {
		json_string(reason, out->rule, sizeof(out->rule));
	}
}

static int take_entry(struct audit_record *out, struct json_span entry)
{
	struct json_iter it;
	struct json_span key, val;
	int r;

	if (json_iter_init(&it, entry) < 0 || !it.object)
		return -1;
	while ((r = json_iter_next(&it, &key, &val)) == 1) {
		if (json_key_is(key, "timestamp"))
			json_string(val, out->time, sizeof(out->time));
		else if (json_key_is(key, "request") && take_request(out, val) < 0)
			return -1;
		else if (json_key_is(key, "decision"))
			take_decision(out, val);
		else if (json_key_is(key, "by") || (json_key_is(key, "backend") && !out->source[0]))
			json_string(val, out->source, sizeof(out->source));
	}
	return r;
}

/* Arguments with blanks between them: for reading, not for running again. */
static void take_command(struct audit_record *out, struct json_span command)
{
	struct json_iter it;
	struct json_span key, val;
	size_t len = 0;

	if (json_iter_init(&it, command) < 0)
		return;
	while (json_iter_next(&it, &key, &val) == 1 && len + 2 < sizeof(out->target)) {
		ssize_t n;
		if (len)
			out->target[len++] = ' ';
		n = json_string(val, out->target + len, sizeof(out->target) - len);
		len += n > 0 ? (size_t)n : 0;
	}
}

static const struct field command_fields[] = {FIELD("timestamp", time), FIELD("decision", decision),
					      FIELD("reason", rule), FIELD("caller", source),
					      FIELD("cwd_display", target2)};

/* A call of a tool: what was called, from where, by whom. */
static int take_tool(struct audit_record *out, struct json_span event)
{
	struct json_iter it;
	struct json_span key, val;
	int r;

	if (json_iter_init(&it, event) < 0 || !it.object)
		return -1;
	str_copy(out->op, sizeof(out->op), "tool");
	while ((r = json_iter_next(&it, &key, &val)) == 1) {
		take_strings(out, command_fields, ARRAY_LEN(command_fields), key, val);
		if (json_key_is(key, "shim_pid"))
			out->pid = take_int(val);
		else if (json_key_is(key, "caller_pid"))
			out->ppid = take_int(val);
		else if (json_key_is(key, "argv_display"))
			take_command(out, val);
	}
	return r;
}

static const struct field network_fields[] = {FIELD("method", op), FIELD("program", program),
					      FIELD("rule", rule), FIELD("decision", decision),
					      FIELD("denial_category", source)};

static void network_decision(struct audit_record *out, const char *word)
{
	static const struct {
		const char *word, *ours;
	} words[] = {
	    {"allow", "allowed"}, {"approve_granted", "granted"}, {"approve_requested", "asked"}};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eq(word, words[i].word)) {
			str_copy(out->decision, sizeof(out->decision), words[i].ours);
			return;
		}
	str_copy(out->decision, sizeof(out->decision), "denied");
}

static void member_text(struct json_span event, const char *key, char *out, size_t size)
{
	struct json_span val;

	out[0] = '\0';
	if (json_get(event, key, &val) && val.p[0] == '"' && json_string(val, out, size) < 0)
		out[0] = '\0';
}

static uint64_t member_number(struct json_span event, const char *key)
{
	struct json_span val;
	uint64_t n;

	return json_get(event, key, &val) && json_u64(val, &n) == 0 ? n : 0;
}

/* A connection or request: where to, by whom, and at its end, how much. */
static int take_network(struct audit_record *out, struct json_span event)
{
	char decision[32], host[256], path[1100], reason[300];
	struct json_iter it;
	struct json_span key, val;
	uint64_t ms = member_number(event, "timestamp_unix_ms");
	int r;

	if (json_iter_init(&it, event) < 0 || !it.object)
		return -1;
	while ((r = json_iter_next(&it, &key, &val)) == 1)
		take_strings(out, network_fields, ARRAY_LEN(network_fields), key, val);
	member_text(event, "decision", decision, sizeof(decision));
	member_text(event, "target", host, sizeof(host));
	member_text(event, "path", path, sizeof(path));
	member_text(event, "reason", reason, sizeof(reason));
	network_decision(out, decision);
	if (!out->op[0])
		str_copy(out->op, sizeof(out->op), "CONNECT");
	snprintf(out->target, sizeof(out->target), "%s:%llu%s", host,
		 (unsigned long long)member_number(event, "port"), path);
	if (member_number(event, "bytes_in") || member_number(event, "bytes_out") ||
	    member_number(event, "duration_us"))
		snprintf(out->target2, sizeof(out->target2),
			 "ended: status %llu, %llu bytes in, %llu out, %llu us%s%s",
			 (unsigned long long)member_number(event, "status"),
			 (unsigned long long)member_number(event, "bytes_in"),
			 (unsigned long long)member_number(event, "bytes_out"),
			 (unsigned long long)member_number(event, "duration_us"),
			 reason[0] ? ", " : "", reason);
	else
		str_copy(out->target2, sizeof(out->target2), reason);
	out->pid = (pid_t)member_number(event, "pid");
	if (ms)
		time_rfc3339(out->time, ms * 1000000);
	return r;
}

int audit_parse(const char *json, size_t len, struct audit_record *out)
{
	struct json_iter it;
	struct json_span key, val;
	int r;

	memset(out, 0, sizeof(*out));
	if (json_iter_init(&it, (struct json_span){json, len}) < 0 || !it.object)
		return -1;
	while ((r = json_iter_next(&it, &key, &val)) == 1) {
		take_strings(out, event_fields, ARRAY_LEN(event_fields), key, val);
		if (json_key_is(key, "pid"))
			out->pid = take_int(val);
		else if (json_key_is(key, "ppid"))
			out->ppid = take_int(val);
		else if (json_key_is(key, "errno"))
			out->err = take_int(val);
		else if (json_key_is(key, "command"))
			take_command(out, val);
		else if (json_key_is(key, "exit_code"))
			snprintf(out->target, sizeof(out->target), "exit code %d", take_int(val));
		else if (json_key_is(key, "entry") && take_entry(out, val) < 0)
			return -1;
		else if (json_key_is(key, "event") && str_eq(out->type, "sandbox_runtime"))
			member_text(val, "timestamp", out->time, sizeof(out->time));
		else if (json_key_is(key, "event") && str_eq(out->type, "command_policy") &&
			 take_tool(out, val) < 0)
			return -1;
		else if (json_key_is(key, "event") && str_eq(out->type, "network") &&
			 take_network(out, val) < 0)
			return -1;
	}
	return r < 0 || !out->type[0] ? -1 : 0;
}

uint64_t audit_time_ns(const char *s)
{
	struct tm tm = {0};
	const char *p = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
	uint64_t frac = 0, scale = 1000000000;
	int hours, minutes, sign;
	time_t t;

	if (!p)
		return 0;
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9'; p++)
			if (scale > 1) {
				scale /= 10;
				frac += scale * (uint64_t)(*p - '0');
			}
	t = timegm(&tm);
	if ((*p == '+' || *p == '-') && sscanf(p + 1, "%2d:%2d", &hours, &minutes) == 2) {
		sign = *p == '-' ? 1 : -1;
		t += sign * (hours * 3600 + minutes * 60);
	}
	return t > 0 ? (uint64_t)t * 1000000000u + frac : 0;
}
