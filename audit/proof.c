/* Proofs made from the log and the ledger. */
#include "audit/proof_json.h"

#include <fcntl.h>

#include "audit/verify.h"

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
	proof_add_hash(o, "merkle_root", &root);
	proof_add_proof(o, "inclusion", &e->prover.proof);
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
		proof_add_hash(o, "merkle_root", &root);
		proof_add_proof(o, "inclusion", &e->prover.proof);
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
	cJSON_AddStringToObject(o, "type", PROOF_TYPE_EVENT);
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
	cJSON_AddStringToObject(o, "type", PROOF_TYPE_CONSISTENCY);
	cJSON_AddItemToObject(o, "from", checkpoint_json(old));
	cJSON_AddItemToObject(o, "to", checkpoint_json(&now));
	proof_add_proof(o, "consistency", &e->prover.proof);
	return o;
}
