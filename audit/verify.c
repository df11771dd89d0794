#include "audit/verify.h"

#include "audit/lines.h"

#include <cjson/cJSON.h>

#define SEQUENCE_TEXT "sequence is %llu where %llu is due: a line is missing, added or moved"

static bool hash_is(struct json_span v, const struct hash *want)
{
	struct hash h;

	return v.n == 2 * HASH_SIZE + 2 && hash_from_hex(&h, v.p + 1, 2 * HASH_SIZE) == 0 &&
	       hash_equal(&h, want);
}

/* The readable copy says the same as the text that was hashed. Ours does byte for byte; another
 * writer may order or space it differently. */
static bool same_event(struct json_span event, const struct buf *text)
{
	cJSON *a, *b;
	bool same;

	if (event.n == text->len && memcmp(event.p, text->data, text->len) == 0)
		return true;
	a = cJSON_ParseWithLength(event.p, event.n);
	b = cJSON_ParseWithLength(text->data, text->len);
	same = a && b && cJSON_Compare(a, b, true);
	cJSON_Delete(a);
	cJSON_Delete(b);
	return same;
}

static int bad(struct log_check *c, const char *fmt, ...) _printf_(2, 3);
static int bad(struct log_check *c, const char *fmt, ...)
{
	va_list ap;

	c->bad_line = c->state.count + 1;
	va_start(ap, fmt);
	vsnprintf(c->bad, sizeof(c->bad), fmt, ap);
	va_end(ap);
	return -1;
}

static void note_end(struct log_check *c, const struct buf *text)
{
	static const char start[] = "{\"type\":\"session_ended\"";
	struct json_span o = {text->data, text->len}, v;
	int64_t code = -1;

	c->ended = text->len > sizeof(start) && memcmp(text->data, start, sizeof(start) - 1) == 0;
	if (!c->ended)
		return;
	if (json_get(o, "exit_code", &v) && json_int(v, &code) == 0)
		c->exit_code = (int)code;
	if (json_get(o, "ended", &v))
		json_string(v, c->ended_at, sizeof(c->ended_at));
}

/* ---- a line as our own writer makes it, without taking it apart --------------------------------
 */

struct cut {
	const char *p, *end;
};

static bool skip(struct cut *c, const char *s, size_t n)
{
	if ((size_t)(c->end - c->p) < n || memcmp(c->p, s, n) != 0)
		return false;
	c->p += n;
	return true;
}
#define SKIP(c, literal) skip(c, literal, sizeof(literal) - 1)

static bool skip_hash(struct cut *c, const struct hash *h)
{
	char hex[HASH_HEX];

	hash_hex(hex, h);
	return skip(c, hex, HASH_HEX - 1);
}

/* The string that begins here, with no escapes but of quotes and backslashes. */
static bool take_text(struct cut *c, struct buf *text)
{
	char *out;

	buf_reserve(text, (size_t)(c->end - c->p));
	out = text->data;
	for (;;) {
		const char *p = c->p;
		while (p < c->end && *p != '"' && *p != '\\')
			p++;
		memcpy(out, c->p, (size_t)(p - c->p));
		out += p - c->p;
		if (p == c->end)
			return false;
		c->p = p + 1;
		if (*p == '"')
			break;
		if (c->p == c->end || (*c->p != '"' && *c->p != '\\'))
			return false;
		*out++ = *c->p++;
	}
	text->len = (size_t)(out - text->data);
	*out = '\0';
	return true;
}

/* False: it is not, or something does not hold, and then the long way says what. */
static bool own_line(struct log_check *c, const char *line, size_t n, struct buf *text,
		     struct hash *leaf, struct hash *after)
{
	struct cut at = {line, line + n};
	const char *leaf_hex;
	char head[64];

