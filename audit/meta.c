/* session.json: what a session was, and what its log added up to. */
#include "audit/store.h"

void meta_free(struct session_meta *m)
{
	buf_free(&m->command);
	buf_free(&m->tracked);
	buf_free(&m->network);
	buf_free(&m->extra);
	buf_free(&m->attestation);
	buf_free(&m->roots);
	free(m->executable);
}

static void add_line(struct buf *b, const char *key)
{
	buf_addf(b, ",\n  \"%s\": ", key);
}

static void add_time_or_null(struct buf *b, const char *t)
{
	if (t[0])
		buf_add_json_str(b, t, strlen(t));
	else
		buf_adds(b, "null");
}

static void add_array(struct buf *b, const struct buf *array)
{
	if (array->len)
		buf_add(b, array->data, array->len);
	else
		buf_adds(b, "[]");
}

static void add_integrity(struct buf *b, const struct session_meta *m, const char *sep)
{
	if (!m->has_integrity) {
		buf_adds(b, "null");
		return;
	}
	buf_addf(
	    b,
	    "{\"hash_algorithm\":%s\"sha256\",%s\"event_count\":%s%llu,%s\"chain_head\":%s\"%s\","
	    "%s\"merkle_root\":%s\"%s\"}",
	    sep, sep, sep, (unsigned long long)m->event_count, sep, sep, m->chain_head, sep, sep,
	    m->merkle_root);
}

static void add_attestation(struct buf *b, const struct session_meta *m)
{
	if (m->attestation.len)
		buf_add(b, m->attestation.data, m->attestation.len);
	else
		buf_adds(b, "null");
}

void meta_to_json(const struct session_meta *m, struct buf *b)
{
	struct json_iter it;
	struct json_span key, val;

	buf_addf(b, "{\n  \"session_id\": \"%s\"", m->id);
	add_line(b, "started");
	add_time_or_null(b, m->started);
	add_line(b, "ended");
	add_time_or_null(b, m->ended);
	add_line(b, "command");
	add_array(b, &m->command);
	add_line(b, "executable_identity");
	if (m->executable && m->sha256[0]) {
		buf_adds(b, "{\"resolved_path\": ");
		buf_add_json_str(b, m->executable, strlen(m->executable));
		buf_addf(b, ", \"sha256\": \"%s\"}", m->sha256);
	} else {
		buf_adds(b, "null");
	}
	add_line(b, "tracked_paths");
	add_array(b, &m->tracked);
	buf_addf(b, ",\n  \"snapshot_count\": %llu", (unsigned long long)m->snapshots);
	add_line(b, "exit_code");
	if (m->has_exit)
		buf_addf(b, "%d", m->exit_code);
	else
		buf_adds(b, "null");
	add_line(b, "merkle_roots");
	add_array(b, &m->roots);
	add_line(b, "network_events");
	add_array(b, &m->network);
	if (m->network_count)
		buf_addf(b, ",\n  \"network_event_count\": %llu",
			 (unsigned long long)m->network_count);
	buf_addf(b, ",\n  \"audit_event_count\": %llu", (unsigned long long)m->event_count);
	add_line(b, "audit_integrity");
	add_integrity(b, m, " ");
	buf_adds(b, ",\n  \"audit_attestation\": ");
	add_attestation(b, m);
	if (m->extra.len &&
	    json_iter_init(&it, (struct json_span){m->extra.data, m->extra.len}) == 0)
		while (json_iter_next(&it, &key, &val) == 1) {
			buf_adds(b, ",\n  ");
			buf_add(b, key.p, key.n);
			buf_adds(b, ": ");
			buf_add(b, val.p, val.n);
		}
	buf_adds(b, "\n}\n");
}

static void compact_into(struct buf *b, struct json_span v)
{
	buf_clear(b);
	json_compact(b, v);
}

/* It is written out again as it is: nothing but digits may get in. */
static int parse_hex(char out[HASH_HEX], struct json_span v)
{
	struct hash h;

	if (v.n != 2 * HASH_SIZE + 2 || hash_from_hex(&h, v.p + 1, 2 * HASH_SIZE) < 0)
		return -1;
	hash_hex(out, &h);
	return 0;
}

