/* From what was typed to a session and its broker. */
#include "cli/cli.h"

int find_live(const char *what, struct session_record *out, struct err *err)
{
	if (session_find(what, out, err) < 0)
		return -1;
	if (out->status == SESSION_RUNNING)
		return 0;
	if (out->status == SESSION_PAUSED)
		err_set(err, "session %s is stopped (kill -CONT %d lets it go on)",
			out->name[0] ? out->name : out->id, out->supervisor_pid);
	else
		err_set(err, "session %s has ended with exit code %d",
			out->name[0] ? out->name : out->id, out->exit_code);
	session_record_free(out);
	return -1;
}

struct session_client *connect_to(const struct session_record *r, struct err *err)
{
	struct session_client *c = session_connect(r->id, NULL, err);

	if (!c && err)
		err_prefix(err, "session %s", r->name[0] ? r->name : r->id);
	return c;
}
