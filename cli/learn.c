/* nono learn: run a program under the eye, and write the profile that would have sufficed. */
#include "cli/learn.h"

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
    {.name = "hosts",
     AT(hosts),
     .help = "Learn hosts by name: the network is reached by a proxy, as it will be under the "
	     "profile. Programs that do not use one reach nothing"},
    {.name = "allow-unix-socket",
     .kind = OPTION_LIST,
     AT(sockets),
     .arg = "PATH",
     .help = "Let the program connect to this socket; it becomes a rule if it does"},
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

/* ---- the program ----------------------------------------------------------------------------- */

int learn_program(struct learn *l, const char *profile, bool observe, struct learn_run *r,
		  struct err *err)
{
	static const char *any_host[] = {"*", NULL};
	const struct learn_options *o = l->o;
	bool own_output = !o->json && (o->name || o->out || learn_on_terminal());

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
	if (observe && o->hosts)
		r->so.policy.allow_domain = any_host;
	if (observe)
		r->so.policy.sockets[POLICY_SOCKET] = o->sockets.v;
	r->so.policy.elevation = 0;
	if (profile) {
		r->so.policy.profile = profile;
		r->so.policy.extends = NULL;
	}
	return learn_run(r, err);
}

/* ---- the command
 * --------------------------------------------------------------------------------- */

static int observe(struct learn *l, char id[SESSION_ID_LEN + 1], struct err *err)
{
	struct learn_run r;

	cli_say(l->cli,
		"nono: the program may read and write whatever you may, but for what is closed or "
		"protected; all of it is recorded.");
	if (learn_program(l, NULL, true, &r, err) < 0)
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
	int w, r = l->o->from ? from_session(l, id, err) : observe(l, id, err);

	if (r)
		return r < 0 ? -1 : 0;
	if (learn_fold(l, err) < 0)
		return -1;
	learn_report(l);
	r = learn_verify(l, err);
	w = learn_write(l, r < 0 ? NULL : err);
	fflush(stdout);
	return w < 0 ? -1 : r;
}

/* Not after an hour's run. */
static int check_name(const struct learn_options *o, struct err *err)
{
	_cleanup_free_ char *own = NULL;

	if (!policy_profile_name_ok(o->name))
		return err_usage(err,
				 "--name %.100s: the name of a profile is letters, digits and '-'",
				 o->name);
	own = policy_profile_file(o->name);
	if (!own && policy_profile_builtin(o->name) &&
	    !str_eq(o->name, o->profile ? o->profile : "default"))
		return err_usage(err, "--name %s: it is a built-in profile: choose another name",
				 o->name);
	return 0;
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
	if (o->name && check_name(o, err) < 0)
		return -1;
	if (o->from && (o->hosts || o->sockets.n))
		return err_usage(err,
				 "--hosts and --allow-unix-socket are about a run: they can't be "
				 "used together with --from");
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
	"others but those that you name. What it read and wrote beyond its profile becomes rules:\n"
	"files that are alone by their names, three and more of a directory as the directory,\n"
	"never one that holds anything closed. They are tested by another run, shown as a diff,\n"
	"and written. What the other run is refused is learned as well, and tested once more.\n\n"
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