static int parse_identity(struct session_meta *m, struct json_span v)
{
	_cleanup_(buf_free) struct buf path = {0};
	struct json_span member;

	if (v.p[0] != '{')
		return v.p[0] == 'n' ? 0 : -1;
	if (!json_get(v, "resolved_path", &member) || json_string_buf(member, &path) < 0 ||
	    !json_get(v, "sha256", &member) || parse_hex(m->sha256, member) < 0)
		return -1;
	free(m->executable);
	m->executable = xstrdup(path.data);
	return 0;
}

static int parse_integrity(struct session_meta *m, struct json_span v)
{
	struct json_span member;

	if (v.p[0] != '{')
		return v.p[0] == 'n' ? 0 : -1;
	if (!json_get(v, "event_count", &member) || json_u64(member, &m->event_count) < 0 ||
	    !json_get(v, "chain_head", &member) || parse_hex(m->chain_head, member) < 0 ||
	    !json_get(v, "merkle_root", &member) || parse_hex(m->merkle_root, member) < 0)
		return -1;
	m->has_integrity = true;
	return 0;
}

static int parse_time(char out[TIME_STR_MAX], struct json_span v)
{
	out[0] = '\0';
	return v.p[0] == 'n' || json_string(v, out, TIME_STR_MAX) >= 0 ? 0 : -1;
}

static int parse_member(struct session_meta *m, struct json_span key, struct json_span v)
{
	int64_t n;

	if (json_key_is(key, "session_id"))
		return json_string(v, m->id, sizeof(m->id)) > 0 && store_id_valid(m->id) ? 0 : -1;
	if (json_key_is(key, "started"))
		return parse_time(m->started, v);
	if (json_key_is(key, "ended"))
		return parse_time(m->ended, v);
	if (json_key_is(key, "command"))
		return v.p[0] == '[' ? (compact_into(&m->command, v), 0) : -1;
	if (json_key_is(key, "tracked_paths"))
		return v.p[0] == '[' ? (compact_into(&m->tracked, v), 0) : -1;
	if (json_key_is(key, "network_events"))
		return v.p[0] == '[' ? (compact_into(&m->network, v), 0) : -1;
	if (json_key_is(key, "network_event_count"))
		return json_u64(v, &m->network_count);
	if (json_key_is(key, "executable_identity"))
		return parse_identity(m, v);
	if (json_key_is(key, "audit_integrity"))
		return parse_integrity(m, v);
	if (json_key_is(key, "exit_code")) {
		if (v.p[0] == 'n')
			return 0;
		if (json_int(v, &n) < 0 || n < INT32_MIN || n > INT32_MAX)
			return -1;
		m->has_exit = true;
		m->exit_code = (int)n;
		return 0;
	}
	if (json_key_is(key, "audit_event_count")) {
		uint64_t count;
		if (json_u64(v, &count) < 0)
			return -1;
		if (!m->has_integrity)
			m->event_count = count;
		return 0;
	}
	if (json_key_is(key, "audit_attestation")) {
		buf_clear(&m->attestation);
		if (v.p[0] == '{')
			json_compact(&m->attestation, v);
		return v.p[0] == '{' || v.p[0] == 'n' ? 0 : -1;
	}
	if (json_key_is(key, "merkle_roots"))
		return v.p[0] == '[' ? (compact_into(&m->roots, v), 0) : -1;
	if (json_key_is(key, "snapshot_count"))
		return json_u64(v, &m->snapshots);
	buf_addc(&m->extra, m->extra.len ? ',' : '{');
	buf_add(&m->extra, key.p, key.n);
	buf_addc(&m->extra, ':');
	json_compact(&m->extra, v);
	return 0;
}

