/* The table of members as a JSON Schema (draft 2020-12), for editors. */
#include "policy/profiles/schema.h"

static void str(struct buf *b, const char *s)
{
	buf_add_json_str(b, s, strlen(s));
}

static void table(struct buf *b, const struct member *m);
static void value(struct buf *b, const struct member *m);

static void words(struct buf *b, const char *const *w)
{
	buf_adds(b, "{\"enum\":[");
	for (size_t i = 0; w[i]; i++) {
		if (i)
			buf_addc(b, ',');
		str(b, w[i]);
	}
	buf_adds(b, "]}");
}

/* A word, or an object that says more. */
static void word(struct buf *b, const struct member *m)
{
	if (!m->members) {
		words(b, m->words);
		return;
	}
	buf_adds(b, "{\"anyOf\":[");
	words(b, m->words);
	buf_addc(b, ',');
	table(b, m->members);
	buf_adds(b, "]}");
}

/* A string, or {key, when}. */
static void conditional(struct buf *b, const char *key)
{
	buf_addf(b,
		 "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"object\",\"properties\":{\"%s\":"
		 "{\"type\":\"string\"},\"when\":{\"anyOf\":[{\"type\":\"string\"},"
		 "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}]}},\"required\":[\"%s\"],"
		 "\"additionalProperties\":false}]}",
		 key, key);
}

static void list_of(struct buf *b, const char *items)
{
	buf_addf(b, "{\"type\":\"array\",\"items\":%s}", items);
}

static void entries(struct buf *b, const char *key)
{
	buf_adds(b, "{\"type\":\"array\",\"items\":");
	conditional(b, key);
	buf_addc(b, '}');
}

static void named(struct buf *b, const struct member *each)
{
	buf_adds(b, "{\"type\":\"object\",\"additionalProperties\":");
	value(b, each);
	buf_addc(b, '}');
}

static const char port[] = "{\"type\":\"integer\",\"minimum\":1,\"maximum\":65535}";
static const char domain[] =
    "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"object\",\"properties\":{\"domain\":{\"type\":"
    "\"string\"},\"endpoints\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
    "\"method\":{\"type\":\"string\"},\"path\":{\"type\":\"string\"}},\"required\":[\"path\"],"
    "\"additionalProperties\":false}}},\"required\":[\"domain\"],\"additionalProperties\":false}]}";

static void value(struct buf *b, const struct member *m)
{
	switch (m->kind) {
	case M_MAP:
		table(b, m->members);
		break;
	case M_FLAG:
		buf_adds(b, "{\"type\":\"boolean\"}");
		break;
	case M_WORD:
		word(b, m);
		break;
	case M_TEXT:
		buf_adds(b, m->flags & MEMBER_CLEARS ? "{\"type\":[\"string\",\"null\"]}"
						     : "{\"type\":\"string\"}");
		break;
	case M_NUMBER:
		buf_addf(b, "{\"type\":\"integer\",\"minimum\":%ld,\"maximum\":%ld}", m->min,
			 m->max);
		break;
	case M_AMOUNT:
		buf_adds(b, "{\"type\":[\"string\",\"number\"]}");
		break;
	case M_LIST:
	case M_ENDPOINTS:
		list_of(b, "{\"type\":\"string\"}");
		break;
	case M_PATHS:
		entries(b, "path");
		break;
	case M_NAMES:
		entries(b, "name");
		break;
	case M_ONE_OR_LIST:
		buf_adds(b, "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"array\",\"items\":"
			    "{\"type\":\"string\"},\"minItems\":1}]}");
		break;
	case M_PORTS:
		list_of(b, port);
		break;
	case M_RANGES:
		buf_addf(b,
			 "{\"type\":\"array\",\"items\":{\"anyOf\":[{\"type\":\"string\"},"
			 "{\"type\":\"array\",\"items\":%s,\"minItems\":2,\"maxItems\":2}]}}",
			 port);
		break;
	case M_DOMAINS:
		list_of(b, domain);
		break;
	case M_VARIABLES:
		buf_adds(b, "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}");
		break;
	case M_REFERENCES:
		buf_adds(b, "{\"type\":\"object\",\"additionalProperties\":");
		conditional(b, "name");
		buf_addc(b, '}');
		break;
	case M_NAMED:
		named(b, m->each);
		break;
	case M_LIST_OF:
		buf_adds(b, "{\"type\":\"array\",\"items\":");
		value(b, m->each);
		buf_addc(b, '}');
		break;
	case M_UNIT:
	case M_LAYER:
		if (m->members)
			table(b, m->members);
		else
			buf_adds(b, "{\"type\":\"object\"}");
		break;
	case M_OVERRIDES:
		buf_adds(b, "{\"type\":\"object\",\"properties\":{\"linux\":{\"$ref\":\"#\"},"
			    "\"macos\":{\"$ref\":\"#\"},\"windows\":{\"$ref\":\"#\"}},"
			    "\"additionalProperties\":false}");
		break;
	case M_ANY:
		buf_adds(b, "{}");
		break;
	}
}

/* What is said about the value goes in front of what it must be. */
static void described(struct buf *b, const struct member *m)
{
	_cleanup_(buf_free) struct buf inner = {0};
	_cleanup_free_ char *instead =
	    m->instead ? xasprintf("another spelling of %s", m->instead) : NULL;
	const char *help = instead ? instead : m->help;

	value(&inner, m);
	buf_addc(b, '{');
	if (help) {
		buf_adds(b, "\"description\":");
		str(b, help);
	}
	if (m->flags & MEMBER_DEPRECATED)
		buf_adds(b, help ? ",\"deprecated\":true" : "\"deprecated\":true");
	if (inner.len > 2 && b->data[b->len - 1] != '{')
		buf_addc(b, ',');
	buf_adds(b, inner.data + 1); /* without its brace */
}

static void table_members(struct buf *b, const struct member *t)
{
	bool first = true;

	buf_adds(b, "\"type\":\"object\",\"properties\":{");
	for (const struct member *m = t; m->name; m++) {
		if (m != t)
			buf_addc(b, ',');
		str(b, m->name);
		buf_addc(b, ':');
		described(b, m);
	}
	buf_addc(b, '}');
	for (const struct member *m = t; m->name; m++) {
		if (!(m->flags & MEMBER_REQUIRED))
			continue;
		buf_adds(b, first ? ",\"required\":[" : ",");
		str(b, m->name);
		first = false;
	}
	buf_adds(b, first ? ",\"additionalProperties\":false" : "],\"additionalProperties\":false");
}

static void table(struct buf *b, const struct member *m)
{
	buf_addc(b, '{');
	table_members(b, m);
	buf_addc(b, '}');
}

void policy_profile_schema(struct buf *out)
{
	buf_adds(out, "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
		      "\"title\":\"nono profile\",");
	table_members(out, profile_members);
	buf_addc(out, '}');
}
