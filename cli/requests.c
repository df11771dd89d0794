/* nono requests, approve, deny: answers without the front end. */
#include "cli/cli.h"

/* ---- asking all sessions ------------------------------------------------------------------ */

struct visit {
	void (*fn)(void *data, const struct session_record *r, const cJSON *request);
	void *data;
};

static int visit_one(const struct session_record *r, const struct visit *v, struct err *err)
{
	struct session_client *c = connect_to(r, err);
	cJSON *answer = NULL, *e;

	if (c)
		answer = session_client_call(c, "requests", NULL, NULL, CALL_TIMEOUT_MS, err);
	session_client_free(c);
	cJSON_ArrayForEach(e, cJSON_GetObjectItemCaseSensitive(answer, "requests"))
	    v->fn(v->data, r, e);
	cJSON_Delete(answer);
	return answer ? 0 : -1;
}

int requests_each(const char *session,
		  void (*fn)(void *data, const struct session_record *r, const cJSON *request),
		  void *data, struct err *err)
{
	const struct visit v = {fn, data};
	struct session_record r;
	struct session_list l;
	int rc;

	if (session) {
		if (find_live(session, &r, err) < 0)
			return -1;
		rc = visit_one(&r, &v, err);
		session_record_free(&r);
		return rc;
	}
	if (session_list(false, &l, err) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++)
		if (l.v[i].status == SESSION_RUNNING)
			visit_one(&l.v[i], &v, NULL);
	session_list_free(&l);
	return 0;
}

/* ---- requests ----------------------------------------------------------------------------------
 */

struct requests_options {
	bool json;
};

static const struct option_row requests_rows[] = {
    {.name = "json", .offset = offsetof(struct requests_options, json), .help = "As a JSON array"},
    {0},
};

static void collect(void *data, const struct session_record *r, const cJSON *request)
{
	cJSON *copy = cJSON_Duplicate(request, true);

	cJSON_AddStringToObject(copy, "session_id", r->id);
	cJSON_AddStringToObject(copy, "session_name", r->name);
	cJSON_AddItemToArray(data, copy);
}

static const char *member(const cJSON *o, const char *name)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));

	return s ? s : "";
}

static void print_request(const cJSON *o)
{
	struct session_request_info *r = xcalloc(1, sizeof(*r));
	uint64_t now = clock_mono_ns();

	if (session_request_parse(o, r) == 0) {
		printf("%s  ", r->id);
		print_text(member(o, "session_name"), 16);
		printf("  %-7s ", r->kind);
		print_text(r->target, 0);
		if (r->target2[0]) {
			printf(" -> ");
			print_text(r->target2, 0);
		}
		if (r->group[0]) {
			printf("  [");
			print_text(r->group, 0);
			putchar(']');
		}
		printf("\n%14sby ", "");
		print_text(r->program, 0);
		printf(" (pid %d), %llu s left\n", r->pid,
		       (unsigned long long)(r->deadline_ns > now
						? (r->deadline_ns - now) / 1000000000u
						: 0));
		if (r->reason[0]) {
			printf("%14ssays: ", "");
			print_text(r->reason, 0);
			putchar('\n');
		}
	}
	free(r);
}

static int requests(struct cli *cli, struct err *err)
{
	const struct requests_options *o = cli->options;
	cJSON *array = cJSON_CreateArray(), *e;
	int rc = requests_each(cli->args[0], collect, array, err);

	if (rc == 0 && o->json) {
		print_json(array);
	} else if (rc == 0) {
		cJSON_ArrayForEach(e, array) print_request(e);
		if (!cJSON_GetArraySize(array))
			cli_say(cli, "No open requests.");
	}
	cJSON_Delete(array);
	return rc;
}

const struct command command_requests = {
    .name = "requests",
    .group = GROUP_REQUESTS,
    .usage = "[SESSION] [--json]",
    .summary = "List what the sessions ask for",
    .rows = requests_rows,
    .size = sizeof(struct requests_options),
    .max_args = 1,
    .run = requests,
};

/* ---- approve, deny ------------------------------------------------------------------------------
 */

struct answer_options {
	int scope;
	const char *session;
};

static const char *const scopes[] = {"once", "session", "always", NULL};

