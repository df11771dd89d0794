/*
 * Deadlines: one list, looked through a few times a second. Setting one again, which happens with
 * every read, is a store.
 */
#include "network/proxy/proxy.h"

#define TICK_MS 200

void deadline_clear(struct proxy *p, struct deadline *d)
{
	if (!d->prev)
		return;
	if (p->deadline_cursor == d)
		p->deadline_cursor = d->next;
	*d->prev = d->next;
	if (d->next)
		d->next->prev = d->prev;
	d->prev = NULL;
}

void deadline_set(struct proxy *p, struct deadline *d, uint64_t in_ms,
		  void (*expired)(struct deadline *d))
{
	d->at_ms = proxy_now_ms(p) + in_ms;
	d->expired = expired;
	if (d->prev)
		return;
	d->next = p->deadlines;
	d->prev = &p->deadlines;
	if (d->next)
		d->next->prev = &d->next;
	p->deadlines = d;
}

static void on_tick(uv_timer_t *t)
{
	struct proxy *p = t->data;
	uint64_t now = proxy_now_ms(p);

	p->deadline_cursor = p->deadlines;
	while (p->deadline_cursor) {
		struct deadline *d = p->deadline_cursor;

		p->deadline_cursor = d->next;
		if (d->at_ms > now)
			continue;
		deadline_clear(p, d);
		d->expired(d);
	}
}

void deadline_start(struct proxy *p)
{
	uv_timer_init(&p->loop.uv, &p->tick);
	p->tick.data = p;
	uv_timer_start(&p->tick, on_tick, TICK_MS, TICK_MS);
}
