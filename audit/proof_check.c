/* Proofs checked, without the log and the ledger. */
#include "audit/proof_json.h"

#include "audit/verify.h"

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

	if (!str_eq(proof_text(o, "session_id"), id) ||
	    proof_take_count(sums, "event_count", &n) < 0 || n != count ||
	    proof_take_hash(sums, "merkle_root", &stored) < 0 || !hash_equal(&stored, root))
		r = err_set(err, "the session's record has another id, count or root");
	cJSON_Delete(o);
	*digest = hash_session(record, strlen(record));
	return r;
}

static int check_ledger(const cJSON *ledger, const char *id, const struct hash *digest,
			const struct checkpoint *at, struct buf *said, struct err *err)
{
	const char *entry = proof_text(ledger, "entry");
	struct hash root, leaf = tree_ledger_leaf(entry, strlen(entry));
	struct tree_proof p;
	uint64_t place, size;

	if (proof_take_count(ledger, "sequence", &place) < 0 ||
	    proof_take_count(ledger, "size", &size) < 0 ||
	    proof_take_hash(ledger, "merkle_root", &root) < 0 ||
	    proof_take_proof(ledger, "inclusion", &p) < 0)
		return err_set(err, "the part about the ledger is no proof");
	if (!ledger_entry_holds(entry, strlen(entry), place, id, digest))
		return err_set(err, "the ledger's entry is not that of this session");
	if (!tree_check_inclusion(TREE_LEDGER, place, size, &leaf, &p, &root))
		return err_set(err, "the entry is not in a ledger with that root");
	if (check_at(at, size, &root, err) < 0)
		return -1;
	buf_addf(said, "ledger    entry %llu of %llu, root %s\n", (unsigned long long)place,
		 (unsigned long long)size, proof_text(ledger, "merkle_root"));
	return 0;
}

static int check_event(const cJSON *o, const struct checkpoint *at, struct buf *said,
		       struct err *err)
{
	const char *event = proof_text(o, "event_json"), *id = proof_text(o, "session_id");
	const cJSON *ledger = cJSON_GetObjectItemCaseSensitive(o, "ledger");
	struct hash root, digest, leaf = hash_leaf(event, strlen(event));
	struct tree_proof p;
	uint64_t m, n;

	if (proof_take_count(o, "event_sequence", &m) < 0 ||
	    proof_take_count(o, "event_count", &n) < 0 ||
	    proof_take_hash(o, "merkle_root", &root) < 0 ||
	    proof_take_proof(o, "inclusion", &p) < 0 || !store_id_valid(id))
		return err_set(err, "a member of the proof is missing or damaged");
	if (!tree_check_inclusion(TREE_LOG, m, n, &leaf, &p, &root))
		return err_set(err, "the event is not in a log with that root");
	buf_addf(said, "event     %s\nlog       event %llu of %llu of session %s, root %s\n", event,
		 (unsigned long long)m, (unsigned long long)n, id, proof_text(o, "merkle_root"));
	if (!cJSON_IsObject(ledger)) {
		if (at)
			return err_set(err, "the proof says nothing about a ledger");
		buf_adds(said, "ledger    the session was still running\n");
		return 0;
	}
	if (check_record(id, proof_text(o, "session_record"), n, &root, &digest, err) < 0)
		return -1;
	return check_ledger(ledger, id, &digest, at, said, err);
}

static int take_point(const cJSON *o, const char *key, struct checkpoint *c)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	*c = (struct checkpoint){0};
	return proof_take_count(v, "size", &c->size) < 0 ||
		       proof_take_hash(v, "merkle_root", &c->root) < 0
		   ? -1
		   : 0;
}

static int check_consistency(const cJSON *o, const struct checkpoint *at, struct buf *said,
			     struct err *err)
{
	struct checkpoint from, to;
	struct tree_proof p;

	if (take_point(o, "from", &from) < 0 || take_point(o, "to", &to) < 0 ||
	    proof_take_proof(o, "consistency", &p) < 0)
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
	const char *type = proof_text(o, "type");
	int r;

	if (str_eq(type, PROOF_TYPE_EVENT))
		r = check_event(o, at, said, err);
	else if (str_eq(type, PROOF_TYPE_CONSISTENCY))
		r = check_consistency(o, at, said, err);
	else
		r = err_set(err, "it is no proof of an audit log or ledger");
	cJSON_Delete(o);
	return r;
}
