#include "audit/select.h"

#define KINDS                                                                        \
	"read, write, open, change, exec, network, request, tool, limit, terminal, " \
	"snapshot, session"

static const struct {
	const char *word;
	bool (*is)(const struct audit_record *rec);
	const char *types[6];
} kinds[] = {
    {"read", record_reads, {0}},
    {"write", record_writes, {0}},
    {"open", NULL, {"open"}},
    {"change", NULL, {"change"}},
    {"exec", NULL, {"exec"}},
    {"network", NULL, {"network", "connect"}},
    {"request", NULL, {"capability_decision"}},
    {"tool", NULL, {"command_policy"}},
    {"limit", NULL, {"limit"}},
    {"terminal", NULL, {"terminal"}},
    {"snapshot", NULL, {"snapshot"}},
    {"session",
     NULL,
     {"session_started", "sandbox_runtime", "session_ended", "events_lost", "tree_state",
      "snapshots"}},
};

bool record_reads(const struct audit_record *rec)
{
	return str_eq(rec->type, "open") && (str_eq(rec->op, "read") || str_eq(rec->op, "watch"));
}

bool record_writes(const struct audit_record *rec)
{
	return str_eq(rec->type, "change") ||
	       (str_eq(rec->type, "open") && !record_reads(rec) && !str_eq(rec->op, "path"));
}

bool record_took_place(const struct audit_record *rec)
{
	return str_eq(rec->decision, "allowed") || str_eq(rec->decision, "granted");
}

bool record_ends(const struct audit_record *rec)
{
	return str_eq(rec->type, "network") && str_starts(rec->target2, "ended:");
}

static int parse_kind(struct select *s, const char *word, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_eq(kinds[i].word, word)) {
			s->kinds |= 1u << i;
			return 0;
		}
	return err_usage(err, "\"%.40s\" is no kind of event; there are " KINDS, word);
}

static int parse_path(struct select *s, const char *path, struct err *err)
{
	char joined[sizeof(s->path)];
	_cleanup_free_ char *cwd = NULL;

	if (path[0] != '/' && !(cwd = getcwd(NULL, 0)))
		return err_errno(err, errno, "can't tell the working directory");
	if (path_join(joined, sizeof(joined), cwd ? cwd : "/", path) < 0 ||
	    path_clean(s->path, sizeof(s->path), joined) < 0)
		return err_usage(err, "the path is too long");
	return 0;
}

int select_parse(struct select *s, const char *const *words, const char *path, bool denied,
		 struct err *err)
{
	*s = (struct select){.denied = denied};
	for (; words && *words; words++) {
		_cleanup_free_ char *copy = xstrdup(*words);
		char *save = NULL;
		for (char *w = strtok_r(copy, ", ", &save); w; w = strtok_r(NULL, ", ", &save))
			if (parse_kind(s, w, err) < 0)
				return -1;
	}
	return path && *path ? parse_path(s, path, err) : 0;
}

static bool is_kind(size_t i, const struct audit_record *rec)
{
	if (kinds[i].is)
		return kinds[i].is(rec);
	for (size_t k = 0; k < ARRAY_LEN(kinds[i].types) && kinds[i].types[k]; k++)
		if (str_eq(kinds[i].types[k], rec->type))
			return true;
	return false;
}

bool select_match(const struct select *s, const struct audit_record *rec)
{
	bool kind = !s->kinds;

	if (s->denied && !str_eq(rec->decision, "denied"))
		return false;
	for (size_t i = 0; !kind && i < ARRAY_LEN(kinds); i++)
		kind = (s->kinds >> i & 1) && is_kind(i, rec);
	if (!kind)
		return false;
	return !s->path[0] || path_under(s->path, rec->target) ||
	       (record_writes(rec) && path_under(s->path, rec->target2));
}

bool select_any(const struct select *s)
{
	return !s->kinds && !s->path[0] && !s->denied;
}

static bool has(const char *json, size_t n, const char *word)
{
	return memmem(json, n, word, strlen(word)) != NULL;
}

bool select_maybe(const struct select *s, const char *json, size_t n)
{
	const char *p = s->path;

	if (s->denied && !has(json, n, "enied") && !has(json, n, "deny") &&
	    !has(json, n, "Timeout") && !has(json, n, "\"approve_"))
		return false;
	while (*p && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20 &&
	       (unsigned char)*p < 0x7f)
		p++;
	return *p || !s->path[0] || has(json, n, s->path);
}
