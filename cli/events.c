/* nono events: what happens in all sessions, as one stream. */
#include <poll.h>
#include <sys/inotify.h>

#include "cli/follow.h"
#include "common/remark.h"

#define LOOK_MS 1000 /* for sessions that begin and end without a sign */

struct options {
	bool follow, all;
};

static const struct option_row rows[] = {
    {.name = "follow",
     .letter = 'f',
     .offset = offsetof(struct options, follow),
     .help = "Go on for ever, from now; sessions that start later are in it from their start"},
    {.name = "all",
     .offset = offsetof(struct options, all),
     .help = "What ended sessions left, too (without --follow)"},
    {0},
};

/* One session in the stream. */
struct source {
	char name[SESSION_NAME_MAX];
	struct follow log;
	struct session_client *control;
	bool have_log, control_over, seen;
};

struct stream {
	struct source **v;
	size_t n;
	bool follow;
	int notify;
	/* While following: one that began since then is told of though it is over already. */
	uint64_t since_ns;
	char (*told)[SESSION_ID_LEN + 1]; /* ended, and gone from v */
	size_t n_told;
};

/* ---- lines ------------------------------------------------------------------------------- */

static void begin(struct buf *b, const struct source *s)
{
	buf_adds(b, "{\"session_id\":");
	buf_add_json_str(b, s->log.id, strlen(s->log.id));
	buf_adds(b, ",\"session_name\":");
	buf_add_json_str(b, s->name, strlen(s->name));
}

static void on_line(void *data, const struct follow *f, const struct audit_line *line)
{
	_cleanup_(buf_free) struct buf b = {0};

	(void)f;
	begin(&b, data);
	buf_addf(&b, ",\"sequence\":%llu,\"event\":", (unsigned long long)line->sequence);
	buf_add(&b, line->json, line->json_len);
	buf_addc(&b, '}');
	print_json_line(b.data, b.len);
}

/* Not from the log: no sequence number. */
static void print_own(const struct source *s, cJSON *event)
{
	_cleanup_free_ char *text = cJSON_PrintUnformatted(event);
	_cleanup_(buf_free) struct buf b = {0};

	begin(&b, s);
	buf_addf(&b, ",\"event\":%s}", text ? text : "null");
	print_json_line(b.data, b.len);
	cJSON_Delete(event);
}

static cJSON *own_event(const char *type)
{
	cJSON *o = cJSON_CreateObject();
	char now[TIME_STR_MAX];

	time_rfc3339(now, clock_real_ns());
	cJSON_AddStringToObject(o, "type", type);
	cJSON_AddStringToObject(o, "timestamp", now);
	return o;
}

static void on_status(void *data, const struct session_state *s)
{
	cJSON *o = own_event("status");

	cJSON_AddStringToObject(o, "activity", session_activity_name(s->activity));
	cJSON_AddStringToObject(o, "evidence", s->evidence);
	cJSON_AddNumberToObject(o, "denied", (double)s->denied);
	cJSON_AddNumberToObject(o, "granted", (double)s->granted);
	cJSON_AddNumberToObject(o, "requests_open", (double)s->requests_open);
	cJSON_AddNumberToObject(o, "clients", s->clients);
	cJSON_AddStringToObject(o, "title", s->title);
	if (s->exited)
		cJSON_AddNumberToObject(o, "exit_code", s->exit_code);
	print_own(data, o);
}

static void on_request(void *data, const struct session_request_info *r)
{
	cJSON *o = own_event("request");

	cJSON_AddStringToObject(o, "id", r->id);
	cJSON_AddStringToObject(o, "kind", r->kind);
	cJSON_AddStringToObject(o, "target", r->target);
	if (r->target2[0])
		cJSON_AddStringToObject(o, "target2", r->target2);
	cJSON_AddStringToObject(o, "access", r->access);
	cJSON_AddStringToObject(o, "program", r->program);
	cJSON_AddNumberToObject(o, "pid", r->pid);
	cJSON_AddStringToObject(o, "reason", r->reason);
	cJSON_AddStringToObject(o, "group", r->group);
	print_own(data, o);
}

