/* Limits in the broker's loop: the looks, the end of the time, and who is told. */
#include "common/remark.h"
#include "sessions/broker.h"

#define GRACE_MS     5000 /* from SIGTERM to SIGKILL when the time is over */
#define EXIT_TIMEOUT 124  /* as timeout(1) has it */
#define EXIT_KILLED  137

/* On standard error, in the record, in the log. what is static. */
static void tell(struct broker *b, enum limit which, uint64_t count, const char *what)
{
	char amount[64], text[256];
	struct audit_event ev = {
	    .kind = AUDIT_LIMIT,
	    .decision = AUDIT_DENIED,
	    .time_ns = clock_real_ns(),
	    .pid = b->agent_pid,
	    .op = limit_name(which),
	    .target = text,
	    .source = hold_name(b->limits.held[which]),
	};

	limit_show(&b->limits.want, which, amount, sizeof(amount));
	if (count)
		snprintf(text, sizeof(text), "limit of %s reached: %llu %s", amount,
			 (unsigned long long)count, what);
	else
		snprintf(text, sizeof(text), "limit of %s reached: %s", amount, what);
	ev.target_len = strlen(text);
	audit_emit(b->log, &ev);
	if (broker_remarks(b))
		remark("nono: %s: %s", limit_name(which), text);
	cJSON_ReplaceItemInObjectCaseSensitive(b->record, "limits", limits_json(&b->limits));
}

/* What ended the session, and with which code. */
static void ended_by(struct broker *b, enum limit which, int code)
{
	b->limit_exit = code;
	cJSON_ReplaceItemInObjectCaseSensitive(b->record, "ended_by",
					       cJSON_CreateString(limit_name(which)));
}

void broker_look_at_limits(struct broker *b)
{
	struct limits_seen seen;

	if (!limits_period_ms(&b->limits))
		return;
	limits_look(&b->limits, b->init_pid, &seen);
	if (seen.killed)
		tell(b, LIMIT_MEMORY, seen.killed,
		     seen.killed == 1 ? "process was killed" : "processes were killed");
	/* A flood of refusals is one line. */
	if (seen.refused && b->limits.reached[LIMIT_PROCESSES] == seen.refused)
		tell(b, LIMIT_PROCESSES, 0, "new processes are refused");
	if (seen.too_many && !b->limit_exit && !b->agent_gone) {
		tell(b, LIMIT_PROCESSES, 0, "the session is stopped");
		ended_by(b, LIMIT_PROCESSES, EXIT_KILLED);
		broker_end_program(b, 0);
	}
}

static void on_look(uv_timer_t *t)
{
	broker_look_at_limits(t->data);
}

static void on_time_over(uv_timer_t *t)
{
	struct broker *b = t->data;

	if (b->over || b->limit_exit)
		return;
	b->limits.reached[LIMIT_WALL_TIME]++;
	tell(b, LIMIT_WALL_TIME, 0, "the session is stopped");
	if (!b->agent_gone)
		ended_by(b, LIMIT_WALL_TIME, EXIT_TIMEOUT);
	broker_end_program(b, GRACE_MS);
}

void broker_start_limits(struct broker *b)
{
	unsigned ms = limits_period_ms(&b->limits);

	if (ms)
		uv_timer_start(&b->look_timer, on_look, ms, ms);
	if (b->limits.want.wall_ms)
		uv_timer_start(&b->wall_timer, on_time_over, b->limits.want.wall_ms, 0);
}

void broker_limits_at_end(struct broker *b, bool killed)
{
	broker_look_at_limits(b);
	if (killed && b->limits.reached[LIMIT_MEMORY] && !b->limit_exit)
		ended_by(b, LIMIT_MEMORY, EXIT_KILLED);
	if (b->limit_exit)
		b->exit_code = b->limit_exit;
}

void broker_add_limits(struct broker *b)
{
	cJSON_AddItemToObject(b->record, "limits", limits_json(&b->limits));
	cJSON_AddNullToObject(b->record, "ended_by");
}

void broker_say_limits(const struct broker *b)
{
	_cleanup_(buf_free) struct buf text = {0};
	const char *weaker = limits_weaker(&b->limits);

	if (!broker_remarks(b))
		return;
	limits_describe(&b->limits, &text);
	if (text.len && b->o->verbose > 0)
		remark("Limits: %s", text.data);
	if (weaker)
		remark("nono: warning: %s", weaker);
}
