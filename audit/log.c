/* The log of a running session, from its first line to its last. */
#include "audit/log_state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "audit/spool.h"

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
	if (log_start_thread(log, err) < 0)
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

/* ---- close -------------------------------------------------------------------- */

static int finish(struct audit_log *log, int exit_code, struct err *err)
{
	struct session_meta *m = &log->meta;
	_cleanup_(buf_free) struct buf b = {0};
	int result;

	time_rfc3339(m->ended, clock_real_ns());
	format_session_ended(&b, m->ended, exit_code);
	log_drain(log, &result);
	if (result <
	    0) /* it may have left something in the ring: session_ended must not overtake it */
		log_drain(log, &result);
	if (result < 0)
		return err_errno(err, log->w.err,
				 "the audit log of session %s could not be completed", m->id);
	log_note_lost(log);
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
	if (log_write_out(log) < 0)
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
	log_stop_thread(log);
	r = finish(log, exit_code, err);
	log_free(log);
	return r;
}