static void on_answered(void *data, const char *id, const char *state, const char *by)
{
	cJSON *o = own_event("answered");

	cJSON_AddStringToObject(o, "id", id);
	cJSON_AddStringToObject(o, "state", state);
	cJSON_AddStringToObject(o, "by", by);
	print_own(data, o);
}

static void on_warning(void *data, const char *text)
{
	cJSON *o = own_event("warning");

	cJSON_AddStringToObject(o, "text", text);
	print_own(data, o);
}

static void on_closed(void *data)
{
	struct source *s = data;

	s->control_over = true;
}

/* ---- sources ----------------------------------------------------------------------------------
 */

static void source_free(struct source *s)
{
	if (s->have_log)
		follow_close(&s->log);
	session_client_free(s->control);
	free(s);
}

static void watch_live(struct stream *t, struct source *s)
{
	const struct session_client_events ev = {.status = on_status,
						 .request = on_request,
						 .answered = on_answered,
						 .warning = on_warning,
						 .closed = on_closed,
						 .data = s};

	if (s->have_log)
		follow_watch(&s->log, t->notify, NULL);
	s->control = session_connect(s->log.id, &ev, NULL);
	if (s->control)
		session_client_send(s->control, "subscribe", NULL);
}

static void source_add(struct stream *t, const struct session_record *r, long tail)
{
	struct source *s = xcalloc(1, sizeof(*s));

	/* A session without a log is here for its status. */
	s->have_log = follow_open(&s->log, r->id, tail, NULL) == 0;
	str_copy(s->log.id, sizeof(s->log.id), r->id);
	str_copy(s->name, sizeof(s->name), r->name);
	s->seen = true;
	if (t->follow)
		watch_live(t, s);
	t->v = xrealloc_array(t->v, t->n + 1, sizeof(struct source *));
	t->v[t->n++] = s;
}

static struct source *source_of(const struct stream *t, const char *id)
{
	for (size_t i = 0; i < t->n; i++)
		if (str_eq(t->v[i]->log.id, id))
			return t->v[i];
	return NULL;
}

static bool was_told(const struct stream *t, const char *id)
{
	for (size_t i = 0; i < t->n_told; i++)
		if (str_eq(t->told[i], id))
			return true;
	return false;
}

/* New sessions come in, those that are over go. */
static int refresh(struct stream *t, bool all, long tail, struct err *err)
{
	struct session_list l;

	if (session_list(all || t->follow, &l, err) < 0)
		return -1;
	for (size_t i = 0; i < t->n; i++)
		t->v[i]->seen = false;
	for (size_t i = l.n; i-- > 0;) { /* oldest first */
		const struct session_record *r = &l.v[i];
		struct source *s = source_of(t, r->id);
		const bool over = t->follow && r->status == SESSION_EXITED;

		if (s)
			s->seen = !over;
		else if (!over)
			source_add(t, r, tail);
		else if (r->started_ns >= t->since_ns && !was_told(t, r->id))
			source_add(t, r, -1);
	}
	session_list_free(&l);
	return 0;
}

static int read_logs(struct stream *t, struct err *err)
{
	for (size_t i = 0; i < t->n; i++) {
		struct source *s = t->v[i];
		if (s->have_log && follow_read(&s->log, on_line, s, NULL) < 0) {
			remark("nono: warning: the log of session %s is damaged", s->log.id);
			follow_close(&s->log);
			s->have_log = false;
		}
	}
	return flush_output(err);
}

static void drop_ended(struct stream *t)
{
	for (size_t i = 0; i < t->n; i++) {
		if (t->v[i]->seen)
			continue;
		t->told = xrealloc_array(t->told, t->n_told + 1, sizeof(*t->told));
		str_copy(t->told[t->n_told++], sizeof(*t->told), t->v[i]->log.id);
		source_free(t->v[i]);
		t->v[i--] = t->v[--t->n];
	}
}

/* ---- following
 * ----------------------------------------------------------------------------------- */

