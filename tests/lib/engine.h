/*
 * A session without a broker: a policy, a confined program with a listener, and the gate that
 * serves it. Everything happens in a child of the test (in_child), which plays the broker.
 */
#ifndef TESTS_ENGINE_H
#define TESTS_ENGINE_H

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "elevation/internal.h"
#include "policy/index.h"
#include "tests/lib/child.h"

static char scene[64]; /* the folder that everything is in */

static inline const char *at(const char *below)
{
	static _Thread_local char paths[16][256];
	static _Thread_local unsigned next;
	char *p = paths[next++ % 16];

	snprintf(p, 256, "%s/%s", scene, below);
	return p;
}

static inline void put(const char *below, const char *text)
{
	int fd = open(at(below), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	CHECK(fd >= 0 && write_full(fd, text, strlen(text)) == 0 && close(fd) == 0);
}

static inline int scene_remove_one(const char *path, const struct stat *st, int flag,
				   struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline void scene_down(void)
{
	if (scene[0])
		nftw(scene, scene_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ws: a workspace with closed things in it (guarded); free: writable by the kernel's rules;
 * ro: readable; closed: nothing. */
static inline void scene_up(void)
{
	str_copy(scene, sizeof(scene), "/tmp/nono-engine-XXXXXX");
	CHECK(mkdtemp(scene));
	static const char *const dirs[] = {"ws",      "ws/sub",	       "ws/sub/deep", "ws/secret",
					   "ws/.git", "ws/.git/hooks", "free",	      "ro",
					   "ro/dir",  "closed",	       "state",	      "state/nono"};
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		CHECK(mkdir(at(dirs[i]), 0755) == 0);
	put("ws/file", "plain");
	put("ws/sub/file", "plain");
	put("ws/secret/key", "TOPSECRET");
	put("ws/hidden", "TOPSECRET");
	put("ws/.git/hooks/pre-commit", "#!/bin/sh\n");
	put("ro/file", "plain");
	put("alone", "plain");
	put("closed/key", "TOPSECRET");
	put("closed/prog", "#!/bin/sh\nexit 0\n");
	put("ro/script", "#!/bin/sh\nexit 7\n");
	CHECK(chmod(at("closed/prog"), 0755) == 0 && chmod(at("ro/script"), 0755) == 0);
	CHECK(link(at("ws/secret/key"), at("free/hard")) == 0);
	CHECK(link(at("ws/hidden"), at("ws/sub/hard")) == 0);
	put("state/nono/shown", "TOPSECRET"); /* its user let others read it */
	CHECK(link(at("state/nono/shown"), at("ro/shown")) == 0);
	put("state/nono/own", "TOPSECRET");
	CHECK(chmod(at("state/nono/own"), 0600) == 0 && chmod(at("state/nono"), 0700) == 0);
	CHECK(link(at("state/nono/own"), at("ro/own")) == 0);
	CHECK(symlink("secret/key", at("ws/link")) == 0);
	CHECK(symlink("ws/secret", at("dirlink")) == 0);
	CHECK(symlink("file", at("ws/sub/same")) == 0);
	CHECK(symlink(at("ws/sub"), at("ws/absolute")) == 0);
	CHECK(symlink("loop", at("ws/loop")) == 0);
	CHECK(symlink("nothing", at("ws/dangling")) == 0);
}

#define RX (NONO_READ | NONO_EXEC)
#define RW (NONO_READ | NONO_WRITE)

static inline char *real_path(const char *path)
{
	char *real = realpath(path, NULL);

	return real ? real : xstrdup(path);
}

static inline struct policy *scene_policy(bool elevation)
{
	static struct policy p;
	static struct policy_grant grants[16];
	static struct policy_deny denies[4];
	const struct {
		const char *path;
		unsigned access;
		bool file, workspace;
	} g[] = {
	    {"/usr", RX, false, false},
	    {"/lib", RX, false, false},
	    {"/etc", NONO_READ, false, false},
	    {"/proc", NONO_READ, false, false},
	    {"/dev/null", RW, true, false},
	    {"/dev/pts", RW, false, false},
	    {at("ws"), RW | NONO_EXEC, false, true},
	    {at("free"), RW, false, false},
	    {at("ro"), RX, false, false},
	    {at("alone"), RX, true, false},
	};
	const char *closed[] = {at("ws/secret"), at("ws/hidden"), at("closed"), at("state/nono")};

	for (size_t i = 0; i < ARRAY_LEN(g); i++)
		grants[i] = (struct policy_grant){.path = real_path(g[i].path),
						  .access = g[i].access,
						  .is_file = g[i].file,
						  .workspace = g[i].workspace,
						  .source = (char *)"test"};
	for (size_t i = 0; i < ARRAY_LEN(closed); i++)
		denies[i] = (struct policy_deny){.path = xstrdup(closed[i]),
						 .access = RW | NONO_EXEC,
						 .own = i == 3,
						 .source = (char *)"test"};
	p = (struct policy){.grants = grants,
			    .n_grants = ARRAY_LEN(g),
			    .denies = denies,
			    .n_denies = ARRAY_LEN(closed),
			    .workdir = xstrdup(at("ws")),
			    .protect_workspace = true,
			    .elevation = elevation};
	CHECK(index_build(&p, NULL) == 0);
	return &p;
}

/* The kernel's rules, as of a session. */
static inline void scene_confine(const struct policy_spec *rules, enum nono_want namespaces,
				 int *listener)
{
	struct nono_spec spec = {.paths = policy_spec_get(rules)->paths,
				 .n_paths = policy_spec_get(rules)->n_paths,
				 .watch = NONO_WATCH_ALL,
				 .namespaces = namespaces};
	struct nono_layers layers = {0};
	struct nono_error err = {0};

	if (nono_confine(&spec, &layers, listener, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		_exit(1);
	}
}

struct engine {
	struct policy *policy;
	struct policy_spec *spec;
	struct elevation *e;
	struct audit_log *log;
	bool namespaces, elevation, no_log;
	struct elevation_events events;
	unsigned timeout_s;
	void (*turn)(struct engine *en); /* after each dispatch */
	struct elevation_counts counts;
	int leaked; /* descriptors that the gate kept */
};

static inline _Noreturn void engine_program(const struct engine *en, int sock, void (*fn)(void *),
					    void *arg)
{
	int listener = -1;
	char go;

	scene_confine(en->spec, en->namespaces ? NONO_REQUIRE : NONO_SKIP, &listener);
	CHECK(fd_send(sock, "l", 1, listener) == 0);
	close(listener);
	CHECK(read(sock, &go, 1) == 1);
	close(sock);
	fn(arg);
	_exit(0);
}

static inline _Noreturn void engine_init(const struct engine *en, const struct nono_spec *spec,
					 struct nono_layers *layers, int sock, void (*fn)(void *),
					 void *arg)
{
	struct nono_error err = {0};
	int status;
	pid_t pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (en->namespaces && nono_enter(spec, layers, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		_exit(1);
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		engine_program(en, sock, fn, arg);
	}
	close(sock);
	for (;;) {
		pid_t p = waitpid(-1, &status, 0);
		if (p == pid)
			_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	}
}

static inline void engine_log(struct engine *en)
{
	static char *const command[] = {(char *)"test", NULL};
	static char *const none[] = {NULL};
	struct audit_session_info info = {.session_id = "0123456789abcdef",
					  .command = command,
					  .workdir = "/",
					  .tracked_paths = none};
	struct err err = {0};

	setenv("XDG_STATE_HOME", at("state"), 1);
	if (audit_log_open(&info, &en->log, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		_exit(1);
	}
}

static inline int open_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static inline void engine_rules(struct engine *en)
{
	struct err err = {0};

	if (!en->policy)
		en->policy = scene_policy(en->elevation);
	if (policy_spec_new(en->policy, true, at("tmp"), &en->spec, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		_exit(1);
	}
}

/* Runs fn confined and served. Exit status of it. */
static inline int engine_run(struct engine *en, void (*fn)(void *), void *arg)
{
	const struct nono_spec spec = {.namespaces = en->namespaces ? NONO_REQUIRE : NONO_SKIP};
	struct nono_layers layers = {0};
	struct nono_error ne = {0};
	struct err err = {0};
	int pair[2], listener = -1, status = -1, before = open_descriptors(), ms = -1;
	char b;

	engine_rules(en);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	fflush(NULL);
	pid_t init = en->namespaces ? nono_fork(&spec, &layers, &ne) : fork();
	CHECK(init >= 0);
	if (init == 0) {
		close(pair[0]);
		engine_init(en, &spec, &layers, pair[1], fn, arg);
	}
	close(pair[1]);
	CHECK(fd_recv(pair[0], &b, 1, &listener) == 1 && listener >= 0);
	/* As the broker: no power beyond that of its user. */
	CHECK(nono_drop_capabilities(&ne) == 0);
	if (!en->no_log)
		engine_log(en);
	struct elevation_config cfg = {.policy = en->policy,
				       .spec = en->spec,
				       .log = en->log,
				       .notify_fd = listener,
				       .init_pid = init,
				       .session_id = "0123456789abcdef",
				       .timeout_s = en->timeout_s,
				       .events = en->events};
	CHECK(elevation_start(&cfg, &en->e, &err) == 0);
	CHECK(write(pair[0], "g", 1) == 1);
	close(pair[0]);
	int pidfd = (int)syscall(SYS_pidfd_open, init, 0);
	for (;;) {
		struct pollfd p[2] = {{.fd = elevation_fd(en->e), .events = POLLIN},
				      {.fd = pidfd, .events = POLLIN}};
		poll(p, 2, ms < 0 || ms > 50 ? 50 : ms);
		ms = elevation_dispatch(en->e);
		if (en->turn)
			en->turn(en);
		if (waitpid(init, &status, WNOHANG) == init)
			break;
	}
	close(pidfd);
	elevation_counts(en->e, &en->counts);
	elevation_stop(en->e);
	en->e = NULL;
	if (en->log)
		CHECK(audit_log_close(en->log, 0, NULL) == 0);
	en->log = NULL;
	policy_spec_free(en->spec);
	en->spec = NULL;
	en->leaked = open_descriptors() - before;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* How many events of this kind the log holds. NULL: any. */
static inline unsigned engine_events(const char *type, const char *op, const char *decision,
				     const char *target)
{
	struct audit_reader *r = NULL;
	struct audit_record *rec = xcalloc(1, sizeof(*rec));
	struct audit_line line;
	unsigned n = 0;

	CHECK(audit_reader_open("0123456789abcdef", &r, NULL) == 0);
	while (audit_reader_next(r, &line, NULL) == 1)
		if (audit_parse(line.json, line.json_len, rec) == 0 &&
		    (!type || str_eq(rec->type, type)) && (!op || str_eq(rec->op, op)) &&
		    (!decision || str_eq(rec->decision, decision)) &&
		    (!target || str_eq(rec->target, target)))
			n++;
	audit_reader_free(r);
	free(rec);
	return n;
}

#endif
