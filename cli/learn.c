/* nono learn: run a program under the eye, and write the profile that would have sufficed. */
#include <sys/stat.h>

#include "cli/diagnostics.h"
#include "cli/learn.h"
#include "network/network.h"

#define LINES 10 /* of each list of remarks; all with -v */

struct learn_options {
	const char *profile, *from, *out, *name;
	struct strings extends;
	long timeout;
	bool json, yes, no_verify;
	int verbose;
};

struct learn {
	struct cli *cli;
	const struct learn_options *o;
	struct policy_input in; /* of the profile that is built upon */
	struct policy *base;
	struct observed seen;
	struct policy_learned rules;
	struct diagnostics first; /* of the observed run */
	bool has_first, block_net;
	char name[129];
	char *text; /* the profile by itself */
};

#define AT(member) .offset = offsetof(struct learn_options, member)
static const struct option_row rows[] = {
    {.name = "profile",
     .letter = 'p',
     .kind = OPTION_STRING,
     AT(profile),
     .arg = "NAME|FILE",
     .help = "The profile to build upon; what it closes stays closed",
     .env = {"NONO_PROFILE"}},
    {.name = "extends",
     .kind = OPTION_LIST,
     AT(extends),
     .arg = "PROFILE",
     .help = "One more to build upon; may be repeated"},
    {.name = "from",
     .kind = OPTION_STRING,
     AT(from),
     .arg = "SESSION",
     .help = "Run nothing: learn from a session that was recorded"},
    {.name = "timeout",
     .kind = OPTION_NUMBER,
     AT(timeout),
     .min = 1,
     .max = 86400,
     .arg = "SECONDS",
     .help = "End the program after that time"},
    {.name = "name",
     .kind = OPTION_STRING,
     AT(name),
     .arg = "NAME",
     .help = "Write the rules to this profile of yours"},
    {.name = "output",
     .letter = 'o',
     .kind = OPTION_STRING,
     AT(out),
     .arg = "FILE",
     .help = "Write the profile to this file"},
    {.name = "json", AT(json), .help = "Print the profile, ask nothing, write nothing"},
    {.name = "yes",
     .letter = 'y',
     AT(yes),
     .help = "Do not ask: write the profile, and run the program again to test it"},
    {.name = "no-verify", AT(no_verify), .help = "Do not run the program again"},
    {.name = "verbose", .letter = 'v', .kind = OPTION_COUNT, AT(verbose), .help = "Say everything"},
    {0},
};

/* ---- asking -------------------------------------------------------------------------------- */

