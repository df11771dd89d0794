/* What a profile says, in the words of the schema: members that were said, in the table's order. */
#include "policy/profiles/schema.h"

static void str(struct buf *b, const char *s)
{
	buf_add_json_str(b, s, strlen(s));
}

void doc_to_json(struct buf *b, const struct doc *d)
{
	bool map = d->kind == DOC_MAP;

	switch (d->kind) {
	case DOC_NULL:
		buf_adds(b, "null");
		return;
	case DOC_BOOL:
		buf_adds(b, d->boolean ? "true" : "false");
		return;
	case DOC_INT:
		buf_addf(b, "%lld", (long long)d->integer);
		return;
	case DOC_FLOAT:
		if (d->real - d->real != 0) /* JSON has no infinity */
			buf_adds(b, "null");
		else
			buf_addf(b, "%.17g", d->real);
		return;
	case DOC_STRING:
		str(b, d->string);
		return;
	case DOC_LIST:
	case DOC_MAP:
		break;
	}
	buf_addc(b, map ? '{' : '[');
	doc_each(e, d)
	{
		if (e != d->first)
			buf_addc(b, ',');
		if (map) {
			str(b, e->name);
			buf_addc(b, ':');
		}
		doc_to_json(b, e);
	}
	buf_addc(b, map ? '}' : ']');
}

static void add_domain(struct buf *b, const struct profile *p, const char *domain)
{
	bool first = true;

	for (size_t i = 0; i < p->endpoints.n; i++) {
		const struct endpoint *e = &p->endpoints.v[i];

		if (strcmp(e->domain, domain) != 0)
			continue;
		if (first) {
			buf_adds(b, "{\"domain\":");
			str(b, domain);
			buf_adds(b, ",\"endpoints\":[");
		}
		buf_adds(b, first ? "{\"method\":" : ",{\"method\":");
		str(b, e->method);
		buf_adds(b, ",\"path\":");
		str(b, e->path);
		buf_addc(b, '}');
		first = false;
	}
	if (first)
		str(b, domain);
	else
		buf_adds(b, "]}");
}

static void add_list(struct buf *b, const struct profile *p, const struct member *m,
		     const struct entries *l)
{
	buf_addc(b, '[');
	for (size_t i = 0; i < l->n; i++) {
		if (i)
			buf_addc(b, ',');
		if (m->kind == M_DOMAINS)
			add_domain(b, p, l->v[i].text);
		else if (m->kind == M_PORTS)
			buf_adds(b, l->v[i].text);
		else
			str(b, l->v[i].text);
	}
	buf_addc(b, ']');
}

static void add_map(struct buf *b, const struct entries *l)
{
	buf_addc(b, '{');
	for (size_t i = 0; i < l->n; i++) {
		if (i)
			buf_addc(b, ',');
		str(b, l->v[i].text);
		buf_addc(b, ':');
		doc_to_json(b, l->v[i].place.at);
	}
	buf_addc(b, '}');
}

static void add_layers(struct buf *b, const struct profile *p)
{
	buf_addc(b, '[');
	for (size_t i = 0; i < p->n_command_policies; i++) {
		if (i)
			buf_addc(b, ',');
		doc_to_json(b, p->command_policies[i].at);
	}
	buf_addc(b, ']');
}

/* Nothing is added for what was not said. */
static void value(struct buf *b, const struct profile *p, const struct member *m)
{
	const void *field = (const char *)p + m->field;
	const struct entries *l = field;
	const char *text;

	switch (m->kind) {
	case M_FLAG:
		if (*(const int *)field)
			buf_adds(b, *(const int *)field == SAID_YES ? "true" : "false");
		break;
	case M_WORD:
		if (*(const int *)field)
			str(b, m->words[*(const int *)field - 1]);
		break;
	case M_TEXT:
		text = *(const char *const *)field;
		if (text == PROFILE_CLEARED)
			buf_adds(b, "null");
		else if (text)
			str(b, text);
		break;
	case M_AMOUNT:
	case M_UNIT:
		if (((const struct place *)field)->at)
			doc_to_json(b, ((const struct place *)field)->at);
		break;
	case M_LAYER:
		if (p->n_command_policies)
			add_layers(b, p);
		break;
	case M_VARIABLES:
	case M_REFERENCES:
	case M_NAMED:
		if (l->n)
			add_map(b, l);
		break;
	case M_LIST:
	case M_PATHS:
	case M_NAMES:
	case M_ONE_OR_LIST:
	case M_PORTS:
	case M_RANGES:
	case M_DOMAINS:
		if (l->n || l->said)
			add_list(b, p, m, l);
		break;
	default:
		break;
	}
}

static void members(struct buf *b, const struct profile *p, const struct member *t)
{
	bool first = true;

	buf_addc(b, '{');
	for (; t->name; t++) {
		_cleanup_(buf_free) struct buf inner = {0};

		if (t->instead)
			continue;
		if (t->kind == M_MAP)
			members(&inner, p, t->members);
		else
			value(&inner, p, t);
		if (!inner.len || (t->kind == M_MAP && inner.len == 2))
			continue;
		if (!first)
			buf_addc(b, ',');
		first = false;
		str(b, t->name);
		buf_addc(b, ':');
		buf_add(b, inner.data, inner.len);
	}
	buf_addc(b, '}');
}

void policy_profile_to_json(const struct profile *p, struct buf *out)
{
	members(out, p, profile_members);
}
