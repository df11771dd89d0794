#include "audit/export/export.h"
#include "audit/json.h"

static const char *const names[FORMATS] = {"ndjson", "otlp", "syslog", "cef", "journald"};

const char *export_format_name(enum export_format f)
{
	return names[f];
}

int export_format_parse(const char *s, enum export_format *out)
{
	for (size_t i = 0; i < FORMATS; i++)
		if (str_eq(s, names[i])) {
			*out = (enum export_format)i;
			return 0;
		}
	return -1;
}

static bool refused(const struct audit_record *r)
{
	return str_eq(r->decision, "denied");
}

/* "denied read /etc/shadow (cat 12)" */
static void add_sentence(struct buf *b, const struct audit_record *r)
{
	const char *words[] = {r->decision, r->op[0] ? r->op : r->type, r->target};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (words[i][0])
			buf_addf(b, "%s%s", b->len ? " " : "", words[i]);
	if (r->program[0])
		buf_addf(b, " (%s %d)", path_base(r->program), r->pid);
}

struct member {
	const char *name, *otlp, *journald;
	size_t offset;
};
#define AT(m) offsetof(struct audit_record, m)
static const struct member members[] = {
    {"op", "nono.op", "NONO_OP", AT(op)},
    {"decision", "nono.decision", "NONO_DECISION", AT(decision)},
    {"target", "nono.target", "NONO_TARGET", AT(target)},
    {"target2", "nono.target2", "NONO_TARGET2", AT(target2)},
    {"program", "process.executable.path", "NONO_PROGRAM", AT(program)},
    {"rule", "nono.rule", "NONO_RULE", AT(rule)},
    {"source", "nono.rule_source", "NONO_RULE_SOURCE", AT(source)},
};

static const char *value(const struct audit_record *r, const struct member *m)
{
	return (const char *)r + m->offset;
}

/* ---- NDJSON ---------------------------------------------------------------------------------- */

static void ndjson(struct buf *b, const struct export_item *it)
{
	buf_addf(b, "{\"session_id\":\"%s\",\"sequence\":%llu,\"event\":", it->session,
		 (unsigned long long)it->sequence);
	json_safe(b, it->json, it->n); /* it may be a terminal that reads it */
	buf_addc(b, '}');
}

/* ---- OTLP/HTTP, JSON ------------------------------------------------------------------------- */

static void add_string(struct buf *b, const char *s, size_t n)
{
	_cleanup_(buf_free) struct buf text = {0};

	buf_add_json_str(&text, s, n);
	json_safe(b, text.data, text.len);
}

static void attribute(struct buf *b, const char *key, const char *s)
{
	if (!s[0])
		return;
	buf_addf(b, ",{\"key\":\"%s\",\"value\":{\"stringValue\":", key);
	add_string(b, s, strlen(s));
	buf_adds(b, "}}");
}

static void attribute_int(struct buf *b, const char *key, uint64_t v)
{
	buf_addf(b, ",{\"key\":\"%s\",\"value\":{\"intValue\":\"%llu\"}}", key,
		 (unsigned long long)v);
}

void export_otlp_open(struct buf *b, const char *session)
{
	char host[256] = "";

	gethostname(host, sizeof(host) - 1);
	buf_adds(b, "{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\","
		    "\"value\":{\"stringValue\":\"nono\"}}");
	attribute(b, "host.name", host);
	attribute(b, "session.id", session);
	buf_adds(b, "]},\"scopeLogs\":[{\"scope\":{\"name\":\"nono.audit\",\"version\":"
		    "\"" NONO_VERSION "\"},\"logRecords\":[");
}

void export_otlp_close(struct buf *b)
{
	buf_adds(b, "]}]}]}");
}

static void otlp(struct buf *b, const struct export_item *it)
{
	_cleanup_(buf_free) struct buf sentence = {0};
	const struct audit_record *r = it->rec;
	unsigned long long ns = audit_time_ns(r->time);

	buf_adds(&sentence, "");
	add_sentence(&sentence, r);
	buf_addf(b,
		 "{\"timeUnixNano\":\"%llu\",\"observedTimeUnixNano\":\"%llu\","
		 "\"severityNumber\":%d,\"severityText\":\"%s\",\"body\":{\"stringValue\":",
		 ns, ns, refused(r) ? 13 : 9, refused(r) ? "WARN" : "INFO");
	add_string(b, sentence.data, sentence.len);
	buf_addf(b, "},\"attributes\":[{\"key\":\"event.name\",\"value\":{\"stringValue\":\"nono.");
	buf_adds(b, r->type);
	buf_adds(b, "\"}}");
	attribute_int(b, "nono.sequence", it->sequence);
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		attribute(b, members[i].otlp, value(r, &members[i]));
	if (r->pid > 0)
		attribute_int(b, "process.pid", (uint64_t)r->pid);
	if (r->ppid > 0)
		attribute_int(b, "process.parent_pid", (uint64_t)r->ppid);
	buf_adds(b, "]}");
}

/* ---- syslog, RFC 5424 ------------------------------------------------------------------------ */

