/*
 * Names of hosts, made one spelling. What a resolver, a server or a URL parser could read in
 * another way than we do is refused instead of corrected: RFC 1035 2.3.1, RFC 5890 2.3.1, RFC
 * 3986 3.2.2, WHATWG URL's reading of addresses (which takes octal, hexadecimal and short forms).
 */
#include <arpa/inet.h>

#include "common/host.h"

#define LABEL_MAX 63

static int bad(struct err *err, const char *s, size_t n, const char *why)
{
	char shown[160];

	return err_set(err, "\"%s\" is no host: %s",
		       text_printable(shown, sizeof(shown), s, n < 100 ? n : 100), why);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static void take_address(struct net_host *out, int family, const void *bytes)
{
	const unsigned char *b = bytes;

	if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)bytes)) {
		family = AF_INET;
		b += 12;
	}
	out->is_address = true;
	out->family = family;
	memcpy(out->address, b, family == AF_INET ? 4 : 16);
	inet_ntop(family, out->address, out->name, sizeof(out->name));
}

static int parse_v6(const char *s, size_t n, struct net_host *out, struct err *err)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr a;

	if (n >= sizeof(text))
		return bad(err, s, n, "not an IPv6 address");
	memcpy(text, s, n);
	text[n] = '\0';
	if (strlen(text) != n || inet_pton(AF_INET6, text, &a) != 1)
		return bad(err, s, n, "not an IPv6 address (zones are not taken)");
	take_address(out, AF_INET6, &a);
	return 0;
}

/* Somebody would take it for an address: the last label is a number, also in hexadecimal. */
static bool like_number(const char *label, size_t n)
{
	size_t i = 0;

	if (n >= 2 && label[0] == '0' && label[1] == 'x')
		return strspn(label + 2, "0123456789abcdef") >= n - 2;
	while (i < n && is_digit(label[i]))
		i++;
	return i == n;
}

static int parse_v4(const char *name, struct net_host *out, struct err *err)
{
	struct in_addr a;
	char again[INET_ADDRSTRLEN];

	/* inet_pton takes nothing but four decimal numbers; leading zeros would be octal elsewhere.
	 */
	if (inet_pton(AF_INET, name, &a) != 1 || !inet_ntop(AF_INET, &a, again, sizeof(again)) ||
	    strcmp(again, name) != 0)
		return bad(err, name, strlen(name),
			   "an address must be written as four decimal numbers");
	take_address(out, AF_INET, &a);
	return 0;
}

static int check_labels(const char *name, struct err *err)
{
	size_t n = strlen(name);

	for (const char *l = name;; l++) {
		size_t k = strcspn(l, ".");

		if (!k)
			return bad(err, name, n, "an empty part between dots");
		if (k > LABEL_MAX)
			return bad(err, name, n, "a part longer than 63 letters");
		if (l[0] == '-' || l[k - 1] == '-')
			return bad(err, name, n, "a part begins or ends with '-'");
		l += k;
		if (!*l)
			return 0;
	}
}

int net_host_parse(const char *s, size_t n, struct net_host *out, struct err *err)
{
	const char *last;

	*out = (struct net_host){0};
	if (n >= 2 && s[0] == '[' && s[n - 1] == ']')
		return parse_v6(s + 1, n - 2, out, err);
	if (memchr(s, ':', n))
		return parse_v6(s, n, out, err);
	if (n && s[n - 1] == '.')
		n--;
	if (!n)
		return bad(err, s, n, "it is empty");
	if (n >= NET_NAME_MAX)
		return bad(err, s, n, "longer than 253 letters");
	for (size_t i = 0; i < n; i++) {
		char c = lower(s[i]);

		if (!is_digit(c) && !(c >= 'a' && c <= 'z') && c != '-' && c != '.' && c != '_')
			return bad(err, s, n,
				   (unsigned char)c >= 0x80
				       ? "letters outside ASCII must come as punycode (xn--...)"
				       : "only letters, digits, '-', '_' and '.' are taken");
		out->name[i] = c;
	}
	last = strrchr(out->name, '.');
	last = last ? last + 1 : out->name;
	if (like_number(last, strlen(last)))
		return parse_v4(out->name, out, err);
	return check_labels(out->name, err);
}

