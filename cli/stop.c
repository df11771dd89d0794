/* nono stop, detach, prune */
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

#include "cli/cli.h"

/* ---- stop ------------------------------------------------------------------------------ */

struct stop_options {
	bool force;
	long timeout;
};

static const struct option_row stop_rows[] = {
    {.name = "force", .offset = offsetof(struct stop_options, force), .help = "Kill at once"},
    {.name = "timeout",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct stop_options, timeout),
     .arg = "SECONDS",
     .help = "Between asking the programs to end and killing them (10)",
     .value = 10,
     .min = 0,
     .max = 86400},
    {0},
};

#define MARGIN_MS 5000 /* for the broker's own work, after the programs were killed */

/* A descriptor of the supervisor, -1 if it is gone (its number may be another's by now). */
static int supervisor_fd(const struct session_record *r)
{
	int fd = (int)syscall(SYS_pidfd_open, r->supervisor_pid, 0);

	if (fd < 0)
		return -1;
	if (proc_start_time(r->supervisor_pid) == r->started_epoch)
		return fd;
	close(fd);
	return -1;
}

static bool ended_within(int pidfd, long ms)
{
	uint64_t deadline = clock_mono_ns() + (uint64_t)ms * 1000000u;
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	for (;;) {
		uint64_t now = clock_mono_ns();
		int r = poll(&p, 1, now < deadline ? (int)((deadline - now) / 1000000u) + 1 : 0);

		if (r > 0)
			return true;
		if (r == 0 && now >= deadline)
			return false;
		if (r < 0 && errno != EINTR)
			return false;
	}
}

static int ask_to_stop(const struct session_record *r, const struct stop_options *o)
{
	struct session_client *c = session_connect(r->id, NULL, NULL);
	cJSON *args, *answer;

	if (!c)
		return -1;
	args = cJSON_CreateObject();
	cJSON_AddBoolToObject(args, "force", o->force);
	cJSON_AddNumberToObject(args, "timeout_ms", (double)o->timeout * 1000);
	answer = session_client_call(c, "stop", args, NULL, CALL_TIMEOUT_MS, NULL);
	session_client_free(c);
	cJSON_Delete(answer);
	return answer ? 0 : -1;
}

/* The broker asked, and if it does not answer or does not end: killed. Its programs die with it. */
static int stop_session(const struct session_record *r, const struct stop_options *o,
			struct err *err)
{
	_cleanup_close_ int pidfd = supervisor_fd(r);
	long grace = o->force ? 0 : o->timeout * 1000;

	if (pidfd < 0)
		return 0;
	/* One that was stopped by a signal can't answer. */
	if (r->status == SESSION_PAUSED)
		syscall(SYS_pidfd_send_signal, pidfd, SIGCONT, NULL, 0);
	if (ask_to_stop(r, o) == 0 && ended_within(pidfd, grace + MARGIN_MS))
		return 0;
	if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
		return err_errno(err, errno, "can't kill the supervisor of session %s (pid %d)",
				 r->id, r->supervisor_pid);
	return ended_within(pidfd, MARGIN_MS)
		   ? 0
		   : err_set(err, "session %s does not end (supervisor: pid %d)", r->id,
			     r->supervisor_pid);
}

static int stop(struct cli *cli, struct err *err)
{
	struct session_record r, after;
	int rc;

	if (session_find(cli->args[0], &r, err) < 0)
		return -1;
	if (r.status == SESSION_EXITED) {
		stop_session(&r, cli->options, NULL); /* one that only shows its last screen */
		cli_say(cli, "Session %s has ended already, with exit code %d.",
			r.name[0] ? r.name : r.id, r.exit_code);
		session_record_free(&r);
		return 0;
	}
	rc = stop_session(&r, cli->options, err);
	/* Looking at the record cleans up behind a supervisor that was killed. */
	if (rc == 0 && session_find(r.id, &after, NULL) == 0)
		session_record_free(&after);
	if (rc == 0)
		cli_say(cli, "Stopped session %s.", r.name[0] ? r.name : r.id);
	session_record_free(&r);
	return rc;
}

const struct command command_stop = {
    .name = "stop",
    .group = GROUP_SESSIONS,
    .usage = "SESSION [--force] [--timeout SECONDS]",
    .summary = "End a session and every process in it",
    .rows = stop_rows,
    .size = sizeof(struct stop_options),
    .flags = CLI_OUTSIDE,
    .min_args = 1,
    .max_args = 1,
    .arg = "a session",
    .run = stop,
};

/* ---- detach -------------------------------------------------------------------------------- */

static int detach(struct cli *cli, struct err *err)
{
	struct session_client *c;
	struct session_record r;
	cJSON *answer = NULL;

	if (find_live(cli->args[0], &r, err) < 0)
		return -1;
	c = connect_to(&r, err);
	if (c && !r.terminal)
		err_set(err, "session %s has no terminal: nobody is attached", r.id);
	else if (c)
		answer = session_client_call(c, "detach", NULL, NULL, CALL_TIMEOUT_MS, err);
	if (answer)
		cli_say(cli, "Detached session %s.", r.name[0] ? r.name : r.id);
	session_client_free(c);
	session_record_free(&r);
	cJSON_Delete(answer);
	return answer ? 0 : -1;
}

const struct command command_detach = {
    .name = "detach",
    .alias = "pause",
    .group = GROUP_SESSIONS,
    .usage = "SESSION",
    .summary = "Send away the clients of a session; its programs run on",
    .flags = CLI_OUTSIDE,
    .min_args = 1,
    .max_args = 1,
    .arg = "a session",
    .run = detach,
};

/* ---- prune ------------------------------------------------------------------------------------
 */

struct prune_options {
	bool dry_run;
	long older_than, keep;
};

static const struct option_row prune_rows[] = {
    {.name = "dry-run",
     .offset = offsetof(struct prune_options, dry_run),
     .help = "Only say how many there are"},
    {.name = "older-than",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct prune_options, older_than),
     .arg = "DAYS",
     .help = "Only those that started longer ago",
     .min = 0,
     .max = 36500},
    {.name = "keep",
     .kind = OPTION_NUMBER,
     .offset = offsetof(struct prune_options, keep),
     .arg = "N",
     .help = "Keep the newest N of them",
     .min = 0,
     .max = 1000000},
    {0},
};

static int prune(struct cli *cli, struct err *err)
{
	const struct prune_options *o = cli->options;
	int n;

	if (!o->dry_run)
		session_sweep();
	n = session_prune(o->older_than, o->keep, o->dry_run, err);

	if (n < 0)
		return -1;
	if (o->dry_run)
		printf("%d record%s would be removed\n", n, n == 1 ? "" : "s");
	else
		cli_say(cli, "Removed %d record%s of ended sessions.", n, n == 1 ? "" : "s");
	return 0;
}

const struct command command_prune = {
    .name = "prune",
    .group = GROUP_SESSIONS,
    .usage = "[--dry-run] [--older-than DAYS] [--keep N]",
    .summary = "Remove the records of ended sessions; audit logs stay",
    .details = "nono session cleanup is the same.\n",
    .rows = prune_rows,
    .size = sizeof(struct prune_options),
    .flags = CLI_OUTSIDE,
    .run = prune,
};
