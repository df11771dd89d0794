/* The process that asks approval backends. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/digest.h"
#include "network/credentials/credentials.h"
#include "policy/commands/commands.h"
#include "sessions/approver.h"

struct asked_backend {
	const struct approval_backend *b;
	unsigned char was[SHA256_DIGEST_LENGTH]; /* of the program, when the session began */
};

struct approving {
	const struct policy *p;
	const char *id;
	char *post; /* the helper that speaks HTTP */
	struct asked_backend *of_all, *of_tools;
	size_t n_all, n_tools;
	int sock;
};

/* ---- one request ------------------------------------------------------------------------ */

/* Changed while the session ran: it is not the program that was looked at. */
static int check_program(const struct approving *a, const struct asked_backend *k, struct err *err)
{
	const struct policy_hook h = {.script = k->b->command[0]};
	unsigned char is[SHA256_DIGEST_LENGTH];

	if (policy_hook_check(a->p, &h, is, err) < 0)
		return -1;
	return memcmp(k->was, is, sizeof(is)) == 0
		   ? 0
		   : err_set(err, "%s was changed while the session ran: it is not asked",
			     k->b->command[0]);
}

static void add_pair(struct buf *b, const char *name, const char *value)
{
	buf_add(b, name, strlen(name) + 1);
	buf_add(b, value, strlen(value) + 1);
}

static int sign(const char *reference, const char *text, char out[SHA256_HEX], struct err *err)
{
	__attribute__((cleanup(secret_free))) struct secret key = {0};
	unsigned char mac[SHA256_DIGEST_LENGTH];
	unsigned ttl;
	bool headers;

	if (credential_load(reference, NULL, &(struct credential_facts){.host = ""}, &key, &ttl,
			    &headers, err) < 0)
		return -1;
	digest_hmac_sha256(key.data, key.len, text, strlen(text), mac);
	digest_hex(mac, sizeof(mac), out);
	return 0;
}

static int make_post(const struct approval_backend *b, const char *text, unsigned timeout_s,
		     struct buf *in, struct err *err)
{
	char seconds[16], signature[SHA256_HEX];

	snprintf(seconds, sizeof(seconds), "%u", timeout_s);
	add_pair(in, "token_url", b->url);
	add_pair(in, "timeout", seconds);
	if (b->hmac_key && sign(b->hmac_key, text, signature, err) < 0)
		return -1;
	if (b->hmac_key)
		add_pair(in, "signature", signature);
	add_pair(in, "body", text);
	return 0;
}

static int run_backend(const struct approving *a, const struct asked_backend *k,
		       const struct approver_ask *ask, const char *text, struct secret *out,
		       struct err *err)
{
	_cleanup_(buf_free) struct buf in = {0};
	_cleanup_free_ char *session = xasprintf("NONO_SESSION_ID=%s", a->id);
	_cleanup_free_ char *request = xasprintf("NONO_REQUEST_ID=%s", ask->id);
	char *env[] = {session, request, NULL}, *post[] = {a->post, NULL};
	struct credential_run r = {.argv = k->b->command,
				   .env = env,
				   .input = text,
				   .input_n = strlen(text),
				   .timeout_s = ask->timeout_s,
				   .what = k->b->name};
	int status = 0;

	if (k->b->kind == APPROVAL_WEBHOOK) {
		if (make_post(k->b, text, ask->timeout_s, &in, err) < 0)
			return -1;
		r.argv = post;
		r.input = in.data;
		r.input_n = in.len;
		r.timeout_s++; /* it looks at the time itself */
	} else if (check_program(a, k, err) < 0) {
		return -1;
	}
	if (credential_run(&r, out, &status, err) < 0)
		return -1;
	if (status && k->b->kind == APPROVAL_WEBHOOK)
		return err_set(err, "%.200s", out->len ? out->data : "the service can't be asked");
	return status ? err_set(err, "it ended with exit code %d", status) : 0;
}

static _Noreturn void answer_one(const struct approving *a, const struct approver_ask *ask,
				 const char *text)
{
	const struct asked_backend *k =
	    ask->tool ? &a->of_tools[ask->index] : &a->of_all[ask->index];
	struct approver_answer out = {.granted = false};
	struct secret said = {0};
	struct err err = {0};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, SIG_DFL);
	str_copy(out.id, sizeof(out.id), ask->id);
	if (run_backend(a, k, ask, text, &said, &err) < 0)
		text_printable(out.why, sizeof(out.why), err.msg, strcspn(err.msg, "\n"));
	else
		approval_answer_parse(said.data, said.len, &out.granted, out.why, sizeof(out.why));
	(void)send(a->sock, &out, sizeof(out), MSG_NOSIGNAL);
	_exit(0);
}

