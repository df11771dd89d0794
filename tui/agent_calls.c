/* Questions to a session's broker and their answers. */
#include "tui/app.h"

bool agent_call(struct agent *a, const char *op, cJSON *args, call_fn fn, const char *ctx)
{
	struct pending_call *slot = NULL;

	for (size_t i = 0; i < CALLS_MAX && !slot; i++)
		if (!a->calls[i].fn)
			slot = &a->calls[i];
	if (!a->control || (fn && !slot)) {
		cJSON_Delete(args);
		return false;
	}
	slot = fn ? slot : NULL;
	if (slot) {
		slot->fn = fn;
		slot->ctx = ctx ? xstrdup(ctx) : NULL;
		slot->seq = session_client_send(a->control, op, args);
	} else {
		session_client_send(a->control, op, args);
	}
	agent_flush(a);
	return true;
}

bool answer_ok(const cJSON *answer)
{
	return answer && !cJSON_GetObjectItemCaseSensitive(answer, "error");
}

const char *answer_error(const cJSON *answer)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "error"));

	return s ? s : "the session's supervisor does not answer";
}

bool agent_may_change(struct agent *a)
{
	if (a->tui->options->read_only)
		tui_message(a->tui, true, "read-only: nothing can be changed from here");
	else if (a->ended)
		tui_message(a->tui, true, "%s has ended", a->name);
	else
		return true;
	return false;
}

void agent_show_change(struct agent *a, const cJSON *answer, int fd, const char *title,
		       const char *ctx, dialog_fn confirmed)
{
	const char *diff = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(answer, "diff"));

	if (fd >= 0)
		close(fd);
	if (!answer_ok(answer))
		tui_message(a->tui, true, "%s: %s", a->name, answer_error(answer));
	else
		dialog_text(a->tui, title,
			    diff && *diff ? diff : "(nothing: the profile says so already)", true,
			    "writes it", confirmed, ctx);
}

void agent_control_closed(struct agent *a)
{
	watch_free(a->control_watch);
	a->control_watch = NULL;
	if (a->control)
		session_client_free(a->control);
	a->control = NULL;
	a->screen_asked = false;
	for (size_t i = 0; i < CALLS_MAX; i++) {
		struct pending_call c = a->calls[i];

		memset(&a->calls[i], 0, sizeof(a->calls[i]));
		if (c.fn && !a->tui->quit)
			c.fn(a, NULL, -1, c.ctx);
		free(c.ctx);
	}
}

void agent_flush(struct agent *a)
{
	if (a->control)
		watch_set(a->control_watch, session_client_want_write(a->control));
	if (a->screen)
		watch_set(a->screen_watch, pty_client_want_write(a->screen));
}

static void stopped(struct agent *a, const cJSON *answer, int fd, const char *ctx)
{
	(void)ctx;
	if (fd >= 0)
		close(fd);
	if (answer && !answer_ok(answer))
		tui_message(a->tui, true, "%s: %s", a->name, answer_error(answer));
}

void agent_stop(struct agent *a, bool force)
{
	cJSON *args = cJSON_CreateObject();

	cJSON_AddBoolToObject(args, "force", force);
	if (!agent_call(a, "stop", args, stopped, NULL))
		tui_message(a->tui, true, "%s: not connected to its supervisor", a->name);
}
