/*
 * The log of a running session. Emitters only copy into the ring. Who empties it holds `drain`:
 * the writer thread, every 20 ms while there is traffic; a caller of audit_flush(), who need not
 * wait for another thread to be scheduled; an emitter that found the ring full.
 *
 * Nothing is fsynced. What was written survives the death of every process of the session; only
 * a crash of the machine can lose the last seconds, and then the log ends early but whole lines
 * still verify. One fdatasync of the ledger took as long as ending a session takes now (0.1 ms, on
 * a virtual disk that need not flush), and the log and the record would each want one too.
 */
#include "audit/attest.h"
#include "audit/audit.h"
#include "audit/format.h"
#include "audit/log_exe.h"
#include "audit/spool.h"
#include "audit/store.h"
#include "audit/trees.h"
#include "audit/writer.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define PERIOD_NS      20000000l
#define RETRY_NS       200000000l /* after a failed write */
#define QUIET_ROUNDS   25	  /* empty rounds until the writer sleeps for good */
#define BATCH_BYTES    65536u
#define OUT_KEEP_BYTES 262144u	/* a buffer that one flood blew up is given back */
#define OUT_STOP_BYTES 1048576u /* with the disk full no more than this waits outside the ring */
#define THREAD_STACK   (128u * 1024)

/* What the writer's futex word says. */
enum { AWAKE = 0, ASLEEP, HURRY, STOP };

struct audit_log {
	struct ring ring;
	pthread_mutex_t drain;
	struct writer w; /* under drain */
	struct format_clock clock;
	struct session_meta meta;
	struct exe_hash exe;
	int dirfd;
	pthread_t thread;
	bool begun;
	_Atomic uint32_t word;
	_Atomic bool failed;
	_Atomic uint64_t lost, events, denials, commands;
	pthread_mutex_t network_lock;
	struct buf network;	   /* for session.json: what is between the brackets */
	struct buf snapshot_roots; /* the same, of audit_log_snapshots() */
	uint64_t n_network;
	bool tool_sandbox;
	struct audit_signer signer;
	const struct audit_redaction *redaction;
	struct trees trees;
};

static void futex_wait(_Atomic uint32_t *word, uint32_t value, long ns)
{
	struct timespec ts = {.tv_nsec = ns};

	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, ns ? &ts : NULL, NULL, 0);
}

