#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>

#include "sessions/relay.h"

#define WRITE_MAX_US 50000

bool relay_over(const struct relay *r)
{
	return r->from < 0 && r->at == r->have;
}

void relay_poll(const struct relay *r, struct pollfd *p)
{
	if (r->at < r->have)
		*p = (struct pollfd){.fd = r->to, .events = POLLOUT};
	else
		*p = (struct pollfd){.fd = r->from, .events = POLLIN};
}

static void end(struct relay *r)
{
	close(r->from);
	r->from = -1;
	/* Held back until now: it may go, unless it was too much. */
	if (r->withheld && !r->count.exceeded && !r->drop)
		r->have = r->n_withheld;
}

/* True: the limit was just passed, and that ends the program. */
static bool take(struct relay *r, size_t n)
{
	uint64_t before = r->count.total, max = r->limit.max_bytes;
	bool first;

	r->count.total += n;
	if (!max || r->count.total <= max) {
		r->have = n;
		return false;
	}
	first = !r->count.exceeded;
	r->count.exceeded = true;
	r->have = before < max ? (size_t)(max - before) : 0;
	return first && r->limit.on_limit != LIMIT_TRUNCATE;
}

static bool withhold(struct relay *r)
{
	bool stop = false;
	ssize_t n = read(r->from, r->chunk, sizeof(r->chunk));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return false;
	if (n <= 0) {
		end(r);
		return false;
	}
	stop = take(r, (size_t)n);
	if (!r->count.exceeded) {
		r->withheld = xrealloc_array(r->withheld, r->n_withheld + (size_t)n, 1);
		memcpy(r->withheld + r->n_withheld, r->chunk, (size_t)n);
		r->n_withheld += (size_t)n;
	}
	r->have = 0;
	return stop;
}

static bool forward(struct relay *r)
{
	ssize_t n = read(r->from, r->chunk, sizeof(r->chunk));
	bool stop;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return false;
	if (n <= 0) {
		end(r);
		return false;
	}
	stop = take(r, (size_t)n);
	r->at = 0;
	if (r->drop)
		r->have = 0;
	return stop;
}

void relay_drop(struct relay *r)
{
	r->drop = true;
	if (r->from >= 0)
		end(r);
	r->at = r->have = 0;
}

/* Only there to interrupt. */
static void on_alarm(int sig)
{
	(void)sig;
}

int relay_prepare(void)
{
	struct sigaction action = {.sa_handler = on_alarm}; /* no SA_RESTART */
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	return sigaction(SIGALRM, &action, NULL) < 0 || sigprocmask(SIG_UNBLOCK, &set, NULL) < 0
		   ? -1
		   : 0;
}

/* What poll() called writable may be full again: others write to it as well. The descriptor is the
 * caller's, so it is not made non-blocking; a timer ends the wait, whatever kind of file it is. */
static ssize_t write_briefly(int fd, const char *data, size_t n)
{
	const struct itimerval on = {{0, WRITE_MAX_US}, {0, WRITE_MAX_US}}, off = {{0, 0}, {0, 0}};
	ssize_t done;
	int failed;

	setitimer(ITIMER_REAL, &on, NULL);
	done = write(fd, data, n);
	failed = errno;
	setitimer(ITIMER_REAL, &off, NULL);
	errno = failed;
	return done;
}

static void put(struct relay *r)
{
	const char *from = r->withheld ? r->withheld : r->chunk;
	size_t left = r->have - r->at;
	ssize_t n = write_briefly(r->to, from + r->at, left < RELAY_CHUNK ? left : RELAY_CHUNK);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0) { /* the reader is gone: the program finds its output closed */
		relay_drop(r);
		return;
	}
	r->at += (size_t)n;
	r->count.forwarded += (uint64_t)n;
	if (r->at == r->have && !r->withheld)
		r->at = r->have = 0;
}

bool relay_step(struct relay *r, const struct pollfd *p)
{
	if (p->fd < 0 || !p->revents)
		return false;
	if (r->at < r->have) {
		put(r);
		return false;
	}
	return r->limit.on_limit == LIMIT_DENY && r->limit.max_bytes ? withhold(r) : forward(r);
}
