/* What a session did, in short. */
#include "audit/show.h"

#define SHOW_LINES 20u
#define JSON_PATHS 1000u

static cJSON *identity_json(const struct session_meta *m)
{
	cJSON *o;

	if (!m->executable || !m->sha256[0])
		return cJSON_CreateNull();
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "resolved_path", m->executable);
	cJSON_AddStringToObject(o, "sha256", m->sha256);
	return o;
}

static cJSON *integrity_json(const struct session_meta *m)
{
	cJSON *o;

	if (!m->has_integrity)
		return cJSON_CreateNull();
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "hash_algorithm", "sha256");
	cJSON_AddNumberToObject(o, "event_count", (double)m->event_count);
	cJSON_AddStringToObject(o, "chain_head", m->chain_head);
	cJSON_AddStringToObject(o, "merkle_root", m->merkle_root);
	return o;
}

void summary_free(struct summary *s)
{
	tally_free(&s->kinds);
	tally_free(&s->denials);
	paths_free(&s->reads);
	paths_free(&s->writes);
	programs_free(&s->programs);
	tally_free(&s->decisions);
	tally_free(&s->hosts);
	cJSON_Delete(s->tools);
	cJSON_Delete(s->network);
}

static void add_record(struct summary *s, const struct audit_record *rec)
{
	char text[4200], line[4300];

	snprintf(text, sizeof(text), "%s%s%s", rec->type, rec->decision[0] ? " " : "",
		 rec->decision);
	tally_add(&s->kinds, text, rec->time);
	if (record_took_place(rec) && record_reads(rec))
		paths_add(&s->reads, rec->target);
	if (record_took_place(rec) && record_writes(rec)) {
		paths_add(&s->writes, rec->target);
		if (rec->target2[0] == '/')
			paths_add(&s->writes, rec->target2);
	}
	snprintf(text, sizeof(text), "%-10s %s", rec->op, rec->target);
	if (str_eq(rec->type, "capability_decision")) {
		snprintf(line, sizeof(line), "%-8s %s", rec->decision, text);
		tally_add(&s->decisions, line, rec->time);
	} else if (str_eq(rec->decision, "denied") && !record_ends(rec)) {
		tally_add(&s->denials, text, rec->time);
	}
}

#define WHOLE_MAX 10000 /* events that are shown whole, of a kind */

static void add_whole(cJSON **list, const struct audit_line *line)
{
	cJSON *o = cJSON_ParseWithLength(line->json, line->json_len);
	cJSON *event = cJSON_DetachItemFromObjectCaseSensitive(o, "event");

	if (!*list)
		*list = cJSON_CreateArray();
	if (event && cJSON_GetArraySize(*list) < WHOLE_MAX)
		cJSON_AddItemToArray(*list, event);
	else
		cJSON_Delete(event);
	cJSON_Delete(o);
}

/* Of the addresses that programs connected to: not the session's own loopback, nor its proxy, which
 * says itself what it was asked for. */
static bool is_host(const struct audit_record *rec)
{
	bool own = str_eq(rec->source, "system") && !str_eq(rec->decision, "denied");

	return !own && rec->target[0] && rec->target[0] != '/' && !str_starts(rec->target, "unix:");
}

static void add_host(struct summary *s, const struct audit_record *rec)
{
	char text[600];

	if (record_ends(rec))
		return;
	snprintf(text, sizeof(text), "%-8s %.*s", rec->decision, (int)strcspn(rec->target, "/"),
		 rec->target);
	tally_add(&s->hosts, text, rec->time);
}

void summary_add(struct summary *s, const struct audit_record *rec, const struct audit_line *line)
{
	s->selected++;
	add_record(s, rec);
	if (str_eq(rec->type, "command_policy"))
		add_whole(&s->tools, line);
	if (str_eq(rec->type, "network")) {
		add_whole(&s->network, line);
		add_host(s, rec);
	}
	if (str_eq(rec->type, "connect") && is_host(rec))
		add_host(s, rec);
}

/* ---- as JSON --------------------------------------------------------------------------------- */

cJSON *summary_denied_json(struct summary *s)
{
	struct tally *t = &s->denials;
	cJSON *list = cJSON_CreateArray();

	tally_sort(t);
	for (size_t i = 0; i < t->used; i++) {
		const struct tally_entry *e = &t->slots[i];
		size_t op = strcspn(e->text, " ");
		_cleanup_free_ char *name = xstrndup(e->text, op);
		cJSON *o = cJSON_CreateObject();

		cJSON_AddStringToObject(o, "op", name);
		cJSON_AddStringToObject(o, "target", e->text + op + strspn(e->text + op, " "));
		cJSON_AddNumberToObject(o, "count", (double)e->count);
		cJSON_AddStringToObject(o, "first", e->first);
		cJSON_AddStringToObject(o, "last", e->last);
		cJSON_AddItemToArray(list, o);
	}
	return list;
}

static cJSON *paths_json(struct paths *p)
{
	size_t n;
	struct paths_line *lines = paths_fold(p, JSON_PATHS, &n);
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < n; i++) {
		cJSON *o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "path", lines[i].path);
		cJSON_AddNumberToObject(o, "files", (double)lines[i].files);
		cJSON_AddNumberToObject(o, "events", (double)lines[i].events);
		cJSON_AddItemToArray(list, o);
	}
	paths_lines_free(lines, n);
	return list;
}

