/* The members of a profile; those of "network" and of credentials are in
 * schema_network.c. */
#include "policy/profiles/schema.h"

#define AT(f) .field = offsetof(struct profile, f)
/* Another spelling of a member. */
#define OLD(n) .instead = (n), .flags = MEMBER_DEPRECATED

static const struct member meta[] = {
    {"name", M_TEXT, MERGE_CHILD, AT(name), .flags = MEMBER_REQUIRED, .help = "what it is called"},
    {"version", M_TEXT, MERGE_CHILD, AT(version), .help = "of the profile, free text"},
    {"description", M_TEXT, MERGE_CHILD, AT(description), .help = "one sentence"},
    {"author", M_TEXT, MERGE_CHILD, AT(author), .help = "who wrote it"},
    {0},
};

static const char *const wsl2_policies[] = {"error", "insecure_proxy", NULL};
static const struct member any = {.kind = M_ANY};

static const struct member approval_defaults[] = {
    {"backend", M_TEXT, .help = "one of approval_backends, or \"terminal\" (people alone)"},
    {"timeout_secs", M_NUMBER, .min = 1, .max = 3600, .help = "until a request is denied"},
    {0},
};

static const struct member security[] = {
    {"capability_elevation", M_FLAG, MERGE_CHILD, AT(elevation),
     .help = "a person may grant at run time what is refused"},
    {"signal_mode", M_WORD, MERGE_CHILD, AT(signal_mode), .words = policy_reach_names + 1,
     .help =
	 "isolated or allow_same_sandbox: the session's own processes alone, by a pid "
	 "namespace or Landlock ABI 6; allow_all is refused, for signals that leave the session "
	 "reach what supervises it"},
    {"process_info_mode", M_WORD, MERGE_CHILD, AT(process_info_mode),
     .words = policy_reach_names + 1,
     .help = "which processes are seen: isolated or allow_same_sandbox, the session's own, by a "
	     "pid namespace; allow_all, the machine's (not their memory or environment)"},
    {"ipc_mode", M_WORD, MERGE_CHILD, AT(ipc_mode), .words = policy_ipc_names + 1,
     .help = "shared_memory_only closes message queues and semaphores of System V and POSIX; "
	     "full takes an ipc namespace, where they are the session's own (queues of POSIX stay "
	     "closed)"},
    {"wsl2_proxy_policy", M_WORD, MERGE_CHILD, AT(wsl2_proxy_policy), .words = wsl2_policies,
     .flags = MEMBER_NO_EFFECT,
     .help = "Windows only: what can't be confined is always an error here"},
    {"approval_backends", M_NAMED, MERGE_UNION, AT(approval_backends), .each = &any,
     .help = "who answers requests besides people, by name: type terminal, command (command: a "
	     "program that reads the request as JSON and writes its decision) or webhook (url, "
	     "hmac_key); timeout_secs"},
    {"approval_defaults", M_UNIT, MERGE_CHILD, AT(approval_defaults), .members = approval_defaults,
     .help = "who is asked, and for how long"},
    {"groups", M_NAMES, MERGE_APPEND, AT(include), OLD("groups.include")},
    {"allowed_commands", M_LIST, MERGE_APPEND, AT(allow_commands), OLD("commands.allow")},
    {0},
};

static const char *const af_unix_words[] = {"off", "pathname", NULL};
static const char *const sandbox_words[] = {"auto", "landlock", "external", NULL};
static const struct member linux_members[] = {
    {"af_unix_mediation", M_WORD, MERGE_CHILD, AT(af_unix_mediation), .words = af_unix_words,
     .flags = MEMBER_NO_EFFECT, .help = "connections to unix sockets are always judged here"},
    {"sandbox_policy", M_WORD, MERGE_CHILD, AT(sandbox_policy), .words = sandbox_words,
     .help = "which kernel interfaces must hold it"},
    {0},
};

static const struct member groups[] = {
    {"include", M_NAMES, MERGE_APPEND, AT(include), .help = "groups in force"},
    {"exclude", M_NAMES, MERGE_APPEND, AT(exclude),
     .help = "groups taken out again (not required ones)"},
    {0},
};

static const struct member commands[] = {
    {"allow", M_LIST, MERGE_APPEND, AT(allow_commands),
     .help = "programs that may be started although they are on the list of dangerous ones"},
    {"deny", M_LIST, MERGE_APPEND, AT(deny_commands), .help = "programs that are not started"},
    {0},
};

