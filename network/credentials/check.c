/* Whose request is it: finds the stand-in in a head. */
#include <openssl/evp.h>

#include "network/credentials/proxy.h"

#define VALUE_MAX 4096

/* Programs put keys into any of these, whatever the route says. */
const char *const credential_key_headers[] = {"authorization", "x-api-key",	"x-goog-api-key",
					      "api-key",       "private-token", NULL};
static const char *const key_parameters[] = {"key", "api_key", "access_token", "private_token"};

const struct policy_injection *credential_phantom_place(const struct policy_route *r)
{
	return r->phantom.mode == POLICY_INJECT_HEADER && !r->phantom.header ? &r->inject
									     : &r->phantom;
}

static bool is_phantom(const struct credential_route *r, const char *s, size_t n)
{
	return r->phantom && secret_equal(s, n, r->phantom, r->phantom_n);
}

static const char *configured_header(const struct policy_injection *place)
{
	if (place->mode == POLICY_INJECT_BASIC)
		return "authorization";
	if (place->mode == POLICY_INJECT_HEADER)
		return place->header ? place->header : "authorization";
	return NULL;
}

/* "user:stand-in", "stand-in:" or the stand-in alone, in base64. */
static bool in_basic(const struct credential_route *r, const char *s, size_t n)
{
	unsigned char text[VALUE_MAX];
	char padded[VALUE_MAX];
	const char *colon;
	int len;

	while (n && s[n - 1] == '=')
		n--;
	if (!n || n > VALUE_MAX - 4)
		return false;
	memcpy(padded, s, n);
	memset(padded + n, '=', 4);
	len = EVP_DecodeBlock(text, (const unsigned char *)padded, (int)((n + 3) / 4 * 4));
	len -= len > 0 ? (int)((n + 3) / 4 * 4 - n) : 0;
	if (len <= 0)
		return false;
	colon = memchr(text, ':', (size_t)len);
	if (!colon)
		return is_phantom(r, (char *)text, (size_t)len);
	return is_phantom(r, (char *)text, (size_t)(colon - (char *)text)) ||
	       is_phantom(r, colon + 1, (size_t)len - (size_t)(colon + 1 - (char *)text));
}

/* "AWS4-HMAC-SHA256 Credential=STAND-IN/20260101/..." */
static bool in_aws(const struct credential_route *r, const char *s, size_t n)
{
	static const char word[] = "Credential=";
	const char *p = memmem(s, n, word, sizeof(word) - 1), *slash;

	if (!p)
		return false;
	p += sizeof(word) - 1;
	slash = memchr(p, '/', n - (size_t)(p - s));
	return slash && is_phantom(r, p, (size_t)(slash - p));
}

static bool in_value(const struct credential_route *r, const char *s, size_t n)
{
	const char *blank;
	size_t word;

	while (n && (*s == ' ' || *s == '\t')) {
		s++;
		n--;
	}
	while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	if (n >= VALUE_MAX)
		return false;
	if (is_phantom(r, s, n))
		return true;
	blank = memchr(s, ' ', n);
	if (!blank)
		return false;
	word = (size_t)(blank - s);
	s = blank + strspn(blank, " ");
	n -= (size_t)(s - (blank - word));
	if (word == 5 && !strncasecmp(blank - word, "basic", 5))
		return in_basic(r, s, n);
	if (word > 4 && !strncasecmp(blank - word, "AWS4", 4))
		return in_aws(r, s, n);
	return is_phantom(r, s, n);
}

struct finding {
	bool found, wrong;
	const char *mechanism;
};

static void look_at_header(const struct credential_route *r, const struct credential_head *head,
			   const char *name, bool configured, bool take, struct finding *f)
{
	bool here = false;
	const char *v;
	size_t n;

	for (size_t i = 0; (v = head->get(head->data, name, i, &n)); i++) {
		if (in_value(r, v, n))
			here = true;
		else if (configured)
			f->wrong = true;
	}
	if (!here)
		return;
	f->found = true;
	f->mechanism = "phantom_header";
	if (take)
		head->remove(head->data, name);
}

static void cut(const struct credential_head *head, const struct target_part *p)
{
	size_t n;
	const char *t = head->target(head->data, &n);
	_cleanup_(buf_free) struct buf b = {0};

	buf_add(&b, t, p->whole);
	buf_add(&b, t + p->whole_end, n - p->whole_end);
	head->set_target(head->data, b.data, b.len);
}

static void look_at_query(const struct credential_route *r, const struct credential_head *head,
			  const char *name, bool configured, bool take, struct finding *f)
{
	struct target_part p;
	size_t n;
	const char *t = head->target(head->data, &n);

	if (!target_query(t, n, name, &p))
		return;
	if (!is_phantom(r, t + p.start, p.end - p.start)) {
		f->wrong |= configured;
		return;
	}
	f->found = true;
	f->mechanism = "phantom_query";
	if (take)
		cut(head, &p);
}

/* It stays where it is: injection needs the place. */
static void look_at_path(const struct credential_route *r, const struct credential_head *head,
			 const char *pattern, struct finding *f)
{
	struct target_part p;
	size_t n;
	const char *t = head->target(head->data, &n);

	if (!strstr(pattern, "{}") || !target_pattern(t, n, pattern, &p))
		return;
	if (is_phantom(r, t + p.start, p.end - p.start)) {
		f->found = true;
		f->mechanism = "phantom_path";
	} else {
		f->wrong = true;
	}
}

static struct finding look(const struct credential_route *r, const struct credential_head *head,
			   bool take)
{
	const struct policy_injection *place = credential_phantom_place(r->policy);
	const char *header = configured_header(place);
	const char *parameter = place->mode == POLICY_INJECT_QUERY ? place->query : NULL;
	struct finding f = {0};

	if (r->policy->aws.on)
		header = "authorization";
	if (header)
		look_at_header(r, head, header, true, take, &f);
	if (parameter)
		look_at_query(r, head, parameter, true, take, &f);
	if (place->mode == POLICY_INJECT_PATH && place->path_pattern)
		look_at_path(r, head, place->path_pattern, &f);
	for (size_t i = 0; credential_key_headers[i]; i++)
		if (!header || strcasecmp(header, credential_key_headers[i]) != 0)
			look_at_header(r, head, credential_key_headers[i], false, take, &f);
	for (size_t i = 0; i < ARRAY_LEN(key_parameters); i++)
		if (!str_eq(parameter, key_parameters[i]))
			look_at_query(r, head, key_parameters[i], false, take, &f);
	return f;
}

enum credential_check credentials_check(struct credentials *c, const struct policy_route *route,
					const struct credential_head *head, const char **mechanism)
{
	struct finding f = look(credential_route(c, route), head, true);

	*mechanism = f.mechanism;
	if (f.wrong)
		return CREDENTIAL_WRONG;
	return f.found ? CREDENTIAL_OK : CREDENTIAL_NONE;
}

const struct policy_route *credentials_find(struct credentials *c, const struct net_host *host,
					    uint16_t port, const struct credential_head *head,
					    bool *here)
{
	*here = false;
	for (size_t i = 0; i < c->n; i++) {
		const struct credential_route *r = &c->routes[i];

		if (r->port != port || !str_eq(r->host.name, host->name))
			continue;
		*here = true;
		if (look(r, head, false).found)
			return r->policy;
	}
	return NULL;
}
