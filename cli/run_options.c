/* Options of run, shell and wrap. */
#include "cli/run_options.h"

#define NOT_WHY	   (RUN | SHELL | WRAP)
#define AT(member) .offset = offsetof(struct run_options, member)

static const char *const audit_levels[] = {[POLICY_AUDIT_ALL] = "all",
					   [POLICY_AUDIT_CHANGES] = "changes",
					   [POLICY_AUDIT_DECISIONS] = "decisions",
					   NULL};
static const char *const wants[] = {
    [NONO_AUTO] = "auto", [NONO_REQUIRE] = "require", [NONO_SKIP] = "off", NULL};

static const char *const sandboxes[] = {[SANDBOX_AUTO] = "auto",
					[SANDBOX_LANDLOCK] = "landlock",
					[SANDBOX_EXTERNAL] = "external",
					NULL};

#define TIMEOUT_MAX 86400

const struct option_row run_rows[] = {
    {.name = "allow",
     .letter = 'a',
     .kind = OPTION_LIST,
     AT(allow),
     .arg = "DIR",
     .help = "Read and write this directory and all below it",
     .env = {"NONO_ALLOW"}},
    {.name = "read",
     .letter = 'r',
     .kind = OPTION_LIST,
     AT(read),
     .arg = "DIR",
     .help = "Read this directory and all below it"},
    {.name = "write",
     .letter = 'w',
     .kind = OPTION_LIST,
     AT(write),
     .arg = "DIR",
     .help = "Write below this directory, without reading"},
    {.name = "allow-file",
     .kind = OPTION_LIST,
     AT(allow_file),
     .arg = "FILE",
     .help = "Read and write this file"},
    {.name = "read-file",
     .kind = OPTION_LIST,
     AT(read_file),
     .arg = "FILE",
     .help = "Read this file"},
    {.name = "write-file",
     .kind = OPTION_LIST,
     AT(write_file),
     .arg = "FILE",
     .help = "Write this file"},
    {.name = "allow-cwd",
     AT(allow_cwd),
     .help = "Share the working directory as the profile wants it, without asking; without a "
	     "profile: for reading"},
    {.name = "workdir",
     .kind = OPTION_STRING,
     AT(workdir),
     .arg = "DIR",
     .help = "Start the program in this directory"},
    {.name = "profile",
     .letter = 'p',
     .kind = OPTION_STRING,
     AT(profile),
     .arg = "NAME|FILE",
     .help = "Rules on top of the default ones: claude-code, codex, opencode, gemini, one of "
	     "your own, or a file",
     .env = {"NONO_PROFILE"}},
    {.name = "trust-profile",
     .kind = OPTION_STRING,
     AT(trust_profile),
     .arg = "SHA256",
     .help = "Use the profile that comes with what is worked on, if it says exactly this"},
    {.name = "config",
     .letter = 'c',
     .only = NOT_WHY,
     .kind = OPTION_STRING,
     AT(config),
     .arg = "FILE",
     .help = "A capability manifest that has all the rules, instead of the other options for them"},
    {.name = "extends",
     .kind = OPTION_LIST,
     AT(extends),
     .arg = "NAME|FILE",
     .help = "One more base for the profile of this run; later ones weigh more"},
    {.name = "block-net",
     .kind = OPTION_SET,
     .value = NET_BLOCKED,
     AT(net),
     .help = "No network at all",
     .env = {"NONO_BLOCK_NET", "NONO_NET_BLOCK"}},
    {.name = "allow-net",
     .kind = OPTION_SET,
     .value = NET_OPEN,
     AT(net),
     .help = "Network, whatever the profile says",
     .env = {"NONO_ALLOW_NET", "NONO_NET_ALLOW"}},
    {.name = "net-block", .kind = OPTION_SET, .value = NET_BLOCKED, AT(net)},
    {.name = "net-allow", .kind = OPTION_SET, .value = NET_OPEN, AT(net)},
    {.name = "capability-elevation",
     .only = RUN | SHELL,
     .kind = OPTION_SET,
     .value = SWITCH_ON,
     AT(elevation),
     .help = "What is refused becomes a request that you can answer",
     .env = {"NONO_CAPABILITY_ELEVATION"}},
    {.name = "no-capability-elevation",
     .only = RUN | SHELL,
     .kind = OPTION_SET,
     .value = SWITCH_OFF,
     AT(elevation),
     .help = "No requests, whatever the profile says"},
    {.name = "allow-unix-socket",
     .kind = OPTION_LIST,
     AT(sockets[POLICY_SOCKET]),
     .arg = "PATH|@NAME",
     .help = "Connect to this socket (@NAME: an abstract one)"},
    {.name = "allow-unix-socket-bind",
     .kind = OPTION_LIST,
     AT(sockets[POLICY_SOCKET_BIND]),
     .arg = "PATH",
     .help = "Connect to this socket, or make it"},
    {.name = "allow-unix-socket-dir",
     .kind = OPTION_LIST,
     AT(sockets[POLICY_SOCKET_DIR]),
     .arg = "DIR",
     .help = "Connect to the sockets in this directory"},
    {.name = "allow-unix-socket-dir-bind",
     .kind = OPTION_LIST,
     AT(sockets[POLICY_SOCKET_DIR_BIND]),
     .arg = "DIR",
     .help = "Connect to the sockets in this directory, or make some"},
    {.name = "allow-unix-socket-subtree",
     .kind = OPTION_LIST,
     AT(sockets[POLICY_SOCKET_SUBTREE]),
     .arg = "DIR",
     .help = "Connect to the sockets in this directory and below it"},
    {.name = "allow-unix-socket-subtree-bind",
     .kind = OPTION_LIST,
     AT(sockets[POLICY_SOCKET_SUBTREE_BIND]),
     .arg = "DIR",
     .help = "Connect to the sockets in this directory and below it, or make some"},
    {.name = "bypass-protection",
     .kind = OPTION_LIST,
     AT(bypass),
     .arg = "PATH",
     .help = "Lift the deny rules for this path; what gives access to it is another option"},
    {.name = "override-deny", .kind = OPTION_LIST, AT(bypass), .arg = "PATH"},
    {.name = "suppress-save-prompt",
     .only = NOT_WHY,
     .kind = OPTION_LIST,
     AT(suppress),
     .arg = "PATH",
     .help = "Do not offer to save what was refused below this path"},
    {.name = "ignore-denied", .only = NOT_WHY, .kind = OPTION_LIST, AT(suppress), .arg = "PATH"},
    {.name = "allow-gpu", AT(gpu), .help = "Use the graphics devices"},
    {.name = "allow-launch-services", .only = NOT_WHY, AT(launch_services)}, /* of macOS */
    {.name = "allow-command",
     .only = NOT_WHY,
     .kind = OPTION_LIST,
     AT(allow_command),
     .arg = "NAME",
     .help =
	 "Start this program although it is one of those that rarely are meant (rm, sudo, ...)"},
    {.name = "block-command",
     .only = NOT_WHY,
     .kind = OPTION_LIST,
     AT(block_command),
     .arg = "NAME",
     .help = "Refuse to start this program; what is started later is not looked at"},
    {.name = "sandbox-policy",
     .only = RUN | SHELL,
     .kind = OPTION_CHOICE,
     AT(sandbox),
     .choices = sandboxes,
     .arg = "auto|landlock|external",
     .help = "Who holds the network: whatever this machine has; Landlock, or do not start; or "
	     "something outside of nono"},
    {.name = "env-credential",
     .only = NOT_WHY,
     .kind = OPTION_LIST,
     AT(env_credential),
     .arg = "A,B",
     .help = "Give the program these credentials of the keyring as variables (openai_key as "
	     "OPENAI_KEY); also REFERENCE=VARIABLE",
     .env = {"NONO_ENV_CREDENTIAL"}},
    {.name = "env-credential-map",
     .only = NOT_WHY,
     .kind = OPTION_PAIR,
     AT(env_credential_map),
     .arg = "REFERENCE VARIABLE",
     .help = "Give it this credential in this variable: env://NAME, file:///PATH, "
	     "keyring://SERVICE/ACCOUNT, or an account of the service nono"},
    {.name = "no-protect-workspace",
     .kind = OPTION_SET,
     .value = SWITCH_OFF,
     AT(protect),
     .help = "Let the program write git hooks, editor settings and whatever else would run "
	     "later, outside of the sandbox"},
    {.name = "namespaces",
     .only = NOT_WHY,
     .kind = OPTION_CHOICE,
     AT(namespaces),
     .choices = wants,
     .arg = "auto|require|off",
     .help = "Linux namespaces: where the system gives them (auto), or not without them"},
    {.name = "memory",
     .only = RUN | SHELL,
     .kind = OPTION_STRING,
     AT(memory),
     .arg = "SIZE",
     .help = "Memory of all processes together: 512M or 1Gi (of 1024), 512MB (of 1000), or none. "
	     "Beyond it the largest process is killed"},
    {.name = "max-processes",
     .only = RUN | SHELL,
     .kind = OPTION_STRING,
     AT(max_processes),
     .arg = "N",
     .help = "Processes and threads at the same time; more can't be started"},
    {.name = "cpu",
     .only = RUN | SHELL,
     .kind = OPTION_STRING,
     AT(cpu),
     .arg = "N|PERCENT%",
     .help = "Processors' worth of time: 1.5 or 150%. Takes a control group"},
    {.name = "wall-time",
     .only = RUN | SHELL,
     .kind = OPTION_STRING,
     AT(wall_time),
     .arg = "TIME",
     .help = "Stop the session after 30s, 10m, 1h30m; the exit code is then 124"},
    {.name = "audit-level",
     .only = RUN | SHELL,
     .kind = OPTION_CHOICE,
     AT(audit_level),
     .choices = audit_levels,
     .arg = "all|changes|decisions",
     .help =
	 "How much is recorded: everything, no reads, or refusals and answers alone. Below all, "
	 "reads that are refused are recorded only with --capability-elevation"},
    {.name = "no-audit", .only = RUN | SHELL, AT(no_audit), .help = "Record nothing"},
    {.name = "no-diagnostics",
     .only = RUN,
     AT(no_diagnostics),
     .help = "After a failure do not say what was refused"},
    /* wrap has no supervisor that could see it: there is nothing to leave out. */
    {.name = "no-diagnostics", .only = WRAP, AT(no_diagnostics)},
    {.name = "diagnostics-json",
     .only = RUN,
     AT(diagnostics_json),
     .help = "At the end say what was refused in one JSON object on standard error"},
    {.name = "name",
     .only = RUN | SHELL,
     .kind = OPTION_STRING,
     AT(name),
     .arg = "NAME",
     .help = "Name of the session; one is made up otherwise"},
    {.name = "detached",
     .only = RUN,
     AT(detached),
     .help = "Start in the background and print the session's id"},
    {.name = "detach-timeout",
     .only = RUN,
     .kind = OPTION_NUMBER,
     AT(detach_timeout),
     .min = 1,
     .max = TIMEOUT_MAX,
     .arg = "SECONDS",
     .help = "With --detached: give up if it can't be attached to by then, 30 by default",
     .env = {"NONO_DETACH_STARTUP_TIMEOUT"}},
    {.name = "startup-timeout",
     .only = RUN | SHELL,
     .kind = OPTION_NUMBER,
     AT(startup_timeout),
     .min = 0,
     .max = TIMEOUT_MAX,
     .arg = "SECONDS",
     .help = "On a terminal: end the program if it shows nothing by then",
     .env = {"NONO_STARTUP_TIMEOUT"}},
    {.name = "size",
     .only = RUN | SHELL,
     .kind = OPTION_SIZE,
     AT(size),
     .arg = "COLSxROWS",
     .help = "Size of the terminal until a client has another one"},
    {.name = "prefix",
     .only = RUN | SHELL,
     .kind = OPTION_STRING,
     AT(prefix),
     .arg = "KEY",
     .help = "Key before the commands of the front end, C-b by default",
     .env = {"NONO_PREFIX"}},
    {.name = "shell",
     .only = SHELL,
     .kind = OPTION_STRING,
     AT(shell),
     .arg = "PATH",
     .help = "Shell to start instead of $SHELL"},
    {.name = "dry-run",
     .only = NOT_WHY,
     AT(dry_run),
     .help = "Show what would be allowed, start nothing"},
    {.name = "verbose",
     .letter = 'v',
     .only = NOT_WHY,
     .kind = OPTION_COUNT,
     AT(verbose),
     .help = "Show where each rule comes from, and the layers of the sandbox"},
    {0},
};

