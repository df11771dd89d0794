/* Signatures of AWS, version 4: a function of the request, the keys and the time. */
#include <ctype.h>
#include <time.h>

#include "common/digest.h"
#include "network/credentials/proxy.h"

#define HEADERS_MAX 64
#define PARTS_MAX   256

static void hash_hex(const void *p, size_t n, char out[SHA256_HEX])
{
	unsigned char md[SHA256_DIGEST_LENGTH];

	digest_sha256(p, n, md);
	digest_hex(md, sizeof(md), out);
}

void sigv4_date(time_t now, char out[17])
{
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(out, 17, "%Y%m%dT%H%M%SZ", &tm);
}

/* ---- canonical path and query
 * -------------------------------------------------------------------- */

static bool unreserved(unsigned char c)
{
	return isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

/* Decoded once and encoded once: however the client wrote it. slash: as it is. */
static void encode(struct buf *out, const char *s, size_t n, bool slash)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '%' && i + 2 < n && hex_digit(s[i + 1]) >= 0 && hex_digit(s[i + 2]) >= 0) {
			c = (unsigned char)(hex_digit(s[i + 1]) * 16 + hex_digit(s[i + 2]));
			i += 2;
		}
		if (unreserved(c) || (slash && c == '/'))
			buf_addc(out, (char)c);
		else
			buf_addf(out, "%%%02X", c);
	}
}

/* Segment by segment, so that an escaped slash stays one. All services but S3 encode what is
 * encoded already once more. */
