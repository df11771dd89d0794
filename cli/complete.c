/*
 * nono __complete: what may stand at the end of a command line. The scripts of assets/completions
 * ask it at every press of the key, so that what they offer is what the tables say.
 *
 * Prints a line a candidate: the word, a tab, what it is. A line that begins with ':' asks the
 * shell for candidates of its own: ":dirs", ":files", ":commands", ":program" (the rest is another
 * program's command line).
 */
#include "cli/cli.h"
#include "policy/policy.h"

/* The newest. */
#define SESSIONS_MAX 100

static void offer(const char *word, const char *what)
{
	char shown[128];

	printf("%s\t%s\n", word, text_printable(shown, sizeof(shown), what, strlen(what)));
}

/* "a|b|c" */
static void offer_choices(const char *words)
{
	_cleanup_free_ char *copy = xstrdup(words);
	char *save = NULL;

	for (char *w = strtok_r(copy, "|", &save); w; w = strtok_r(NULL, "|", &save))
		offer(w, "");
}

/* Names with characters that a shell would take apart are not offered. */
static bool plain(const char *s)
{
	for (const char *c = s; *c; c++)
		if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
		      (*c >= '0' && *c <= '9') || strchr("-_.+@", *c)))
			return false;
	return *s;
}

static void offer_sessions(bool all)
{
	struct session_list l;
	char command[128];

	if (session_list(all, &l, NULL) < 0)
		return;
	for (size_t i = 0; i < l.n && i < SESSIONS_MAX; i++) {
		command_text(l.v[i].command, command, sizeof(command));
		offer(plain(l.v[i].name) ? l.v[i].name : l.v[i].id, command);
	}
	session_list_free(&l);
}

static void offer_request(void *data, const struct session_record *r, const cJSON *request)
{
	const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(request, "id"));
	const char *target =
	    cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(request, "target"));

	(void)data;
	(void)r;
	if (id && plain(id))
		offer(id, target ? target : "");
}

static void offer_requests(void)
{
	requests_each(NULL, offer_request, NULL, NULL);
}

static void offer_profiles(void)
{
	char **names = policy_profiles();

	for (char **n = names; n && *n; n++)
		offer(*n, "profile");
	strv_free(names);
}

static void offer_credentials(void)
{
	const char *name;

	for (size_t i = 0; (name = policy_builtin_route_name(i)); i++)
		offer(name, "route");
}

static void offer_commands(const struct command *const *commands)
{
	for (; *commands; commands++)
		if ((*commands)->group != GROUP_HIDDEN)
			offer(command_word(*commands), (*commands)->summary);
}

static void offer_all_commands(void)
{
	offer_commands(cli_commands);
}

/* By what the help calls the value. */
static void offer_value(const char *what, bool all_sessions)
{
	static const struct {
		const char *what;
		const char *shell;
		void (*offer)(void);
	} kinds[] = {
	    {"DIR", ":dirs", NULL},
	    {"FILE", ":files", NULL},
	    {"PATH", ":files", NULL},
	    {"NAME|FILE", ":files", offer_profiles},
	    {"PROFILE", ":files", offer_profiles},
	    {"ROUTE|REFERENCE", NULL, offer_credentials},
	    {"ID", NULL, offer_requests},
	    {"COMMAND", NULL, offer_all_commands},
	};

	if (str_eq(what, "SESSION")) {
		offer_sessions(all_sessions);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!str_eq(what, kinds[i].what))
			continue;
		if (kinds[i].offer)
			kinds[i].offer();
		if (kinds[i].shell)
			puts(kinds[i].shell);
		return;
	}
	if (strchr(what, '|'))
		offer_choices(what);
}

/* "[SESSION] [--json]": what an argument of the command is, by the first word. */
static void offer_argument(const struct command *c)
{
	char word[128];

	str_copy(word, sizeof(word), c->usage + strspn(c->usage, "["));
	word[strcspn(word, " ].")] = '\0';
	offer_value(word, c->flags & CLI_ENDED_TOO);
}

/* Commands that parse for themselves say their options in the help. */
static void offer_words(const char *text)
{
	for (const char *s = text; s && (s = strstr(s, "--")); s += 2) {
		size_t n = 2 + strspn(s + 2, "abcdefghijklmnopqrstuvwxyz0123456789-");
		char word[64];

		if (n < 3 || n >= sizeof(word))
			continue;
		memcpy(word, s, n);
		word[n] = '\0';
		offer(word, "");
		s += n - 2;
	}
}