static bool on_terminal(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

static bool read_line(char *out, size_t size)
{
	size_t n = 0;
	char c = 0;

	while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
		if (n + 1 < size && (unsigned char)c > ' ')
			out[n++] = c;
	out[n] = '\0';
	return c == '\n';
}

/* true without asking with --yes, false where nobody can be asked. */
static bool agreed(const struct learn *l, const char *question)
{
	char answer[16];

	if (l->o->yes)
		return true;
	if (!on_terminal())
		return false;
	fprintf(stderr, "%s [y/N] ", question);
	return read_line(answer, sizeof(answer)) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* ---- the program ----------------------------------------------------------------------------- */

static int run_program(struct learn *l, const char *profile, bool observe, struct learn_run *r,
		       struct err *err)
{
	const struct learn_options *o = l->o;
	bool own_output = !o->json && (o->name || o->out || on_terminal());

	*r = (struct learn_run){
	    .so =
		{
		    .argv = (char *const *)l->cli->args,
		    .policy = l->in,
		    .terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && !o->json,
		    .silent = true,
		},
	    .to_stderr = !own_output,
	    .timeout_s = o->timeout,
	};
	r->so.policy.observe = observe;
	r->so.policy.elevation = 0;
	if (profile) {
		r->so.policy.profile = profile;
		r->so.policy.extends = NULL;
	}
	return learn_run(r, err);
}

/* ---- what was seen -----------------------------------------------------------------------------
 */

static void list(const struct learn *l, const char *title, char *const *v, size_t all)
{
	size_t n = 0;

	if (!all)
		return;
	fprintf(stderr, "%s\n", title);
	for (; v && v[n] && (n < LINES || l->o->verbose); n++)
		fprintf(stderr, "  %s\n", v[n]);
	if (all > n)
		fprintf(stderr, "  and %zu more%s\n", all - n, l->o->verbose ? "" : " (-v)");
}

static void report(const struct learn *l)
{
	const struct policy_learned *r = &l->rules;

	if (l->cli->silent)
		return;
	fprintf(stderr, "nono: %zu paths were used, %zu of them are granted already; rules: %zu\n",
		r->n_seen, r->n_covered, r->n);
	list(l, "Closed or protected, and it stays so:", r->closed, r->n_closed);
	list(l, "No rule for:", r->left_out, r->n_left_out);
	list(l, "Sockets that were not connected to (filesystem.unix_socket grants one):",
	     l->seen.sockets, l->seen.n_sockets);
	if (l->seen.n_moved)
		fprintf(stderr, "%zu paths lead elsewhere by now: no rule for them\n",
			l->seen.n_moved);
	if (l->seen.n_hosts)
		fprintf(stderr, "Network: %zu hosts by name\n", l->seen.n_hosts);
	else
		fprintf(stderr, l->seen.network ? "Network: used\n"
				: l->base->net_blocked
				    ? "Network: not used, and off already\n"
				    : "Network: not used, so it is off in a new profile\n");
}

/* What a profile may be called: of the program's name what is allowed there. */
static void profile_name(struct learn *l)
{
	const char *s = l->o->name	  ? l->o->name
			: l->o->out	  ? path_base(l->o->out)
			: l->cli->n_args  ? path_base(l->cli->args[0])
			: l->seen.program ? path_base(l->seen.program)
					  : "learned";
	size_t n = 0;

	for (; *s && *s != '.' && n + 1 < sizeof(l->name); s++) {
		bool ok = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
			  (*s >= '0' && *s <= '9');
		if (ok || n)
			l->name[n++] = ok ? *s : '-';
	}
	while (n && l->name[n - 1] == '-')
		n--;
	l->name[n] = '\0';
	if (!n)
		str_copy(l->name, sizeof(l->name), "learned");
}

static bool listed(const struct policy *p, const char *host)
{
	for (size_t i = 0; i < p->network.allow.n; i++)
		if (net_pattern_matches(p->network.allow.v[i].name, host))
			return true;
	return false;
}

/* The hosts that the list lacks become rules, too. */
static void add_hosts(struct learn *l)
{
	struct policy_learned *r = &l->rules;

	for (size_t i = 0; i < l->seen.n_hosts; i++) {
		if (listed(l->base, l->seen.hosts[i]))
			continue;
		r->v = xrealloc_array(r->v, r->n + 1, sizeof(*r->v));
		r->paths = xrealloc_array(r->paths, r->n + 1, sizeof(*r->paths));
		r->v[r->n] = (struct policy_entry){"allow_domain", xstrdup(l->seen.hosts[i])};
		r->paths[r->n++] = xstrdup("");
	}
}

static int fold(struct learn *l, struct err *err)
{
	_cleanup_(buf_free) struct buf text = {0};
	_cleanup_free_ char *reference = NULL;

	if (observed_read(&l->first.record, &l->seen, err) < 0)
		return -1;
	l->in.program = l->seen.program;
	if (policy_resolve(&l->in, &l->base, err) < 0)
		return -1;
	policy_learn(l->base, l->seen.v, l->seen.n, &l->rules);
	add_hosts(l);
	l->block_net = !l->seen.network && !l->seen.n_hosts && !l->base->net_blocked &&
		       l->base->network.mode != POLICY_NET_NAMES;
	profile_name(l);
	reference = policy_reference(l->base);
	policy_profile_text(&text, l->name, reference, l->in.extends, l->rules.v, l->rules.n,
			    l->block_net);
	l->text = STEAL_PTR(text.data);
	report(l);
	return 0;
}

/* ---- writing -----------------------------------------------------------------------------------
 */

static void print_diff(const char *diff)
{
	char shown[4 * POLICY_PATH_MAX];

	for (const char *line = diff, *end; *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		fprintf(stderr, "%s\n",
			text_printable(shown, sizeof(shown), line, (size_t)(end - line)));
	}
}

static int write_file(struct learn *l, struct err *err)
{
	struct stat st;
	_cleanup_free_ char *before = NULL, *diff = NULL;

	if (lstat(l->o->out, &st) == 0) {
		if (!S_ISREG(st.st_mode))
			return err_set(err, "%s is not a regular file", l->o->out);
		before = file_read(l->o->out, 16u << 20, NULL, err);
		if (!before)
			return -1;
	}
	diff = policy_diff(l->o->out, before, l->text);
	if (!*diff) {
		fprintf(stderr, "%s says that already.\n", show(l->o->out).s);
		return 0;
	}
	print_diff(diff);
	if (on_terminal() && !agreed(l, "Write it?"))
		return 0;
	if (file_write_atomic(l->o->out, 0644, l->text, strlen(l->text), err) < 0)
		return -1;
	cli_say(l->cli, "Written. Next time: nono run --profile %s", l->o->out);
	return 0;
}

static int write_profile(struct learn *l, const char *name, struct err *err)
{
	_cleanup_free_ char *diff = NULL, *written = NULL;

	if (policy_save(l->base, name, l->in.extends, l->rules.v, l->rules.n, l->block_net, false,
			&diff, err) < 0)
		return -1;
	if (!*diff) {
		fprintf(stderr, "The profile %s says that already.\n", name);
		return 0;
	}
	print_diff(diff);
	if (on_terminal() && !agreed(l, "Write it?"))
		return 0;
	if (policy_save(l->base, name, l->in.extends, l->rules.v, l->rules.n, l->block_net, true,
			&written, err) < 0)
		return -1;
	cli_say(l->cli, "Written. Next time: nono run --profile %s", name);
	return 0;
}

/* Nobody said where to: a person is asked, a program gets the text. */
static int write_somewhere(struct learn *l, struct err *err)
{
	char name[129];

	if (l->o->json || !on_terminal()) {
		fputs(l->text, stdout);
		return 0;
	}
	print_diff(l->text);
	if (l->o->yes)
		return write_profile(l, l->name, err);
	fprintf(stderr, "Name of a profile to write it to ([Enter]: none): ");
	if (!read_line(name, sizeof(name)) || !name[0])
		return 0;
	return write_profile(l, name, err);
}

/* ---- testing -----------------------------------------------------------------------------------
 */

static bool was_refused_before(const struct learn *l, const struct session_denial *d)
{
	for (size_t i = 0; l->has_first && i < l->first.n; i++)
		if (str_eq(l->first.v[i].path, d->path) && str_eq(l->first.v[i].access, d->access))
			return true;
	return false;
}

/* 0 it held, 1 it did not. */
static int compare(const struct learn *l, const char *id, struct err *err)
{
	_cleanup_(buf_free) struct buf out = {0};
	struct diagnostics d;
	size_t refused = 0;
	int before = l->has_first ? l->first.record.exit_code : 0, r;

	if (!diagnostics_load(id, true, &d))
		return err_set(err, "the second run left no record");
	for (size_t i = 0; i < d.n; i++)
		if (!was_refused_before(l, &d.v[i]))
			d.v[refused++] = d.v[i];
	d.n = refused;
	d.total = refused;
	r = refused || d.record.exit_code != before;
	if (!r)
		cli_say(l->cli,
			"Tested: it holds (exit code %d, nothing refused that was not before).",
			d.record.exit_code);
	else
		fprintf(stderr, "Tested: it does not hold (exit code %d, before %d).\n",
			d.record.exit_code, before);
	if (r && !refused)
		cli_say(l->cli, "Nothing was refused: what is done already it may do otherwise.");
	diagnostics_footer(&d, LINES, &out);
	if (out.len)
		fwrite(out.data, 1, out.len, stderr);
	diagnostics_free(&d);
	return r;
}

/* A file of nono's own, which no session can write. */
static char *test_profile(const struct learn *l, struct err *err)
{
	_cleanup_free_ char *dir = dir_runtime(), *path = NULL;
	char random[9];

	random_hex(random, 4);
	path = xasprintf("%s/learn-%s.json", dir, random);
	if (dir_private(dir, err) < 0 ||
	    file_write_atomic(path, 0600, l->text, strlen(l->text), err) < 0)
		return NULL;
	return STEAL_PTR(path);
}

static int verify(struct learn *l, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	struct learn_run r;
	int rc;

	if (l->o->no_verify || l->o->from || (l->o->json && !l->o->yes))
		return 0;
	if (!l->o->yes && !on_terminal()) {
		cli_say(l->cli, "Not tested: --yes runs the program again under the profile.");
		return 0;
	}
	if (!agreed(l, "Run the program again under it, to test it?"))
		return 0;
	path = test_profile(l, err);
	if (!path)
		return -1;
	rc = run_program(l, path, false, &r, err);
	unlink(path);
	if (rc < 0)
		return err_prefix(err, "under the profile");
	return compare(l, r.id, err);
}

/* ---- the command
 * --------------------------------------------------------------------------------- */

static int observe(struct learn *l, char id[SESSION_ID_LEN + 1], struct err *err)
{
	struct learn_run r;

	cli_say(l->cli,
		"nono: the program may read and write whatever you may, but for what is closed or "
		"protected; all of it is recorded.");
	if (run_program(l, NULL, true, &r, err) < 0)
		return -1;
	memcpy(id, r.id, sizeof(r.id));
	l->has_first = diagnostics_load(id, true, &l->first);
	if (!l->has_first) {
		cli_say(l->cli, "Session %s goes on. When it has ended: nono learn --from %s", id,
			id);
		return 1;
	}
	if (r.timed_out)
		cli_say(l->cli, "The time is over: the program was ended.");
	if (l->first.record.exit_code)
		cli_say(l->cli, "The program ended with exit code %d.", l->first.record.exit_code);
	return 0;
}

static int from_session(struct learn *l, char id[SESSION_ID_LEN + 1], struct err *err)
{
	struct session_record *r = &l->first.record;

	if (session_find(l->o->from, r, err) < 0)
		return -1;
	l->has_first = true;
	if (cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(r->json, "audit")))
		return err_set(err, "session %s was not recorded (--no-audit)", r->id);
	if (!l->in.profile)
		l->in.profile = r->profile;
	l->in.workdir = r->workdir;
	memcpy(id, r->id, sizeof(r->id));
	if (r->status != SESSION_EXITED)
		cli_say(l->cli, "Session %s goes on: this is what it did until now.", id);
	return 0;
}

static int learn(struct learn *l, struct err *err)
{
	char id[SESSION_ID_LEN + 1];
	int r = l->o->from ? from_session(l, id, err) : observe(l, id, err);

	if (r)
		return r < 0 ? -1 : 0;
	if (fold(l, err) < 0)
		return -1;
	r = l->o->json	 ? write_somewhere(l, err)
	    : l->o->out	 ? write_file(l, err)
	    : l->o->name ? write_profile(l, l->o->name, err)
			 : write_somewhere(l, err);
	fflush(stdout);
	return r < 0 ? -1 : verify(l, err);
}

static int run(struct cli *cli, struct err *err)
{
	const struct learn_options *o = cli->options;
	struct learn l = {
	    .cli = cli,
	    .o = o,
	    .in = {.profile = o->profile,
		   .extends = o->extends.v,
		   .block_net = -1,
		   .elevation = -1,
		   .protect_workspace = -1},
	};
	int r;

	if (!o->from == !cli->n_args)
		return err_usage(err, o->from ? "learn takes a program or --from, not both"
					      : "learn needs a program to run, or --from SESSION");
	if (o->name && o->out)
		return err_usage(err, "--name and --output exclude each other");
	if (o->extends.n && !o->profile)
		return err_usage(err, "--extends needs --profile");
	r = learn(&l, err);
	observed_free(&l.seen);
	policy_learned_free(&l.rules);
	policy_free(l.base);
	diagnostics_free(&l.first);
	free(l.text);
	return r;
}

const struct command command_learn = {
    .name = "learn",
    .group = GROUP_RUN,
    .usage = "[options] [--] PROGRAM [ARGS]",
    .summary = "Run a program under the eye and write the profile that it needs",
    .details =
	"The program runs in a session that refuses nothing but what is closed (keys, nono's own\n"
	"files) or protected (what would be run outside later), and connects to no socket of\n"
	"others. What it read and wrote beyond its profile becomes rules: files that are alone by\n"
	"their names, three and more of a directory as the directory, never one that holds\n"
	"anything closed. They are shown as a diff, written, and tested by a second run.\n\n"
	"Without --name and --output a profile is asked for on a terminal; else it is printed, "
	"and\n"
	"the program's output goes to standard error.\n\n"
	"Exit code: 0, or 1 when the test shows that the profile does not hold.\n\n"
	"Examples:\n"
	"  nono learn --name build -- make test\n"
	"  nono learn --profile codex --from 606ddf7e\n",
    .rows = rows,
    .size = sizeof(struct learn_options),
    .flags = CLI_PROGRAM | CLI_OUTSIDE,
    .max_args = SIZE_MAX,
    .run = run,
};