static int switched(int s)
{
	return s == SWITCH_PROFILE ? -1 : s == SWITCH_ON;
}

static bool describes_rules(const struct run_options *o)
{
	const struct strings *lists[] = {&o->allow,	    &o->read,	      &o->write,
					 &o->allow_file,    &o->read_file,    &o->write_file,
					 &o->bypass,	    &o->suppress,     &o->extends,
					 &o->allow_command, &o->block_command};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		if (lists[i]->n)
			return true;
	for (size_t i = 0; i < POLICY_SOCKET_KINDS; i++)
		if (o->sockets[i].n)
			return true;
	return o->allow_cwd || o->profile || o->net || o->elevation || o->protect || o->gpu ||
	       o->sandbox;
}

int run_check_options(const struct run_options *o, struct err *err)
{
	if (o->config && describes_rules(o))
		return err_usage(err, "--config has all the rules: it can't be used together with "
				      "other options or variables for them");
	if (o->extends.n && !o->profile)
		return err_usage(err, "--extends needs --profile");
	if (o->launch_services)
		return err_usage(err, "--allow-launch-services is for macOS: there are none here");
	if (o->sandbox == SANDBOX_EXTERNAL && o->net == NET_BLOCKED)
		return err_usage(err, "--sandbox-policy external leaves the network to something "
				      "else: --block-net can't be used together with it");
	if (o->sandbox == SANDBOX_LANDLOCK && nono_landlock_abi() < 4)
		return err_set(err,
			       "--sandbox-policy landlock: this kernel's Landlock (ABI %d) can't "
			       "hold the network, that takes ABI 4 (Linux 6.7)",
			       nono_landlock_abi());
	/* The variable may be set for all. */
	if (o->detach_timeout && !o->detached && !getenv("NONO_DETACH_STARTUP_TIMEOUT"))
		return err_usage(err, "--detach-timeout needs --detached");
	return 0;
}

