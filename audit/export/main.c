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
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define GRACE_S	       20 /* after the session's end, for a sink that is away */
#define BEGIN_S	       60 /* until a session that is starting has its record */
#define BACKOFF_MAX_MS 5000u
#define RENEW_S	       60 /* a new sender, with a new look at how names are found */
#define EXIT_RENEW     75

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
	    (s = sink_open(o.to, o.format, err)) && sink_prepare(s, err) == 0 &&
	    sink_confine(s, id, err) == 0)
		while ((r = feed_batch(&f, s, err)) == 1 && (r = sink_flush(s, err)) == 0)
			;
	sink_free(s);
	feed_close(&f);
	return r;
}

/* ---- follow ---------------------------------------------------------------------------------- */

/* What the sender says to the process that keeps the spool. */
struct progress {
	uint64_t offset, sequence;
	uint64_t done;
};

/* Until it succeeds, or, once the session is over, until the grace is; or, with what changes
 * outside of its confinement, for another one to try. */
static int insist(struct feed *f, struct sink *s, int (*attempt)(struct sink *, struct err *),
		  struct err *err)
{
	uint64_t since = clock_mono_ns(), gone = 0;
	unsigned wait = 100;

	while (attempt(s, err) < 0) {
		bool over = f->ended || !store_alive(f->dir);
		if (over && !gone)
			gone = clock_mono_ns();
		if (over && clock_mono_ns() - gone > GRACE_S * 1000000000ull)
			return -1;
		if (!over && clock_mono_ns() - since > RENEW_S * 1000000000ull)
			_exit(EXIT_RENEW);
		poll(NULL, 0, (int)wait);
		wait = wait < BACKOFF_MAX_MS ? 2 * wait : BACKOFF_MAX_MS;
	}
	return 0;
}

static int report(struct feed *f, int keeper, bool done, struct err *err)
{
	struct progress p = {f->lines.offset, f->next, done};

	f->spool.offset = p.offset;
	return write_full(keeper, &p, sizeof(p)) == 0
		   ? 0
		   : err_errno(err, errno, "what was delivered can't be noted");
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
static int follow_feed(struct feed *f, struct sink *s, int keeper, struct err *err)
{
	_cleanup_close_ int notify = inotify_init1(IN_CLOEXEC);
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", f->fd);
	inotify_add_watch(notify, path, IN_MODIFY);
	if (insist(f, s, sink_prepare, err) < 0 || sink_confine(s, f->id, err) < 0)
		return -1;
	for (;;) {
		bool alive = store_alive(f->dir);
		r = feed_batch(f, s, err);
		if (r < 0)
			return -1;
		if (r == 1 &&
		    (insist(f, s, sink_flush, err) < 0 || report(f, keeper, false, err) < 0))
			return -1;
		if (r == 1)
			continue;
		if (f->ended || !alive)
			break;
		wait_for_more(notify);
	}
	return f->ended ? report(f, keeper, true, err) : 0;
}

static int send_feed(const char *id, const struct spool *spool, int keeper, struct err *err)
{
	struct feed f = {.dir = -1, .fd = -1};
	enum export_format format;
	bool named = spool->format && export_format_parse(spool->format, &format) == 0;
	struct sink *s = sink_open(spool->url, named ? (int)format : -1, err);
	int r = -1;

	if (s && feed_open(&f, id, spool->offset, err) == 0) {
		f.next = spool->sequence;
		r = follow_feed(&f, s, keeper, err);
	}
	sink_free(s);
	feed_close(&f);
	return r;
}

static _Noreturn void in_sender(const char *id, const struct spool *spool, int keeper)
{
	struct err err = {.cls = ERR_FAILURE};
	int r;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 0);
	r = send_feed(id, spool, keeper, &err);
	if (r < 0)
		fprintf(stderr, "nono: %s: %s\n", id, err.msg);
	_exit(r < 0);
}

/* Believes of the sender only what is possible. */
static int keep_spool(struct spool *spool, int dir, int sender, struct err *err)
{
	struct progress p;
	struct stat st;

	while (read_full(sender, &p, sizeof(p)) == (ssize_t)sizeof(p)) {
		if (fstatat(dir, EVENTS_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    p.offset < spool->offset || p.sequence < spool->sequence ||
		    p.offset > (uint64_t)st.st_size || p.done > 1)
			return err_set(err, "the sender says what can't be");
		spool->offset = p.offset;
		spool->sequence = p.sequence;
		spool->done = p.done;
		if (spool_write(spool, dir, err) < 0)
			return -1;
	}
	return 0;
}

/* One process sends, and can do nothing else; this one notes how far that one is. Its exit code, -1
 * with err. */
static int deliver(const char *id, struct spool *spool, int dir, struct err *err)
{
	int pair[2], status = 0, r;
	pid_t pid;

	do {
		if (pipe2(pair, O_CLOEXEC) < 0)
			return err_errno(err, errno, "can't make a pipe");
		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			close(pair[0]);
			in_sender(id, spool, pair[1]);
		}
		close(pair[1]);
		r = pid < 0 ? err_errno(err, errno, "can't fork")
			    : keep_spool(spool, dir, pair[0], err);
		close(pair[0]);
		while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	} while (r == 0 && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_RENEW);
	return r < 0 ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int follow(const char *id, struct err *err)
{
	_cleanup_close_ int dir = store_open_dir(id, err);
	struct spool spool = {0};
	int r = -1;

	if (dir < 0)
		return -1;
	/* Another one is at it; one that was killed lets go in a moment. */
	for (int tries = 0; (r = flock(dir, LOCK_EX | LOCK_NB)) < 0 && tries < 20; tries++)
		poll(NULL, 0, 50);
	if (r < 0)
		return err_set(err, "the events are being delivered by another process");
	r = spool_read(&spool, dir, err);
	if (r == 1)
		r = spool.done ? 0 : deliver(id, &spool, dir, err);
	spool_free(&spool);
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
		int failed = open ? follow(ids[i], err) : 0;
		if (failed < 0)
			fprintf(stderr, "nono: %s: %s\n", ids[i], err->msg);
		if (failed) {
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
	fflush(NULL);
	_exit(r < 0 ? (int)err.cls : r); /* at exit() others do what is confined now */
}
