/* nono audit show */
#include "audit/command.h"
#include "audit/tally.h"

#define SHOW_LINES 20u

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

struct summary {
	uint64_t count;
	struct tally kinds, denials, programs, decisions;
	cJSON *tools; /* calls of tools, NULL = none */
	cJSON *network;
	struct tally hosts;
	struct err damage; /* .msg "" = none */
};

static void summary_free(struct summary *s)
{
	tally_free(&s->kinds);
	tally_free(&s->denials);
	tally_free(&s->programs);
	tally_free(&s->decisions);
	tally_free(&s->hosts);
	cJSON_Delete(s->tools);
	cJSON_Delete(s->network);
}

/* A connection or request that was counted when it was decided. */
static bool ended_again(const struct audit_record *rec)
{
	return str_eq(rec->type, "network") && str_starts(rec->target2, "ended:");
}

static void add_record(struct summary *s, const struct audit_record *rec)
{
	char text[4200];

	snprintf(text, sizeof(text), "%s%s%s", rec->type, rec->decision[0] ? " " : "",
		 rec->decision);
	tally_add(&s->kinds, text, rec->time);
	if (str_eq(rec->type, "exec") && !str_eq(rec->decision, "denied") &&
	    !str_eq(rec->decision, "missing"))
		tally_add(&s->programs, rec->target, rec->time);
	snprintf(text, sizeof(text), "%-10s %s", rec->op, rec->target);
	if (str_eq(rec->type, "capability_decision")) {
		char line[4300];
		snprintf(line, sizeof(line), "%-8s %s", rec->decision, text);
		tally_add(&s->decisions, line, rec->time);
	} else if (str_eq(rec->decision, "denied") && !ended_again(rec)) {
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

static void add_host(struct summary *s, const struct audit_record *rec)
{
	char text[600];

	if (ended_again(rec))
		return;
	snprintf(text, sizeof(text), "%-8s %.*s", rec->decision, (int)strcspn(rec->target, "/"),
		 rec->target);
	tally_add(&s->hosts, text, rec->time);
}

static int summarise(const char *id, struct summary *s, struct err *err)
{
	struct audit_reader *reader;
	struct audit_line line;
	struct audit_record *rec;
	int r;

	if (audit_reader_open(id, &reader, err) < 0)
		return -1;
	rec = xcalloc(1, sizeof(*rec));
	while ((r = audit_reader_next(reader, &line, &s->damage)) == 1) {
		s->count++;
		if (audit_parse(line.json, line.json_len, rec) != 0)
			continue;
		add_record(s, rec);
		if (str_eq(rec->type, "command_policy"))
			add_whole(&s->tools, &line);
		if (str_eq(rec->type, "network")) {
			add_whole(&s->network, &line);
			add_host(s, rec);
		}
	}
	free(rec);
	audit_reader_free(reader);
	return 0;
}

static cJSON *show_json(const struct session_meta *m, const struct summary *s)
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
	cJSON_AddArrayToObject(o, "merkle_roots");
	cJSON_AddItemToObject(o, "network_events",
			      s->network ? cJSON_Duplicate(s->network, true) : cJSON_CreateArray());
	cJSON_AddItemToObject(o, "command_policy_events",
			      s->tools ? cJSON_Duplicate(s->tools, true) : cJSON_CreateArray());
	cJSON_AddNumberToObject(o, "audit_event_count", (double)s->count);
	cJSON_AddItemToObject(o, "audit_integrity", integrity_json(m));
	cJSON_AddArrayToObject(o, "snapshots");
	return o;
}

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

static void print_show(const struct session_meta *m, struct summary *s, bool alive)
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
	print_tally("Programs run", &s->programs, false, SHOW_LINES);
}

/* "--denied" of the arguments: taken out. */
static bool take_denied(int *argc, char **argv)
{
	int n = *argc, out = 0;

	for (int i = 0; i < n; i++)
		if (i == 0 || !str_eq(argv[i], "--denied"))
			argv[out++] = argv[i];
	*argc = out;
	return out < n;
}

static cJSON *denied_json(struct tally *t)
{
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

int command_show(int argc, char **argv, struct err *err)
{
	_cleanup_(meta_free) struct session_meta m = {0};
	_cleanup_(summary_free) struct summary s = {0};
	_cleanup_close_ int dir = -1;
	char id[65];
	bool json, alive, denied = take_denied(&argc, argv);

	if (command_one_id(argc, argv, id, &json, err) < 0 || (dir = store_open_dir(id, err)) < 0 ||
	    command_meta(dir, &m, &alive, err) < 0 || summarise(id, &s, err) < 0)
		return -1;
	if (denied && json)
		command_print(denied_json(&s.denials));
	else if (denied)
		print_tally("Denied", &s.denials, true, SIZE_MAX);
	else if (json)
		command_print(show_json(&m, &s));
	else
		print_show(&m, &s, alive);
	return 0;
}
