/* Checkpoints, and the members that they share with proofs. */
#include "audit/proof_json.h"

#include "audit/verify.h"

void proof_add_hash(cJSON *o, const char *key, const struct hash *h)
{
	char hex[HASH_HEX];

	hash_hex(hex, h);
	cJSON_AddStringToObject(o, key, hex);
}

void proof_add_proof(cJSON *o, const char *key, const struct tree_proof *p)
{
	cJSON *a = cJSON_AddArrayToObject(o, key);

	for (size_t i = 0; i < p->n; i++) {
		char hex[HASH_HEX];
		hash_hex(hex, &p->v[i]);
		cJSON_AddItemToArray(a, cJSON_CreateString(hex));
	}
}

const char *proof_text(const cJSON *o, const char *key)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));

	return s ? s : "";
}

int proof_take_hash(const cJSON *o, const char *key, struct hash *h)
{
	const char *s = proof_text(o, key);

	return hash_from_hex(h, s, strlen(s));
}

int proof_take_count(const cJSON *o, const char *key, uint64_t *n)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	if (!cJSON_IsNumber(v) || !(v->valuedouble >= 0) || v->valuedouble > 9007199254740992.0 ||
	    (double)(uint64_t)v->valuedouble != v->valuedouble)
		return -1;
	*n = (uint64_t)v->valuedouble;
	return 0;
}

int proof_take_proof(const cJSON *o, const char *key, struct tree_proof *p)
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

	cJSON_AddStringToObject(o, "type", PROOF_TYPE_CHECKPOINT);
	cJSON_AddNumberToObject(o, "size", (double)c->size);
	proof_add_hash(o, "merkle_root", &c->root);
	proof_add_hash(o, "chain_head", &c->head);
	cJSON_AddStringToObject(o, "time", c->time);
	return o;
}

int checkpoint_parse(struct checkpoint *c, const char *json, size_t n, struct err *err)
{
	cJSON *o = cJSON_ParseWithLength(json, n);
	int r = 0;

	*c = (struct checkpoint){0};
	if (!str_eq(proof_text(o, "type"), PROOF_TYPE_CHECKPOINT) ||
	    proof_take_count(o, "size", &c->size) < 0 ||
	    proof_take_hash(o, "merkle_root", &c->root) < 0 ||
	    proof_take_hash(o, "chain_head", &c->head) < 0)
		r = err_set(err, "it is no checkpoint of an audit ledger");
	else
		str_copy(c->time, sizeof(c->time), proof_text(o, "time"));
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