static int parse_port(const char *s, size_t n, uint16_t *port, struct err *err)
{
	unsigned long v = 0;

	for (size_t i = 0; i < n; i++) {
		if (!is_digit(s[i]) || v > 65535)
			return err_set(err, "a port is a number from 1 to 65535");
		v = v * 10 + (unsigned long)(s[i] - '0');
	}
	if (!n || n > 5 || v < 1 || v > 65535)
		return err_set(err, "a port is a number from 1 to 65535");
	*port = (uint16_t)v;
	return 0;
}

int net_authority_parse(const char *s, size_t n, struct net_host *out, uint16_t *port,
			struct err *err)
{
	const char *end = n ? memchr(s, ']', n) : NULL, *colon;
	size_t host = n;

	if (n && s[0] == '[') {
		if (!end)
			return bad(err, s, n, "']' is missing");
		host = (size_t)(end + 1 - s);
		if (host < n && s[host] != ':')
			return bad(err, s, n, "something follows ']'");
	} else if ((colon = n ? memchr(s, ':', n) : NULL)) {
		host = (size_t)(colon - s);
		if (memchr(colon + 1, ':', n - host - 1))
			return bad(err, s, n, "IPv6 addresses are written in brackets");
	}
	if (host < n && parse_port(s + host + 1, n - host - 1, port, err) < 0)
		return -1;
	return net_host_parse(s, host, out, err);
}

int net_url_parse(const char *s, struct net_url *out, struct err *err)
{
	static const struct {
		const char *name;
		uint16_t port;
	} schemes[] = {{"https", 443}, {"http", 80}, {"wss", 443}, {"ws", 80}};
	const char *rest = NULL;
	size_t n;

	*out = (struct net_url){0};
	for (size_t i = 0; i < ARRAY_LEN(schemes) && !rest; i++) {
		size_t k = strlen(schemes[i].name);

		if (strncasecmp(s, schemes[i].name, k) != 0 || !str_starts(s + k, "://"))
			continue;
		str_copy(out->scheme, sizeof(out->scheme), schemes[i].name);
		out->port = schemes[i].port;
		rest = s + k + 3;
	}
	if (!rest)
		return err_set(err, "not a URL with http, https, ws or wss");
	n = strcspn(rest, "/?#\\@");
	if (rest[n] == '@')
		return err_set(err, "a URL with a user in it is not taken");
	if (rest[n] == '#' || rest[n] == '\\' || strchr(rest + n, '#'))
		return err_set(err, "'#' and '\\' in a URL are not taken");
	out->path = rest + n;
	if (net_authority_parse(rest, n, &out->host, &out->port, err) < 0)
		return -1;
	return 0;
}

int net_pattern_parse(const char *s, char out[NET_NAME_MAX], struct err *err)
{
	struct net_host h;
	const char *name = s;

	if (str_eq(s, "*")) {
		str_copy(out, NET_NAME_MAX, s);
		return 0;
	}
	if (str_starts(s, "*."))
		name = s + 2;
	else if (s[0] == '.')
		name = s + 1;
	if (strchr(name, '*'))
		return err_set(err,
			       "\"%.100s\": '*' may only stand at the front, as in "
			       "*.example.com",
			       s);
	if (net_host_parse(name, strlen(name), &h, err) < 0)
		return -1;
	if (name == s) {
		str_copy(out, NET_NAME_MAX, h.name);
		return 0;
	}
	if (h.is_address)
		return err_set(err, "\"%.100s\": there is nothing below an address", s);
	if (strlen(h.name) + 2 >= NET_NAME_MAX)
		return bad(err, s, strlen(s), "longer than 253 letters");
	snprintf(out, NET_NAME_MAX, "*.%.*s", NET_NAME_MAX - 3, h.name);
	return 0;
}

bool net_pattern_matches(const char *pattern, const char *name)
{
	size_t p, n;

	if (pattern[0] != '*')
		return strcmp(pattern, name) == 0;
	if (!pattern[1])
		return true;
	p = strlen(pattern) - 1;
	n = strlen(name);
	return n > p && strcmp(name + n - p, pattern + 1) == 0;
}
