/*
 * From the ring to the file. Emitters only copy into the ring. Who empties it holds `drain`:
 * the writer thread, every 20 ms while there is traffic; a caller of audit_flush(), who need not
 * wait for another thread to be scheduled; an emitter that found the ring full.
 *
 * Nothing is fsynced. What was written survives the death of every process of the session; only
 * a crash of the machine can lose the last seconds, and then the log ends early but whole lines
 * still verify. One fdatasync of the ledger took as long as ending a session takes now (0.1 ms, on
 * a virtual disk that need not flush), and the log and the record would each want one too.
 */
#include "audit/log_state.h"

#include <linux/futex.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define PERIOD_NS      20000000l
#define RETRY_NS       200000000l /* after a failed write */
#define QUIET_ROUNDS   25	  /* empty rounds until the writer sleeps for good */
#define BATCH_BYTES    65536u
#define OUT_KEEP_BYTES 262144u	/* a buffer that one flood blew up is given back */
#define OUT_STOP_BYTES 1048576u /* with the disk full no more than this waits outside the ring */
#define THREAD_STACK   (128u * 1024)

static void futex_wait(_Atomic uint32_t *word, uint32_t value, long ns)
{
	struct timespec ts = {.tv_nsec = ns};

	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, ns ? &ts : NULL, NULL, 0);
}

void log_wake_writer(struct audit_log *log, uint32_t seen, uint32_t next)
{
	if (atomic_compare_exchange_strong(&log->word, &seen, next))
		syscall(SYS_futex, &log->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* ---- emptying the ring ------------------------------------------------------ */

int log_write_out(struct audit_log *log)
{
	int r = writer_write(&log->w);

	atomic_store(&log->failed, r < 0);
	if (r == 0 && log->w.out.cap > OUT_KEEP_BYTES)
		buf_free(&log->w.out);
	return r;
}

static void format_record(struct audit_log *log, const struct ring_record *rec)
{
	if (rec->type == RING_TEXT)
		buf_add(&log->w.event, rec->strings, rec->text);
	else
		format_event(&log->w.event, rec, &log->clock);
	writer_line(&log->w);
}

void log_note_lost(struct audit_log *log)
{
	uint64_t lost = atomic_exchange(&log->lost, 0);
	char now[TIME_STR_MAX];

	if (!lost)
		return;
	time_rfc3339(now, clock_real_ns());
	format_lost(&log->w.event, now, lost);
	writer_line(&log->w);
}

/* With log->drain held. True if there was something. -1 in *result if the file takes nothing. */
static bool drain_locked(struct audit_log *log, int *result)
{
	uint64_t put;
	size_t len;
	char *half;

	*result = log->w.out.len ? log_write_out(log) : 0;
	if (*result < 0 && log->w.out.len > OUT_STOP_BYTES)
		return false;
	half = ring_take(&log->ring, &len, &put);
	if (!half) {
		if (*result == 0 && atomic_load(&log->lost)) {
			log_note_lost(log);
			*result = log_write_out(log);
		}
		return false;
	}
	for (size_t at = 0; at < len;) {
		const struct ring_record *rec = (const struct ring_record *)(half + at);
		format_record(log, rec);
		at += rec->size;
		if (log->w.out.len >= BATCH_BYTES && *result == 0)
			*result = log_write_out(log);
	}
	ring_release(&log->ring);
	/* Counted as lost after the events that still found room: in the order of the file. */
	log_note_lost(log);
	if (*result == 0)
		*result = log_write_out(log);
	return true;
}

bool log_drain(struct audit_log *log, int *result)
{
	bool any;

	pthread_mutex_lock(&log->drain);
	any = drain_locked(log, result);
	pthread_mutex_unlock(&log->drain);
	return any;
}

/* ---- the writer thread ------------------------------------------------------ */

static void sleep_long(struct audit_log *log)
{
	uint32_t awake = AWAKE;
	int result;

	pthread_mutex_lock(&log->drain);
	ring_trim(&log->ring);
	pthread_mutex_unlock(&log->drain);
	if (!atomic_compare_exchange_strong(&log->word, &awake, ASLEEP))
		return;
	/* An event may have come between the last look and ASLEEP; its emitter woke nobody. */
	log_drain(log, &result);
	if (result < 0) {
		uint32_t asleep = ASLEEP;
		atomic_compare_exchange_strong(&log->word, &asleep, AWAKE);
		return;
	}
	futex_wait(&log->word, ASLEEP, 0);
}

static void *writer_main(void *arg)
{
	struct audit_log *log = arg;
	int quiet = 0, result = 0;

	prctl(PR_SET_NAME, "nono: log");
	/* Here and not in audit_log_open(): a new file costs 50 us or more of the session's start.
	 * Until it is there, and should it fail, adopting makes do with the first event. */
	if (atomic_load(&log->word) != STOP)
		meta_write(&log->meta, log->dirfd, NULL);
	for (;;) {
		uint32_t word = atomic_load(&log->word);
		if (word == STOP)
			return NULL;
		if (word == HURRY)
			atomic_compare_exchange_strong(&log->word, &word, AWAKE);
		quiet = log_drain(log, &result) ? 0 : quiet + 1;
		if (exe_hash_step(&log->exe))
			continue; /* a piece of a big program at a time, events in between */
		if (quiet > QUIET_ROUNDS && result == 0) {
			sleep_long(log);
			quiet = 0;
		} else {
			futex_wait(&log->word, AWAKE, result < 0 ? RETRY_NS : PERIOD_NS);
		}
	}
}

int log_start_thread(struct audit_log *log, struct err *err)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	/* Signals are for the loop thread. */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&log->thread, &attr, writer_main, log);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return r ? err_errno(err, r, "can't start the thread of the audit log") : 0;
}

void log_stop_thread(struct audit_log *log)
{
	atomic_store(&log->word, STOP);
	syscall(SYS_futex, &log->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	pthread_join(log->thread, NULL);
}
