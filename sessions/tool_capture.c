/*
 * Intercept rules that capture: what the program prints stays here, in locked memory; its caller
 * gets a stand-in, which is the real thing again only inside later calls of those commands that the
 * rule reveals it to.
 */
#include <fcntl.h>

#include "network/credentials/credentials.h"
#include "sessions/tool_run.h"

#define CAPTURES_MAX   64
#define STAND_IN_START "nono_"
#define STAND_IN_BYTES 24
#define STAND_IN_LEN   (sizeof(STAND_IN_START) - 1 + 2 * STAND_IN_BYTES)

struct capture {
	char stand_in[STAND_IN_LEN + 1];
	struct secret secret;
	const struct policy_command *command;
	const struct command_intercept *by;
};

struct captures {
	struct capture v[CAPTURES_MAX];
	size_t n;
};

void captures_free(struct captures *c)
{
	for (size_t i = 0; c && i < c->n; i++)
		secret_free(&c->v[i].secret);
	free(c);
}

/* ---- taking ---------------------------------------------------------------------------------- */

static void too_much(struct run *r)
{
	str_copy(r->capture_failure, sizeof(r->capture_failure),
		 "it printed more than can be captured");
	run_stop(r);
}

/* True if there may be more. */
static bool take(struct run *r)
{
	char chunk[4096];
	ssize_t n = read(r->capture_fd, chunk, sizeof(chunk));
	struct err err = {0};

	if (n < 0 && errno == EINTR)
		return true;
	if (n <= 0)
		return false;
	if (r->capture_failure[0])
		return true; /* the rest is for nobody */
	if (r->captured.len + (size_t)n > SECRET_MAX)
		too_much(r);
	else if (secret_add(&r->captured, chunk, (size_t)n, &err) < 0)
		str_copy(r->capture_failure, sizeof(r->capture_failure), err.msg);
	explicit_bzero(chunk, sizeof(chunk));
	return true;
}

static void on_output(uv_poll_t *h, int status, int events)
{
	struct run *r = h->data;

	(void)events;
	if (status < 0 || !take(r))
		uv_poll_stop(h);
}

int capture_open(struct run *r)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0)
		return -1;
	fd_set_nonblock(pair[0], true);
	close(r->fds[1]);
	r->fds[1] = pair[1];
	r->capture_fd = pair[0];
	return 0;
}

void capture_watch(struct run *r)
{
	if (r->capture_fd >= 0)
		run_watch(r, &r->capture_poll, r->capture_fd, UV_READABLE, on_output);
}

/* ---- stand-ins ------------------------------------------------------------------------------- */

/* The same secret of the same rule keeps its stand-in. */
static const struct capture *known(const struct run *r)
{
	const struct captures *c = r->t->captures;

	for (size_t i = 0; c && i < c->n; i++)
		if (c->v[i].by == r->verdict.intercept &&
		    secret_equal(c->v[i].secret.data, c->v[i].secret.len, r->captured.data,
				 r->captured.len))
			return &c->v[i];
	return NULL;
}

static const struct capture *keep(struct run *r)
{
	struct tools *t = r->t;
	struct capture *c;
	char hex[2 * STAND_IN_BYTES + 1];

	if (!t->captures)
		t->captures = xcalloc(1, sizeof(*t->captures));
	if (t->captures->n == CAPTURES_MAX)
		return NULL;
	c = &t->captures->v[t->captures->n++];
	random_hex(hex, STAND_IN_BYTES);
	snprintf(c->stand_in, sizeof(c->stand_in), STAND_IN_START "%s", hex);
	c->secret = r->captured;
	r->captured = (struct secret){0};
	c->command = r->verdict.command;
	c->by = r->verdict.intercept;
	return c;
}

const char *capture_end(struct run *r, char *out, size_t size)
{
	const struct capture *c;
	size_t n;

	out[0] = '\0';
	while (!r->capture_failure[0] && take(r))
		;
	run_unwatch(r, &r->capture_poll);
	close(STEAL_FD(r->capture_fd));
	if (r->capture_failure[0])
		return r->capture_failure;
	n = r->captured.len;
	while (n && (r->captured.data[n - 1] == '\n' || r->captured.data[n - 1] == '\r'))
		n--;
	if (!n)
		return NULL;
	/* Neither an argument nor a variable can hold it. */
	if (memchr(r->captured.data, '\0', n))
		return "what it printed is no text";
	snprintf(out, size, "%s", n < r->captured.len ? "\n" : "");
	r->captured.data[n] = '\0';
	r->captured.len = n;
	c = known(r);
	c = c ? c : keep(r);
	if (!c) {
		out[0] = '\0';
		return "too many captured secrets";
	}
	n = strlen(out);
	snprintf(out, size, "%s%s", c->stand_in, n ? "\n" : "");
	return NULL;
}

/* ---- revealing ------------------------------------------------------------------------------- */

static bool may_have(const struct capture *c, const struct policy_command *command)
{
	const struct words *more = &c->by->reveal_to;

	if (c->command == command)
		return true;
	for (size_t i = 0; i < more->n; i++)
		if (str_eq(more->v[i], command->name))
			return true;
	return false;
}

/* The first stand-in at or after s that this command may have replaced. */
static const struct capture *next_of(const struct run *r, const char *s, const char **at)
{
	const struct captures *all = r->t->captures;

	for (*at = strstr(s, STAND_IN_START); *at; *at = strstr(*at + 1, STAND_IN_START))
		for (size_t i = 0; i < all->n; i++)
			if (strncmp(*at, all->v[i].stand_in, STAND_IN_LEN) == 0 &&
			    may_have(&all->v[i], r->verdict.command))
				return &all->v[i];
	return NULL;
}

bool capture_reveal(const struct run *r, const char *s, struct buf *to)
{
	const struct capture *c;
	const char *at;
	bool any = false;

	while (r->t->captures && (c = next_of(r, s, &at))) {
		buf_add(to, s, (size_t)(at - s));
		buf_add(to, c->secret.data, c->secret.len);
		s = at + STAND_IN_LEN;
		any = true;
	}
	buf_add(to, s, strlen(s) + 1);
	return any;
}
