#include "audit/command.h"
#include "audit/export/export.h"
#include "audit/lines.h"
#include "audit/select.h"
#include "audit/spool.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/inotify.h>

#define GRACE_S	       20 /* after the session's end, for a sink that is away */
#define BEGIN_S	       60 /* until a session that is starting has its record */
#define BACKOFF_MAX_MS 5000u

struct feed {
	const char *id;
	int dir, fd;
	struct lines lines;
	struct audit_record *rec;
	struct select sel;
	struct spool spool; /* what was delivered: moves on with each flush */
	uint64_t next;	    /* sequence behind what was added to the batch */
	bool ended;
	char *dropped; /* a damaged line */
};

static void feed_close(struct feed *f)
{
	lines_free(&f->lines);
	free(f->rec);
	if (f->dir >= 0)
		close(f->dir);
	if (f->fd >= 0)
		close(f->fd);
}

static int feed_open(struct feed *f, const char *id, uint64_t offset, struct err *err)
{
	f->id = id;
	f->fd = -1;
	f->dir = store_open_dir(id, err);
	if (f->dir < 0)
		return -1;
	f->fd = openat(f->dir, EVENTS_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (f->fd < 0)
		return err_errno(err, errno, "can't open the events of session %s", id);
	f->rec = xcalloc(1, sizeof(*f->rec));
	lines_init(&f->lines, f->fd, offset);
	return 0;
}

/* Lines into the batch until it is full. 1: something, 0: nothing more at present. */
static int feed_batch(struct feed *f, struct sink *s, struct err *err)
{
	struct log_line l;
	char *line;
	size_t n;
	int r = 0, any = 0;

	while (!sink_full(s) && (r = lines_next(&f->lines, &line, &n)) == 1) {
		struct export_item it = {.session = f->id, .rec = f->rec};
		if (log_line_parse(&l, line, n) < 0)
			return err_set(err, "the log of session %s is damaged behind event %llu",
				       f->id, (unsigned long long)f->next);
		any = 1;
		f->next = l.sequence + 1;
		it.sequence = l.sequence;
		it.json = l.event.p;
		it.n = l.event.n;
		if (audit_parse(it.json, it.n, f->rec) != 0)
			memset(f->rec, 0, sizeof(*f->rec));
		f->ended = str_eq(f->rec->type, "session_ended");
		if (select_match(&f->sel, f->rec))
			sink_add(s, &it);
	}
	return r < 0 ? err_errno(err, errno, "can't read the log of session %s", f->id) : any;
}

/* ---- dump ------------------------------------------------------------------------------------ */

struct dump_options {
	const char *to, *path, *kinds[64];
	size_t n_kinds;
	int format;
	bool denied;
};

static int parse_dump(struct dump_options *o, int argc, char **argv, struct err *err)
{
	static const struct option options[] = {
	    {"format", required_argument, NULL, 'f'}, {"to", required_argument, NULL, 't'},
	    {"kind", required_argument, NULL, 'k'},   {"path", required_argument, NULL, 'p'},
	    {"denied", no_argument, NULL, 'd'},	      {0}};
	enum export_format format;
	int c;

	*o = (struct dump_options){.to = "-", .format = -1};
	opterr = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'f' && export_format_parse(optarg, &format) < 0)
			return err_usage(err,
					 "\"%.40s\" is no format: ndjson, otlp, syslog, cef, "
					 "journald",
					 optarg);
		if (c == 'f')
			o->format = (int)format;
		else if (c == 't')
			o->to = optarg;
		else if (c == 'p')
			o->path = optarg;
		else if (c == 'd')
			o->denied = true;
		else if (c == 'k' && o->n_kinds + 1 < ARRAY_LEN(o->kinds))
			o->kinds[o->n_kinds++] = optarg;
		else
			return err_usage(err, "audit export: what is \"%.40s\"?", argv[optind - 1]);
	}
	return 0;
}

static int dump(int argc, char **argv, struct err *err)
{
	struct feed f = {.dir = -1, .fd = -1};
	struct dump_options o;
	struct sink *s = NULL;
	char id[65];
	int r = -1;

	if (parse_dump(&o, argc - 1, argv + 1, err) == 0 && audit_find(argv[1], id, err) == 0 &&
	    feed_open(&f, id, 0, err) == 0 &&
	    select_parse(&f.sel, o.kinds, o.path, o.denied, err) == 0 &&
	    (s = sink_open(o.to, o.format, err)))
		while ((r = feed_batch(&f, s, err)) == 1 && (r = sink_flush(s, err)) == 0)
			;
	sink_free(s);
	feed_close(&f);
	return r;
}

/* ---- follow ---------------------------------------------------------------------------------- */

