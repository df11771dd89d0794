/* Descriptors in the loop. */
#include "tui/watch.h"

struct watch {
	uv_poll_t poll;
	int events;
	void (*fn)(void *data, int events);
	void *data;
};

static void on_poll(uv_poll_t *p, int status, int events)
{
	struct watch *w = p->data;

	/* An error is found again by reading. */
	w->fn(w->data, status < 0 ? UV_READABLE : events);
}

static void on_close(uv_handle_t *h)
{
	free(h->data);
}

struct watch *watch_new(uv_loop_t *loop, int fd, void (*fn)(void *data, int events), void *data)
{
	struct watch *w = xcalloc(1, sizeof(*w));

	w->fn = fn;
	w->data = data;
	if (uv_poll_init(loop, &w->poll, fd)) {
		free(w);
		return NULL;
	}
	w->poll.data = w;
	w->events = UV_READABLE;
	uv_poll_start(&w->poll, w->events, on_poll);
	return w;
}

void watch_set(struct watch *w, bool want_write)
{
	int events = UV_READABLE | (want_write ? UV_WRITABLE : 0);

	if (!w || events == w->events)
		return;
	w->events = events;
	uv_poll_start(&w->poll, events, on_poll);
}

void watch_free(struct watch *w)
{
	if (w)
		uv_close((uv_handle_t *)&w->poll, on_close);
}
