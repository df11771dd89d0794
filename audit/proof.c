#include "audit/proof.h"

#include "audit/verify.h"

#include <fcntl.h>

#define TYPE_EVENT	 "nono.audit.proof.v1"
#define TYPE_CONSISTENCY "nono.audit.consistency.v1"
#define TYPE_CHECKPOINT	 "nono.audit.checkpoint.v1"

/* ---- JSON ------------------------------------------------------------------------------------ */

static void add_hash(cJSON *o, const char *key, const struct hash *h)
{
	char hex[HASH_HEX];

	hash_hex(hex, h);
	cJSON_AddStringToObject(o, key, hex);
}

static void add_proof(cJSON *o, const char *key, const struct tree_proof *p)
{
	cJSON *a = cJSON_AddArrayToObject(o, key);

	for (size_t i = 0; i < p->n; i++) {
		char hex[HASH_HEX];
		hash_hex(hex, &p->v[i]);
		cJSON_AddItemToArray(a, cJSON_CreateString(hex));
	}
}

static const char *text(const cJSON *o, const char *key)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));

	return s ? s : "";
}

static int take_hash(const cJSON *o, const char *key, struct hash *h)
{
	const char *s = text(o, key);

	return hash_from_hex(h, s, strlen(s));
}

static int take_count(const cJSON *o, const char *key, uint64_t *n)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	if (!cJSON_IsNumber(v) || !(v->valuedouble >= 0) || v->valuedouble > 9007199254740992.0 ||
	    (double)(uint64_t)v->valuedouble != v->valuedouble)
		return -1;
	*n = (uint64_t)v->valuedouble;
	return 0;
}

static int take_proof(const cJSON *o, const char *key, struct tree_proof *p)
{
	const cJSON *a = cJSON_GetObjectItemCaseSensitive(o, key), *e;

	p->n = 0;
	if (!cJSON_IsArray(a))
		return -1;
	cJSON_ArrayForEach(e, a)
	{
		const char *s = cJSON_GetStringValue(e);
		if (!s || p->n == TREE_PROOF_MAX || hash_from_hex(&p->v[p->n++], s, strlen(s)) < 0)
			return -1;
	}
	return 0;
}

/* ---- checkpoints ----------------------------------------------------------------------------- */

int checkpoint_now(struct checkpoint *c, struct err *err)
{
	struct ledger_check check;
	struct tree tree = {.scheme = TREE_LEDGER};

	if (ledger_verify_each(NULL, NULL, &check, ledger_tree, &tree, err) < 0)
		return -1;
	if (!check.chain_ok)
		return err_set(err, "the audit ledger is damaged at line %llu",
			       (unsigned long long)check.bad_line);
	*c = (struct checkpoint){.size = check.entries, .root = tree_root(&tree)};
	if (check.entries)
		hash_from_hex(&c->head, check.head, strlen(check.head));
	time_rfc3339(c->time, clock_real_ns());
	return 0;
}

cJSON *checkpoint_json(const struct checkpoint *c)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "type", TYPE_CHECKPOINT);
	cJSON_AddNumberToObject(o, "size", (double)c->size);
	add_hash(o, "merkle_root", &c->root);
	add_hash(o, "chain_head", &c->head);
	cJSON_AddStringToObject(o, "time", c->time);
	return o;
}

int checkpoint_parse(struct checkpoint *c, const char *json, size_t n, struct err *err)
{
	cJSON *o = cJSON_ParseWithLength(json, n);
	int r = 0;

	*c = (struct checkpoint){0};
	if (!str_eq(text(o, "type"), TYPE_CHECKPOINT) || take_count(o, "size", &c->size) < 0 ||
	    take_hash(o, "merkle_root", &c->root) < 0 || take_hash(o, "chain_head", &c->head) < 0)
		r = err_set(err, "it is no checkpoint of an audit ledger");
	else
		str_copy(c->time, sizeof(c->time), text(o, "time"));
	cJSON_Delete(o);
	return r;
}

int checkpoint_read(struct checkpoint *c, const char *path, struct err *err)
{
	size_t n;
	_cleanup_free_ char *s = file_read(path, PROOF_MAX_BYTES, &n, err);

	if (!s)
		return -1;
	return checkpoint_parse(c, s, n, err) < 0 ? err_prefix(err, "%s", path) : 0;
}

