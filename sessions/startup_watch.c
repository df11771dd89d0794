/* --startup-timeout: a program that hangs before it shows anything is ended. */
#include "sessions/broker.h"

#define GRACE_MS 2000

static bool shows_something(const struct broker *b)
{
	return b->have_report && (b->report.visible || b->report.alt_screen);
}

static void on_time(uv_timer_t *t)
{
	struct broker *b = t->data;
	char text[96];

	if (b->agent_gone || b->stopping || shows_something(b))
		return;
	snprintf(text, sizeof(text), "startup timeout: nothing on the screen within %u s",
		 b->o->startup_timeout_s);
	cJSON_AddStringToObject(b->record, "ended_by", text);
	broker_write_record(b, NULL);
	broker_stop(b, GRACE_MS);
}

void broker_watch_startup(struct broker *b)
{
	if (b->o->startup_timeout_s && b->o->terminal)
		uv_timer_start(&b->startup_timer, on_time, b->o->startup_timeout_s * 1000ull, 0);
}
