#include "sessions/signer.h"

#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "network/credentials/credentials.h"

#define ANSWER_MAX (4u << 20)
#define TIMEOUT_S  10

static int put(int fd, const char *text, size_t n)
{
	uint32_t head = htonl((uint32_t)n);

	return send(fd, &head, sizeof(head), MSG_NOSIGNAL) == sizeof(head) &&
		       send(fd, text, n, MSG_NOSIGNAL) == (ssize_t)n
		   ? 0
		   : -1;
}

static int get(int fd, struct buf *b)
{
	uint32_t n;

	if (recv(fd, &n, sizeof(n), MSG_WAITALL) != sizeof(n) || (n = ntohl(n)) > ANSWER_MAX)
		return -1;
	buf_reserve(b, n + 1);
	if (recv(fd, b->data + b->len, n, MSG_WAITALL) != (ssize_t)n)
		return -1;
	b->len += n;
	b->data[b->len] = '\0';
	return 0;
}

/* An answer that is {"error": ...} becomes one. */
static cJSON *understand(const struct buf *b, struct err *err)
{
	cJSON *o = cJSON_ParseWithLength(b->data, b->len);
	const char *error = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "error"));

	if (o && !error)
		return o;
	err_set(err, "%.300s", error ? error : "nono-sign gives no answer");
	cJSON_Delete(o);
	return NULL;
}

/* The program must not be able to sign for its own log. */
static int check_file(const char *path, const struct policy *p, struct err *err)
{
	_cleanup_free_ char *real = path_real(path, err);
	struct policy_verdict v;

	if (!real)
		return -1;
	if (!p)
		return 0;
	policy_check(p, real, NONO_READ, false, &v);
	if (v.allowed)
		return err_set(err, "the program could read %s: put it where it can't, or deny it",
			       real);
	return 0;
}

static bool is_uri(const char *key)
{
	return str_starts(key, "pkcs11:");
}

static bool is_file(const char *key)
{
	return strchr(key, '/') && !strstr(key, "://") && !is_uri(key);
}

static int hex(char c)
{
	return c >= '0' && c <= '9'		    ? c - '0'
	       : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
						    : -1;
}

/* The file of a URI's pin-source (RFC 7512), without its percent signs; NULL: it has none. */
static char *pin_file(const char *uri)
{
	const char *p = strstr(uri, "pin-source=");
	char *path, *out;

	if (!p)
		return NULL;
	p += strlen("pin-source=");
	p += str_starts(p, "file:") ? 5 : 0;
	p += str_starts(p, "//") ? 2 : 0;
	path = out = xstrndup(p, strcspn(p, "&;?"));
	for (const char *c = path; *c; c++) {
		if (*c == '%' && hex(c[1]) >= 0 && hex(c[2]) >= 0) {
			*out++ = (char)(hex(c[1]) * 16 + hex(c[2]));
			c += 2;
		} else {
			*out++ = *c;
		}
	}
	*out = '\0';
	return path;
}

static int load(const char *key, const struct policy *p, struct secret *out, struct err *err)
{
	_cleanup_free_ char *reference = NULL;
	unsigned ttl;
	bool headers;

	if (is_uri(key)) {
		_cleanup_free_ char *pin = pin_file(key);
		return pin ? check_file(pin, p, err) : 0;
	}
	if (p && str_starts(key, "env://"))
		return err_set(err, "the program could have the variable too: use a file, a "
				    "keyring or pkcs11:");
	if (is_file(key)) {
		_cleanup_free_ char *real = path_real(key, err);
		if (!real || check_file(real, p, err) < 0)
			return -1;
		reference = xasprintf("file://%s", real);
	} else if (str_starts(key, "file://") && check_file(key + 7, p, err) < 0) {
		return -1;
	}
	return credential_load(reference ? reference : key, NULL,
			       &(struct credential_facts){.host = ""}, out, &ttl, &headers, err);
}

int signer_key(const char *key, char **out, struct err *err)
{
	char cwd[4096], full[4096];

	*out = NULL;
	if (is_file(key) && key[0] != '/') {
		if (!getcwd(cwd, sizeof(cwd)))
			return err_errno(err, errno, "can't tell the current directory");
		if (path_join(full, sizeof(full), cwd, key) < 0)
			return err_set(err, "%.200s: the path is too long", key);
		key = full;
	}
	*out = xstrdup(key);
	return 0;
}

static _Noreturn void in_child(char *program, const char *key, int sock)
{
	char *argv[] = {program, (char *)"serve", is_uri(key) ? (char *)(uintptr_t)key : NULL,
			NULL};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid();
	dup2(sock, 0);
	execv(program, argv);
	_exit(127);
}

static int spawn(const char *key, struct signer *s, struct err *err)
{
	_cleanup_free_ char *program = credential_helper("nono-sign", err);
	struct timeval limit = {.tv_sec = TIMEOUT_S};
	int pair[2];

	if (!program)
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(err, errno, "can't make a socket pair");
	s->pid = fork();
	if (s->pid == 0)
		in_child(program, key, pair[1]);
	close(pair[1]);
	s->fd = pair[0];
	setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return s->pid < 0 ? err_errno(err, errno, "can't fork") : 0;
}

static int introduce(struct signer *s, const struct secret *pem, struct err *err)
{
	_cleanup_(buf_free) struct buf b = {0};
	const char *id, *public;
	cJSON *o;

	buf_adds(&b, "");
	if (put(s->fd, pem->data ? pem->data : "", pem->len) < 0 || get(s->fd, &b) < 0)
		return err_set(err, "nono-sign gives no answer");
	o = understand(&b, err);
	id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "key_id"));
	public = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "public_key"));
	if (id && public) {
		str_copy(s->key_id, sizeof(s->key_id), id);
		s->public_key = xstrdup(public);
	} else if (o) {
		err_set(err, "nono-sign gives no answer");
	}
	cJSON_Delete(o);
	return s->public_key ? 0 : -1;
}

int signer_start(const char *key, const struct policy *p, struct signer *s, struct err *err)
{
	struct secret pem = {0};
	int r;

	*s = (struct signer){.fd = -1};
	r = load(key, p, &pem, err) < 0 || spawn(key, s, err) < 0 || introduce(s, &pem, err) < 0
		? -1
		: 0;
	secret_free(&pem);
	if (r < 0) {
		err_prefix(err, "the key that signs the audit log");
		signer_stop(s);
	}
	return r;
}

int signer_sign(void *data, const char *statement, size_t n, struct buf *bundle, struct err *err)
{
	struct signer *s = data;
	cJSON *o;

	buf_adds(bundle, "");
	if (put(s->fd, statement, n) < 0 || get(s->fd, bundle) < 0)
		return err_set(err, "nono-sign gives no answer");
	o = understand(bundle, err);
	cJSON_Delete(o);
	return o ? 0 : -1;
}

void signer_stop(struct signer *s)
{
	if (s->fd >= 0)
		close(s->fd);
	if (s->pid > 0) {
		kill(s->pid, SIGKILL);
		waitpid(s->pid, NULL, 0);
	}
	free(s->public_key);
	*s = (struct signer){.fd = -1};
}
