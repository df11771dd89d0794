/* nono audit verify */
#include "audit/attest.h"
#include "audit/command.h"
#include "audit/verify.h"

#include <fcntl.h>

struct result {
	struct session_meta m;
	struct log_check log;
	struct ledger_check ledger;
	char chain[HASH_HEX], root[HASH_HEX], digest[HASH_HEX];
	struct attestation signed_by;
	bool alive, count_matches, sums_match, records, ok;
};

static void judge(struct result *r)
{
	const struct session_meta *m = &r->m;
	struct hash root = hash_merkle_root(&r->log.state);

	hash_hex(r->chain, &r->log.state.chain);
	hash_hex(r->root, &root);
	/* A running session may be caught in the middle of a line; a finished one has none. */
	r->records = !r->log.bad_line && (r->alive || !r->log.torn);
	r->count_matches = m->has_integrity && m->event_count == r->log.state.count;
	r->sums_match =
	    m->has_integrity && str_eq(m->chain_head, r->chain) && str_eq(m->merkle_root, r->root);
	if (r->alive && !m->ended[0])
		r->ok = r->records && r->ledger.chain_ok;
	else
		r->ok = r->records && r->count_matches && r->sums_match && r->ledger.chain_ok &&
			r->ledger.found && r->ledger.digest_matches;
	r->ok = r->ok && r->signed_by.ok;
}

static int check(const char *id, const struct audit_verify_options *o, struct result *r,
		 struct err *err)
{
	_cleanup_close_ int dir = store_open_dir(id, err), fd = -1;
	struct hash digest;

	if (dir < 0 || command_meta(dir, &r->m, &r->alive, err) < 0)
		return -1;
	if (!str_eq(r->m.id, id))
		return err_set(err, "the record of session %s names another one: %s", id, r->m.id);
	fd = openat(dir, EVENTS_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, errno, "can't open the events of session %s", id);
	digest = meta_digest(&r->m);
	hash_hex(r->digest, &digest);
	if (log_verify(fd, &r->log, err) < 0 || ledger_verify(id, &digest, &r->ledger, err) < 0)
		return -1;
	attestation_check(&r->m, dir, o, &r->signed_by);
	judge(r);
	return 0;
}

static void add_count(cJSON *o, const char *key, uint64_t n)
{
	cJSON_AddNumberToObject(o, key, (double)n);
}

static void add_str(cJSON *o, const char *key, const char *s)
{
	cJSON_AddItemToObject(o, key, command_str_or_null(s));
}

static cJSON *log_json(const struct result *r)
{
	bool stored = r->m.has_integrity;
	cJSON *o = cJSON_CreateObject();

	add_str(o, "hash_algorithm", "sha256");
	add_str(o, "merkle_scheme", "alpha");
	add_count(o, "event_count", r->log.state.count);
	add_str(o, "computed_chain_head", r->log.state.count ? r->chain : NULL);
	add_str(o, "computed_merkle_root", r->root);
	if (stored)
		add_count(o, "stored_event_count", r->m.event_count);
	else
		cJSON_AddNullToObject(o, "stored_event_count");
	add_str(o, "stored_chain_head", stored ? r->m.chain_head : NULL);
	add_str(o, "stored_merkle_root", stored ? r->m.merkle_root : NULL);
	cJSON_AddBoolToObject(o, "event_count_matches", r->count_matches);
	cJSON_AddBoolToObject(o, "records_verified", r->records);
	cJSON_AddBoolToObject(o, "is_alive", r->alive);
	if (r->log.bad_line) {
		add_count(o, "first_damaged_line", r->log.bad_line);
		add_str(o, "damage", r->log.bad);
	}
	return o;
}

static cJSON *ledger_json(const struct result *r)
{
	cJSON *o = cJSON_CreateObject();

	add_str(o, "hash_algorithm", "sha256");
	add_count(o, "entry_count", r->ledger.entries);
	add_str(o, "session_digest", r->digest);
	cJSON_AddBoolToObject(o, "session_found", r->ledger.found);
	cJSON_AddBoolToObject(o, "session_digest_matches", r->ledger.digest_matches);
	cJSON_AddBoolToObject(o, "ledger_chain_verified", r->ledger.chain_ok);
	add_str(o, "ledger_head", r->ledger.head);
	if (r->ledger.bad_line)
		add_count(o, "first_damaged_line", r->ledger.bad_line);
	return o;
}

static void print_log(const struct result *r)
{
	const struct log_check *c = &r->log;

	printf("events    %llu, %s\n", (unsigned long long)c->state.count,
	       r->records ? "each line in its place and whole" : "DAMAGED");
	if (c->bad_line)
		printf("          line %llu: %s\n", (unsigned long long)c->bad_line, c->bad);
	if (c->torn && !r->alive)
		printf("          line %llu: it is cut off after %llu bytes\n",
		       (unsigned long long)c->state.count + 1, (unsigned long long)c->torn);
	printf("chain     %s\n", c->state.count ? r->chain : "-");
	printf("merkle    %s\n", r->root);
	if (r->m.has_integrity)
		printf("record    %s\n", r->count_matches && r->sums_match
					     ? "count, chain and root as recorded at the end"
					     : "DIFFERS from what was recorded at the end");
	else if (r->alive)
		printf(
		    "record    the session is still running: what is there so far was checked\n");
	else
		printf("record    MISSING: the session was never ended (its supervisor was "
		       "killed?)\n");
}

