/* The host's end of a client: its events, its deltas. */
#include <sys/socket.h>

#include "pty/host.h"

#define FRAME_NS      (16 * 1000000ull) /* between deltas while much is printed */
#define SMALL_NS      (2 * 1000000ull)	/* ... while little is */
#define SMALL_BYTES   2048
#define SYNC_HOLD_NS  (150 * 1000000ull)
#define HISTORY_LINES 2000u
#define HISTORY_CELLS 1000000u
#define HISTORY_BYTES (1u << 20)
#define KEEP	      (32u << 10)

void host_client_add(struct host *h, int fd, bool read_only)
{
	struct host_client *c = NULL;

	if (h->n_clients < HOST_CLIENTS_MAX && fd_set_nonblock(fd, true) == 0)
		c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return;
	}
	c->fd = fd;
	c->read_only = read_only;
	h->clients[h->n_clients++] = c;
}

void host_client_free(struct host_client *c)
{
	close(c->fd);
	host_find_end(c);
	host_copy_end(c);
	buf_free(&c->in);
	buf_free(&c->out);
	free(c);
}

void host_client_send(struct host_client *c)
{
	while (c->out.len && !c->over) {
		ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n < 0)
			c->over = true;
		else
			buf_consume(&c->out, (size_t)n);
	}
	if (c->out.cap > KEEP)
		buf_free(&c->out);
}

void host_broadcast(struct host *h, enum frame_type type, const void *p, size_t n)
{
	for (size_t i = 0; i < h->n_clients; i++) {
		struct host_client *c = h->clients[i];
		size_t at;

		if (!c->hello || c->over || c->out.len + n > EVENTS_MAX)
			continue;
		at = frame_begin(&c->out, type);
		buf_add(&c->out, p, n);
		frame_end(&c->out, at);
		host_client_send(c);
	}
}

/* ---- what it says ------------------------------------------------------------- */

static void use_size(struct host *h, const struct host_client *c)
{
	if (!c->read_only && c->cols > 0 && c->rows > 0)
		host_set_size(h, c->cols, c->rows);
}

/* Room for n bytes of input and a little more; else the event is dropped whole. */
static bool typing(struct host *h, struct host_client *c, size_t n)
{
	if (c->read_only || h->master < 0 || h->to_agent.len + n + 64 > TO_AGENT_MAX)
		return false;
	c->typed = true;
	h->report.last_input_ns = clock_mono_ns();
	return true;
}

static void on_hello(struct host *h, struct host_client *c, struct reader *r)
{
	c->cols = get_u16(r);
	c->rows = get_u16(r);
	c->read_only |= get_u8(r) != 0;
	if (c->hello || r->bad) {
		r->bad = true;
		return;
	}
	c->hello = true;
	use_size(h, c);
}

static void on_ack(struct host_client *c, struct reader *r)
{
	if (get_u64(r) == c->base.gen)
		c->in_flight = false;
}

static void on_key(struct host *h, struct host_client *c, struct reader *r)
{
	uint32_t key = get_u32(r);
	unsigned mods = get_u8(r);

	if (r->bad || !typing(h, c, 64))
		return;
	use_size(h, c);
	encode_key(&h->to_agent, h->t, key, mods);
}

static void on_text(struct host *h, struct host_client *c, struct reader *r, bool paste)
{
	size_t n = reader_left(r);
	const char *s = (const char *)get_bytes(r, n);

	if (!s || !typing(h, c, n))
		return;
	use_size(h, c);
	if (paste)
		encode_paste(&h->to_agent, h->t, s, n);
	else
		encode_text(&h->to_agent, h->t, s, n);
}

static void on_mouse(struct host *h, struct host_client *c, struct reader *r)
{
	int x = get_u16(r), y = get_u16(r);
	unsigned b = get_u8(r), a = get_u8(r), mods = get_u8(r);

	if (b > PTY_WHEEL_DOWN || a > PTY_MOVE)
		r->bad = true;
	if (!r->bad && typing(h, c, 64))
		encode_mouse(&h->to_agent, h->t, x, y, (enum pty_button)b, (enum pty_mouse_action)a,
			     mods);
}

static void on_resize(struct host *h, struct host_client *c, struct reader *r)
{
	c->cols = get_u16(r);
	c->rows = get_u16(r);
	if (!r->bad)
		use_size(h, c);
}

static void on_colors(struct host *h, const struct host_client *c, struct reader *r)
{
	uint32_t fg = get_u32(r) & 0xffffff, bg = get_u32(r) & 0xffffff;
	bool dark = get_u8(r);

	if (!r->bad && !c->read_only)
		terminal_set_colors(h->t, PTY_COLOR_RGB | fg, PTY_COLOR_RGB | bg, dark);
}

static void on_focus(struct host *h, struct host_client *c, struct reader *r)
{
	bool in = get_u8(r);

	if (!r->bad && !c->read_only && h->to_agent.len < REPLIES_MAX)
		encode_focus(&h->to_agent, h->t, in);
}

static void on_want_history(struct host_client *c, struct reader *r)
{
	c->history_first = get_u64(r);
	c->history_count = get_u32(r);
	c->want_history = !r->bad;
}