/* ---- the process ------------------------------------------------------------------------ */

static _Noreturn void in_approver(struct approving *a)
{
	struct {
		struct approver_ask ask;
		char text[APPROVER_TEXT_MAX + 1];
	} *m = xcalloc(1, sizeof(*m));
	sigset_t none;

	prctl(PR_SET_NAME, "nono: approver");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 0);
	setsid();
	signal(SIGCHLD, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (nono_close_descriptors(a->sock) < 0)
		_exit(1);
	for (;;) {
		ssize_t n = recv(a->sock, m, sizeof(*m) - 1, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < (ssize_t)sizeof(m->ask) || (size_t)n != sizeof(m->ask) + m->ask.bytes ||
		    m->ask.index >= (m->ask.tool ? a->n_tools : a->n_all))
			_exit(n != 0);
		m->text[m->ask.bytes] = '\0';
		if (fork() == 0)
			answer_one(a, &m->ask, m->text);
	}
}

/* ---- the broker's side ------------------------------------------------------------------ */

static int look_at(struct approving *a, const struct approvals *from, struct asked_backend **to,
		   size_t *n, struct err *err)
{
	*to = xcalloc(from->n + 1, sizeof(**to));
	*n = from->n;
	for (size_t i = 0; i < from->n; i++) {
		const struct approval_backend *b = &from->v[i];
		struct asked_backend *k = &(*to)[i];

		k->b = b;
		if (b->kind == APPROVAL_COMMAND) {
			const struct policy_hook h = {.script = b->command[0]};

			if (policy_hook_check(a->p, &h, k->was, err) < 0)
				return err_prefix(err, "the approval backend %s", b->name);
		}
		if (b->kind == APPROVAL_WEBHOOK && !a->post &&
		    !(a->post = credential_helper("nono-token", err)))
			return -1;
		if (b->hmac_key && credential_reference_check(b->hmac_key, err) < 0)
			return err_prefix(err, "the approval backend %s", b->name);
	}
	return 0;
}

static bool any(const struct approvals *a)
{
	for (size_t i = 0; a && i < a->n; i++)
		if (a->v[i].kind == APPROVAL_COMMAND || a->v[i].kind == APPROVAL_WEBHOOK)
			return true;
	return false;
}

static int start(struct approving *w, struct approver *a, struct err *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(err, errno, "can't make a socket pair");
	a->pid = fork();
	if (a->pid == 0) {
		w->sock = pair[1];
		in_approver(w);
	}
	close(pair[1]);
	if (a->pid < 0) {
		close(pair[0]);
		return err_errno(err, errno, "can't fork");
	}
	a->fd = pair[0];
	return 0;
}

int approver_start(const struct policy *p, const char *id, struct approver *a, struct err *err)
{
	static const struct approvals none = {0};
	const struct approvals *tools = p->commands ? &p->commands->approvals : &none;
	struct approving w = {.p = p, .id = id};
	int r;

	*a = (struct approver){.fd = -1};
	if (!any(&p->approvals) && !any(tools))
		return 0;
	r = look_at(&w, &p->approvals, &w.of_all, &w.n_all, err) < 0 ||
		    look_at(&w, tools, &w.of_tools, &w.n_tools, err) < 0
		? -1
		: start(&w, a, err);
	free(w.of_all);
	free(w.of_tools);
	free(w.post);
	return r;
}

int approver_ask(const struct approver *a, const struct approver_ask *ask, const char *text)
{
	struct iovec iov[] = {
	    {.iov_base = (void *)(uintptr_t)ask, .iov_len = sizeof(*ask)},
	    {.iov_base = (void *)(uintptr_t)text, .iov_len = ask->bytes},
	};
	const struct msghdr m = {.msg_iov = iov, .msg_iovlen = ARRAY_LEN(iov)};
	ssize_t n;

	if (a->fd < 0 || ask->bytes > APPROVER_TEXT_MAX)
		return -1;
	do
		n = sendmsg(a->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

int approver_take(const struct approver *a, struct approver_answer *out)
{
	ssize_t n = recv(a->fd, out, sizeof(*out), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n != (ssize_t)sizeof(*out))
		return -1;
	out->id[sizeof(out->id) - 1] = out->why[sizeof(out->why) - 1] = '\0';
	return 1;
}

void approver_stop(struct approver *a)
{
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
	if (a->pid > 0)
		kill(a->pid, SIGKILL);
	a->pid = 0;
}
