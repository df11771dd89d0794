/* Records as text. */
#include <cjson/cJSON.h>

#include "snapshots/record.h"

#include "common/digest.h"

#define DIGEST_KEY ",\"digest\":\""
#define DIGEST_LEN (sizeof(DIGEST_KEY) - 1 + SNAP_HASH_HEX - 1 + 3) /* quote, brace, newline */

static void hex_of(struct buf *b, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_addf(b, "%02x", (unsigned char)p[i]);
}

static bool is_utf8(const char *s)
{
	size_t n = strlen(s);

	while (n) {
		uint32_t cp;
		size_t used = utf8_decode(s, n, &cp);
		if (!used)
			return false;
		s += used;
		n -= used;
	}
	return true;
}

/* "path":"...", and the bytes themselves where they are no text. */
static void add_path(struct buf *b, const char *path)
{
	buf_adds(b, "{\"path\":");
	buf_add_json_str(b, path, strlen(path));
	if (!is_utf8(path)) {
		buf_adds(b, ",\"path_hex\":\"");
		hex_of(b, path, strlen(path));
		buf_adds(b, "\"");
	}
}

static void add_text(struct buf *b, const char *key, const char *s)
{
	if (!s)
		return;
	buf_addf(b, ",\"%s\":", key);
	buf_add_json_str(b, s, strlen(s));
}

static void add_left_out(struct buf *b, const struct snap_record *r)
{
	bool first = true;

	buf_adds(b, ",\"left_out\":[");
	for (size_t i = 0; i < r->left_out_count; i++) {
		buf_adds(b, i ? "," : "");
		add_path(b, r->left_out[i].path);
		add_text(b, "reason", snap_why_text(r->left_out[i].why));
		buf_adds(b, "}");
	}
	buf_adds(b, "],\"left_out_total\":{");
	for (unsigned i = 1; i < SNAP_WHY_COUNT; i++) {
		if (!r->left_out_total[i])
			continue;
		buf_addf(b, "%s\"%s\":%llu", first ? "" : ",", snap_why_text(i),
			 (unsigned long long)r->left_out_total[i]);
		first = false;
	}
	buf_adds(b, "}");
}

void record_format(struct buf *b, const struct snap_record *r)
{
	char hex[SNAP_HASH_HEX], when[TIME_STR_MAX];
	struct snap_hash digest;
	size_t from = b->len;

	snap_hash_hex(hex, &r->tree);
	time_rfc3339(when, r->time_ns);
	buf_addf(b, "{\"version\":1,\"number\":%u,\"timestamp\":\"%s\",\"time_ns\":\"%llu\",",
		 r->number, when, (unsigned long long)r->time_ns);
	if (r->parent < 0)
		buf_adds(b, "\"parent\":null");
	else
		buf_addf(b, "\"parent\":%d", r->parent);
	add_text(b, "name", r->name);
	add_text(b, "tag", r->tag);
	add_text(b, "reason", r->reason);
	buf_adds(b, ",\"roots\":[");
	for (size_t i = 0; i < r->root_count; i++) {
		buf_adds(b, i ? "," : "");
		add_path(b, r->roots[i].path);
		buf_addf(b, ",\"kind\":%u}", r->roots[i].kind);
	}
	buf_addf(b,
		 "],\"file_count\":%llu,\"dir_count\":%llu,\"bytes\":%llu,\"merkle_root\":\"%s\"",
		 (unsigned long long)r->files, (unsigned long long)r->dirs,
		 (unsigned long long)r->bytes, hex);
	add_left_out(b, r);
	digest_sha256((b->data + from), b->len - from, digest.b);
	snap_hash_hex(hex, &digest);
	buf_addf(b, DIGEST_KEY "%s\"}\n", hex);
}

static bool digest_ok(const char *text, size_t n)
{
	struct snap_hash is;
	char hex[SNAP_HASH_HEX];

	if (n <= DIGEST_LEN || memcmp(text + n - DIGEST_LEN, DIGEST_KEY, sizeof(DIGEST_KEY) - 1) ||
	    memcmp(text + n - 3, "\"}\n", 3))
		return false;
	digest_sha256(text, n - DIGEST_LEN, is.b);
	snap_hash_hex(hex, &is);
	return !memcmp(hex, text + n - DIGEST_LEN + sizeof(DIGEST_KEY) - 1, SNAP_HASH_HEX - 1);
}