static void print_ledger(const struct result *r)
{
	const struct ledger_check *l = &r->ledger;

	printf("ledger    %llu entries, ", (unsigned long long)l->entries);
	if (!l->chain_ok)
		printf("DAMAGED at line %llu\n", (unsigned long long)l->bad_line);
	else if (l->found)
		printf("%s\n", l->digest_matches ? "holds this session's digest"
						 : "holds ANOTHER digest of this session");
	else
		printf("%s\n", r->alive ? "this session is entered when it ends"
					: "this session is NOT in it");
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* The first thing that does not hold, in a few words. */
static const char *fault(const struct result *r)
{
	if (r->ok)
		return NULL;
	if (r->log.bad_line)
		return r->log.bad;
	if (!r->records)
		return "its last line is cut off";
	if (!r->m.has_integrity)
		return "it was never ended";
	if (!r->count_matches || !r->sums_match)
		return "count, chain or root differ from what was recorded at the end";
	if (!r->ledger.chain_ok)
		return "the ledger is damaged";
	if (!r->ledger.found)
		return "the ledger does not hold it";
	if (!r->ledger.digest_matches)
		return "the ledger holds another digest of it";
	return r->signed_by.error[0] ? r->signed_by.error : "its signature does not hold";
}

static void report(const char *id, const struct result *r, const char *bad, cJSON *list)
{
	cJSON *o;

	if (!list) {
		printf("%-18s %s  %llu events%s\n", id, bad ? "MISMATCH" : "VERIFIED",
		       (unsigned long long)r->log.state.count, r->alive ? ", running" : "");
		if (bad) {
			fputs("                   ", stdout);
			command_put(bad, 0);
			putchar('\n');
		}
		return;
	}
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "session_id", id);
	cJSON_AddBoolToObject(o, "verified", !bad);
	cJSON_AddItemToObject(o, "reason", command_str_or_null(bad ? bad : ""));
	add_count(o, "event_count", r->log.state.count);
	cJSON_AddBoolToObject(o, "is_alive", r->alive);
	cJSON_AddItemToArray(list, o);
}

/* True unless it has no record yet, since it is starting. */
static bool verify_one(const char *id, const struct audit_verify_options *o, cJSON *list,
		       size_t *failed)
{
	struct result *r = xcalloc(1, sizeof(*r));
	struct err err = {0};
	int code = check(id, o, r, &err);
	bool counts = true;

	if (code < 0) {
		_cleanup_close_ int dir = store_open_dir(id, NULL);

		counts = dir < 0 || !store_alive(dir);
	}
	if (counts) {
		const char *bad = code < 0 ? err.msg : fault(r);

		*failed += bad != NULL;
		report(id, r, bad, list);
	}
	meta_free(&r->m);
	free(r);
	return counts;
}

static int verify_all(const struct audit_verify_options *o, struct err *err)
{
	cJSON *list = o->json ? cJSON_CreateArray() : NULL, *all;
	size_t n, checked = 0, failed = 0;
	char **ids;

	if (!(ids = command_ids(&n, err))) {
		cJSON_Delete(list);
		return -1;
	}
	for (size_t i = 0; i < n; i++) {
		checked += verify_one(ids[i], o, list, &failed);
		free(ids[i]);
	}
	free(ids);
	if (list) {
		all = cJSON_CreateObject();
		cJSON_AddItemToObject(all, "sessions", list);
		add_count(all, "checked", checked);
		add_count(all, "failed", failed);
		command_print(all);
	} else {
		printf("%zu records, %zu of them with a mismatch\n", checked, failed);
	}
	return failed ? 1 : 0;
}

int audit_verify(const struct audit_verify_options *o, struct err *err)
{
	struct result *r;
	char id[65];
	int code;

	if (!o->id)
		return verify_all(o, err);
	if (audit_find(o->id, id, err) < 0)
		return -1;
	r = xcalloc(1, sizeof(*r));
	code = check(id, o, r, err);
	if (code == 0) {
		code = r->ok ? 0 : 1;
		if (o->json) {
			cJSON *v = cJSON_CreateObject();
			cJSON_AddItemToObject(v, "session", log_json(r));
			cJSON_AddItemToObject(v, "ledger", ledger_json(r));
			cJSON_AddItemToObject(v, "attestation", attestation_json(&r->signed_by));
			command_print(v);
		} else {
			printf("session   %s%s\n", id, r->alive ? " (running)" : "");
			print_log(r);
			print_ledger(r);
			attestation_print(&r->signed_by);
			printf("%s\n", r->ok ? "VERIFIED" : "MISMATCH");
		}
	}
	meta_free(&r->m);
	free(r);
	return code;
}