static void canonical_path(const struct sigv4 *s, size_t n, struct buf *out)
{
	bool s3 = str_eq(s->service, "s3");

	for (size_t at = 0; at < n;) {
		const char *slash = memchr(s->target + at, '/', n - at);
		size_t end = slash ? (size_t)(slash - s->target) : n;
		_cleanup_(buf_free) struct buf once = {0};

		encode(&once, s->target + at, end - at, s3);
		for (size_t i = 0; i < once.len; i++)
			if (once.data[i] == '%' && !s3)
				buf_adds(out, "%25");
			else
				buf_addc(out, once.data[i]);
		if (slash)
			buf_addc(out, '/');
		at = end + 1;
	}
	if (!n)
		buf_addc(out, '/');
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "name=value" sorted by name, then value: '=' would sort behind '-' and '.', so it is \1
 * meanwhile.
 */
static int canonical_query(const struct sigv4 *s, size_t at, struct buf *out, struct err *err)
{
	char *parts[PARTS_MAX];
	size_t count = 0;
	int r = 0;

	while (at < s->target_n) {
		const char *p = s->target + at;
		const char *and = memchr(p, '&', s->target_n - at);
		size_t n = and? (size_t)(and-p) : s->target_n - at;
		const char *eq = memchr(p, '=', n);
		size_t name = eq ? (size_t)(eq - p) : n;
		struct buf b = {0};

		at += n + 1;
		if (!n)
			continue;
		if (count == PARTS_MAX) {
			r = err_set(err, "more than %d parameters can't be signed", PARTS_MAX);
			break;
		}
		encode(&b, p, name, false);
		buf_addc(&b, '\1');
		if (eq)
			encode(&b, eq + 1, n - name - 1, false);
		parts[count++] = b.data;
	}
	qsort(parts, count, sizeof(*parts), by_text);
	for (size_t i = 0; i < count; i++) {
		*strchr(parts[i], '\1') = '=';
		buf_addf(out, "%s", i ? "&" : "");
		buf_adds(out, parts[i]);
		free(parts[i]);
	}
	return r;
}

/* ---- canonical headers
 * --------------------------------------------------------------------------- */

static bool is_signed(const char *name, size_t n)
{
	return (n == 12 && !strncasecmp(name, "content-type", n)) ||
	       (n > 6 && !strncasecmp(name, "x-amz-", 6));
}

/* "name:value", small letters, blanks made one. */
static char *header_line(const char *name, size_t n, const char *value, size_t v)
{
	struct buf b = {0};
	bool blank = false;

	for (size_t i = 0; i < n; i++)
		buf_addc(&b, (char)tolower((unsigned char)name[i]));
	buf_addc(&b, ':');
	for (size_t i = 0; i < v; i++) {
		bool now = value[i] == ' ' || value[i] == '\t';

		if (!now && blank && b.data[b.len - 1] != ':')
			buf_addc(&b, ' ');
		if (!now)
			buf_addc(&b, value[i]);
		blank = now;
	}
	return b.data;
}

static int by_name(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	size_t n = strcspn(x, ":"), m = strcspn(y, ":");
	int r = memcmp(x, y, n < m ? n : m);

	return r ? r : n < m ? -1 : n > m;
}

static int canonical_headers(const struct sigv4 *s, struct buf *lines, struct buf *names,
			     struct err *err)
{
	const char *name, *value;
	char *line[HEADERS_MAX];
	size_t n, v, count = 0;
	int r = 0;

	line[count++] = header_line("host", 4, s->host, strlen(s->host));
	for (size_t i = 0; s->head->each(s->head->data, i, &name, &n, &value, &v); i++) {
		if (!is_signed(name, n))
			continue;
		if (count == HEADERS_MAX) {
			r = err_set(err, "more than %d headers can't be signed", HEADERS_MAX);
			break;
		}
		line[count++] = header_line(name, n, value, v);
	}
	qsort(line, count, sizeof(*line), by_name);
	for (size_t i = 0; i < count; i++) {
		size_t len = strcspn(line[i], ":");

		buf_addf(lines, "%s\n", line[i]);
		buf_addf(names, "%s%.*s", i ? ";" : "", (int)len, line[i]);
		free(line[i]);
	}
	return r;
}

/* ---- the signature
 * ------------------------------------------------------------------------------- */

static void mac(const void *key, size_t key_n, const char *text, unsigned char out[32])
{
	digest_hmac_sha256(key, key_n, text, strlen(text), out);
}

static int signing_key(const struct sigv4 *s, const char *date, unsigned char key[32],
		       struct err *err)
{
	_cleanup_(secret_free) struct secret start = {0};
	char day[9];

	if (secret_set(&start, "AWS4", 4, err) < 0 ||
	    secret_add(&start, s->secret_key, strlen(s->secret_key), err) < 0)
		return -1;
	snprintf(day, sizeof(day), "%.8s", date);
	mac(start.data, start.len, day, key);
	mac(key, 32, s->region, key);
	mac(key, 32, s->service, key);
	mac(key, 32, "aws4_request", key);
	return 0;
}

int sigv4_sign(const struct sigv4 *s, struct buf *out, struct err *err)
{
	_cleanup_(buf_free) struct buf request = {0}, names = {0}, text = {0}, scope = {0};
	const char *question = memchr(s->target, '?', s->target_n);
	size_t path = question ? (size_t)(question - s->target) : s->target_n;
	unsigned char key[32], signature[32];
	char date[17], hashed[65], shown[65];

	sigv4_date(s->now, date);
	buf_addf(&request, "%s\n", s->method);
	canonical_path(s, path, &request);
	buf_addc(&request, '\n');
	if (canonical_query(s, path + 1, &request, err) < 0)
		return -1;
	buf_addc(&request, '\n');
	if (canonical_headers(s, &request, &names, err) < 0)
		return -1;
	buf_addf(&request, "\n%s\n%s", names.data, s->payload);
	hash_hex(request.data, request.len, hashed);
	buf_addf(&scope, "%.8s/%s/%s/aws4_request", date, s->region, s->service);
	buf_addf(&text, "AWS4-HMAC-SHA256\n%s\n%s\n%s", date, scope.data, hashed);
	if (signing_key(s, date, key, err) < 0)
		return -1;
	mac(key, sizeof(key), text.data, signature);
	explicit_bzero(key, sizeof(key));
	digest_hex(signature, sizeof(signature), shown);
	buf_addf(out, "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
		 s->access_key, scope.data, names.data, shown);
	return 0;
}
