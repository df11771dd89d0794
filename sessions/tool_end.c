/* How a tool ended: its code, and the words for its caller. */
#include <signal.h>
#include <sys/wait.h>

#include "sessions/tool_run.h"

static void end_text(const struct run *r, const struct init_msg *m, char *out, size_t size)
{
	const struct command_box *b = &r->verdict.edge->box;
	const char *name = r->verdict.command->name;

	out[0] = '\0';
	if (m->over == TOOL_OVER_TIME) {
		snprintf(out, size, "nono: tool-sandbox ended %s: it ran for %llu s\n", name,
			 (unsigned long long)b->resources.wall_time_seconds);
		return;
	}
	if (run_limits_killed(r)) {
		snprintf(out, size, "nono: tool-sandbox ended %s: more than %llu bytes of memory\n",
			 name, (unsigned long long)b->resources.memory_bytes);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(m->stream); i++) {
		const struct command_stream *s = &b->stream[i];
		if (!m->stream[i].exceeded || s->on_limit == LIMIT_TRUNCATE)
			continue;
		snprintf(out, size, "nono: tool-sandbox %s %s: more than %llu bytes on %s\n",
			 s->on_limit == LIMIT_DENY ? "denied" : "ended", name,
			 (unsigned long long)s->max_bytes, i ? "stderr" : "stdout");
	}
	if (!out[0] && m->over == TOOL_OVER_OUTPUT)
		snprintf(out, size, "nono: tool-sandbox ended %s: more than %llu bytes of output\n",
			 name, (unsigned long long)b->resources.max_output_bytes);
}

static bool withheld(const struct run *r, const struct init_msg *m)
{
	for (size_t i = 0; i < ARRAY_LEN(m->stream); i++)
		if (m->stream[i].exceeded && r->verdict.edge->box.stream[i].on_limit == LIMIT_DENY)
			return true;
	return false;
}

/* A program that failed has printed no secret, whatever it printed: nobody gets that. */
static int ended_captured(struct run *r, const struct init_msg *m, int code, char *out, size_t size,
			  char *text, size_t text_size)
{
	const char *why = capture_end(r, out, size);

	if (why) {
		snprintf(text, text_size, "nono: tool-sandbox denied %s: %s\n",
			 r->verdict.command->name, why);
		code = TOOL_DENIED;
	}
	if (code || m->over)
		out[0] = '\0';
	return code;
}

void run_ended(struct run *r, const struct init_msg *m)
{
	int code = WIFSIGNALED(m->value) ? 128 + WTERMSIG(m->value) : WEXITSTATUS(m->value);
	char text[512], out[128] = "";

	if (r->told)
		return;
	r->told = true;
	if (!r->executed && r->failure[0]) {
		conn_refuse(r, "could not be started", r->failure);
		return;
	}
	r->ended_by = WIFSIGNALED(m->value) && !m->over ? WTERMSIG(m->value) : 0;
	end_text(r, m, text, sizeof(text));
	if (withheld(r, m))
		code = TOOL_DENIED;
	if (r->capture_fd >= 0)
		code = ended_captured(r, m, code, out, sizeof(out), text, sizeof(text));
	if (code == TOOL_DENIED)
		r->ended_by = 0;
	run_log(r, true, true, code, m);
	conn_reply(r, code, out, text);
}
