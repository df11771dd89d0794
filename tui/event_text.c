/* Details of one event: who did it, started by whom, on what, and which rule decided. */
#include "tui/event_text.h"

#define PARENTS_MAX 12

const char *event_what(const struct audit_record *r)
{
	static const struct {
		const char *type, *word;
	} words[] = {{"session_started", "started"}, {"session_ended", "ended"},
		     {"sandbox_runtime", "sandbox"}, {"capability_decision", "decision"},
		     {"command_policy", "tool"},     {"events_lost", "lost"}};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eq(r->type, words[i].type))
			return words[i].word;
	return r->op[0] ? r->op : r->type;
}

const char *event_result(const struct audit_record *r)
{
	static const char ended[] = "ended: ";

	if (str_eq(r->type, "network") && str_starts(r->target2, ended))
		return r->target2 + strlen(ended);
	return r->target2[0] && str_eq(r->type, "change") ? r->target2 : NULL;
}

static void add_line(struct buf *b, const char *label, const char *text)
{
	char printable[8192];

	if (*text)
		buf_addf(b, "%-10s %s\n", label,
			 text_printable(printable, sizeof(printable), text, strlen(text)));
}

/* From the host's /proc; only while the process lives, and it may be another one by now. */
static pid_t parent_now(pid_t pid, char *program, size_t size)
{
	_cleanup_free_ char *text = NULL;
	char path[64];
	const char *p;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	n = readlink(path, program, size - 1);
	program[n > 0 ? n : 0] = 0;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	text = file_read(path, 16384, NULL, NULL);
	p = text ? strstr(text, "\nPPid:\t") : NULL;
	return p ? (pid_t)strtol(p + 7, NULL, 10) : 0;
}

/* Up the tree by the log, which says how it was then; beyond it by what lives now. */
static void add_parents(struct buf *b, struct audit_view *v, const struct audit_item *it,
			uint64_t before)
{
	_cleanup_(buf_free) struct buf line = {0};
	pid_t pid = it->ppid;

	for (int i = 0; i < PARENTS_MAX && pid > 1; i++) {
		const struct audit_item *of = audit_view_process(v, it->id, pid, before);
		char program[1024] = "";
		pid_t next;

		if (of && !audit_parse(of->json, of->len, &v->record) && v->record.program[0]) {
			str_copy(program, sizeof(program), v->record.program);
			next = of->ppid;
		} else {
			next = parent_now(pid, program, sizeof(program));
		}
		buf_addf(&line, "%s%s (%d)", i ? " < " : "", *program ? program : "?", (int)pid);
		if (str_eq(path_base(program), "nono"))
			break; /* the supervisor: no part of the session */
		pid = next == pid ? 0 : next;
	}
	if (line.len)
		add_line(b, "parents", line.data);
}

void event_details(struct tui *t, struct audit_view *v, size_t i)
{
	const struct audit_item *it = audit_view_at(v, i);
	_cleanup_(buf_free) struct buf b = {0};
	struct audit_record *r = &v->record;
	char text[64];

	if (!it || audit_parse(it->json, it->len, r))
		return;
	add_line(&b, "time", r->time);
	add_line(&b, "session", it->name);
	add_line(&b, "event", r->type);
	add_line(&b, "operation", r->op);
	add_line(&b, "decision", r->decision);
	add_line(&b, "on", r->target);
	add_line(&b, str_eq(r->type, "change") ? "to" : "more", r->target2);
	if (r->err) {
		snprintf(text, sizeof(text), "%.48s (%d)", strerror(r->err), r->err);
		add_line(&b, "error", text);
	}
	add_line(&b, "rule", r->rule);
	add_line(&b, "from", r->source);
	add_line(&b, "program", r->program);
	if (it->pid) {
		snprintf(text, sizeof(text), "%d", (int)it->pid);
		add_line(&b, "process", text);
	}
	add_parents(&b, v, it, audit_view_number(v, i));
	buf_adds(&b, "\n");
	add_line(&b, "record", it->json);
	dialog_text(t, "Event", b.data, false, NULL, NULL, NULL);
}