const char *const profile_fs_names[FS_LISTS] = {
    [FS_ALLOW] = "allow",
    [FS_READ] = "read",
    [FS_WRITE] = "write",
    [FS_EXECUTE] = "execute",
    [FS_ALLOW_FILE] = "allow_file",
    [FS_READ_FILE] = "read_file",
    [FS_WRITE_FILE] = "write_file",
    [FS_STATE] = "state",
    [FS_DENY] = "deny",
    [FS_PROTECT] = "protect",
    [FS_BYPASS] = "bypass_protection",
    [FS_SUPPRESS_SAVE] = "suppress_save_prompt",
    [FS_UNIX_SOCKET] = "unix_socket",
    [FS_UNIX_SOCKET_BIND] = "unix_socket_bind",
    [FS_UNIX_SOCKET_DIR] = "unix_socket_dir",
    [FS_UNIX_SOCKET_DIR_BIND] = "unix_socket_dir_bind",
    [FS_UNIX_SOCKET_SUBTREE] = "unix_socket_subtree",
    [FS_UNIX_SOCKET_SUBTREE_BIND] = "unix_socket_subtree_bind",
};

#define PATHS(name, list, text)                                         \
	{                                                               \
		name, M_PATHS, MERGE_APPEND, AT(fs[list]), .help = text \
	}
static const struct member filesystem[] = {
    PATHS("allow", FS_ALLOW, "folders to read, change and execute"),
    PATHS("read", FS_READ, "folders to read and execute"),
    PATHS("write", FS_WRITE, "folders to change, not to read"),
    PATHS("execute", FS_EXECUTE, "programs, or folders of them, to read and execute"),
    PATHS("allow_file", FS_ALLOW_FILE, "single files to read and change"),
    PATHS("read_file", FS_READ_FILE, "single files to read and execute"),
    PATHS("write_file", FS_WRITE_FILE, "single files to change, not to read"),
    PATHS("state", FS_STATE, "folders that are the program's own, made if missing"),
    PATHS("deny", FS_DENY, "closed, whatever else is granted"),
    PATHS("protect", FS_PROTECT, "may be read where granted, never changed"),
    PATHS("bypass_protection", FS_BYPASS, "deny rules lifted here; needs a grant too"),
    PATHS("suppress_save_prompt", FS_SUPPRESS_SAVE, "denials below are not offered for saving"),
    PATHS("unix_socket", FS_UNIX_SOCKET, "sockets to connect to; @NAME is an abstract one"),
    PATHS("unix_socket_bind", FS_UNIX_SOCKET_BIND, "sockets to connect to and to make"),
    PATHS("unix_socket_dir", FS_UNIX_SOCKET_DIR, "any socket directly in the folder"),
    PATHS("unix_socket_dir_bind", FS_UNIX_SOCKET_DIR_BIND, "the same, and to make them"),
    PATHS("unix_socket_subtree", FS_UNIX_SOCKET_SUBTREE, "any socket below the folder"),
    PATHS("unix_socket_subtree_bind", FS_UNIX_SOCKET_SUBTREE_BIND, "the same, and to make them"),
    {"ignore", M_PATHS, MERGE_APPEND, AT(fs[FS_SUPPRESS_SAVE]),
     OLD("filesystem.suppress_save_prompt")},
    {"ignore_denied", M_PATHS, MERGE_APPEND, AT(fs[FS_SUPPRESS_SAVE]),
     OLD("filesystem.suppress_save_prompt")},
    {"override_deny", M_PATHS, MERGE_APPEND, AT(fs[FS_BYPASS]),
     OLD("filesystem.bypass_protection")},
    {0},
};

/* The section that older profiles of the reference had for changes to their groups. */
static const struct member old_policy[] = {
    {"exclude_groups", M_NAMES, MERGE_APPEND, AT(exclude), OLD("groups.exclude")},
    {"add_allow_read", M_PATHS, MERGE_APPEND, AT(fs[FS_READ]), OLD("filesystem.read")},
    {"add_allow_write", M_PATHS, MERGE_APPEND, AT(fs[FS_WRITE]), OLD("filesystem.write")},
    {"add_allow_readwrite", M_PATHS, MERGE_APPEND, AT(fs[FS_ALLOW]), OLD("filesystem.allow")},
    {"add_deny_access", M_PATHS, MERGE_APPEND, AT(fs[FS_DENY]), OLD("filesystem.deny")},
    {"add_deny_commands", M_LIST, MERGE_APPEND, AT(deny_commands), OLD("commands.deny")},
    {"override_deny", M_PATHS, MERGE_APPEND, AT(fs[FS_BYPASS]),
     OLD("filesystem.bypass_protection")},
    {0},
};