static void offer_options(const struct option_row *rows, unsigned mask)
{
	char word[64];

	for (const struct option_row *r = rows; r && r->name; r++) {
		if (!r->help || (r->only && !(r->only & mask)))
			continue;
		snprintf(word, sizeof(word), "--%s", r->name);
		offer(word, r->help);
	}
}

static bool is_option(const char *word)
{
	return word[0] == '-' && word[1];
}

/* ---- the words before ------------------------------------------------------------------------ */

struct line {
	const struct command *c;	  /* so far, NULL: none yet */
	size_t args;			  /* positional ones after it */
	const struct option_row *pending; /* wants a value now */
	bool program;			  /* the rest is a program's */
};

static const struct option_row *row_named(const struct option_table *t, const char *word)
{
	for (const struct option_row *r = t->rows; r->name; r++) {
		if (r->only && !(r->only & t->mask))
			continue;
		if (word[1] == '-' ? str_eq(word + 2, r->name)
				   : r->letter && word[1] == r->letter && !word[2])
			return r;
	}
	return NULL;
}

static const struct option_row *value_row(const struct command *c, const char *word)
{
	struct option_table tables[COMMAND_TABLES_MAX + 1];
	size_t n = c ? command_tables(c, NULL, tables) : 0;
	const struct option_row *r = NULL;

	tables[n++] = (struct option_table){.rows = global_rows};
	for (size_t i = 0; i < n && !r; i++)
		r = row_named(&tables[i], word);
	return r && option_takes_value(r) ? r : NULL;
}

static void offer_all_options(const struct command *c)
{
	struct option_table tables[COMMAND_TABLES_MAX];
	size_t n = c ? command_tables(c, NULL, tables) : 0;

	for (size_t i = 0; i < n; i++)
		offer_options(tables[i].rows, tables[i].mask);
}

static void take_word(struct line *l, const char *word)
{
	const struct command *sub;

	if (str_eq(word, "=")) /* bash takes "--option=value" apart */
		return;
	if (l->program) {
		l->args++;
	} else if (l->pending) {
		l->pending = NULL;
	} else if (str_eq(word, "--")) {
		l->program = l->c && (l->c->flags & CLI_PROGRAM);
	} else if (is_option(word)) {
		l->pending = strchr(word, '=') ? NULL : value_row(l->c, word);
	} else if (!l->c) {
		l->c = cli_find(word);
	} else if (l->c->subs && (sub = command_sub(l->c, word))) {
		l->c = sub;
	} else {
		l->args++;
		l->program = l->c->flags & CLI_PROGRAM;
	}
}

static void offer_pending(const struct line *l)
{
	if (l->pending->choices)
		for (const char *const *w = l->pending->choices; *w; w++)
			offer(*w, "");
	else if (l->pending->arg)
		offer_value(l->pending->arg, false);
}

static int complete(struct cli *cli, struct err *err)
{
	int first = cli->argc && str_eq(cli->argv[0], "--");
	const char *last = cli->argc > first ? cli->argv[cli->argc - 1] : "";
	struct line l = {0};

	(void)err;
	for (int i = first; i < cli->argc - 1; i++)
		take_word(&l, cli->argv[i]);
	if (l.program) {
		puts(l.args ? ":program" : ":commands");
	} else if (l.pending) {
		offer_pending(&l);
	} else if (is_option(last) || str_eq(last, "-")) {
		offer_all_options(l.c);
		if (l.c && (l.c->flags & CLI_RAW)) {
			offer_words(l.c->usage);
			offer_words(l.c->details);
		}
		offer_options(global_rows, 0);
	} else if (!l.c) {
		offer_all_commands();
	} else if (l.c->subs) {
		offer_commands(l.c->subs);
	} else if (l.c->flags & CLI_PROGRAM) {
		puts(":commands");
	} else if (!l.args || l.c->max_args > 1) {
		offer_argument(l.c);
	}
	return 0;
}

const struct command command_complete = {
    .name = "__complete",
    .group = GROUP_HIDDEN,
    .usage = "-- WORDS",
    .summary = "What may stand at the end of a command line; for the shells",
    .flags = CLI_RAW,
    .run = complete,
};