static bool get_u64(const cJSON *o, const char *key, uint64_t *out)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	if (!cJSON_IsNumber(v) || v->valuedouble < 0 || v->valuedouble > 1e18)
		return false;
	*out = (uint64_t)v->valuedouble;
	return true;
}

static char *get_text(const cJSON *o, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);

	return cJSON_IsString(v) ? xstrdup(v->valuestring) : NULL;
}

static char *get_path(const cJSON *o)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, "path_hex");
	char *out;
	size_t n;

	if (!cJSON_IsString(v))
		return get_text(o, "path");
	n = strlen(v->valuestring) / 2;
	out = xcalloc(1, n + 1);
	for (size_t i = 0; i < n; i++) {
		unsigned byte = 0;
		if (sscanf(v->valuestring + 2 * i, "%2x", &byte) != 1 || !byte) {
			free(out);
			return NULL;
		}
		out[i] = (char)byte;
	}
	return out;
}

static enum snap_why why_of(const char *text)
{
	for (unsigned i = 1; text && i < SNAP_WHY_COUNT; i++)
		if (str_eq(text, snap_why_text(i)))
			return i;
	return SNAP_WHY_NONE;
}

static bool parse_roots(const cJSON *list, struct snap_record *r)
{
	const cJSON *v;

	if (!cJSON_IsArray(list))
		return false;
	r->roots = xcalloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*r->roots));
	cJSON_ArrayForEach(v, list)
	{
		struct snap_root *root = &r->roots[r->root_count];
		uint64_t kind;

		root->path = get_path(v);
		if (!root->path)
			return false;
		r->root_count++;
		if (!get_u64(v, "kind", &kind) || kind > SNAP_LEFT_OUT)
			return false;
		root->kind = (enum snap_kind)kind;
	}
	return true;
}

static bool parse_left_out(const cJSON *o, struct snap_record *r)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(o, "left_out"), *v;
	const cJSON *total = cJSON_GetObjectItemCaseSensitive(o, "left_out_total");

	if (!cJSON_IsArray(list))
		return false;
	r->left_out = xcalloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*r->left_out));
	cJSON_ArrayForEach(v, list)
	{
		_cleanup_free_ char *why = get_text(v, "reason");
		char *path = get_path(v);

		if (!path)
			return false;
		r->left_out[r->left_out_count++] = (struct snap_left_out){path, why_of(why)};
	}
	for (unsigned i = 1; i < SNAP_WHY_COUNT; i++)
		(void)get_u64(total, snap_why_text(i), &r->left_out_total[i]);
	return true;
}

static bool parse_members(const cJSON *o, struct snap_record *r)
{
	const cJSON *parent = cJSON_GetObjectItemCaseSensitive(o, "parent");
	_cleanup_free_ char *root = get_text(o, "merkle_root");
	_cleanup_free_ char *time = get_text(o, "time_ns");
	uint64_t number;

	r->name = get_text(o, "name");
	r->tag = get_text(o, "tag");
	r->reason = get_text(o, "reason");
	if (!get_u64(o, "number", &number) || number > 1000000000)
		return false;
	r->number = (unsigned)number;
	r->parent = cJSON_IsNumber(parent) && parent->valueint >= 0 ? parent->valueint : -1;
	r->time_ns = time ? strtoull(time, NULL, 10) : 0;
	return root && snap_hash_parse(&r->tree, root) == 0 &&
	       get_u64(o, "file_count", &r->files) && get_u64(o, "dir_count", &r->dirs) &&
	       get_u64(o, "bytes", &r->bytes) &&
	       parse_roots(cJSON_GetObjectItemCaseSensitive(o, "roots"), r) && parse_left_out(o, r);
}

int record_parse(const char *text, size_t n, struct snap_record *out, struct err *err)
{
	cJSON *o = NULL;
	bool ok;

	memset(out, 0, sizeof(*out));
	if (!digest_ok(text, n))
		return err_set(err,
			       "the record of the snapshot is damaged: its digest does not match");
	o = cJSON_ParseWithLength(text, n);
	ok = cJSON_IsObject(o) && parse_members(o, out);
	cJSON_Delete(o);
	return ok ? 0 : err_set(err, "the record of the snapshot is malformed");
}

void snap_record_free(struct snap_record *r)
{
	for (size_t i = 0; i < r->root_count; i++)
		free(r->roots[i].path);
	for (size_t i = 0; i < r->left_out_count; i++)
		free(r->left_out[i].path);
	free(r->roots);
	free(r->left_out);
	free(r->name);
	free(r->tag);
	free(r->reason);
	memset(r, 0, sizeof(*r));
}