/* ---- an event -------------------------------------------------------------------------------- */

struct events {
	struct tree_prover prover;
	uint64_t wanted;
	struct buf event;
};

static void on_event(void *data, uint64_t sequence, const struct hash *leaf, const char *event,
		     size_t n)
{
	struct events *e = data;

	tree_prover_leaf(&e->prover, leaf);
	if (sequence == e->wanted)
		buf_add(&e->event, event, n);
}

struct entries {
	struct tree_prover prover;
	struct tree tree;
	const char *id;
	uint64_t size, place; /* place: of the session's entry, UINT64_MAX = none */
	struct buf line;
};

/* First pass: where the session's entry is, and the root. */
static void find_entry(void *data, const struct ledger_line *l)
{
	struct entries *e = data;
	struct hash leaf = tree_ledger_leaf(l->line, l->n);

	if (l->sequence >= e->size)
		return;
	tree_append(&e->tree, &leaf);
	if (e->id && str_eq(l->session_id, e->id)) {
		e->place = l->sequence;
		buf_clear(&e->line);
		buf_add(&e->line, l->line, l->n);
	}
}

static void prove_entry(void *data, const struct ledger_line *l)
{
	struct entries *e = data;
	struct hash leaf = tree_ledger_leaf(l->line, l->n);

	if (l->sequence < e->size)
		tree_prover_leaf(&e->prover, &leaf);
}

void ledger_tree(void *data, const struct ledger_line *l)
{
	struct hash leaf = tree_ledger_leaf(l->line, l->n);

	tree_append(data, &leaf);
}

static int read_ledger(struct entries *e, const struct checkpoint *at, struct err *err)
{
	struct ledger_check check;
	struct hash root;

	e->tree = (struct tree){.scheme = TREE_LEDGER};
	e->size = at ? at->size : UINT64_MAX;
	e->place = UINT64_MAX;
	if (ledger_verify_each(NULL, NULL, &check, find_entry, e, err) < 0)
		return -1;
	if (!check.chain_ok)
		return err_set(err, "the audit ledger is damaged at line %llu",
			       (unsigned long long)check.bad_line);
	root = tree_root(&e->tree);
	if (at && (e->tree.count != at->size || !hash_equal(&root, &at->root)))
		return err_set(err, "the ledger does not begin with the one of the checkpoint");
	e->size = e->tree.count;
	return 0;
}

static cJSON *ledger_part(const char *id, const struct checkpoint *at, struct err *err)
{
	_cleanup_free_ struct entries *e = xcalloc(1, sizeof(*e));
	struct ledger_check check;
	struct hash root;
	cJSON *o = NULL;

	e->id = id;
	if (read_ledger(e, at, err) < 0)
		goto out;
	if (e->place == UINT64_MAX) {
		err_set(err,
			at ? "session %s is not in the ledger of the checkpoint"
			   : "session %s is not in the ledger",
			id);
		goto out;
	}
	tree_prove_inclusion(&e->prover, TREE_LEDGER, e->place, e->size);
	if (ledger_verify_each(NULL, NULL, &check, prove_entry, e, err) < 0)
		goto out;
	root = tree_root(&e->tree);
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "entry", e->line.data);
	cJSON_AddNumberToObject(o, "sequence", (double)e->place);
	cJSON_AddNumberToObject(o, "size", (double)e->size);
	add_hash(o, "merkle_root", &root);
	add_proof(o, "inclusion", &e->prover.proof);
out:
	buf_free(&e->line);
	return o;
}