void run_session_options(const struct run_options *o, bool silent, char *const *argv,
			 struct session_options *out)
{
	*out = (struct session_options){
	    .argv = argv,
	    .name = o->name,
	    .policy =
		{
		    .manifest = o->config,
		    .profile = o->profile,
		    .extends = o->extends.v,
		    .trust_profile = o->trust_profile,
		    .workdir = o->workdir,
		    .allow_cwd = o->allow_cwd,
		    .allow = o->allow.v,
		    .read = o->read.v,
		    .write = o->write.v,
		    .allow_file = o->allow_file.v,
		    .read_file = o->read_file.v,
		    .write_file = o->write_file.v,
		    .bypass = o->bypass.v,
		    .suppress = o->suppress.v,
		    .allow_commands = o->allow_command.v,
		    .block_commands = o->block_command.v,
		    .gpu = o->gpu,
		    .block_net = o->sandbox == SANDBOX_EXTERNAL ? 0
				 : o->net == NET_PROFILE	? -1
								: o->net == NET_BLOCKED,
		    .elevation = switched(o->elevation),
		    .protect_workspace = switched(o->protect),
		    .audit_level = (enum policy_audit_level)o->audit_level,
		    .namespaces = (enum nono_want)o->namespaces,
		    .limits = {(char *)o->memory, (char *)o->max_processes, (char *)o->cpu,
			       (char *)o->wall_time},
		},
	    .no_audit = o->no_audit,
	    .startup_timeout_s = (unsigned)o->startup_timeout,
	    .ready_timeout_s = (unsigned)o->detach_timeout,
	    .verbose = o->verbose,
	    .silent = silent,
	};
	for (size_t k = 0; k < POLICY_SOCKET_KINDS; k++)
		out->policy.sockets[k] = o->sockets[k].v;
}
