/* What a broker says, as the program has it. */
#include "sessions/control_parse.h"

void control_str(const cJSON *o, const char *name, char *dst, size_t size)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));

	str_copy(dst, size, s ? s : "");
}

double control_num(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsNumber(v) ? v->valuedouble : 0;
}

/* Counters and times: whole numbers up to 2^53 as numbers, larger ones as strings of digits. */
static uint64_t control_num_u64(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	if (cJSON_IsString(v))
		return strtoull(v->valuestring, NULL, 10);
	if (!cJSON_IsNumber(v) || !(v->valuedouble >= 0) || v->valuedouble > 9e15)
		return 0;
	return (uint64_t)v->valuedouble;
}

bool control_flag(const cJSON *o, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, name));
}

int session_request_parse(const cJSON *o, struct session_request_info *out)
{
	if (!cJSON_IsObject(o))
		return -1;
	*out = (struct session_request_info){0};
#define COPY(member) control_str(o, #member, out->member, sizeof(out->member))
	COPY(id);
	COPY(kind);
	COPY(target);
	COPY(target2);
	COPY(asked);
	COPY(access);
	COPY(program);
	COPY(parents);
	COPY(reason);
	COPY(group);
	COPY(rule);
	COPY(origin);
	COPY(scope_hint);
#undef COPY
	out->pid = (pid_t)control_num_u64(o, "pid");
	out->exists = control_flag(o, "exists");
	out->grantable_now = control_flag(o, "grantable_now");
	out->opened_ns = control_num_u64(o, "opened_ns");
	out->deadline_ns = control_num_u64(o, "deadline_ns");
	out->waiting = (unsigned)control_num_u64(o, "waiting");
	return out->id[0] ? 0 : -1;
}

static enum session_activity activity_parse(const char *s)
{
	for (int a = ACTIVITY_STARTING; a <= ACTIVITY_EXITED; a++)
		if (str_eq(s, session_activity_name((enum session_activity)a)))
			return (enum session_activity)a;
	return ACTIVITY_STARTING;
}

int session_state_parse(const cJSON *o, struct session_state *out)
{
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(o, "exit_code");

	if (!cJSON_IsObject(o))
		return -1;
	*out = (struct session_state){0};
	out->activity =
	    activity_parse(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "activity")));
	control_str(o, "evidence", out->evidence, sizeof(out->evidence));
	control_str(o, "title", out->title, sizeof(out->title));
	out->since_ns = control_num_u64(o, "since_ns");
	out->events = control_num_u64(o, "events");
	out->denied = control_num_u64(o, "denied");
	out->granted = control_num_u64(o, "granted");
	out->requests_open = control_num_u64(o, "requests_open");
	out->clients = (unsigned)control_num_u64(o, "clients");
	out->log_failed = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "log_failed"));
	out->exited = cJSON_IsNumber(code);
	out->exit_code = out->exited ? code->valueint : 0;
	return 0;
}
