/* Events into the ring of a running session's log; those that the writer has to know at once. */
#include "audit/log_state.h"

#include <fcntl.h>

#include "audit/spool.h"

/* After a successful put: a sleeping writer is woken once, a busy one when half is gone. */
static void after_put(struct audit_log *log, size_t fill)
{
	uint32_t word = atomic_load(&log->word);

	if (word == ASLEEP || (word == AWAKE && fill > RING_HALF / 2))
		log_wake_writer(log, word, word == ASLEEP ? AWAKE : HURRY);
}

/* The ring is full: the emitter empties it itself, or waits for who is just doing so. False when
 * nothing can be written; then the event counts as lost and the log will say how many were. */
static bool make_room(struct audit_log *log)
{
	int result;

	if (atomic_load(&log->failed)) {
		atomic_fetch_add(&log->lost, 1);
		return false;
	}
	log_drain(log, &result);
	return true;
}

void audit_emit(struct audit_log *log, const struct audit_event *ev)
{
	size_t fill;

	if (!log)
		return;
	while (!ring_put_event(&log->ring, ev, &fill))
		if (!make_room(log))
			return;
	atomic_fetch_add_explicit(&log->events, 1, memory_order_relaxed);
	if (ev->decision == AUDIT_DENIED)
		atomic_fetch_add_explicit(&log->denials, 1, memory_order_relaxed);
	after_put(log, fill);
}

static void emit_text(struct audit_log *log, const struct buf *b)
{
	size_t fill;

	while (!ring_put_text(&log->ring, b->data, b->len, &fill))
		if (!make_room(log))
			return;
	atomic_fetch_add_explicit(&log->events, 1, memory_order_relaxed);
	after_put(log, fill);
}

void audit_emit_decision(struct audit_log *log, const struct audit_decision_event *ev)
{
	_cleanup_(buf_free) struct buf b = {0};

	if (!log)
		return;
	format_decision(&b, log->meta.id, ev);
	if (!ev->granted)
		atomic_fetch_add_explicit(&log->denials, 1, memory_order_relaxed);
	emit_text(log, &b);
}

void audit_emit_command(struct audit_log *log, const struct audit_command_event *ev)
{
	_cleanup_(buf_free) struct buf b = {0};
	uint64_t n;

	if (!log)
		return;
	n = atomic_fetch_add_explicit(&log->commands, 1, memory_order_relaxed);
	format_command_policy(&b, log->meta.id, n, ev, log->redaction);
	if (!ev->allowed)
		atomic_fetch_add_explicit(&log->denials, 1, memory_order_relaxed);
	emit_text(log, &b);
}

#define NETWORK_BYTES_MAX 524288u /* in session.json; the log has them all */

/* A connection counts when it is decided, a request when its answer is known. */
static void keep_network(struct audit_log *log, const struct audit_network_event *ev,
			 const struct buf *event)
{
	bool request = ev->method && ev->method[0] && strcmp(ev->method, "CONNECT") != 0;

	if (ev->ended != (request && !ev->denied))
		return;
	pthread_mutex_lock(&log->network_lock);
	log->n_network++;
	if (log->network.len + event->len < NETWORK_BYTES_MAX) {
		if (log->network.len)
			buf_addc(&log->network, ',');
		buf_add(&log->network, event->data, event->len);
	}
	pthread_mutex_unlock(&log->network_lock);
}

void audit_emit_network(struct audit_log *log, const struct audit_network_event *ev)
{
	_cleanup_(buf_free) struct buf b = {0}, line = {0};

	if (!log)
		return;
	format_network(&b, ev);
	buf_adds(&line, "{\"type\":\"network\",\"event\":");
	buf_add(&line, b.data, b.len);
	buf_addc(&line, '}');
	if (ev->denied && !ev->ended)
		atomic_fetch_add_explicit(&log->denials, 1, memory_order_relaxed);
	keep_network(log, ev, &b);
	emit_text(log, &line);
}

void audit_emit_url(struct audit_log *log, const struct audit_url_event *ev)
{
	_cleanup_(buf_free) struct buf b = {0};

	if (!log)
		return;
	format_url(&b, ev);
	if (ev->error)
		atomic_fetch_add_explicit(&log->denials, 1, memory_order_relaxed);
	emit_text(log, &b);
}

const struct audit_redaction *audit_log_redaction(const struct audit_log *log)
{
	return log ? log->redaction : NULL;
}

int audit_log_file(struct audit_log *log, const char *name, struct err *err)
{
	int fd = openat(log->dirfd, name,
			O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd >= 0 ? fd : err_errno(err, errno, "can't create the audit file %s", name);
}

void audit_log_sign(struct audit_log *log, const struct audit_signer *s)
{
	log->signer = *s;
}

int audit_flush(struct audit_log *log)
{
	int result;

	if (!log)
		return 0;
	log_drain(log, &result);
	return result < 0 || atomic_load(&log->lost) ? -1 : 0;
}

bool audit_failed(const struct audit_log *log)
{
	return log && (atomic_load(&log->failed) || atomic_load(&log->lost));
}

void audit_counts(const struct audit_log *log, uint64_t *events, uint64_t *denials)
{
	*events = log ? atomic_load(&log->events) : 0;
	*denials = log ? atomic_load(&log->denials) : 0;
}