static void serve_control(struct source *s, short revents)
{
	if ((revents & POLLOUT) && session_client_on_writable(s->control) < 0)
		s->control_over = true;
	if (!s->control_over && (revents & ~POLLOUT) && session_client_on_readable(s->control) < 0)
		s->control_over = true;
	if (!s->control_over)
		return;
	session_client_free(s->control);
	s->control = NULL;
}

/* True if a record was written: a session began, ended, or changed. */
static bool records_changed(int notify)
{
	char text[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool changed = false;
	ssize_t n;

	while ((n = read(notify, text, sizeof(text))) > 0)
		for (char *p = text; p < text + n;) {
			const struct inotify_event *ev = (const void *)p;
			changed |= (ev->mask & (IN_MOVED_TO | IN_Q_OVERFLOW)) != 0;
			p += sizeof(*ev) + ev->len;
		}
	return changed;
}

/* Waits for something. 1: the reader of our output is gone. */
static int serve(struct stream *t, bool *look, struct err *err)
{
	struct pollfd *p = xcalloc(t->n + 2, sizeof(*p));
	int r;

	p[0] = (struct pollfd){.fd = t->notify, .events = POLLIN};
	p[1] = (struct pollfd){.fd = STDOUT_FILENO};
	for (size_t i = 0; i < t->n; i++) {
		struct session_client *c = t->v[i]->control;
		p[i + 2].fd = c ? session_client_fd(c) : -1;
		p[i + 2].events =
		    (short)(POLLIN | (c && session_client_want_write(c) ? POLLOUT : 0));
	}
	r = poll(p, t->n + 2, LOOK_MS);
	if (r < 0 && errno != EINTR)
		r = err_errno(err, errno, "poll");
	else
		r = r > 0 && (p[1].revents & (POLLERR | POLLHUP));
	*look = records_changed(t->notify);
	for (size_t i = 0; r == 0 && i < t->n; i++)
		if (p[i + 2].fd >= 0 && p[i + 2].revents)
			serve_control(t->v[i], p[i + 2].revents);
	free(p);
	return r;
}

static int follow_all(struct stream *t, struct err *err)
{
	_cleanup_free_ char *state = dir_state(), *dir = xasprintf("%s/sessions", state);
	uint64_t looked = 0;
	bool look = true;
	int r;

	t->since_ns = clock_real_ns();
	t->notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (t->notify < 0)
		return err_errno(err, errno, "can't watch files");
	for (;;) {
		if (look || clock_mono_ns() - looked > LOOK_MS * 1000000ull) {
			/* Records are replaced by rename. The folder may not be there yet. */
			inotify_add_watch(t->notify, dir, IN_MOVED_TO);
			/* The first time there are those that run already: from now on. */
			if (refresh(t, false, looked ? -1 : 0, err) < 0)
				return -1;
			looked = clock_mono_ns();
		}
		if (read_logs(t, err) < 0)
			return -1;
		drop_ended(t);
		r = serve(t, &look, err);
		if (r != 0)
			return r < 0 ? -1 : 0;
	}
}

static int events(struct cli *cli, struct err *err)
{
	const struct options *o = cli->options;
	struct stream t = {.follow = o->follow, .notify = -1};
	int rc;

	if (o->follow && o->all)
		return err_usage(err, "--all can't be used together with --follow");
	if (o->follow)
		rc = follow_all(&t, err);
	else
		rc = refresh(&t, o->all, -1, err) < 0 ? -1 : read_logs(&t, err);
	for (size_t i = 0; i < t.n; i++)
		source_free(t.v[i]);
	free(t.v);
	free(t.told);
	if (t.notify >= 0)
		close(t.notify);
	return rc;
}

const struct command command_events = {
    .name = "events",
    .group = GROUP_RECORD,
    .usage = "[--follow] [--all]",
    .summary = "What happens in all sessions, one JSON object a line",
    .details =
	"Each line has session_id, session_name and event. Events of the audit log have their\n"
	"sequence number too; with --follow there are also status, request and answered events\n"
	"of the sessions' supervisors.\n",
    .rows = rows,
    .size = sizeof(struct options),
    .run = events,
};