/* Members behind the reference's are ours. */
cJSON *summary_json(const struct session_meta *m, struct summary *s, cJSON *snapshots)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "session_id", m->id);
	cJSON_AddStringToObject(o, "started", m->started);
	cJSON_AddItemToObject(o, "ended", command_str_or_null(m->ended));
	cJSON_AddItemToObject(o, "command", command_array(&m->command));
	cJSON_AddItemToObject(o, "executable_identity", identity_json(m));
	cJSON_AddItemToObject(o, "tracked_paths", command_array(&m->tracked));
	if (m->has_exit)
		cJSON_AddNumberToObject(o, "exit_code", m->exit_code);
	else
		cJSON_AddNullToObject(o, "exit_code");
	cJSON_AddItemToObject(o, "merkle_roots", command_array(&m->roots));
	cJSON_AddItemToObject(o, "network_events",
			      s->network ? cJSON_Duplicate(s->network, true) : cJSON_CreateArray());
	cJSON_AddItemToObject(o, "command_policy_events",
			      s->tools ? cJSON_Duplicate(s->tools, true) : cJSON_CreateArray());
	cJSON_AddNumberToObject(o, "audit_event_count", (double)s->count);
	cJSON_AddItemToObject(o, "audit_integrity", integrity_json(m));
	cJSON_AddItemToObject(o, "snapshots", snapshots ? snapshots : cJSON_CreateArray());
	cJSON_AddItemToObject(o, "files_read", paths_json(&s->reads));
	cJSON_AddItemToObject(o, "files_written", paths_json(&s->writes));
	cJSON_AddItemToObject(o, "programs", show_tree_json(&s->programs, 0));
	cJSON_AddItemToObject(o, "denials", summary_denied_json(s));
	return o;
}

/* ---- as text --------------------------------------------------------------------------------- */

/* Without the fraction and the offset. */
static void put_time(const char *time)
{
	char s[TIME_STR_MAX];

	str_copy(s, 20, time);
	command_put(s, 0);
}

static void print_tally(const char *title, struct tally *t, bool times, size_t lines)
{
	size_t n = t->used < lines ? t->used : lines;

	if (!t->used)
		return;
	tally_sort(t);
	printf("\n%s\n", title);
	for (size_t i = 0; i < n; i++) {
		const struct tally_entry *e = &t->slots[i];
		printf("  %8llu  ", (unsigned long long)e->count);
		command_put(e->text, 0);
		if (times) {
			printf("  (");
			put_time(e->first);
			if (e->count > 1) {
				printf(" … ");
				put_time(e->last);
			}
			printf(")");
		}
		putchar('\n');
	}
	if (t->other)
		printf("  and more than %zu others\n", t->used - n);
	else if (t->used > n)
		printf("  and %zu others\n", t->used - n);
}

static void print_command_line(const struct session_meta *m)
{
	cJSON *a = command_array(&m->command), *e;
	const char *sep = "";

	printf("command   ");
	cJSON_ArrayForEach(e, a)
	{
		command_put(sep, 0);
		command_put(cJSON_GetStringValue(e) ? cJSON_GetStringValue(e) : "?", 0);
		sep = " ";
	}
	putchar('\n');
	cJSON_Delete(a);
}

static void print_paths(const char *title, struct paths *p, size_t max)
{
	size_t n;
	struct paths_line *lines = paths_fold(p, max, &n);

	if (n)
		printf("\n%s\n", title);
	for (size_t i = 0; i < n; i++) {
		printf("  %8llu  ", (unsigned long long)lines[i].events);
		command_put(lines[i].path, 0);
		if (lines[i].files > 1)
			printf("  (%llu files)", (unsigned long long)lines[i].files);
		putchar('\n');
	}
	paths_lines_free(lines, n);
}

void summary_print_denied(struct summary *s)
{
	print_tally("Denied", &s->denials, true, SIZE_MAX);
}

static void print_snapshots(const cJSON *list)
{
	const cJSON *o;

	if (!cJSON_GetArraySize(list))
		return;
	printf("\nSnapshots\n");
	cJSON_ArrayForEach(o, list)
	{
		const char *time = cJSON_GetStringValue(cJSON_GetObjectItem(o, "timestamp"));
		const char *reason = cJSON_GetStringValue(cJSON_GetObjectItem(o, "reason"));

		printf("  [%03.0f] ", cJSON_GetNumberValue(cJSON_GetObjectItem(o, "number")));
		put_time(time ? time : "");
		printf("  ");
		command_put(reason ? reason : "", 14);
		printf(" %.0f files\n", cJSON_GetNumberValue(cJSON_GetObjectItem(o, "file_count")));
	}
}

void summary_print(const struct session_meta *m, struct summary *s, bool alive,
		   const cJSON *snapshots)
{
	printf("session   %s%s\n", m->id, alive ? " (running)" : m->ended[0] ? "" : " (orphaned)");
	printf("started   ");
	command_put(m->started, 0);
	if (m->ended[0]) {
		printf("\nended     ");
		command_put(m->ended, 0);
	}
	putchar('\n');
	print_command_line(m);
	if (m->executable) {
		printf("program   ");
		command_put(m->executable, 0);
		printf("\n");
		if (m->sha256[0])
			printf("sha256    %s\n", m->sha256);
	}
	if (m->has_exit)
		printf("exit code %d\n", m->exit_code);
	printf("events    %llu\n", (unsigned long long)s->count);
	if (s->damage.msg[0])
		printf("DAMAGED   %s\n", s->damage.msg);
	print_tally("Events by kind and decision", &s->kinds, false, SHOW_LINES);
	print_tally("Requests answered", &s->decisions, true, SHOW_LINES);
	print_tally("Denied", &s->denials, true, SHOW_LINES);
	print_tally("Hosts", &s->hosts, true, SHOW_LINES);
	print_paths("Files written", &s->writes, SHOW_LINES);
	print_paths("Files read", &s->reads, SHOW_LINES / 2);
	print_snapshots(snapshots);
	if (s->programs.n > 1) {
		printf("\nPrograms run\n");
		show_tree(&s->programs, 2 * SHOW_LINES);
	}
}