static int log_part(cJSON *o, int dir, uint64_t sequence, uint64_t count, struct err *err)
{
	_cleanup_close_ int fd = openat(dir, EVENTS_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_free_ struct events *e = xcalloc(1, sizeof(*e));
	struct log_check c;
	struct hash root;
	int r;

	if (fd < 0)
		return err_errno(err, errno, "can't open the events");
	e->wanted = sequence;
	if (!count) { /* it is still running: as far as it goes now */
		if (log_verify(fd, &c, err) < 0)
			return -1;
		count = c.state.count;
	}
	if (sequence >= count)
		return err_set(err, "there is no event %llu: the log has %llu, from 0 on",
			       (unsigned long long)sequence, (unsigned long long)count);
	tree_prove_inclusion(&e->prover, TREE_LOG, sequence, count);
	r = log_verify_count(fd, count, &c, on_event, e, err);
	if (r == 0 && c.bad_line)
		r = err_set(err, "line %llu of the log is damaged: %s",
			    (unsigned long long)c.bad_line, c.bad);
	else if (r == 0 && c.state.count != count)
		r = err_set(err, "the log ends before event %llu", (unsigned long long)count);
	if (r == 0) {
		root = hash_merkle_root(&c.state);
		cJSON_AddNumberToObject(o, "event_sequence", (double)sequence);
		cJSON_AddStringToObject(o, "event_json", e->event.data);
		cJSON_AddNumberToObject(o, "event_count", (double)count);
		add_hash(o, "merkle_root", &root);
		add_proof(o, "inclusion", &e->prover.proof);
	}
	buf_free(&e->event);
	return r;
}

cJSON *proof_of_event(const char *id, uint64_t sequence, const struct checkpoint *at,
		      struct err *err)
{
	_cleanup_close_ int dir = store_open_dir(id, err);
	_cleanup_(meta_free) struct session_meta m = {0};
	_cleanup_(buf_free) struct buf record = {0};
	cJSON *o, *ledger;
	int r;

	if (dir < 0 || meta_read(&m, dir, err) < 0)
		return NULL;
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "type", TYPE_EVENT);
	cJSON_AddStringToObject(o, "session_id", id);
	r = log_part(o, dir, sequence, m.ended[0] ? m.event_count : 0, err);
	if (r == 0 && m.ended[0]) {
		ledger = ledger_part(id, at, err);
		r = ledger ? 0 : -1;
		meta_digest_input(&m, &record);
		cJSON_AddStringToObject(o, "session_record", record.data);
		cJSON_AddItemToObject(o, "ledger", ledger);
	} else if (r == 0) {
		cJSON_AddNullToObject(o, "session_record");
		cJSON_AddNullToObject(o, "ledger");
	}
	if (r == 0)
		return o;
	cJSON_Delete(o);
	return NULL;
}

cJSON *proof_since(const struct checkpoint *old, struct err *err)
{
	_cleanup_free_ struct entries *e = xcalloc(1, sizeof(*e));
	struct ledger_check check;
	struct checkpoint now;
	cJSON *o;

	if (checkpoint_now(&now, err) < 0)
		return NULL;
	if (!old->size || old->size > now.size) {
		err_set(err, "the ledger has %llu entries now; the checkpoint is of %llu",
			(unsigned long long)now.size, (unsigned long long)old->size);
		return NULL;
	}
	if (read_ledger(e, old, err) < 0)
		return NULL;
	e->size = now.size;
	tree_prove_consistency(&e->prover, TREE_LEDGER, old->size, now.size);
	if (ledger_verify_each(NULL, NULL, &check, prove_entry, e, err) < 0)
		return NULL;
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "type", TYPE_CONSISTENCY);
	cJSON_AddItemToObject(o, "from", checkpoint_json(old));
	cJSON_AddItemToObject(o, "to", checkpoint_json(&now));
	add_proof(o, "consistency", &e->prover.proof);
	return o;
}

/* ---- checking -------------------------------------------------------------------------------- */

static int check_at(const struct checkpoint *at, uint64_t size, const struct hash *root,
		    struct err *err)
{
	if (at && (at->size != size || !hash_equal(&at->root, root)))
		return err_set(err, "the proof is about another ledger than the checkpoint");
	return 0;
}

static int check_record(const char *id, const char *record, uint64_t count, const struct hash *root,
			struct hash *digest, struct err *err)
{
	cJSON *o = cJSON_Parse(record);
	const cJSON *sums = cJSON_GetObjectItemCaseSensitive(o, "audit_integrity");
	struct hash stored;
	uint64_t n;
	int r = 0;

	if (!str_eq(text(o, "session_id"), id) || take_count(sums, "event_count", &n) < 0 ||
	    n != count || take_hash(sums, "merkle_root", &stored) < 0 || !hash_equal(&stored, root))
		r = err_set(err, "the session's record has another id, count or root");
	cJSON_Delete(o);
	*digest = hash_session(record, strlen(record));
	return r;
}