static int on_frame(struct host *h, struct host_client *c, uint8_t type, const uint8_t *p, size_t n)
{
	struct reader r = {.p = p, .end = p + n};

	if (!c->hello && type != FRAME_HELLO)
		return -1;
	switch (type) {
	case FRAME_HELLO:
		on_hello(h, c, &r);
		break;
	case FRAME_ACK:
		on_ack(c, &r);
		break;
	case FRAME_KEY:
		on_key(h, c, &r);
		break;
	case FRAME_TEXT:
	case FRAME_PASTE:
		on_text(h, c, &r, type == FRAME_PASTE);
		break;
	case FRAME_MOUSE:
		on_mouse(h, c, &r);
		break;
	case FRAME_FOCUS:
		on_focus(h, c, &r);
		break;
	case FRAME_RESIZE:
		on_resize(h, c, &r);
		break;
	case FRAME_COLORS:
		on_colors(h, c, &r);
		break;
	case FRAME_WANT_HISTORY:
		on_want_history(c, &r);
		break;
	case FRAME_FIND:
		host_find_begin(h, c, &r);
		break;
	case FRAME_COPY:
		host_copy_begin(h, c, &r);
		break;
	default:
		return -1;
	}
	return r.bad || r.p != r.end ? -1 : 0;
}

static void frames(struct host *h, struct host_client *c)
{
	const uint8_t *p = (const uint8_t *)c->in.data;
	size_t done = 0;

	while (!c->over && c->in.len - done >= 4) {
		struct reader r = {.p = p + done, .end = p + c->in.len};
		size_t len = get_u32(&r);

		if (len < 1 || len > PTY_FRAME_MAX) {
			c->over = true;
			break;
		}
		if (reader_left(&r) < len)
			break;
		if (on_frame(h, c, r.p[0], r.p + 1, len - 1) < 0)
			c->over = true;
		done += 4 + len;
	}
	buf_consume(&c->in, done);
	if (!c->in.len && c->in.cap > KEEP)
		buf_free(&c->in);
}

void host_client_read(struct host *h, struct host_client *c)
{
	uint8_t bytes[16 << 10];
	ssize_t n = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (n <= 0) {
		c->over = true;
		return;
	}
	buf_add(&c->in, bytes, (size_t)n);
	frames(h, c);
}

/* ---- what it is sent ------------------------------------------------------------- */

static void send_history(struct host *h, struct host_client *c)
{
	const struct history *y = &h->t->history;
	uint64_t first = c->history_first, n = c->history_count, end = y->first + y->count;
	uint64_t most = HISTORY_CELLS / (unsigned)h->t->cols;
	size_t at = frame_begin(&c->out, FRAME_HISTORY), count_at;
	uint32_t count = 0;

	if (most > HISTORY_LINES)
		most = HISTORY_LINES;
	if (first < y->first) {
		n = n > y->first - first ? n - (y->first - first) : 0;
		first = y->first;
	}
	if (n > most)
		n = most;
	put_u64(&c->out, first);
	count_at = c->out.len;
	put_u32(&c->out, 0);
	put_u16(&c->out, (unsigned)h->t->cols);
	for (uint64_t i = first; i < end && count < n && c->out.len - at < HISTORY_BYTES;) {
		size_t left, k;
		const uint8_t *p = history_line(y, i, &left);

		/* The lines of a block follow each other: found once, walked on. */
		for (; p && left && i < end && count < n && c->out.len - at < HISTORY_BYTES; i++) {
			k = line_size(p, left);
			if (!k)
				break;
			buf_add(&c->out, p, k);
			p += k;
			left -= k;
			count++;
		}
		if (!p || left)
			break;
	}
	for (int i = 0; i < 4; i++)
		c->out.data[count_at + (size_t)i] = (char)(count >> (8 * i));
	frame_end(&c->out, at);
	c->want_history = false;
	host_client_send(c);
}

/* When its next delta may go. */
static uint64_t due(const struct host *h, const struct host_client *c)
{
	bool small = h->report.bytes_out - c->sent_bytes < SMALL_BYTES;

	return c->typed || !c->sent_ns ? 0 : c->sent_ns + (small ? SMALL_NS : FRAME_NS);
}

/* True while synchronized output keeps an unfinished picture back. */
static bool held(struct host *h, uint64_t now)
{
	if (!(h->t->modes & MODE_SYNC) || h->ended) {
		h->hold_ns = 0;
		return false;
	}
	if (!h->hold_ns)
		h->hold_ns = now;
	if (now - h->hold_ns < SYNC_HOLD_NS)
		return true;
	h->t->modes &= ~(uint32_t)MODE_SYNC; /* its program has forgotten to end it */
	h->hold_ns = 0;
	return false;
}

uint64_t host_deltas(struct host *h, uint64_t now)
{
	uint64_t next = 0;

	for (size_t i = 0; i < h->n_clients; i++) {
		struct host_client *c = h->clients[i];
		uint64_t when;

		if (!c->hello || c->over)
			continue;
		if (c->want_history && !c->out.len)
			send_history(h, c);
		if (c->find && !c->out.len && host_find_step(h, c))
			next = now; /* more of it at the next turn */
		if (c->copy && !c->out.len && host_copy_step(h, c))
			next = now;
		if (c->in_flight || c->out.len || !delta_needed(h->t, &c->base, h->ended))
			continue;
		when = due(h, c);
		if (c->base.gen && held(h, now) && h->hold_ns + SYNC_HOLD_NS > when)
			when = h->hold_ns + SYNC_HOLD_NS;
		if (when > now) {
			if (!next || when < next)
				next = when;
			continue;
		}
		delta_encode(&c->out, h->t, &c->base, h->ended);
		c->in_flight = true;
		c->typed = false;
		c->sent_ns = now;
		c->sent_bytes = h->report.bytes_out;
		host_client_send(c);
	}
	return next;
}