	if (!skip(&at, head,
		  (size_t)snprintf(head, sizeof(head), "{\"sequence\":%llu,\"prev_chain\":",
				   (unsigned long long)c->state.count)))
		return false;
	if (c->state.count
		? !SKIP(&at, "\"") || !skip_hash(&at, &c->state.chain) || !SKIP(&at, "\"")
		: !SKIP(&at, "null"))
		return false;
	if (!SKIP(&at, ",\"leaf_hash\":\"") || at.end - at.p < 2 * HASH_SIZE)
		return false;
	leaf_hex = at.p;
	at.p += 2 * HASH_SIZE;
	if (!SKIP(&at, "\",\"chain_hash\":\"") || at.end - at.p < 2 * HASH_SIZE)
		return false;
	line = at.p;
	at.p += 2 * HASH_SIZE;
	if (!SKIP(&at, "\",\"event_json\":\"") || !take_text(&at, text) ||
	    !SKIP(&at, ",\"event\":") || !skip(&at, text->data, text->len) || !SKIP(&at, "}") ||
	    at.p != at.end || text->data[0] != '{' ||
	    json_value_len(text->data, text->len) != text->len)
		return false;
	*leaf = hash_leaf(text->data, text->len);
	*after = hash_chain(&c->state.chain, leaf);
	at = (struct cut){leaf_hex, leaf_hex + 2 * HASH_SIZE};
	if (!skip_hash(&at, leaf))
		return false;
	at = (struct cut){line, line + 2 * HASH_SIZE};
	return skip_hash(&at, after);
}

static int check_line(struct log_check *c, const char *line, size_t n, struct buf *text,
		      struct hash *leaf_out)
{
	struct log_line l;
	struct hash leaf, before = c->state.chain, after;

	if (own_line(c, line, n, text, &leaf, &after))
		goto good;
	if (log_line_parse(&l, line, n) < 0)
		return bad(c, "it is no line of an audit log");
	if (l.sequence != c->state.count)
		return bad(c, SEQUENCE_TEXT, (unsigned long long)l.sequence,
			   (unsigned long long)c->state.count);
	if (c->state.count ? !hash_is(l.prev, &before) : l.prev.p[0] != 'n')
		return bad(c, "prev_chain is not the chain hash of the line before");
	buf_clear(text);
	if (json_string_buf(l.event_json, text) < 0)
		return bad(c, "event_json is no string");
	leaf = hash_leaf(text->data, text->len);
	if (!hash_is(l.leaf, &leaf))
		return bad(c, "the event does not have the hash that stands beside it");
	if (!same_event(l.event, text))
		return bad(c, "event differs from event_json");
	after = hash_chain(&before, &leaf);
	if (!hash_is(l.chain, &after))
		return bad(c, "chain_hash does not continue the chain");
good:
	hash_append_known(&c->state, &leaf, &after);
	note_end(c, text);
	*leaf_out = leaf;
	return 0;
}

int log_verify(int fd, struct log_check *out, struct err *err)
{
	return log_verify_each(fd, out, NULL, NULL, err);
}

int log_verify_each(int fd, struct log_check *out, log_visit *visit, void *data, struct err *err)
{
	return log_verify_count(fd, UINT64_MAX, out, visit, data, err);
}

int log_verify_count(int fd, uint64_t count, struct log_check *out, log_visit *visit, void *data,
		     struct err *err)
{
	struct hash leaf;
	_cleanup_(buf_free) struct buf text = {0};
	struct lines l;
	char *line;
	size_t n;
	int r;

	memset(out, 0, sizeof(*out));
	lines_init(&l, fd, 0);
	buf_reserve(&text, 4096);
	while ((r = out->state.count < count ? lines_next(&l, &line, &n) : 0) == 1) {
		if (check_line(out, line, n, &text, &leaf) < 0)
			break;
		out->end = l.offset;
		if (visit)
			visit(data, out->state.count - 1, &leaf, text.data, text.len);
	}
	if (r < 0 && errno == EMSGSIZE)
		bad(out, "it is longer than %u bytes", LINE_MAX_BYTES);
	else if (r < 0)
		err_errno(err, errno, "can't read the audit log");
	else if (r == 0)
		out->torn = lines_rest(&l);
	r = r < 0 && !out->bad_line ? -1 : 0;
	lines_free(&l);
	return r;
}
