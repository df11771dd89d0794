/* Calls of tools ("command_policy" events). */
#include "audit/format.h"
#include "audit/hash.h"
#include "audit/json.h"

#define NAMES_MAX 8192u /* bytes of names of variables */

/* Each string with its NUL, so that no two lists have the same bytes. */
static void add_hash(struct buf *b, const char *key, char *const *v, bool names)
{
	struct hash h;
	char hex[HASH_HEX];
	SHA256_CTX c;

	SHA256_Init(&c);
	for (; v && *v; v++) {
		SHA256_Update(&c, *v, names ? strcspn(*v, "=") : strlen(*v));
		SHA256_Update(&c, "", 1);
	}
	SHA256_Final(h.b, &c);
	hash_hex(hex, &h);
	json_add_member_str(b, key, hex);
}

static void add_names(struct buf *b, char *const *env)
{
	size_t start = b->len;

	buf_adds(b, ",\"env_names_display\":[");
	for (bool first = true; env && *env && b->len - start < NAMES_MAX; env++, first = false) {
		size_t n = strcspn(*env, "=");
		if (!first)
			buf_addc(b, ',');
		buf_add_json_str(b, *env, n < 256 ? n : 256);
	}
	buf_addc(b, ']');
}

static void add_stream(struct buf *b, const char *key, const struct audit_stream *s)
{
	buf_addf(b,
		 "\"%s\":{\"total_bytes\":%llu,\"forwarded_bytes\":%llu,\"max_bytes\":%llu,"
		 "\"limit_exceeded\":%s,\"on_limit\":\"%s\"}",
		 key, (unsigned long long)s->total, (unsigned long long)s->forwarded,
		 (unsigned long long)s->max, s->exceeded ? "true" : "false", s->on_limit);
}

void format_command_policy(struct buf *b, const char *session_id, uint64_t sequence,
			   const struct audit_command_event *ev, const struct audit_redaction *r)
{
	char *const cwd[] = {(char *)(uintptr_t)ev->cwd, NULL};
	char **shown = audit_redact_command(r, ev->argv);
	char now[TIME_STR_MAX];

	time_rfc3339(now, clock_real_ns());
	buf_adds(b, "{\"type\":\"command_policy\",\"event\":{\"event_type\":\"command_policy\"");
	json_add_member_int(b, "sequence", (int64_t)sequence);
	json_add_member_str(b, "timestamp", now);
	json_add_member_str(b, "session_id", session_id);
	json_add_member_str(b, "command", ev->command);
	json_add_member_str(b, "caller", ev->caller);
	json_add_member_str(b, "caller_kind", ev->caller_is_command ? "command" : "session");
	if (ev->caller_is_command)
		json_add_member_str(b, "caller_command", ev->caller);
	json_add_member_int(b, "caller_pid", ev->caller_pid);
	json_add_member_int(b, "shim_pid", ev->shim_pid);
	json_add_member_int(b, "session_root_pid", ev->root_pid);
	json_add_member_str(b, "decision", ev->allowed ? "allowed" : "denied");
	json_add_member(b, "reason", ev->reason, strnlen(ev->reason, 1024));
	json_add_member_str(b, "stdio_mode", ev->stdio_mode);
	add_hash(b, "argv_hash", ev->argv, false);
	add_hash(b, "env_name_hash", ev->env, true);
	add_hash(b, "cwd_hash", cwd, false);
	buf_adds(b, ",\"argv_display\":");
	format_command(b, shown);
	add_names(b, ev->env);
	json_add_member(b, "cwd_display", ev->cwd, strnlen(ev->cwd, RING_TARGET_MAX));
	if (ev->ended)
		json_add_member_int(b, "exit_code", ev->exit_code);
	if (ev->ended && ev->stream[0].on_limit && ev->stream[1].on_limit) {
		buf_adds(b, ",\"stdio\":{");
		add_stream(b, "stdout", &ev->stream[0]);
		buf_addc(b, ',');
		add_stream(b, "stderr", &ev->stream[1]);
		buf_addc(b, '}');
	}
	buf_adds(b, "}}");
	for (size_t i = 0; shown && shown[i]; i++)
		free(shown[i]);
	free(shown);
}
