/* Puts a secret into a request's head. */
#include <openssl/evp.h>

#include "network/credentials/proxy.h"

/* A secret that would end a header line early goes nowhere. */
static int check_line(const struct policy_route *r, const char *s, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return err_set(err,
				       "the credential of the route %s holds a line break or "
				       "another control character",
				       r->name);
	return 0;
}

/* format with {} replaced once. */
static int fill(const char *format, const char *s, size_t n, struct secret *out, struct err *err)
{
	const char *hole = format ? strstr(format, "{}") : NULL;

	if (!hole)
		return secret_set(out, s, n, err);
	if (secret_set(out, format, (size_t)(hole - format), err) < 0 ||
	    secret_add(out, s, n, err) < 0)
		return -1;
	return secret_add(out, hole + 2, strlen(hole + 2), err);
}

static int add_header(const struct policy_route *r, const struct credential_head *head,
		      const char *name, const struct secret *value, struct err *err)
{
	if (check_line(r, value->data, value->len, err) < 0)
		return -1;
	head->remove(head->data, name);
	if (head->add(head->data, name, value->data, value->len) < 0)
		return err_set(err, "the credential of the route %s does not fit into the head",
			       r->name);
	return 0;
}

static int into_header(const struct policy_route *r, const struct credential_head *head,
		       const struct secret *s, struct secret *room, struct err *err)
{
	const char *name = r->inject.header ? r->inject.header : "Authorization";
	const char *format = r->inject.format;

	if (!format)
		format = !strcasecmp(name, "authorization") ? "Bearer {}" : "{}";
	return fill(format, s->data, s->len, room, err) < 0 ? -1
							    : add_header(r, head, name, room, err);
}

/* The secret is "user:password", or the format says what it is a part of ("git:{}"). */
static int into_basic(const struct policy_route *r, const struct credential_head *head,
		      const struct secret *s, struct secret *room, struct err *err)
{
	const char *format = r->inject.format;
	_cleanup_(secret_free) struct secret plain = {0};

	if (format && str_starts(format, "Bearer "))
		format = NULL; /* the default of Authorization */
	if (fill(format, s->data, s->len, &plain, err) < 0 ||
	    check_line(r, plain.data, plain.len, err) < 0 ||
	    secret_set(room, "Basic ", 6, err) < 0 ||
	    secret_reserve(room, 6 + (plain.len + 2) / 3 * 4 + 1, err) < 0)
		return -1;
	room->len += (size_t)EVP_EncodeBlock((unsigned char *)room->data + room->len,
					     (unsigned char *)plain.data, (int)plain.len);
	return add_header(r, head, "Authorization", room, err);
}

static int set_target(const struct policy_route *r, const struct credential_head *head,
		      const struct secret *target, struct err *err)
{
	return head->set_target(head->data, target->data, target->len) < 0
		   ? err_set(err, "the credential of the route %s does not fit into the path",
			     r->name)
		   : 0;
}

static int into_query(const struct policy_route *r, const struct credential_head *head,
		      const struct secret *s, struct secret *room, struct err *err)
{
	const char *name = r->inject.query ? r->inject.query : "key";
	_cleanup_(secret_free) struct secret value = {0};
	struct target_part p;
	size_t n;
	const char *t = head->target(head->data, &n), *mark;

	if (fill(r->inject.format, s->data, s->len, &value, err) < 0 ||
	    secret_reserve(room, n + strlen(name) + 3 * value.len + 2, err) < 0)
		return -1;
	/* What stands there is the agent's own. */
	while (target_query(t, n, name, &p)) {
		_cleanup_(buf_free) struct buf b = {0};

		buf_add(&b, t, p.whole);
		buf_add(&b, t + p.whole_end, n - p.whole_end);
		if (head->set_target(head->data, b.data, b.len) < 0)
			return err_set(err, "the path can't be changed");
		t = head->target(head->data, &n);
	}
	mark = memchr(t, '?', n);
	if (secret_set(room, t, n, err) < 0 ||
	    (mark != t + n - 1 && secret_add(room, mark ? "&" : "?", 1, err) < 0) ||
	    secret_add(room, name, strlen(name), err) < 0 || secret_add(room, "=", 1, err) < 0 ||
	    target_escape(room, value.data, value.len, err) < 0)
		return -1;
	return set_target(r, head, room, err);
}

