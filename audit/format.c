#include "audit/format.h"

#include "audit/json.h"
#include "audit/redaction.h"

#include <sys/syscall.h>

/* Where a command line is cut in the log: a single line must stay readable by our own reader. */
#define COMMAND_ARG_MAX	  4096u
#define COMMAND_TOTAL_MAX 24576u
#define OBJECT_MAX	  131072u /* half of the longest line */

const char *audit_kind_name(enum audit_kind k)
{
	static const char *const names[] = {"open",  "exec",	 "change",  "connect",
					    "limit", "snapshot", "terminal"};

	return (size_t)k < ARRAY_LEN(names) ? names[k] : "unknown";
}

static const char *decision_name(unsigned d)
{
	static const char *const names[] = {"allowed", "denied", "granted", "missing"};

	return d < ARRAY_LEN(names) ? names[d] : "denied";
}

static void add_time(struct buf *b, uint64_t ns, struct format_clock *c)
{
	uint64_t second = ns / 1000000000u, rest = ns % 1000000000u;
	char digits[9];

	if (second != c->second || !c->head[0]) {
		char full[TIME_STR_MAX];
		char *dot;
		time_rfc3339(full, second * 1000000000u);
		dot = strchr(full, '.');
		if (!dot || strlen(dot) < 10) {
			c->head[0] = '\0';
			buf_adds(b, full);
			return;
		}
		str_copy(c->tail, sizeof(c->tail), dot + 10);
		dot[1] = '\0';
		str_copy(c->head, sizeof(c->head), full);
		c->second = second;
	}
	for (size_t i = sizeof(digits); i-- > 0; rest /= 10)
		digits[i] = (char)('0' + rest % 10);
	buf_adds(b, c->head);
	buf_add(b, digits, sizeof(digits));
	buf_adds(b, c->tail);
}

static const char *add_string(struct buf *b, const struct ring_record *rec, unsigned bit,
			      const char *key, const char *s, size_t n)
{
	if (rec->present & bit)
		json_add_member(b, key, s, n);
	return s + n;
}

void format_event(struct buf *b, const struct ring_record *rec, struct format_clock *clock)
{
	const char *op = rec->strings, *target = op + rec->op, *target2 = target + rec->target,
		   *program = target2 + rec->target2, *rule = program + rec->program,
		   *source = rule + rec->rule;

	buf_adds(b, "{\"type\":\"");
	buf_adds(b, audit_kind_name(rec->kind));
	buf_adds(b, "\",\"timestamp\":\"");
	add_time(b, rec->time_ns, clock);
	buf_addc(b, '"');
	add_string(b, rec, RING_HAS_OP, "op", op, rec->op);
	json_add_member_str(b, "decision", decision_name(rec->decision));
	json_add_member_int(b, "pid", rec->pid);
	json_add_member_int(b, "ppid", rec->ppid);
	add_string(b, rec, RING_HAS_PROGRAM, "program", program, rec->program);
	add_string(b, rec, RING_HAS_TARGET, "target", target, rec->target);
	add_string(b, rec, RING_HAS_TARGET2, "target2", target2, rec->target2);
	if (rec->err)
		json_add_member_int(b, "errno", rec->err);
	add_string(b, rec, RING_HAS_RULE, "rule", rule, rec->rule);
	add_string(b, rec, RING_HAS_SOURCE, "source", source, rec->source);
	if (rec->cut)
		buf_adds(b, ",\"truncated\":true");
	buf_addc(b, '}');
}

static void add_cut(struct buf *b, const char *key, const char *s)
{
	if (s)
		json_add_member(b, key, s, strnlen(s, RING_TARGET_MAX));
}

