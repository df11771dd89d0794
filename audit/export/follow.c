/*
 * Three processes bring a log to its sink while it grows. One sends, and sees nothing but the
 * record and the sink; one notes how far that one is, and can write the record's folder and nothing
 * else; this one waits for both, and reads nothing that they say.
 */
#include "audit/export/confine.h"
#include "audit/export/feed.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define BEGIN_S 60 /* until a session that is starting has its record */

/* Believes of the sender only what is possible. */
static int keep(struct spool *spool, int dir, int sender, struct err *err)
{
	struct progress p;
	struct stat st;

	while (read_full(sender, &p, sizeof(p)) == (ssize_t)sizeof(p)) {
		if (fstatat(dir, EVENTS_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    p.offset < spool->offset || p.sequence < spool->sequence ||
		    p.offset > (uint64_t)st.st_size || p.done > 1)
			return err_set(err, "the sender says what can't be");
		spool->offset = p.offset;
		spool->sequence = p.sequence;
		spool->done = p.done;
		if (spool_write(spool, dir, err) < 0)
			return -1;
	}
	return 0;
}

static _Noreturn void keep_in_child(const char *id, int dir, int sender)
{
	struct err err = {.cls = ERR_FAILURE};
	struct spool spool = {0};
	int r;

	prctl(PR_SET_DUMPABLE, 0);
	r = confine_keeper(id, &err);
	if (r == 0 && (r = spool_read(&spool, dir, &err)) == 1)
		r = keep(&spool, dir, sender, &err);
	if (r < 0)
		fprintf(stderr, "nono: %s: %s\n", id, err.msg);
	_exit(r < 0);
}

/* One that can't be started, or is killed, has failed. */
static int exit_code(pid_t pid)
{
	int status = 0;

	if (pid < 0)
		return 1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* The exit code of the round. The sender's end of the pipe is the end of who notes. */
static int deliver(const char *id, int dir, struct err *err)
{
	int pair[2], kept, sent;
	pid_t keeper, sender = -1;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_errno(err, errno, "can't make a pipe");
	fflush(stdout);
	keeper = fork();
	if (keeper == 0) {
		close(pair[1]);
		keep_in_child(id, dir, pair[0]);
	}
	close(pair[0]);
	if (keeper > 0 && (sender = fork()) == 0)
		send_in_child(id, pair[1]);
	close(pair[1]);
	if (keeper < 0 || sender < 0)
		err_errno(err, errno, "can't fork");
	sent = exit_code(sender);
	kept = exit_code(keeper);
	if (keeper < 0 || sender < 0)
		return -1;
	return kept ? kept : sent;
}

int follow(const char *id, struct err *err)
{
	_cleanup_close_ int dir = store_open_dir(id, err);
	int r = -1;

	if (dir < 0)
		return -1;
	/* Another one is at it; one that was killed lets go in a moment. */
	for (int tries = 0; (r = flock(dir, LOCK_EX | LOCK_NB)) < 0 && tries < 20; tries++)
		poll(NULL, 0, 50);
	if (r < 0)
		return err_set(err, "the events are being delivered by another process");
	do
		r = deliver(id, dir, err);
	while (r == EXIT_RENEW);
	return r;
}

/* The record is made a moment after this was started. */
int follow_new(const char *id, struct err *err)
{
	uint64_t until = clock_mono_ns() + BEGIN_S * 1000000000ull;
	struct spool spool = {0};

	for (;;) {
		int dir = store_open_dir(id, err), r = dir < 0 ? 0 : spool_read(&spool, dir, err);
		bool there = r == 1;
		if (dir >= 0)
			close(dir);
		spool_free(&spool);
		if (there)
			return follow(id, err);
		if (clock_mono_ns() > until)
			return -1;
		poll(NULL, 0, 50);
	}
}
