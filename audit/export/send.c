/* The process that sends: confined as soon as the sink is prepared. */
#include "audit/export/feed.h"

#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/prctl.h>

#define GRACE_S	       20 /* after the session's end, for a sink that is away */
#define BACKOFF_MAX_MS 5000u
#define RENEW_S	       60

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

static int send_spool(const char *id, int keeper, struct err *err)
{
	_cleanup_close_ int dir = store_open_dir(id, err);
	struct spool spool = {0};
	int r = dir < 0 ? -1 : spool_read(&spool, dir, err);

	if (r == 1)
		r = spool.done ? 0 : send_feed(id, &spool, keeper, err);
	spool_free(&spool);
	return r;
}

_Noreturn void send_in_child(const char *id, int keeper)
{
	struct err err = {.cls = ERR_FAILURE};
	int r;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 0);
	r = send_spool(id, keeper, &err);
	if (r < 0)
		fprintf(stderr, "nono: %s: %s\n", id, err.msg);
	_exit(r < 0);
}