void format_decision(struct buf *b, const char *session_id, const struct audit_decision_event *ev)
{
	char now[TIME_STR_MAX];

	time_rfc3339(now, clock_real_ns());
	buf_adds(b, "{\"type\":\"capability_decision\",\"entry\":{\"timestamp\":");
	buf_add_json_str(b, now, strlen(now));
	if (ev->host) {
		bool host = str_eq(ev->kind, "host");

		buf_addf(b, ",\"request\":{\"capability_type\":\"%s\"",
			 host ? "network" : ev->kind);
		add_cut(b, host ? "host" : "upstream", ev->host);
		json_add_member_int(b, "port", ev->port);
		if (str_eq(ev->kind, "url"))
			add_cut(b, "url", ev->path);
		if (host)
			buf_adds(b, ",\"protocol\":\"tcp\"");
		if (ev->method[0]) {
			add_cut(b, "method", ev->method);
			add_cut(b, "path", strchr(ev->path, '/'));
		}
		if (ev->route[0])
			add_cut(b, "route_id", ev->route);
	} else if (str_eq(ev->kind, "tool")) {
		buf_adds(b, ",\"request\":{\"capability_type\":\"command\"");
		add_cut(b, "command", ev->path);
	} else {
		buf_adds(b, ",\"request\":{\"capability_type\":\"capability\"");
	}
	add_cut(b, "request_id", ev->request_id);
	add_cut(b, "kind", ev->kind);
	add_cut(b, ev->host ? "target" : "path", ev->path);
	add_cut(b, "access", ev->access);
	if (ev->reason)
		add_cut(b, "reason", ev->reason);
	else
		buf_adds(b, ",\"reason\":null");
	json_add_member_int(b, "child_pid", ev->pid);
	add_cut(b, "program", ev->program);
	json_add_member_str(b, "session_id", session_id);
	buf_adds(b, "},\"decision\":");
	if (ev->granted) {
		buf_adds(b, "\"Granted\"");
	} else if (ev->timed_out) {
		buf_adds(b, "\"Timeout\"");
	} else {
		const char *why = ev->deny_reason ? ev->deny_reason : "";
		buf_adds(b, "{\"Denied\":{\"reason\":");
		buf_add_json_str(b, why, strnlen(why, RING_TARGET_MAX));
		buf_adds(b, "}}");
	}
	add_cut(b, "backend", ev->backend ? ev->backend : "");
	json_add_member_int(b, "duration_ms", (int64_t)(ev->duration_ms & INT64_MAX));
	add_cut(b, "scope", ev->scope);
	add_cut(b, "by", ev->by);
	buf_adds(b, "}}");
}

void format_command(struct buf *b, char *const *command)
{
	size_t total = 0, i = 0, left = 0;

	buf_addc(b, '[');
	for (; command && command[i]; i++) {
		size_t n = strlen(command[i]);
		bool cut = n > COMMAND_ARG_MAX;

		if (cut)
			n = COMMAND_ARG_MAX;
		if (total + n > COMMAND_TOTAL_MAX)
			break;
		total += n + 16;
		if (i)
			buf_addc(b, ',');
		buf_add_json_str(b, command[i], n);
		if (cut) { /* the mark goes inside the closing quote */
			b->len--;
			buf_addf(b, "[%zu more bytes]\"", strlen(command[i]) - n);
		}
	}
	for (; command && command[i]; i++)
		left++;
	if (left)
		buf_addf(b, "%s\"[%zu more arguments]\"", total ? "," : "", left);
	buf_addc(b, ']');
}

void format_session_started(struct buf *b, const char *started, char *const *command,
			    const struct audit_redaction *r)
{
	buf_adds(b, "{\"type\":\"session_started\",\"started\":");
	buf_add_json_str(b, started, strlen(started));
	buf_adds(b, ",\"command\":");
	format_command(b, command);
	redaction_add_json(r, b);
	buf_addc(b, '}');
}

static int add_object(struct buf *b, const char *key, const char *object)
{
	if (!object)
		return 0;
	if (strlen(object) > OBJECT_MAX) {
		buf_addf(b, ",\"%s\":{\"omitted\":\"longer than %u bytes\"}", key, OBJECT_MAX);
		return 0;
	}
	buf_addf(b, ",\"%s\":", key);
	return json_add_compact(b, object);
}

int format_runtime(struct buf *b, const char *time, bool tool_sandbox, const char *layers,
		   const char *policy)
{
	/* landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) */
	long abi = syscall(444, NULL, 0, 1u);

	buf_adds(b, "{\"type\":\"sandbox_runtime\",\"event\":{\"timestamp\":");
	buf_add_json_str(b, time, strlen(time));
	buf_adds(b, ",\"platform\":\"linux\"");
	if (abi > 0)
		json_add_member_int(b, "landlock_abi", abi);
	buf_adds(b,
		 tool_sandbox ? ",\"tool_sandbox_active\":true" : ",\"tool_sandbox_active\":false");
	if (add_object(b, "layers", layers) < 0 || add_object(b, "policy", policy) < 0)
		return -1;
	buf_adds(b, "}}");
	return 0;
}

void format_session_ended(struct buf *b, const char *ended, int exit_code)
{
	buf_adds(b, "{\"type\":\"session_ended\",\"ended\":");
	buf_add_json_str(b, ended, strlen(ended));
	json_add_member_int(b, "exit_code", exit_code);
	buf_addc(b, '}');
}

void format_lost(struct buf *b, const char *time, uint64_t lost)
{
	buf_adds(b, "{\"type\":\"events_lost\",\"timestamp\":");
	buf_add_json_str(b, time, strlen(time));
	json_add_member_int(b, "count", (int64_t)lost);
	buf_adds(b, ",\"reason\":\"the log could not be written\"}");
}