int meta_parse(struct session_meta *m, const char *json, size_t n)
{
	struct json_span key, val;
	struct json_iter it;
	int r;

	memset(m, 0, sizeof(*m));
	if (json_iter_init(&it, (struct json_span){json, n}) < 0 || !it.object)
		return -1;
	while ((r = json_iter_next(&it, &key, &val)) == 1)
		if (parse_member(m, key, val) < 0)
			return -1;
	if (m->extra.len)
		buf_addc(&m->extra, '}');
	return r < 0 || !m->id[0] ? -1 : 0;
}

int meta_read(struct session_meta *m, int dirfd, struct err *err)
{
	_cleanup_(buf_free) struct buf text = {0};

	memset(m, 0, sizeof(*m));
	if (store_read(dirfd, SESSION_FILE, SESSION_MAX_BYTES, &text, err) < 0)
		return -1;
	if (meta_parse(m, text.data, text.len) < 0) {
		meta_free(m);
		memset(m, 0, sizeof(*m));
		return err_set(err, SESSION_FILE " is damaged");
	}
	return 0;
}

int meta_write(const struct session_meta *m, int dirfd, struct err *err)
{
	_cleanup_(buf_free) struct buf text = {0};

	meta_to_json(m, &text);
	return store_replace(dirfd, SESSION_FILE, text.data, text.len, err);
}

static void add_bytes(struct buf *b, const char *p, size_t n)
{
	buf_addc(b, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_addc(b, ',');
		json_add_u64(b, (unsigned char)p[i]);
	}
	buf_addc(b, ']');
}

static void add_tracked_bytes(struct buf *b, const struct buf *tracked)
{
	struct json_span key, val;
	struct json_iter it;
	const char *sep = "";

	buf_addc(b, '[');
	if (tracked->len &&
	    json_iter_init(&it, (struct json_span){tracked->data, tracked->len}) == 0)
		while (json_iter_next(&it, &key, &val) == 1) {
			_cleanup_(buf_free) struct buf path = {0};
			json_string_buf(val, &path);
			buf_adds(b, sep);
			add_bytes(b, path.data, path.len);
			sep = ",";
		}
	buf_addc(b, ']');
}

void meta_digest_input(const struct session_meta *m, struct buf *b)
{
	buf_addf(b, "{\"session_id\":\"%s\",\"started\":", m->id);
	add_time_or_null(b, m->started);
	buf_adds(b, ",\"ended\":");
	add_time_or_null(b, m->ended);
	buf_adds(b, ",\"command\":");
	add_array(b, &m->command);
	buf_adds(b, ",\"executable_identity\":");
	if (m->executable && m->sha256[0]) {
		buf_adds(b, "{\"resolved_path\":");
		add_bytes(b, m->executable, strlen(m->executable));
		buf_addf(b, ",\"sha256\":\"%s\"}", m->sha256);
	} else {
		buf_adds(b, "null");
	}
	buf_adds(b, ",\"tracked_paths\":");
	add_tracked_bytes(b, &m->tracked);
	buf_addf(b, ",\"snapshot_count\":%llu,\"exit_code\":", (unsigned long long)m->snapshots);
	if (m->has_exit)
		buf_addf(b, "%d", m->exit_code);
	else
		buf_adds(b, "null");
	buf_adds(b, ",\"merkle_roots\":");
	add_array(b, &m->roots);
	buf_adds(b, ",\"network_events\":");
	add_array(b, &m->network);
	buf_addf(b, ",\"audit_event_count\":%llu", (unsigned long long)m->event_count);
	buf_adds(b, ",\"audit_integrity\":");
	add_integrity(b, m, "");
	buf_adds(b, ",\"audit_attestation\":");
	add_attestation(b, m);
	buf_addc(b, '}');
}

struct hash meta_digest(const struct session_meta *m)
{
	_cleanup_(buf_free) struct buf b = {0};

	meta_digest_input(m, &b);
	return hash_session(b.data, b.len);
}

void meta_set_integrity(struct session_meta *m, const struct hash_state *st)
{
	struct hash root = hash_merkle_root(st);

	m->event_count = st->count;
	m->has_integrity = true;
	hash_hex(m->chain_head, &st->chain);
	hash_hex(m->merkle_root, &root);
}
