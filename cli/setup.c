/* nono setup: phases, and how they are shown. */
#include "cli/setup.h"

struct setup_options {
	bool check_only, profiles, shell_integration, json;
	int verbose;
};

#define AT(member) .offset = offsetof(struct setup_options, member)

static const struct option_row setup_rows[] = {
    {.name = "check-only", AT(check_only), .help = "Only look: change nothing"},
    {.name = "profiles", AT(profiles), .help = "Write an example of a profile of your own"},
    {.name = "shell-integration",
     AT(shell_integration),
     .help = "Print lines for the start file of your shell"},
    {.name = "json", AT(json), .help = "As JSON"},
    {.name = "verbose", .letter = 'v', .kind = OPTION_COUNT, AT(verbose), .help = "More of it"},
    {0},
};

struct setup_finding *setup_add(struct setup_report *r, enum setup_state state, const char *name,
				char *fix, const char *fmt, ...)
{
	struct setup_finding *f;
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->v = xrealloc_array(r->v, r->n + 1, sizeof(*r->v));
	f = &r->v[r->n++];
	*f = (struct setup_finding){
	    .phase = r->phase, .name = name, .state = state, .value = xstrdup(text), .fix = fix};
	return f;
}

static void free_report(struct setup_report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->v[i].value);
		free(r->v[i].fix);
	}
	free(r->v);
}

static void look(struct setup_report *r, const struct setup_options *o)
{
	struct nono_probe probe;

	/* First: it forks, and wants no threads and few descriptors. */
	nono_probe(&probe);
	r->phase = "Program";
	setup_program(r);
	r->phase = "Platform";
	setup_platform(r);
	r->phase = "Sandbox";
	setup_sandbox(r, &probe);
	r->phase = "Namespaces";
	setup_namespaces(r, &probe);
	r->phase = "Limits";
	setup_limits(r);
	r->phase = "Terminal";
	setup_terminal(r);
	r->phase = "Directories";
	setup_directories(r, !o->check_only);
	r->phase = "Protections";
	setup_protections(r);
	r->phase = "Profiles and agents";
	setup_agents(r);
	if (o->profiles) {
		r->phase = "Example profile";
		setup_example(r, !o->check_only);
	}
}

static bool all_well(const struct setup_report *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].state == SETUP_BAD)
			return false;
	return true;
}

/* ---- text -------------------------------------------------------------------------------- */

static void print_finding(const struct setup_finding *f)
{
	static const char marks[] = {[SETUP_OK] = '*', [SETUP_WEAK] = '!', [SETUP_BAD] = 'x'};

	printf("  %c %s: ", marks[f->state], f->name);
	print_text(f->value, 0);
	putchar('\n');
	if (f->fix) {
		printf("      to change it: ");
		print_text(f->fix, 0);
		putchar('\n');
	}
}

static size_t count_phases(const struct setup_report *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += i == 0 || r->v[i].phase != r->v[i - 1].phase;
	return n;
}

static void print_shell_integration(size_t phase, size_t phases)
{
	const char *shell = getenv("SHELL");
	const char *name = shell && *shell ? path_base(shell) : "bash";

	printf("[%zu/%zu] Shell integration\n", phase, phases);
	if (str_eq(name, "fish"))
		printf("  For ~/.config/fish/config.fish:\n"
		       "    nono completion fish | source\n");
	else if (str_eq(name, "zsh"))
		printf("  For ~/.zshrc, after compinit:\n    source <(nono completion zsh)\n");
	else
		printf("  For ~/.bashrc:\n    source <(nono completion bash)\n");
	printf("    alias nr='nono run --allow-cwd --'\n"
	       "    alias nsh='nono shell --allow .'\n"
	       "    alias claude='nono run --profile claude-code --allow-cwd -- claude'\n");
}

static void print_report(const struct setup_report *r, const struct setup_options *o)
{
	size_t phases = count_phases(r) + o->shell_integration, phase = 0;

	for (size_t i = 0; i < r->n; i++) {
		const struct setup_finding *f = &r->v[i];

		if (i == 0 || f->phase != r->v[i - 1].phase)
			printf("[%zu/%zu] %s\n", ++phase, phases, f->phase);
		if (!f->detail || o->verbose)
			print_finding(f);
	}
	if (o->shell_integration)
		print_shell_integration(phases, phases);
	puts(all_well(r)
		 ? "This machine can hold sessions (! marks what is weaker than it could be)."
		 : "Sessions can't be held here: see the lines marked x.");
}

/* ---- JSON -------------------------------------------------------------------------------- */

static cJSON *report_json(const struct setup_report *r, const struct setup_options *o)
{
	static const char *const states[] = {"ok", "weak", "bad"};
	cJSON *top = cJSON_CreateObject(), *checks;

	cJSON_AddStringToObject(top, "version", NONO_VERSION);
	cJSON_AddBoolToObject(top, "ok", all_well(r));
	cJSON_AddBoolToObject(top, "check_only", o->check_only);
	checks = cJSON_AddArrayToObject(top, "checks");
	for (size_t i = 0; i < r->n; i++) {
		const struct setup_finding *f = &r->v[i];
		cJSON *one = cJSON_CreateObject();

		cJSON_AddItemToArray(checks, one);
		cJSON_AddStringToObject(one, "phase", f->phase);
		cJSON_AddStringToObject(one, "name", f->name);
		cJSON_AddStringToObject(one, "state", states[f->state]);
		cJSON_AddStringToObject(one, "value", f->value);
		if (f->fix)
			cJSON_AddStringToObject(one, "fix", f->fix);
	}
	return top;
}

static int setup(struct cli *cli, struct err *err)
{
	const struct setup_options *o = cli->options;
	struct setup_report r = {0};
	bool well;

	(void)err;
	look(&r, o);
	if (o->json) {
		cJSON *json = report_json(&r, o);
		print_json(json);
		cJSON_Delete(json);
	} else {
		print_report(&r, o);
	}
	well = all_well(&r);
	free_report(&r);
	return well ? 0 : 1;
}

const struct command command_setup = {
    .name = "setup",
    .group = GROUP_OTHER,
    .usage = "[--check-only] [--profiles] [--shell-integration] [--json]",
    .summary = "What this machine can hold, layer by layer, and what would change it",
    .details =
	"Everything is tried, not guessed from versions. Without --check-only the directories\n"
	"that nono keeps its files in are made. The exit code is 1 if no session can be\n"
	"held here.\n",
    .rows = setup_rows,
    .size = sizeof(struct setup_options),
    .max_args = 0,
    .run = setup,
};
