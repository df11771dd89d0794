/* Tools that a person must agree to: requests like any other, asked for by the broker itself. */
#include "elevation/requests.h"

int elevation_ask_tool(struct elevation *e, const struct tool_ask *t, uint64_t cookie,
		       struct err *err)
{
	static const struct policy_verdict verdict = {.source = "profile", .grantable = true};
	struct requests *q = e->requests;
	const struct ask ask = {
	    .kind = REQUEST_TOOL,
	    .target = t->line,
	    .target2 = "",
	    .asked = t->cwd,
	    .program = t->program,
	    .reason = t->reason,
	    .origin = REQUEST_ORIGIN_TOOL,
	    .access = NONO_EXEC,
	    .exists = true,
	    .pid = t->pid,
	    .verdict = &verdict,
	    .rule = t->rule,
	    .backend = t->backend,
	    .timeout_s = t->timeout_s,
	};
	const char *why;
	struct slot *s;

	/* Who agrees must have seen all of it. */
	if (strlen(t->line) > REQUEST_TOOL_MAX)
		return err_set(err, "its arguments are too long to be shown to anyone");
	pthread_mutex_lock(&q->lock);
	s = slot_for(e, &ask, &why);
	if (s)
		s->tool = cookie;
	pthread_mutex_unlock(&q->lock);
	if (!s)
		return err_set(err, "%s", why);
	elevation_wake(e);
	return 0;
}

void elevation_drop_tool(struct elevation *e, uint64_t cookie)
{
	struct requests *q = e->requests;
	struct slot *found = NULL;

	pthread_mutex_lock(&q->lock);
	for (size_t i = 0; i < q->n && !found; i++)
		if (q->order[i]->tool == cookie)
			found = q->order[i];
	pthread_mutex_unlock(&q->lock);
	if (found)
		slot_close(e, found, REQUEST_DENIED, NULL, "caller gone",
			   "nobody waits for it any more");
}
