/* The ledger: one line a finished session, each linked to the one before. */
#include "audit/store.h"

#include <fcntl.h>
#include <sys/file.h>

struct entry {
	uint64_t sequence;
	bool first; /* prev_chain is null */
	struct hash prev, chain;
	char id[65], digest[HASH_HEX], completed[TIME_STR_MAX];
};

static int parse_hash(struct json_span v, struct hash *h)
{
	return v.n >= 2 ? hash_from_hex(h, v.p + 1, v.n - 2) : -1;
}

static int entry_parse(struct entry *e, const char *line, size_t n)
{
	struct json_span o = {line, n}, v;

	memset(e, 0, sizeof(*e));
	if (json_value_len(line, n) != n || !json_get(o, "sequence", &v) ||
	    json_u64(v, &e->sequence) < 0 || !json_get(o, "prev_chain", &v))
		return -1;
	e->first = v.p[0] == 'n';
	if (!e->first && parse_hash(v, &e->prev) < 0)
		return -1;
	if (!json_get(o, "session_id", &v) || json_string(v, e->id, sizeof(e->id)) < 0 ||
	    !json_get(o, "session_digest", &v) ||
	    json_string(v, e->digest, sizeof(e->digest)) != 2 * HASH_SIZE ||
	    !json_get(o, "completed_at", &v) ||
	    json_string(v, e->completed, sizeof(e->completed)) < 0 ||
	    !json_get(o, "chain_hash", &v))
		return -1;
	return parse_hash(v, &e->chain);
}

static struct hash entry_link(const struct entry *e)
{
	char json[512];
	int n = snprintf(json, sizeof(json),
			 "{\"sequence\":%llu,\"session_id\":\"%s\",\"session_digest\":\"%s\","
			 "\"completed_at\":\"%s\"}",
			 (unsigned long long)e->sequence, e->id, e->digest, e->completed);

	return hash_ledger(&e->prev, json, (size_t)n);
}

/* ---- reading line by line, in bounded memory ------------------------------- */

struct lines {
	FILE *f;
	char line[LEDGER_LINE_MAX];
	size_t n;
};

/* 1 = a line, 0 = the end (a last line without its end is not there yet), -1 = longer than allowed.
 */
static int next_line(struct lines *l)
{
	int c;

	l->n = 0;
	while ((c = getc_unlocked(l->f)) != EOF) {
		if (c == '\n') {
			l->line[l->n] = '\0';
			return 1;
		}
		if (l->n + 1 >= sizeof(l->line))
			return -1;
		l->line[l->n++] = (char)c;
	}
	return 0;
}