static const struct member environment[] = {
    {"allow_vars", M_LIST, MERGE_APPEND, AT(env_allow),
     .help = "only these pass (NAME or PREFIX*); [] lets none pass"},
    {"deny_vars", M_LIST, MERGE_APPEND, AT(env_deny), .help = "these don't (NAME or PREFIX*)"},
    {"set_vars", M_VARIABLES, MERGE_UNION, AT(env_set),
     .help = "variables with their values (not PATH, not NONO_*); \"$TMPDIR/x\" lies in the "
	     "session's own temporary directory"},
    {0},
};

static const char *const workdir_words[] = {"none", "read", "write", "readwrite", NULL};
static const struct member workdir[] = {
    {"access", M_WORD, MERGE_WORKDIR, AT(workdir), .words = workdir_words,
     .help = "what the program gets in the working directory, once that is allowed"},
    {0},
};

static const struct member session_hooks[] = {
    {"before", M_UNIT, MERGE_CHILD, AT(session_before), .members = profile_session_hook,
     .help = "runs outside, before the program starts"},
    {"after", M_UNIT, MERGE_CHILD, AT(session_after), .members = profile_session_hook,
     .help = "runs outside, after the program ended"},
    {0},
};

static const struct member rollback[] = {
    {"exclude_patterns", M_LIST, MERGE_APPEND, AT(rollback_patterns),
     .help = "parts of paths that no snapshot holds"},
    {"exclude_globs", M_LIST, MERGE_APPEND, AT(rollback_globs),
     .help = "file names that no snapshot holds"},
    {"before_requests", M_FLAG, MERGE_CHILD, AT(rollback_before),
     .help = "with --rollback one before each grant that lets more be changed (else as config.toml "
	     "says)"},
    {0},
};

static const struct member open_urls[] = {
    {"allow_origins", M_LIST, .help = "origins that may be opened in the browser"},
    {"allow_localhost", M_FLAG, .help = "pages of this machine too"},
    {0},
};

static const struct member diagnostics[] = {
    {"suppress_system_services", M_LIST, MERGE_APPEND, AT(suppress_system_services),
     .help = "refusals left out of the report: what was tried (\"connect\"), a socket or a host; "
	     "those of files never are"},
    {0},
};

static const struct member workspace[] = {
    {"protect_autorun", M_FLAG, MERGE_CHILD, AT(protect_autorun),
     .help = "git hooks, settings of editors and agents, ... in workspaces are not changed"},
    {0},
};

static const struct member resources[] = {
    {"memory", M_AMOUNT, MERGE_CHILD, AT(memory), .help = "of all processes together: \"2G\""},
    {"max_processes", M_AMOUNT, MERGE_CHILD, AT(max_processes), .help = "at the same time: 200"},
    {"cpu", M_AMOUNT, MERGE_CHILD, AT(cpu), .help = "processors: 1.5, or \"150%\""},
    {"wall_time", M_AMOUNT, MERGE_CHILD, AT(wall_time), .help = "until it is stopped: \"2h\""},
    {0},
};

static const char *const audit_words[] = {"all", "changes", "decisions", NULL};
static const struct member audit[] = {
    {"level", M_WORD, MERGE_CHILD, AT(audit_level), .words = audit_words,
     .help = "what the log holds"},
    {"integrity_hash", M_FLAG, MERGE_CHILD, AT(audit_integrity_hash),
     .help = "the log is chained by hashes (it always is)"},
    {"evidence_fs", M_FLAG, MERGE_CHILD, AT(audit_evidence_fs),
     .help = "the writable folders are hashed before and after"},
    {0},
};

static const struct member credentials[] = {
    {"proxy_mode", M_FLAG, MERGE_CHILD, AT(proxy_mode),
     .help = "credentials stay outside, a proxy puts them into requests: env_credentials beside "
	     "it are an error"},
    {"keystore", M_ONE_OR_LIST, MERGE_APPEND, AT(keystore),
     .help = "\"system\", where secrets come from anyway, and credential routes in use"},
    {0},
};

