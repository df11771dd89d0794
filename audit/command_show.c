/* nono audit show */
#include "audit/show.h"

/* "2026-07-01T10:00:00.123456789+02:00" -> "10:00:00.123" */
static void put_record(const struct audit_record *r, uint64_t sequence)
{
	printf("%7llu %-12.12s %-8s ", (unsigned long long)sequence,
	       strlen(r->time) > 23 ? r->time + 11 : "", r->decision);
	command_put(r->op[0] ? r->op : r->type, r->op[0] ? 10 : 0);
	putchar(' ');
	command_put(r->target, 0);
	if (r->target2[0]) {
		printf("  ");
		command_put(r->target2, 0);
	}
	if (r->program[0]) {
		printf("  (");
		command_put(path_base(r->program), 0);
		printf(" %d)", r->pid);
	}
	if (r->rule[0] && !str_eq(r->decision, "allowed")) {
		printf("  [");
		command_put(r->rule, 0);
		putchar(']');
	}
	putchar('\n');
}

/* One event a line, in order. */
static void put_line(const struct audit_record *rec, const struct audit_line *line, bool json)
{
	_cleanup_(buf_free) struct buf safe = {0};

	if (!json) {
		put_record(rec, line->sequence);
		return;
	}
	json_safe(&safe, line->json, line->json_len);
	printf("{\"sequence\":%llu,\"event\":%.*s}\n", (unsigned long long)line->sequence,
	       (int)safe.len, safe.data);
}

/* tree: the programs are asked for, of which every event says something. */
static int read_log(const char *id, const struct select *sel, bool tree, bool timeline, bool json,
		    struct summary *s, struct err *err)
{
	struct audit_reader *reader;
	struct audit_line line;
	struct audit_record *rec;

	if (audit_reader_open(id, &reader, err) < 0)
		return -1;
	rec = xcalloc(1, sizeof(*rec));
	while (audit_reader_next(reader, &line, &s->damage) == 1) {
		s->count++;
		if (!tree && !select_maybe(sel, line.json, line.json_len))
			continue;
		if (audit_parse(line.json, line.json_len, rec) != 0)
			continue;
		/* Of what is left out too: whose child a process is. */
		if (tree)
			programs_add(&s->programs, rec);
		if (!select_match(sel, rec))
			continue;
		if (tree)
			programs_touch(&s->programs, rec);
		if (timeline)
			put_line(rec, &line, json);
		else
			summary_add(s, rec, &line);
	}
	free(rec);
	audit_reader_free(reader);
	return 0;
}

static cJSON *snapshots_of(const struct audit_show_options *o, const char *id)
{
	return o->snapshots ? o->snapshots(id, o->json) : NULL;
}

static void print_summary(const struct audit_show_options *o, const char *id,
			  const struct session_meta *m, struct summary *s, bool alive)
{
	cJSON *snapshots = snapshots_of(o, id);

	summary_print(m, s, alive, snapshots);
	cJSON_Delete(snapshots);
}

int audit_show(const struct audit_show_options *o, struct err *err)
{
	_cleanup_(meta_free) struct session_meta m = {0};
	_cleanup_(summary_free) struct summary s = {.programs.merge = !o->tree};
	_cleanup_close_ int dir = -1;
	struct select sel;
	char id[65];
	bool alive, timeline;

	if (o->tree && o->timeline)
		return err_usage(err, "--tree and --timeline are two ways of showing");
	if (audit_find(o->id, id, err) < 0 ||
	    select_parse(&sel, o->kinds, o->path, o->denied, err) < 0 ||
	    (dir = store_open_dir(id, err)) < 0 || command_meta(dir, &m, &alive, err) < 0)
		return -1;
	/* What was asked for by path or kind is shown event by event. */
	timeline = o->timeline || (!o->tree && !o->denied && !select_any(&sel));
	if (read_log(id, &sel, !timeline && !(o->denied && !o->tree), timeline, o->json, &s, err) <
	    0)
		return -1;
	if (o->tree && (o->denied || !select_any(&sel)))
		programs_keep_touched(&s.programs);
	if (timeline)
		;
	else if (o->tree && o->json)
		command_print(show_tree_json(&s.programs, 0));
	else if (o->tree)
		show_tree(&s.programs, SIZE_MAX);
	else if (o->denied && o->json)
		command_print(summary_denied_json(&s));
	else if (o->denied)
		summary_print_denied(&s);
	else if (o->json)
		command_print(summary_json(&m, &s, snapshots_of(o, id)));
	else
		print_summary(o, id, &m, &s, alive);
	if (s.damage.msg[0])
		fprintf(stderr, "nono: %s\n", s.damage.msg);
	return s.damage.msg[0] ? 1 : 0;
}
