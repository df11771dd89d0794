/* A client's end of the connection to a screen host. */
#include <sys/socket.h>

#include "pty/client.h"

#define OUT_MAX (PTY_FRAME_MAX + (64u << 10)) /* a host that does not read gets no more */
#define KEEP	(64u << 10)

static void send_out(struct pty_client *c)
{
	while (c->out.len && c->fd >= 0 && !c->broken) {
		ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n < 0) {
			c->broken = true;
			break;
		}
		buf_consume(&c->out, (size_t)n);
	}
	if (c->out.cap > KEEP)
		buf_free(&c->out);
	buf_clear(&c->out);
}

bool client_begin(struct pty_client *c, enum frame_type type, size_t n, size_t *at)
{
	if (c->broken || c->out.len + n + FRAME_HEAD > OUT_MAX)
		return false;
	*at = frame_begin(&c->out, type);
	return true;
}

void client_finish(struct pty_client *c, size_t at)
{
	frame_end(&c->out, at);
	send_out(c);
}

struct pty_client *pty_client_new(int fd, int cols, int rows, bool read_only,
				  const struct pty_client_events *ev)
{
	struct pty_client *c = calloc(1, sizeof(*c));
	size_t at;

	if (!c)
		return NULL;
	c->fd = fd;
	if (ev)
		c->ev = *ev;
	picture_init(&c->picture);
	if (client_begin(c, FRAME_HELLO, 8, &at)) {
		put_u16(&c->out, (unsigned)cols & 0xffff);
		put_u16(&c->out, (unsigned)rows & 0xffff);
		put_u8(&c->out, read_only);
		client_finish(c, at);
	}
	return c;
}

void pty_client_free(struct pty_client *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	picture_free(&c->picture);
	buf_free(&c->in);
	buf_free(&c->out);
	free(c);
}

int pty_client_fd(const struct pty_client *c)
{
	return c->fd;
}

bool pty_client_want_write(const struct pty_client *c)
{
	return c->out.len && !c->held && !c->broken;
}

const struct pty_screen *pty_client_screen(const struct pty_client *c)
{
	return &c->picture.s;
}

/* ---- frames from the host ----------------------------------------------------------- */

static int on_delta(struct pty_client *c, const uint8_t *p, size_t n)
{
	size_t at;

	if (delta_decode(&c->picture, p, n) < 0)
		return -1;
	/* Sent when all that came is looked at. */
	if (client_begin(c, FRAME_ACK, 8, &at)) {
		put_u64(&c->out, c->picture.s.generation);
		frame_end(&c->out, at);
	}
	if (c->ev.update)
		c->ev.update(c->ev.data, &c->picture.s);
	return 0;
}

static int on_history(struct pty_client *c, const uint8_t *p, size_t n)
{
	struct reader r = {.p = p, .end = p + n};
	uint64_t first = get_u64(&r), count = get_u32(&r);
	size_t cols = get_u16(&r);
	struct line_clusters names = {.intern = picture_intern, .data = &c->picture};

	/* A line takes at least one byte, so that a short frame can't ask for much memory. */
	if (r.bad || count > reader_left(&r) || cols < 1 || cols > PTY_COLS_MAX)
		return -1;
	if (count * cols > (PTY_FRAME_MAX * 4u) / sizeof(struct pty_cell))
		return -1;
	_cleanup_free_ struct pty_cell *cells = calloc((size_t)count * cols + 1, sizeof(*cells));
	if (!cells)
		return -1;
	for (uint64_t i = 0; i < count; i++) {
		size_t k = line_decode(r.p, reader_left(&r), cells + i * cols, cols, &names);

		if (!k)
			return -1;
		r.p += k;
	}
	if (r.p != r.end)
		return -1;
	if (c->ev.history)
		c->ev.history(c->ev.data, first, (size_t)count, (int)cols, cells);
	return 0;
}

static int on_notify(struct pty_client *c, const uint8_t *p, size_t n)
{
	struct reader r = {.p = p, .end = p + n};
	char title[PTY_TITLE_MAX], body[PTY_TEXT_MAX];

	get_string(&r, title, sizeof(title));
	get_string(&r, body, sizeof(body));
	if (r.bad || r.p != r.end)
		return -1;
	if (c->ev.notify)
		c->ev.notify(c->ev.data, title, body);
	return 0;
}