static const struct option_row answer_rows[] = {
    {.name = "scope",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct answer_options, scope),
     .arg = "once|session|always",
     .choices = scopes,
     .help = "For this time (default), while the session lasts, or for ever: written to your "
	     "profile, the change is shown"},
    {.name = "session",
     .kind = OPTION_STRING,
     .offset = offsetof(struct answer_options, session),
     .arg = "SESSION",
     .help = "Look only there"},
    {0},
};

struct hit {
	const char *prefix;
	size_t n;
	char id[32], session[SESSION_ID_LEN + 1];
	char text[600];
};

static void match(void *data, const struct session_record *r, const cJSON *request)
{
	struct hit *h = data;
	const char *id = member(request, "id");

	if (!str_starts(id, h->prefix))
		return;
	h->n++;
	str_copy(h->id, sizeof(h->id), id);
	str_copy(h->session, sizeof(h->session), r->id);
	snprintf(h->text, sizeof(h->text), "%s %s (session %s)", show(member(request, "kind")).s,
		 show(member(request, "target")).s, r->name[0] ? r->name : r->id);
}

static int find_request(const char *prefix, const char *session, struct hit *h, struct err *err)
{
	*h = (struct hit){.prefix = prefix};
	if (!*prefix)
		return err_usage(err, "the id of a request is needed; nono requests lists them");
	if (requests_each(session, match, h, err) < 0)
		return -1;
	if (h->n > 1)
		return err_set(err, "'%.40s' begins the ids of %zu open requests; give more of it",
			       prefix, h->n);
	return h->n ? 0 : err_set(err, "no open request '%.40s'; nono requests lists them", prefix);
}

/* What "always" will write, before it is written. */
static int show_change(const struct cli *cli, struct session_client *c, const char *id, bool grant,
		       struct err *err)
{
	cJSON *args = cJSON_CreateObject(), *answer;

	cJSON_AddStringToObject(args, "id", id);
	cJSON_AddBoolToObject(args, "deny", !grant);
	answer = session_client_call(c, "preview", args, NULL, CALL_TIMEOUT_MS, err);
	if (!answer)
		return -1;
	if (!cli->silent)
		print_lines(stderr, member(answer, "diff"));
	cJSON_Delete(answer);
	return 0;
}

static int answer(struct cli *cli, bool grant, struct err *err)
{
	const struct answer_options *o = cli->options;
	struct session_client *c;
	cJSON *args, *reply = NULL;
	struct hit h;

	if (find_request(cli->args[0], o->session, &h, err) < 0)
		return -1;
	c = session_connect(h.session, NULL, err);
	if (!c)
		return -1;
	if (!str_eq(scopes[o->scope], "always") || show_change(cli, c, h.id, grant, err) == 0) {
		args = cJSON_CreateObject();
		cJSON_AddStringToObject(args, "id", h.id);
		cJSON_AddBoolToObject(args, "grant", grant);
		cJSON_AddStringToObject(args, "scope", scopes[o->scope]);
		reply = session_client_call(c, "answer", args, NULL, CALL_TIMEOUT_MS, err);
	}
	session_client_free(c);
	if (!reply)
		return -1;
	cJSON_Delete(reply);
	cli_say(cli, "%s %s: %s", grant ? "Approved" : "Denied", scopes[o->scope], h.text);
	return 0;
}

static int approve(struct cli *cli, struct err *err)
{
	return answer(cli, true, err);
}

static int deny(struct cli *cli, struct err *err)
{
	return answer(cli, false, err);
}

const struct command command_approve = {
    .name = "approve",
    .group = GROUP_REQUESTS,
    .usage = "ID [--scope once|session|always] [--session SESSION]",
    .summary = "Grant a request",
    .rows = answer_rows,
    .size = sizeof(struct answer_options),
    .flags = CLI_OUTSIDE,
    .min_args = 1,
    .max_args = 1,
    .arg = "the id of a request",
    .run = approve,
};

const struct command command_deny = {
    .name = "deny",
    .group = GROUP_REQUESTS,
    .usage = "ID [--scope once|session|always] [--session SESSION]",
    .summary = "Refuse a request",
    .rows = answer_rows,
    .size = sizeof(struct answer_options),
    .flags = CLI_OUTSIDE,
    .min_args = 1,
    .max_args = 1,
    .arg = "the id of a request",
    .run = deny,
};