#define SECTION(name, table, text)                          \
	{                                                   \
		name, M_MAP, .members = table, .help = text \
	}
const struct member profile_members[] = {
    {"$schema", M_ANY, .help = "for editors"},
    {"extends", M_ONE_OR_LIST, MERGE_NONE, AT(extends),
     .help = "profiles that this one builds on, from left to right"},
    SECTION("meta", meta, "about the profile"),
    SECTION("security", security, "what holds for the whole session"),
    SECTION("linux", linux_members, "on Linux only"),
    SECTION("groups", groups, "ready-made lists (\"nono profile groups\")"),
    SECTION("commands", commands, "what may be started directly; not a boundary"),
    SECTION("filesystem", filesystem, "files and sockets"),
    SECTION("network", profile_network, "connections"),
    SECTION("credentials", credentials, "secrets that the program never sees"),
    {"env_credentials", M_REFERENCES, MERGE_UNION, AT(env_credentials),
     .help = "secrets put into variables: reference, then the variable's name"},
    {"secrets", M_REFERENCES, MERGE_UNION, AT(env_credentials), OLD("env_credentials")},
    SECTION("environment", environment, "the program's variables"),
    {"credential_capture", M_NAMED, MERGE_UNION, AT(credential_capture), .each = &profile_capture,
     .help = "commands that print a secret, by name"},
    {"credential_providers", M_NAMED, MERGE_UNION, AT(credential_providers), .each = &any,
     .help = "where secrets come from, by name"},
    {"credential_routes", M_NAMED, MERGE_UNION, AT(credential_routes), .each = &any,
     .help = "which requests get which secret, by name"},
    {"command_policies", M_LAYER, .help = "programs with a confinement of their own"},
    SECTION("workdir", workdir, "the working directory"),
    {"hooks", M_NAMED, MERGE_UNION, AT(hooks), .each = &profile_hook,
     .help = "put into the settings of an agent before it starts, by its name: claude-code, "
	     "gemini"},
    SECTION("session_hooks", session_hooks, "scripts around a session"),
    SECTION("rollback", rollback, "snapshots"),
    {"undo", M_MAP, .members = rollback, OLD("rollback")},
    {"open_urls", M_UNIT, MERGE_CHILD, AT(open_urls), .members = open_urls,
     .help = "pages that BROWSER opens outside, where the network is by name"},
    {"allow_gpu", M_FLAG, MERGE_CHILD, AT(allow_gpu),
     .help = "--allow-gpu may be used with it: the graphics devices"},
    {"allow_launch_services", M_FLAG, MERGE_CHILD, AT(allow_launch_services),
     .flags = MEMBER_NO_EFFECT, .help = "macOS only"},
    {"allow_parent_of_protected", M_FLAG, MERGE_CHILD, AT(allow_parent_of_protected),
     .flags = MEMBER_NO_EFFECT,
     .help = "a grant may lie above something protected: it always may, that stays protected"},
    SECTION("diagnostics", diagnostics, "what is reported after a run"),
    {"packs", M_LIST, MERGE_APPEND, AT(packs), .flags = MEMBER_NO_EFFECT,
     .help = "packs that it needs: this version installs none"},
    {"command_args", M_LIST, MERGE_APPEND, AT(command_args),
     .help = "put in front of the program's own arguments"},
    {"skipdirs", M_LIST, MERGE_APPEND, AT(skipdirs),
     .help = "names of folders that are not gone through: no snapshot holds them"},
    {"binary", M_TEXT, MERGE_CHILD, AT(binary), .help = "the program, if none is named"},
    {"interactive", M_FLAG, MERGE_OR, AT(interactive), .flags = MEMBER_NO_EFFECT,
     .help = "read by old versions"},
    {"unsafe_macos_seatbelt_rules", M_LIST, MERGE_APPEND, AT(seatbelt_rules),
     .flags = MEMBER_NO_EFFECT, .help = "macOS only"},
    {"platform_overrides", M_OVERRIDES, .help = "members for one system: linux, macos, windows"},
    {"private_tmp", M_FLAG, MERGE_CHILD, AT(private_tmp),
     .help = "/tmp is the session's own and goes with it"},
    SECTION("workspace", workspace, "the folders that are worked in"),
    SECTION("resources", resources, "limits"),
    SECTION("audit", audit, "the log"),
    {"policy", M_MAP, .members = old_policy, OLD("filesystem, groups and commands")},
    {0},
};