static int check_ledger(const cJSON *ledger, const char *id, const struct hash *digest,
			const struct checkpoint *at, struct buf *said, struct err *err)
{
	const char *entry = text(ledger, "entry");
	struct hash root, leaf = tree_ledger_leaf(entry, strlen(entry));
	struct tree_proof p;
	uint64_t place, size;

	if (take_count(ledger, "sequence", &place) < 0 || take_count(ledger, "size", &size) < 0 ||
	    take_hash(ledger, "merkle_root", &root) < 0 || take_proof(ledger, "inclusion", &p) < 0)
		return err_set(err, "the part about the ledger is no proof");
	if (!ledger_entry_holds(entry, strlen(entry), place, id, digest))
		return err_set(err, "the ledger's entry is not that of this session");
	if (!tree_check_inclusion(TREE_LEDGER, place, size, &leaf, &p, &root))
		return err_set(err, "the entry is not in a ledger with that root");
	if (check_at(at, size, &root, err) < 0)
		return -1;
	buf_addf(said, "ledger    entry %llu of %llu, root %s\n", (unsigned long long)place,
		 (unsigned long long)size, text(ledger, "merkle_root"));
	return 0;
}

static int check_event(const cJSON *o, const struct checkpoint *at, struct buf *said,
		       struct err *err)
{
	const char *event = text(o, "event_json"), *id = text(o, "session_id");
	const cJSON *ledger = cJSON_GetObjectItemCaseSensitive(o, "ledger");
	struct hash root, digest, leaf = hash_leaf(event, strlen(event));
	struct tree_proof p;
	uint64_t m, n;

	if (take_count(o, "event_sequence", &m) < 0 || take_count(o, "event_count", &n) < 0 ||
	    take_hash(o, "merkle_root", &root) < 0 || take_proof(o, "inclusion", &p) < 0 ||
	    !store_id_valid(id))
		return err_set(err, "a member of the proof is missing or damaged");
	if (!tree_check_inclusion(TREE_LOG, m, n, &leaf, &p, &root))
		return err_set(err, "the event is not in a log with that root");
	buf_addf(said, "event     %s\nlog       event %llu of %llu of session %s, root %s\n", event,
		 (unsigned long long)m, (unsigned long long)n, id, text(o, "merkle_root"));
	if (!cJSON_IsObject(ledger)) {
		if (at)
			return err_set(err, "the proof says nothing about a ledger");
		buf_adds(said, "ledger    the session was still running\n");
		return 0;
	}
	if (check_record(id, text(o, "session_record"), n, &root, &digest, err) < 0)
		return -1;
	return check_ledger(ledger, id, &digest, at, said, err);
}

static int take_point(const cJSON *o, const char *key, struct checkpoint *c)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	*c = (struct checkpoint){0};
	return take_count(v, "size", &c->size) < 0 || take_hash(v, "merkle_root", &c->root) < 0 ? -1
												: 0;
}

static int check_consistency(const cJSON *o, const struct checkpoint *at, struct buf *said,
			     struct err *err)
{
	struct checkpoint from, to;
	struct tree_proof p;

	if (take_point(o, "from", &from) < 0 || take_point(o, "to", &to) < 0 ||
	    take_proof(o, "consistency", &p) < 0)
		return err_set(err, "a member of the proof is missing or damaged");
	if (!tree_check_consistency(TREE_LEDGER, from.size, to.size, &from.root, &p, &to.root))
		return err_set(err, "the later ledger does not begin with the earlier one");
	buf_addf(said, "ledger    its %llu entries begin with the %llu of before\n",
		 (unsigned long long)to.size, (unsigned long long)from.size);
	return check_at(at, from.size, &from.root, err);
}

int proof_check(const char *json, size_t n, const struct checkpoint *at, struct buf *said,
		struct err *err)
{
	cJSON *o = cJSON_ParseWithLength(json, n);
	const char *type = text(o, "type");
	int r;

	if (str_eq(type, TYPE_EVENT))
		r = check_event(o, at, said, err);
	else if (str_eq(type, TYPE_CONSISTENCY))
		r = check_consistency(o, at, said, err);
	else
		r = err_set(err, "it is no proof of an audit log or ledger");
	cJSON_Delete(o);
	return r;
}
