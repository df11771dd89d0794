#include "audit/attest.h"
#include "common/remark.h"

#define BUNDLE_MAX (1u << 20)

static void add_sums(struct buf *b, const struct session_meta *m)
{
	buf_addf(b,
		 "{\"hash_algorithm\":\"sha256\",\"event_count\":%llu,\"chain_head\":\"%s\","
		 "\"merkle_root\":\"%s\"}",
		 (unsigned long long)m->event_count, m->chain_head, m->merkle_root);
}

static void make_statement(struct buf *b, const struct session_meta *m, const char *key_id)
{
	buf_addf(b,
		 "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[{\"name\":"
		 "\"audit-session:%s\",\"digest\":{\"sha256\":\"%s\"}}],\"predicateType\":"
		 "\"" ATTEST_TYPE "\",\"predicate\":{\"version\":1,\"session_id\":\"%s\","
		 "\"started\":\"%s\",\"ended\":\"%s\",\"command\":",
		 m->id, m->merkle_root, m->id, m->started, m->ended);
	buf_add(b, m->command.data, m->command.len);
	buf_adds(b, ",\"audit_log\":");
	add_sums(b, m);
	buf_addf(b, ",\"signer\":{\"kind\":\"keyed\",\"key_id\":\"%s\"}}}", key_id);
}

void attest(struct session_meta *m, int dirfd, const struct audit_signer *s)
{
	_cleanup_(buf_free) struct buf statement = {0}, bundle = {0};
	struct err err = {0};

	make_statement(&statement, m, s->key_id);
	if (s->sign(s->data, statement.data, statement.len, &bundle, &err) < 0 ||
	    store_replace(dirfd, BUNDLE_FILE, bundle.data, bundle.len, &err) < 0) {
		remark("nono: the record of session %s is not signed: %s", m->id, err.msg);
		return;
	}
	buf_addf(&m->attestation,
		 "{\"predicate_type\":\"" ATTEST_TYPE "\",\"key_id\":\"%s\",\"public_key\":\"%s\","
		 "\"bundle_filename\":\"" BUNDLE_FILE "\"}",
		 s->key_id, s->public_key);
}

/* ---- checking -------------------------------------------------------------------------------- */

static const char *text(const cJSON *o, const char *key)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));

	return s ? s : "";
}

static const cJSON *member(const cJSON *o, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(o, key);
}

/* What was signed is about this log of this session. */
static void check_statement(const struct session_meta *m, const char *payload,
			    struct attestation *a)
{
	cJSON *o = cJSON_Parse(payload);
	const cJSON *subject = cJSON_GetArrayItem(member(o, "subject"), 0);
	const cJSON *predicate = member(o, "predicate");
	const cJSON *sums = member(predicate, "audit_log");
	_cleanup_free_ char *name = xasprintf("audit-session:%s", m->id);

	a->session = str_eq(text(predicate, "session_id"), m->id) &&
		     str_eq(text(subject, "name"), name) &&
		     str_eq(text(o, "predicateType"), ATTEST_TYPE);
	a->root = m->has_integrity &&
		  str_eq(text(member(subject, "digest"), "sha256"), m->merkle_root) &&
		  str_eq(text(sums, "merkle_root"), m->merkle_root) &&
		  str_eq(text(sums, "chain_head"), m->chain_head);
	a->key_id_matches =
	    a->key_id_matches && str_eq(text(member(predicate, "signer"), "key_id"), a->key_id);
	cJSON_Delete(o);
}

static int ask(const struct session_meta *m, int dirfd, const struct audit_verify_options *o,
	       struct buf *out, struct err *err)
{
	_cleanup_(buf_free) struct buf in = {0}, bundle = {0};
	cJSON *meta = cJSON_ParseWithLength(m->attestation.data, m->attestation.len);
	const char *public = text(meta, "public_key");
	int r = -1;