/* At most 6 digits behind the point. */
static void syslog_time(struct buf *b, const char *s)
{
	const char *dot = strchr(s, '.');

	if (!audit_time_ns(s)) {
		buf_addc(b, '-');
		return;
	}
	if (!dot) {
		buf_adds(b, s);
		return;
	}
	buf_add(b, s, (size_t)(dot - s));
	buf_add(b, dot, strspn(dot + 1, "0123456789") < 6 ? strspn(dot + 1, "0123456789") + 1 : 7);
	buf_adds(b, dot + 1 + strspn(dot + 1, "0123456789"));
}

static void syslog_param(struct buf *b, const char *name, const char *s)
{
	char shown[2048];

	if (!s[0])
		return;
	buf_addf(b, " %s=\"", name);
	text_printable(shown, sizeof(shown), s, strlen(s));
	for (const char *p = shown; *p; p++) {
		if (*p == '"' || *p == '\\' || *p == ']')
			buf_addc(b, '\\');
		buf_addc(b, *p);
	}
	buf_addc(b, '"');
}

static void syslog_head(struct buf *b, const struct audit_record *r)
{
	char host[256] = "";

	gethostname(host, sizeof(host) - 1);
	/* Facility 13: log audit. */
	buf_addf(b, "<%d>1 ", 13 * 8 + (refused(r) ? 4 : 6));
	syslog_time(b, r->time);
	buf_addf(b, " %s nono ", host[0] ? host : "-");
	if (r->pid > 0)
		buf_addf(b, "%d", r->pid);
	else
		buf_addc(b, '-');
	buf_addf(b, " %s ", r->type);
}

static void syslog5424(struct buf *b, const struct export_item *it)
{
	_cleanup_(buf_free) struct buf sentence = {0};
	char shown[1024];

	syslog_head(b, it->rec);
	/* 32473 is the enterprise number of examples (RFC 5612); nono has none of its own. */
	buf_addf(b, "[nono@32473 session=\"%s\" sequence=\"%llu\"", it->session,
		 (unsigned long long)it->sequence);
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		syslog_param(b, members[i].name, value(it->rec, &members[i]));
	buf_adds(b, "] ");
	buf_adds(&sentence, "");
	add_sentence(&sentence, it->rec);
	buf_adds(b, text_printable(shown, sizeof(shown), sentence.data, sentence.len));
}

/* ---- CEF ------------------------------------------------------------------------------------- */

static void cef_member(struct buf *b, const char *name, const char *s)
{
	char shown[2048];

	if (!s[0])
		return;
	text_printable(shown, sizeof(shown), s, strlen(s));
	buf_addf(b, " %s=", name);
	for (const char *p = shown; *p; p++) {
		if (*p == '=' || *p == '\\')
			buf_addc(b, '\\');
		buf_addc(b, *p);
	}
}

static void cef(struct buf *b, const struct export_item *it)
{
	_cleanup_(buf_free) struct buf sentence = {0};
	const struct audit_record *r = it->rec;
	bool network = str_eq(r->type, "network") || str_eq(r->type, "connect");

	buf_addf(b, "CEF:0|nono|nono|" NONO_VERSION "|%s|%s %s|%d|rt=%llu", r->type,
		 r->op[0] ? r->op : r->type, r->decision, refused(r) ? 6 : 2,
		 (unsigned long long)(audit_time_ns(r->time) / 1000000));
	buf_addf(b, " externalId=%s cn1Label=sequence cn1=%llu", it->session,
		 (unsigned long long)it->sequence);
	cef_member(b, "act", r->decision);
	cef_member(b, network ? "request" : "filePath", r->target);
	cef_member(b, "sproc", r->program);
	if (r->pid > 0)
		buf_addf(b, " spid=%d", r->pid);
	cef_member(b, "reason", r->rule);
	buf_adds(&sentence, "");
	add_sentence(&sentence, r);
	cef_member(b, "msg", sentence.data);
}

/* ---- journald: its native protocol ----------------------------------------------------------- */

static void journald_member(struct buf *b, const char *name, const char *s)
{
	uint64_t n = strlen(s);

	if (!n)
		return;
	buf_adds(b, name);
	if (!strchr(s, '\n')) {
		buf_addf(b, "=%s\n", s);
		return;
	}
	buf_addc(b, '\n');
	for (int i = 0; i < 8; i++)
		buf_addc(b, (char)(n >> (8 * i)));
	buf_addf(b, "%s\n", s);
}

static void journald(struct buf *b, const struct export_item *it)
{
	_cleanup_(buf_free) struct buf sentence = {0};
	const struct audit_record *r = it->rec;

	buf_adds(&sentence, "");
	add_sentence(&sentence, r);
	journald_member(b, "MESSAGE", sentence.data);
	buf_addf(b, "PRIORITY=%d\nSYSLOG_IDENTIFIER=nono\nNONO_SESSION_ID=%s\nNONO_SEQUENCE=%llu\n",
		 refused(r) ? 4 : 6, it->session, (unsigned long long)it->sequence);
	journald_member(b, "NONO_TYPE", r->type);
	journald_member(b, "NONO_TIME", r->time);
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		journald_member(b, members[i].journald, value(r, &members[i]));
	if (r->pid > 0)
		buf_addf(b, "NONO_PID=%d\n", r->pid);
}

void export_item(struct buf *b, enum export_format f, const struct export_item *it)
{
	static void (*const formats[FORMATS])(struct buf *, const struct export_item *) = {
	    ndjson, otlp, syslog5424, cef, journald};

	formats[f](b, it);
}