static int open_ledger(int flags)
{
	_cleanup_free_ char *root = store_root(), *path = xasprintf("%s/" LEDGER_FILE, root);

	return open(path, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static int lock_ledger(struct err *err)
{
	_cleanup_free_ char *root = store_root(), *path = xasprintf("%s/" LEDGER_LOCK, root);
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600), r;

	if (fd < 0)
		return err_errno(err, errno, "can't open %s", path);
	while ((r = flock(fd, LOCK_EX)) < 0 && errno == EINTR)
		;
	if (r == 0)
		return fd;
	err_errno(err, errno, "can't lock %s", path);
	close(fd);
	return -1;
}

/* The last whole line and the offset behind it, read from the end: finishing a session costs the
 * same however many there were. -1 if the last line can't be understood. */
static int last_entry(int fd, struct entry *e, off_t *end)
{
	char tail[2 * LEDGER_LINE_MAX];
	off_t size = lseek(fd, 0, SEEK_END), from;
	ssize_t n;
	char *nl, *start;

	*end = 0;
	if (size <= 0)
		return size < 0 ? -1 : 0;
	from = size > (off_t)sizeof(tail) ? size - (off_t)sizeof(tail) : 0;
	n = pread(fd, tail, (size_t)(size - from), from);
	if (n != size - from)
		return -1;
	nl = memrchr(tail, '\n', (size_t)n);
	if (!nl)
		return from == 0 ? 0 : -1;
	*end = from + (nl - tail) + 1;
	start = memrchr(tail, '\n', (size_t)(nl - tail));
	start = start ? start + 1 : tail;
	return entry_parse(e, start, (size_t)(nl - start)) == 0 ? 1 : -1;
}

static int has_entry(const char *id, bool *found, struct err *err)
{
	struct ledger_check check;

	if (ledger_verify(id, NULL, &check, err) < 0)
		return -1;
	*found = check.found;
	return 0;
}

int ledger_append(const struct session_meta *m, bool once, struct err *err)
{
	_cleanup_close_ int lock = lock_ledger(err), fd = -1;
	struct hash digest = meta_digest(m);
	struct entry last, e = {.first = true};
	char line[LEDGER_LINE_MAX], prev[HASH_HEX + 2], chain[HASH_HEX];
	bool found = false;
	off_t end;
	int r, n;

	if (lock < 0 || (once && has_entry(m->id, &found, err) < 0))
		return -1;
	if (found)
		return 0;
	fd = open_ledger(O_RDWR | O_CREAT);
	if (fd < 0)
		return err_errno(err, errno, "can't open the audit ledger");
	r = last_entry(fd, &last, &end);
	if (r < 0)
		return err_set(err, "the last line of the audit ledger is damaged; move "
				    "ledger.ndjson away to begin a new one");
	if (ftruncate(fd, end) < 0)
		return err_errno(err, errno, "can't repair the end of the audit ledger");
	str_copy(prev, sizeof(prev), "null");
	if (r == 1) {
		e.first = false;
		e.sequence = last.sequence + 1;
		e.prev = last.chain;
		prev[0] = '"';
		hash_hex(prev + 1, &e.prev);
		prev[HASH_HEX] = '"';
		prev[HASH_HEX + 1] = '\0';
	}
	str_copy(e.id, sizeof(e.id), m->id);
	hash_hex(e.digest, &digest);
	time_rfc3339(e.completed, clock_real_ns());
	e.chain = entry_link(&e);
	hash_hex(chain, &e.chain);
	n = snprintf(line, sizeof(line),
		     "{\"sequence\":%llu,\"prev_chain\":%s,\"session_id\":\"%s\","
		     "\"session_digest\":\"%s\",\"completed_at\":\"%s\",\"chain_hash\":\"%s\"}\n",
		     (unsigned long long)e.sequence, prev, e.id, e.digest, e.completed, chain);
	if (pwrite(fd, line, (size_t)n, end) != n) {
		int saved = errno ? errno : ENOSPC;
		if (ftruncate(fd, end) < 0)
			return err_errno(err, errno, "the audit ledger has a torn last line");
		return err_errno(err, saved, "can't write the audit ledger");
	}
	return 0;
}

/* ---- verifying ------------------------------------------------------------- */

static bool follows(const struct entry *e, uint64_t sequence, const struct hash *prev)
{
	struct hash link = entry_link(e);

	return e->sequence == sequence && e->first == (sequence == 0) &&
	       hash_equal(&e->prev, prev) && hash_equal(&link, &e->chain);
}

bool ledger_entry_holds(const char *line, size_t n, uint64_t sequence, const char *id,
			const struct hash *digest)
{
	char want[HASH_HEX];
	struct entry e;

	hash_hex(want, digest);
	return n < LEDGER_LINE_MAX && entry_parse(&e, line, n) == 0 &&
	       follows(&e, sequence, &e.prev) && str_eq(e.id, id) && str_eq(e.digest, want);
}

int ledger_verify(const char *id, const struct hash *digest, struct ledger_check *out,
		  struct err *err)
{
	return ledger_verify_each(id, digest, out, NULL, NULL, err);
}

int ledger_verify_each(const char *id, const struct hash *digest, struct ledger_check *out,
		       ledger_visit *visit, void *data, struct err *err)
{
	struct lines l = {0};
	struct hash prev = {{0}};
	char want[HASH_HEX] = "";
	int fd = open_ledger(O_RDONLY), r;

	memset(out, 0, sizeof(*out));
	out->chain_ok = true;
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || !(l.f = fdopen(fd, "re")))
		return err_errno(err, errno, "can't open the audit ledger");
	if (digest)
		hash_hex(want, digest);
	while ((r = next_line(&l)) == 1) {
		struct entry e;
		bool whole = entry_parse(&e, l.line, l.n) == 0;

		/* Behind damage only the session is still looked for; nothing counts any more. */
		if (whole && id && str_eq(e.id, id)) {
			out->found = true;
			out->digest_matches = str_eq(e.digest, want);
		}
		if (!out->chain_ok)
			continue;
		if (!whole || !follows(&e, out->entries, &prev)) {
			out->chain_ok = false;
			out->bad_line = out->entries + 1;
			continue;
		}
		prev = e.chain;
		out->entries++;
		if (visit)
			visit(data, &(struct ledger_line){e.sequence, e.id, l.line, l.n});
	}
	if (r < 0 && out->chain_ok) {
		out->chain_ok = false;
		out->bad_line = out->entries + 1;
	}
	if (out->entries)
		hash_hex(out->head, &prev);
	fclose(l.f);
	return 0;
}