	buf_adds(&in, "{\"public_key\":");
	buf_add_json_str(&in, public, strlen(public));
	buf_adds(&in, ",\"expected\":");
	if (o->public_key)
		buf_add_json_str(&in, o->public_key, strlen(o->public_key));
	else
		buf_adds(&in, "null");
	cJSON_Delete(meta);
	if (!o->check_bundle)
		return err_set(err, "nothing here can check signatures");
	if (store_read(dirfd, BUNDLE_FILE, BUNDLE_MAX, &bundle, err) == 0) {
		if (json_value_len(bundle.data, bundle.len) == 0)
			return err_set(err, "the bundle is damaged");
		buf_addf(&in, ",\"bundle\":%s}", bundle.data);
		r = o->check_bundle(in.data, in.len, out, err);
	}
	return r;
}

void attestation_check(const struct session_meta *m, int dirfd,
		       const struct audit_verify_options *o, struct attestation *a)
{
	_cleanup_(buf_free) struct buf out = {0};
	struct err err = {0};
	cJSON *found, *meta;

	*a = (struct attestation){.present = m->attestation.len > 0, .expected = -1};
	if (!a->present) {
		a->ok = !o->public_key;
		if (!a->ok)
			str_copy(a->error, sizeof(a->error), "the record is not signed");
		return;
	}
	buf_adds(&out, "");
	if (ask(m, dirfd, o, &out, &err) < 0)
		str_copy(a->error, sizeof(a->error), err.msg);
	found = cJSON_Parse(out.data);
	meta = cJSON_ParseWithLength(m->attestation.data, m->attestation.len);
	str_copy(a->key_id, sizeof(a->key_id), text(found, "key_id"));
	a->signature = cJSON_IsTrue(member(found, "signature_verified"));
	a->key_id_matches = cJSON_IsTrue(member(found, "key_id_matches")) &&
			    str_eq(text(meta, "key_id"), a->key_id);
	if (o->public_key)
		a->expected = cJSON_IsTrue(member(found, "expected_public_key_matches"));
	if (*text(found, "verification_error"))
		str_copy(a->error, sizeof(a->error), text(found, "verification_error"));
	if (a->signature)
		check_statement(m, text(found, "payload"), a);
	a->ok = a->signature && a->key_id_matches && a->root && a->session && a->expected != 0;
	cJSON_Delete(found);
	cJSON_Delete(meta);
}

cJSON *attestation_json(const struct attestation *a)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddBoolToObject(o, "present", a->present);
	cJSON_AddItemToObject(o, "predicate_type",
			      a->present ? cJSON_CreateString(ATTEST_TYPE) : cJSON_CreateNull());
	cJSON_AddItemToObject(o, "key_id",
			      a->key_id[0] ? cJSON_CreateString(a->key_id) : cJSON_CreateNull());
	cJSON_AddBoolToObject(o, "key_id_matches", a->key_id_matches);
	cJSON_AddBoolToObject(o, "signature_verified", a->signature);
	cJSON_AddBoolToObject(o, "merkle_root_matches", a->root);
	cJSON_AddBoolToObject(o, "session_id_matches", a->session);
	cJSON_AddItemToObject(o, "expected_public_key_matches",
			      a->expected < 0 ? cJSON_CreateNull() : cJSON_CreateBool(a->expected));
	cJSON_AddItemToObject(o, "verification_error",
			      a->error[0] ? cJSON_CreateString(a->error) : cJSON_CreateNull());
	return o;
}

void attestation_print(const struct attestation *a)
{
	char shown[400];

	if (!a->present && a->ok)
		return;
	printf("signature ");
	if (a->ok)
		printf("holds, key %s (%s)\n", a->key_id,
		       a->expected == 1 ? "the one given" : "self-attested: no key was given");
	else
		printf("DOES NOT HOLD: %s\n",
		       a->error[0]
			   ? text_printable(shown, sizeof(shown), a->error, strlen(a->error))
			   : "it is about another log or session");
}
