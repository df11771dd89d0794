/* The approval backends of a profile. */
#include "policy/approvals.h"
#include "policy/commands/decode.h"

#define BACKENDS_MAX  64
#define TIMEOUT_MAX_S 3600

static const struct approval_backend terminal = {.name = (char *)"terminal"};

static void backend_free(struct approval_backend *b)
{
	free(b->name);
	strv_free(b->command);
	free(b->url);
	free(b->hmac_key);
	*b = (struct approval_backend){0};
}

void approvals_free(struct approvals *a)
{
	for (size_t i = 0; i < a->n; i++)
		backend_free(&a->v[i]);
	free(a->v);
	free(a->backend);
	*a = (struct approvals){0};
}

/* ---- decoding -------------------------------------------------------------------------- */

static int take_kind(const struct decoder *d, const struct doc *v, void *to)
{
	static const char *const names[] = {"terminal", "command", "webhook", "chain"};
	unsigned kind;

	if (decode_choice(d, v, names, ARRAY_LEN(names), &kind) < 0)
		return -1;
	*(enum approval_kind *)to = (enum approval_kind)kind;
	return 0;
}

static int take_command(const struct decoder *d, const struct doc *v, void *to)
{
	struct words w = {0};

	if (decode_words(d, v, &w) < 0) {
		words_free(&w);
		return -1;
	}
	strv_free(*(char ***)to);
	*(char ***)to = w.v;
	return 0;
}

static int take_timeout(const struct decoder *d, const struct doc *v, void *to)
{
	if (decode_seconds(d, v, to) < 0)
		return -1;
	if (*(unsigned *)to > TIMEOUT_MAX_S)
		return doc_error(d->label, v, d->err, "%s: %d s at most", v->name, TIMEOUT_MAX_S);
	return 0;
}

/* To another machine nothing goes in the clear. */
static bool url_ok(const char *url)
{
	static const char *const here[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};

	for (const char *c = url; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f || *c == '\\')
			return false;
	if (str_starts(url, "https://"))
		return url[8] && url[8] != '/';
	for (size_t i = 0; i < ARRAY_LEN(here); i++)
		if (str_starts(url, here[i]) && strchr(":/", url[strlen(here[i])]) &&
		    !strchr(url, '@'))
			return true;
	return false;
}

static int check(const struct decoder *d, const struct doc *at, const struct approval_backend *b)
{
	if (b->kind == APPROVAL_COMMAND &&
	    (!b->command || !b->command[0] || b->command[0][0] != '/'))
		return doc_error(d->label, at, d->err,
				 "a backend of the type \"command\" needs \"command\", a list that "
				 "starts with the absolute path of a program");
	if (b->kind == APPROVAL_WEBHOOK && (!b->url || !url_ok(b->url)))
		return doc_error(d->label, at, d->err,
				 "a backend of the type \"webhook\" needs \"url\": https, or http "
				 "on this machine");
	return 0;
}

#define AT(member) offsetof(struct approval_backend, member)
static const struct decode_row rows[] = {
    {"type", take_kind, AT(kind)},
    {"command", take_command, AT(command)},
    {"url", decode_string, AT(url)},
    {"hmac_key", decode_string, AT(hmac_key)},
    {"timeout_secs", take_timeout, AT(timeout_s)},
    {"mode", decode_ignore, 0}, /* of a chain */
    {"backends", decode_ignore, 0},
    {0},
};

int approvals_decode(struct approvals *a, const char *name, const struct doc *at, const char *label,
		     struct err *err)
{
	const struct decoder d = {label, err};
	struct approval_backend b = {.name = xstrdup(name)};

	if (at->kind == DOC_MAP && !doc_get(at, "type"))
		doc_error(label, at, err, "an approval backend needs a type");
	else if (decode_map(&d, at, rows, &b, "an approval backend") == 0 &&
		 check(&d, at, &b) == 0) {
		for (size_t i = 0; i < a->n; i++)
			if (str_eq(a->v[i].name, name)) {
				backend_free(&a->v[i]);
				a->v[i] = b;
				return 0;
			}
		if (a->n < BACKENDS_MAX) {
			a->v = xrealloc_array(a->v, a->n + 1, sizeof(*a->v));
			a->v[a->n++] = b;
			return 0;
		}
		doc_error(label, at, err, "%d approval backends are possible", BACKENDS_MAX);
	}
	backend_free(&b);
	return -1;
}

int approvals_decode_defaults(struct approvals *a, const struct doc *at, const char *label,
			      struct err *err)
{
	static const struct decode_row defaults[] = {
	    {"backend", decode_string, offsetof(struct approvals, backend)},
	    {"timeout_secs", take_timeout, offsetof(struct approvals, timeout_s)},
	    {0},
	};
	const struct decoder d = {label, err};

	return decode_map(&d, at, defaults, a, "approval_defaults");
}

/* ---- questions ------------------------------------------------------------------------- */

static char **copy_list(char *const *v)
{
	struct words w = {0};

	for (; v && *v; v++)
		words_add(&w, *v);
	return w.v;
}

static char *copy(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

void approvals_inherit(struct approvals *to, const struct approvals *from)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct approval_backend *b = &from->v[i];

		if (approvals_find(to, b->name))
			continue;
		to->v = xrealloc_array(to->v, to->n + 1, sizeof(*to->v));
		to->v[to->n++] = (struct approval_backend){.name = xstrdup(b->name),
							   .kind = b->kind,
							   .command = copy_list(b->command),
							   .url = copy(b->url),
							   .hmac_key = copy(b->hmac_key),
							   .timeout_s = b->timeout_s};
	}
	if (!to->backend)
		to->backend = copy(from->backend);
	if (!to->timeout_s)
		to->timeout_s = from->timeout_s;
}

const struct approval_backend *approvals_find(const struct approvals *a, const char *name)
{
	for (size_t i = 0; i < a->n; i++)
		if (str_eq(a->v[i].name, name))
			return &a->v[i];
	return NULL;
}

const struct approval_backend *approvals_for(const struct approvals *a, const char *name)
{
	const struct approval_backend *b;

	if (!name || !*name)
		name = a->backend;
	b = name ? approvals_find(a, name) : &terminal;
	return !b && str_eq(name, "terminal") ? &terminal : b;
}