static int on_found(struct pty_client *c, const uint8_t *p, size_t n)
{
	struct reader r = {.p = p, .end = p + n};
	struct pty_found found;
	unsigned flags, rows;

	found.id = get_u32(&r);
	flags = get_u8(&r);
	found.line = get_u64(&r);
	found.col = get_u16(&r);
	rows = get_u16(&r);
	found.end_col = get_u16(&r);
	if (r.bad || r.p != r.end || flags > 3 || found.line > UINT64_MAX / 2 ||
	    found.col >= PTY_COLS_MAX || found.end_col >= PTY_COLS_MAX || rows > PTY_FIND_MAX ||
	    (!rows && found.end_col < found.col))
		return -1;
	found.found = flags & 1;
	found.wrapped = flags & 2;
	found.end_line = found.line + rows;
	if (c->ev.found)
		c->ev.found(c->ev.data, &found);
	return 0;
}

/* Text of cells and ends of lines: nothing else may get to where it is pasted. */
static int on_copied(struct pty_client *c, const uint8_t *p, size_t n)
{
	struct reader r = {.p = p, .end = p + n};
	uint32_t id = get_u32(&r);
	bool cut = get_u8(&r);

	if (r.bad || reader_left(&r) > PTY_COPY_MAX)
		return -1;
	for (const uint8_t *line = r.p; line < r.end;) {
		const uint8_t *end = memchr(line, '\n', (size_t)(r.end - line));

		if (!text_is_printable((const char *)line, (size_t)((end ? end : r.end) - line)))
			return -1;
		line = end ? end + 1 : r.end;
	}
	if (c->ev.copied)
		c->ev.copied(c->ev.data, id, cut, (const char *)r.p, reader_left(&r));
	return 0;
}

static int on_frame(struct pty_client *c, uint8_t type, const uint8_t *p, size_t n)
{
	switch (type) {
	case FRAME_DELTA:
		return on_delta(c, p, n);
	case FRAME_HISTORY:
		return on_history(c, p, n);
	case FRAME_BELL:
		if (c->ev.bell)
			c->ev.bell(c->ev.data);
		return 0;
	case FRAME_CLIPBOARD:
		if (c->ev.clipboard && n)
			c->ev.clipboard(c->ev.data, (const char *)p, n);
		return 0;
	case FRAME_NOTIFY:
		return on_notify(c, p, n);
	case FRAME_COPIED:
		return on_copied(c, p, n);
	case FRAME_FOUND:
		return on_found(c, p, n);
	default:
		return -1;
	}
}

/* Whole frames at p; returns what they took, -1 if one is refused. */
static ssize_t frames(struct pty_client *c, const uint8_t *p, size_t n)
{
	size_t done = 0;

	while (n - done >= 4) {
		struct reader r = {.p = p + done, .end = p + n};
		size_t len = get_u32(&r);

		if (len < 1 || len > PTY_FRAME_MAX)
			return -1;
		if (n - done - 4 < len)
			break;
		if (on_frame(c, r.p[0], r.p + 1, len - 1) < 0)
			return -1;
		done += 4 + len;
	}
	return (ssize_t)done;
}

int pty_client_feed(struct pty_client *c, const void *p, size_t n)
{
	const uint8_t *s = p;
	ssize_t k;

	if (c->broken)
		return -1;
	if (!c->in.len) { /* usual: whole frames, nothing to copy */
		k = frames(c, s, n);
		if (k >= 0)
			buf_add(&c->in, s + k, n - (size_t)k);
	} else {
		buf_add(&c->in, s, n);
		k = frames(c, (const uint8_t *)c->in.data, c->in.len);
		if (k > 0)
			buf_consume(&c->in, (size_t)k);
		if (!c->in.len && c->in.cap > KEEP)
			buf_free(&c->in);
	}
	if (k < 0)
		c->broken = true;
	return k < 0 ? -1 : 0;
}

int pty_client_on_readable(struct pty_client *c)
{
	uint8_t bytes[64 << 10];

	/* Bounded, so that one busy session does not keep the others waiting. */
	for (int i = 0; i < 16 && !c->broken; i++) {
		ssize_t n = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n <= 0 || pty_client_feed(c, bytes, (size_t)n) < 0)
			return -1;
		if ((size_t)n < sizeof(bytes))
			break;
	}
	if (!c->held)
		send_out(c);
	return c->broken ? -1 : 0;
}

void pty_client_hold(struct pty_client *c)
{
	c->held = true;
}

int pty_client_on_writable(struct pty_client *c)
{
	c->held = false;
	send_out(c);
	return c->broken ? -1 : 0;
}