static int into_path(const struct policy_route *r, const struct credential_head *head,
		     const struct secret *s, struct secret *room, struct err *err)
{
	const struct policy_injection *place = credential_phantom_place(r);
	const char *pattern = place->mode == POLICY_INJECT_PATH && place->path_pattern
				  ? place->path_pattern
				  : r->inject.path_pattern;
	const char *replacement =
	    r->inject.path_replacement ? r->inject.path_replacement : r->inject.path_pattern;
	const char *hole = replacement ? strstr(replacement, "{}") : NULL;
	struct target_part p;
	size_t n;
	const char *t = head->target(head->data, &n);

	if (!pattern || !hole)
		return err_set(err, "the route %s has no path_pattern with {}", r->name);
	if (!target_pattern(t, n, pattern, &p))
		return err_set(err, "the path has no place like %.100s for the credential",
			       pattern);
	if (secret_reserve(room, n + strlen(replacement) + 3 * s->len, err) < 0 ||
	    secret_add(room, t, p.whole, err) < 0 ||
	    secret_add(room, replacement, (size_t)(hole - replacement), err) < 0 ||
	    target_escape(room, s->data, s->len, err) < 0 ||
	    secret_add(room, hole + 2, strlen(hole + 2), err) < 0 ||
	    secret_add(room, t + p.whole_end, n - p.whole_end, err) < 0)
		return -1;
	return set_target(r, head, room, err);
}

/* Headers that a command printed. */
static int into_headers(const struct policy_route *r, const struct credential_head *head,
			const struct secret *s, struct secret *room, struct err *err)
{
	for (size_t at = 0; at < s->len;) {
		const char *name = s->data + at, *value = name + strlen(name) + 1;

		if (value >= s->data + s->len)
			break;
		if (secret_set(room, value, strlen(value), err) < 0 ||
		    add_header(r, head, name, room, err) < 0)
			return -1;
		at = (size_t)(value - s->data) + strlen(value) + 1;
	}
	return 0;
}

int credentials_inject(struct credentials *c, const struct policy_route *route,
		       const struct credential_head *head, const struct credential_want *w,
		       const char *host, const void *body, size_t body_len, const char **mode,
		       struct err *err)
{
	static int (*const ways[])(const struct policy_route *r, const struct credential_head *head,
				   const struct secret *s, struct secret *room, struct err *err) = {
	    [POLICY_INJECT_HEADER] = into_header,
	    [POLICY_INJECT_PATH] = into_path,
	    [POLICY_INJECT_QUERY] = into_query,
	    [POLICY_INJECT_BASIC] = into_basic,
	};
	static const char *const names[] = {"header", "url_path", "query_param", "basic_auth"};
	const struct credential_slot *slot = w->slot;
	int rc;

	if (!slot || !slot->value.data)
		return err_set(err, "the credential of the route %s is not there", route->name);
	if (route->aws.on) {
		*mode = "aws";
		return credential_inject_aws(credential_route(c, route), slot, head, host, body,
					     body_len, err);
	}
	*mode = slot->list		 ? "header"
		: route->oauth.token_url ? "o_auth2"
					 : names[route->inject.mode];
	/* One room for all: pages of their own for every request would cost more than the rest. */
	rc = slot->list ? into_headers(route, head, &slot->value, &c->room, err)
			: ways[route->inject.mode](route, head, &slot->value, &c->room, err);
	secret_wipe(&c->room);
	return rc;
}

bool credentials_needs_body(const struct credentials *c, const struct policy_route *route,
			    const struct credential_head *head)
{
	return route->aws.on &&
	       credential_aws_needs_body(&c->routes[route - c->config->network.routes.v], head);
}