/* Until it is delivered, or, once the session is over, until the grace is. */
static int deliver(struct feed *f, struct sink *s, struct err *err)
{
	unsigned wait = 100;
	uint64_t gone = 0;

	while (sink_flush(s, err) < 0) {
		bool over = f->ended || !store_alive(f->dir);
		if (over && !gone)
			gone = clock_mono_ns();
		if (over && clock_mono_ns() - gone > GRACE_S * 1000000000ull)
			return -1;
		poll(NULL, 0, (int)wait);
		wait = wait < BACKOFF_MAX_MS ? 2 * wait : BACKOFF_MAX_MS;
	}
	f->spool.offset = f->lines.offset;
	f->spool.sequence = f->next;
	return spool_write(&f->spool, f->dir, err);
}

static void wait_for_more(int notify)
{
	struct pollfd p = {.fd = notify, .events = POLLIN};
	char events[4096];

	if (poll(&p, 1, 500) > 0 && read(notify, events, sizeof(events)) < 0)
		return;
	poll(NULL, 0, 20); /* a writer writes every 20 ms */
}

/* -1: not all is delivered. */
static int follow_feed(struct feed *f, struct sink *s, struct err *err)
{
	_cleanup_close_ int notify = inotify_init1(IN_CLOEXEC);
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", f->fd);
	inotify_add_watch(notify, path, IN_MODIFY);
	for (;;) {
		bool alive = store_alive(f->dir);
		r = feed_batch(f, s, err);
		if (r < 0)
			return -1;
		if (r == 1 && deliver(f, s, err) < 0)
			return -1;
		if (r == 1)
			continue;
		if (f->ended || !alive)
			break;
		wait_for_more(notify);
	}
	f->spool.done = f->ended;
	return spool_write(&f->spool, f->dir, err);
}

static int follow(const char *id, struct err *err)
{
	struct feed f = {.dir = -1, .fd = -1};
	struct spool spool = {0};
	enum export_format format;
	struct sink *s;
	int r = -1, dir = store_open_dir(id, err);

	if (dir < 0)
		return -1;
	/* Another one is at it; one that was killed lets go in a moment. */
	for (int tries = 0; (r = flock(dir, LOCK_EX | LOCK_NB)) < 0 && tries < 20; tries++)
		poll(NULL, 0, 50);
	if (r < 0) {
		close(dir);
		return err_set(err, "the events are being delivered by another process");
	}
	r = spool_read(&spool, dir, err);
	if (r <= 0 || spool.done) {
		close(dir);
		spool_free(&spool);
		return r < 0 ? -1 : 0;
	}
	s = sink_open(spool.url,
		      spool.format && export_format_parse(spool.format, &format) == 0 ? (int)format
										      : -1,
		      err);
	if (s && feed_open(&f, id, spool.offset, err) == 0) {
		f.next = spool.sequence;
		f.spool = spool;
		r = follow_feed(&f, s, err);
	} else {
		r = -1;
	}
	sink_free(s);
	feed_close(&f);
	spool_free(&spool);
	close(dir);
	return r;
}

/* The record is made a moment after this was started. */
static int follow_new(const char *id, struct err *err)
{
	uint64_t until = clock_mono_ns() + BEGIN_S * 1000000000ull;
	struct spool spool = {0};

	for (;;) {
		int dir = store_open_dir(id, err), r = dir < 0 ? 0 : spool_read(&spool, dir, err);
		bool there = r == 1;
		if (dir >= 0)
			close(dir);
		spool_free(&spool);
		if (there)
			return follow(id, err);
		if (clock_mono_ns() > until)
			return -1;
		poll(NULL, 0, 50);
	}
}

static int pending(struct err *err)
{
	size_t n;
	char **ids = command_ids(&n, err);
	int r = 0;

	if (!ids)
		return -1;
	for (size_t i = 0; i < n; i++) {
		_cleanup_close_ int dir = store_open_dir(ids[i], err);
		struct spool spool = {0};
		bool open = dir >= 0 && spool_read(&spool, dir, err) == 1 && !spool.done &&
			    !store_alive(dir);
		uint64_t before = spool.sequence;
		spool_free(&spool);
		if (open && follow(ids[i], err) < 0) {
			fprintf(stderr, "nono: %s: %s\n", ids[i], err->msg);
			r = 1;
		} else if (open) {
			printf("%s: delivered from event %llu on\n", ids[i],
			       (unsigned long long)before);
		}
	}
	for (size_t i = 0; i < n; i++)
		free(ids[i]);
	free(ids);
	return r;
}

int main(int argc, char **argv)
{
	struct err err = {.cls = ERR_FAILURE};
	int r = -1;

	signal(SIGPIPE, SIG_IGN);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (argc >= 3 && str_eq(argv[1], "dump"))
		r = dump(argc - 1, argv + 1, &err);
	else if (argc == 3 && str_eq(argv[1], "follow"))
		r = follow_new(argv[2], &err);
	else if (argc == 2 && str_eq(argv[1], "pending"))
		r = pending(&err);
	else
		err_usage(&err, "nono-export is started by nono audit export and --audit-sink");
	if (r < 0)
		fprintf(stderr, "nono: %s\n", err.msg);
	return r < 0 ? (int)err.cls : r;
}