/* seen: what the word was when the caller looked. Who changes it wakes; the others need not. */
static void wake_writer(struct audit_log *log, uint32_t seen, uint32_t next)
{
	if (atomic_compare_exchange_strong(&log->word, &seen, next))
		syscall(SYS_futex, &log->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* ---- emptying the ring ------------------------------------------------------ */

static int write_out(struct audit_log *log)
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

static void note_lost(struct audit_log *log)
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

	*result = log->w.out.len ? write_out(log) : 0;
	if (*result < 0 && log->w.out.len > OUT_STOP_BYTES)
		return false;
	half = ring_take(&log->ring, &len, &put);
	if (!half) {
		if (*result == 0 && atomic_load(&log->lost)) {
			note_lost(log);
			*result = write_out(log);
		}
		return false;
	}
	for (size_t at = 0; at < len;) {
		const struct ring_record *rec = (const struct ring_record *)(half + at);
		format_record(log, rec);
		at += rec->size;
		if (log->w.out.len >= BATCH_BYTES && *result == 0)
			*result = write_out(log);
	}
	ring_release(&log->ring);
	/* Counted as lost after the events that still found room: in the order of the file. */
	note_lost(log);
	if (*result == 0)
		*result = write_out(log);
	return true;
}

static bool drain(struct audit_log *log, int *result)
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
	drain(log, &result);
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
		quiet = drain(log, &result) ? 0 : quiet + 1;
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

static int start_thread(struct audit_log *log, struct err *err)
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

/* ---- open --------------------------------------------------------------------- */

static int make_files(struct audit_log *log, const char *id, struct err *err)
{
	_cleanup_free_ char *root = store_root(), *dir = store_dir(id);

	if (dir_private(root, err) < 0)
		return err_prefix(err, "audit log");
	if (mkdir(dir, 0700) < 0)
		return err_errno(err, errno, "can't create the audit record %s", dir);
	log->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (log->dirfd < 0)
		return err_errno(err, errno, "can't open the audit record %s", dir);
	log->w.fd = openat(log->dirfd, EVENTS_FILE,
			   O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (log->w.fd < 0)
		return err_errno(err, errno, "can't create %s/" EVENTS_FILE, dir);
	/* Held until the end: says that the session has its supervisor. */
	if (flock(log->w.fd, LOCK_EX) < 0)
		return err_errno(err, errno, "can't lock %s/" EVENTS_FILE, dir);
	return 0;
}

static void fill_meta(struct session_meta *m, const struct audit_session_info *info)
{
	str_copy(m->id, sizeof(m->id), info->session_id);
	time_rfc3339(m->started, clock_real_ns());
	format_command(&m->command, info->command);
	buf_addc(&m->tracked, '[');
	for (size_t i = 0; info->tracked_paths && info->tracked_paths[i]; i++) {
		if (i)
			buf_addc(&m->tracked, ',');
		buf_add_json_str(&m->tracked, info->tracked_paths[i],
				 strlen(info->tracked_paths[i]));
	}
	buf_addc(&m->tracked, ']');
	if (info->executable)
		m->executable = xstrdup(info->executable);
	buf_adds(&m->extra, "{\"profile\":");
	if (info->profile)
		buf_add_json_str(&m->extra, info->profile, strlen(info->profile));
	else
		buf_adds(&m->extra, "null");
	json_add_member_str(&m->extra, "workdir", info->workdir);
	buf_addc(&m->extra, '}');
}

static void log_free(struct audit_log *log)
{
	if (log->w.fd >= 0)
		close(log->w.fd);
	if (log->dirfd >= 0)
		close(log->dirfd);
	exe_hash_free(&log->exe);
	writer_free(&log->w);
	meta_free(&log->meta);
	trees_free(&log->trees);
	if (log->ring.half[0])
		ring_destroy(&log->ring);
	pthread_mutex_destroy(&log->drain);
	pthread_mutex_destroy(&log->network_lock);
	buf_free(&log->network);
	buf_free(&log->snapshot_roots);
	free(log);
}

static void remove_files(const char *id, int dirfd)
{
	_cleanup_free_ char *dir = store_dir(id);

	unlinkat(dirfd, EVENTS_FILE, 0);
	unlinkat(dirfd, SESSION_FILE, 0);
	unlinkat(dirfd, SPOOL_FILE, 0);
	unlinkat(dirfd, AUDIT_SCREEN_FILE, 0);
	rmdir(dir);
}

int audit_log_prepare(const struct audit_session_info *info, struct audit_log **out,
		      struct err *err)
{
	struct spool spool = {0};
	struct audit_log *log;

	*out = NULL;
	if (!store_id_valid(info->session_id))
		return err_set(err, "\"%.80s\" is not a session id", info->session_id);
	log = xcalloc(1, sizeof(*log));
	log->w.fd = log->dirfd = -1;
	log->exe.fd = -1;
	pthread_mutex_init(&log->drain, NULL);
	pthread_mutex_init(&log->network_lock, NULL);
	spool.url = (char *)(uintptr_t)info->sink;
	if (ring_init(&log->ring, err) < 0 || make_files(log, info->session_id, err) < 0 ||
	    (spool.url && spool_write(&spool, log->dirfd, err) < 0)) {
		log_free(log);
		return -1;
	}
	fill_meta(&log->meta, info);
	log->tool_sandbox = info->tool_sandbox;
	log->redaction = info->redaction;
	trees_set(&log->trees, info->trees);
	exe_hash_start(&log->exe, info->executable);
	format_session_started(&log->w.event, log->meta.started, info->command, info->redaction);
	writer_line(&log->w);
	*out = log;
	return 0;
}

int audit_log_begin(struct audit_log *log, const char *layers_json, const char *policy_json,
		    struct err *err)
{
	if (format_runtime(&log->w.event, log->meta.started, log->tool_sandbox, layers_json,
			   policy_json) < 0)
		return err_set(err, "audit log: layers or policy is no JSON object");
	writer_line(&log->w);
	if (log->trees.paths) {
		trees_state(&log->trees, "before", &log->w.event, &log->meta.roots);
		writer_line(&log->w);
	}
	if (writer_write(&log->w) < 0)
		return err_errno(err, log->w.err, "can't write the audit log");
	if (start_thread(log, err) < 0)
		return -1;
	log->begun = true;
	atomic_store(&log->events, log->w.state.count);
	return 0;
}

int audit_log_open(const struct audit_session_info *info, struct audit_log **out, struct err *err)
{
	if (audit_log_prepare(info, out, err) < 0)
		return -1;
	if (audit_log_begin(*out, info->layers_json, info->policy_json, err) == 0)
		return 0;
	audit_log_close(*out, 0, NULL);
	*out = NULL;
	return -1;
}

/* ---- emit --------------------------------------------------------------------- */

/* After a successful put: a sleeping writer is woken once, a busy one when half is gone. */
static void after_put(struct audit_log *log, size_t fill)
{
	uint32_t word = atomic_load(&log->word);

	if (word == ASLEEP || (word == AWAKE && fill > RING_HALF / 2))
		wake_writer(log, word, word == ASLEEP ? AWAKE : HURRY);
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
	drain(log, &result);
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
	drain(log, &result);
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

/* ---- close -------------------------------------------------------------------- */

static int finish(struct audit_log *log, int exit_code, struct err *err)
{
	struct session_meta *m = &log->meta;
	_cleanup_(buf_free) struct buf b = {0};
	int result;

	time_rfc3339(m->ended, clock_real_ns());
	format_session_ended(&b, m->ended, exit_code);
	drain(log, &result);
	if (result <
	    0) /* it may have left something in the ring: session_ended must not overtake it */
		drain(log, &result);
	if (result < 0)
		return err_errno(err, log->w.err,
				 "the audit log of session %s could not be completed", m->id);
	note_lost(log);
	if (log->trees.paths) {
		trees_state(&log->trees, "after", &log->w.event, &m->roots);
		writer_line(&log->w);
	}
	if (m->snapshots && log->snapshot_roots.len) {
		buf_addf(&log->w.event,
			 "{\"type\":\"snapshots\",\"timestamp\":\"%s\",\"count\":%llu,"
			 "\"merkle_roots\":[%s]}",
			 m->ended, (unsigned long long)m->snapshots, log->snapshot_roots.data);
		writer_line(&log->w);
	}
	buf_add(&log->w.event, b.data, b.len);
	writer_line(&log->w);
	if (write_out(log) < 0)
		return err_errno(err, log->w.err,
				 "the audit log of session %s could not be completed", m->id);
	m->has_exit = true;
	m->exit_code = exit_code;
	meta_set_integrity(m, &log->w.state);
	if (log->network.len)
		buf_addf(&m->network, "[%s]", log->network.data);
	m->network_count = log->n_network;
	exe_hash_finish(&log->exe, m->sha256);
	if (log->signer.sign)
		attest(m, log->dirfd, &log->signer);
	if (meta_write(m, log->dirfd, err) < 0)
		return -1;
	return ledger_append(m, false, err);
}

static void add_root(struct buf *list, const char *hex)
{
	if (hex[0])
		buf_addf(list, "%s\"%s\"", list->len ? "," : "", hex);
}

void audit_log_snapshots(struct audit_log *log, unsigned count, const char *first, const char *last)
{
	struct buf *roots = &log->meta.roots, *own = &log->snapshot_roots;

	log->meta.snapshots = count;
	buf_clear(own);
	buf_adds(own, "");
	add_root(own, first);
	add_root(own, last);
	if (!own->len)
		return;
	if (roots->len)
		roots->len--;
	buf_addf(roots, "%s%s]", roots->len ? "," : "[", own->data);
}

int audit_log_close(struct audit_log *log, int exit_code, struct err *err)
{
	int r;

	if (!log)
		return 0;
	if (!log->begun) {
		remove_files(log->meta.id, log->dirfd);
		log_free(log);
		return 0;
	}
	atomic_store(&log->word, STOP);
	syscall(SYS_futex, &log->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	pthread_join(log->thread, NULL);
	r = finish(log, exit_code, err);
	log_free(log);
	return r;
}
